"""What a stitch costs: multiply-accumulates and parameters, summed over parts that are counted once.

The counting rule is fvcore's, as the published SN-Net tables use it: a multiply-accumulate of a
convolution, linear layer or attention product counts one; batch norm in evaluation two per element; layer
norm five; global average pooling one per input element; softmax, activations, additions and biases nothing.
Group norm counts five as layer norm does; of those five (mean, difference, square, division, scale) RMSNorm
does without mean and difference, and counts three. timm's own GMACs are counted by fvcore too, norms and
all, so they share an axis. An operator that is in neither table below is named in a warning.

Parameters are those of the modules that a stitch runs, buffers left out. Of two published networks the
authors count a little less, and so do we (`Network.uncounted`): their DeiT stitches go without class
token and position embedding, their Swin stitches without the front's steps down (at most 1.3 % together).
"""

import copy
import sys
import warnings
from collections import Counter as Tally
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


def _convolution(args: tuple, out: Any) -> int:
    weight, transposed = args[1], args[6]
    return args[0].numel() * prod(weight.shape[1:]) if transposed else out.numel() * prod(weight.shape[1:])


def _pool(args: tuple, out: Any) -> int:
    # torch runs global average pooling as a mean over the last two axes; fvcore counts no other mean
    return args[0].numel() if {axis % args[0].ndim for axis in args[1]} == {2, 3} else 0


_RULES: dict[Any, Callable[[tuple, Any], int]] = {
    aten.convolution.default: _convolution,
    aten.mm.default: lambda args, out: out.numel() * args[0].shape[-1],
    aten.addmm.default: lambda args, out: out.numel() * args[1].shape[-1],
    aten.bmm.default: lambda args, out: out.numel() * args[0].shape[-1],
    aten.baddbmm.default: lambda args, out: out.numel() * args[1].shape[-1],
    aten.native_batch_norm.default: lambda args, out: 2 * args[0].numel(),
    aten._native_batch_norm_legit_no_training.default: lambda args, out: 2 * args[0].numel(),
    aten.native_layer_norm.default: lambda args, out: 5 * args[0].numel(),
    aten.native_group_norm.default: lambda args, out: 5 * args[0].numel(),
    aten.mean.dim: _pool,
    aten._adaptive_avg_pool2d.default: lambda args, out: args[0].numel(),
}
_FUSED = {
    aten._scaled_dot_product_flash_attention.default,
    aten._scaled_dot_product_efficient_attention.default,
    aten._scaled_dot_product_flash_attention_for_cpu.default,
}


# What counts nothing, by name; an underscore at the end (in place) is left out. As in fvcore, so do sums over
# axes, element by element arithmetic and pooling other than the global average.
_NOTHING = {
    "memory and views": """
        alias arange as_strided cat clone copy detach empty empty_like empty_strided expand fill flip
        full full_like index index_select lift_fresh new_empty new_full new_ones new_zeros ones
        ones_like permute repeat reshape _reshape_alias roll scalar_tensor select slice split
        split_with_sizes squeeze stack t _to_copy transpose unbind unfold _unsafe_view unsafe_split
        unsqueeze view view_as_complex view_as_real zeros zeros_like
    """,
    "padding, pooling, patches": """
        avg_pool2d col2im constant_pad_nd im2col max_pool2d_with_indices reflection_pad2d
        replication_pad2d
    """,
    "element by element": """
        abs add addcdiv addcmul clamp clamp_max clamp_min cos div eq erf exp ge gt le log lt masked_fill
        maximum minimum mul ne neg pow reciprocal rsqrt rsub sin sqrt square sub where
    """,
    "activations": """
        celu elu gelu glu hardsigmoid hardswish hardtanh leaky_relu _log_softmax mish native_dropout
        prelu relu sigmoid silu _softmax softplus tanh
    """,
    "along axes": "amax amin argmax linalg_vector_norm max mean min std sum var var_mean",
    "counted where it is called": "_fused_rms_norm",
}
_COUNTS_NOTHING = {name for names in _NOTHING.values() for name in names.split()}
_WARNINGS: set[tuple[str, str]] = set()  # operators and modules that a warning has named


class UncountedWarning(UserWarning):
    """An operator ran that no rule counts, so that a cost is too low."""


class Counter(TorchDispatchMode):
    """Counts the multiply-accumulates of everything run inside it, into `macs`.

    `unknown` holds how many values each operator without a rule wrote, by (operator, module that it ran in);
    `values` those of all operators. Raises NotImplementedError at fused attention, which hides its products:
    `on_meta` switches it off.
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0
        self.values = 0
        self.unknown: Tally[tuple[str, str]] = Tally()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func in _FUSED:
            raise NotImplementedError("fused attention can't be counted: count a copy made by on_meta")
        if func not in _RULES:  # in inference mode a conv2d arrives whole: take it apart as autograd would
            with self:
                out = func.decompose(*args, **(kwargs or {}))
            if out is not NotImplemented:
                return out
        out = func(*args, **(kwargs or {}))
        values = sum(
            t.numel() for t in (out if isinstance(out, tuple | list) else [out]) if torch.is_tensor(t)
        )
        self.values += values
        if rule := _RULES.get(func):
            self.macs += rule(args, out)
        elif (name := func._schema.name.partition("::")[2]).rstrip("_") not in _COUNTS_NOTHING:
            self.unknown[name, _module_that_runs()] += values
        return out

    def warn(self) -> None:
        """Name every operator without a rule in a warning, each module's once."""
        for (operator, module), values in self.unknown.items():
            if (operator, module) not in _WARNINGS:
                _WARNINGS.add((operator, module))
                warnings.warn(
                    f"no rule counts {operator} in {module}, which writes {values / max(1, self.values):.1%} "
                    "of the values here: what it multiplies is missing from the GMACs",
                    UncountedWarning,
                    stacklevel=3,
                )


class _RmsNorms(TorchFunctionMode):
    """Counts RMSNorm where it is called: operators see only its arithmetic, element by element."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func in (nn.functional.rms_norm, torch.rms_norm):
            self._counter.macs += 3 * args[0].numel()
        return func(*args, **(kwargs or {}))


def _module_that_runs() -> str:
    """Return the kind of the innermost module that is running: a look at the stack needs no hook in it."""
    frame = sys._getframe()
    while frame is not None:
        if isinstance(owner := frame.f_locals.get("self"), nn.Module):
            return type(owner).__name__
        frame = frame.f_back  # type: ignore[assignment]
    return "no module"


def count(run: Callable[[Tensor], Tensor], x: Tensor) -> tuple[int, Tensor]:
    """Return the multiply-accumulates of `run(x)`, and what it returns.

    An operator that no rule counts is named in an `UncountedWarning`, once for each kind of module.
    """
    with Counter() as counter, _RmsNorms(counter):
        out = run(x)
    counter.warn()
    return counter.macs, out


def on_meta(module: nn.Module) -> nn.Module:
    """Return a copy without memory, in evaluation mode: it knows shapes and computes nothing.

    Its attention is not fused, so that its products can be counted.
    """
    # Parameters are swapped for memoless ones while copying, so a large network is never held twice.
    memo = {id(t): _meta(t) for t in (*module.parameters(), *module.buffers())}
    twin = copy.deepcopy(module, memo).eval()
    for child in twin.modules():
        if getattr(child, "fused_attn", False):  # timm's modules ask for themselves
            child.fused_attn = False  # type: ignore[assignment]
    return twin


def _meta(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty
