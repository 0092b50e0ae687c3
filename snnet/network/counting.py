"""What a stitch costs: multiply-accumulates and parameters, summed over parts that are counted once.

The counting rule is fvcore's, as the published SN-Net tables use it: a multiply-accumulate of a
convolution, linear layer or attention product counts one; batch norm in evaluation two per element; layer
norm five; global average pooling one per input element; softmax, activations, additions and biases nothing.
timm's own GMACs follow the same convention but leave the norms out, so they share an axis.

Parameters are those of the modules that a stitch runs, buffers left out. Of two published networks the
authors count a little less, and so do we (`Network.uncounted`): their DeiT stitches go without class
token and position embedding, their Swin stitches without the front's steps down (at most 1.3 % together).
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    pass

aten = torch.ops.aten


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates of one image in 10⁹, parameters in 10⁶."""

    gmacs: float
    params_m: float


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
    aten.mean.dim: _pool,
    aten._adaptive_avg_pool2d.default: lambda args, out: args[0].numel(),
}
_FUSED = {
    aten._scaled_dot_product_flash_attention.default,
    aten._scaled_dot_product_efficient_attention.default,
    aten._scaled_dot_product_flash_attention_for_cpu.default,
}


class Counter(TorchDispatchMode):
    """Counts the multiply-accumulates of everything run inside it, into `macs`.

    Raises NotImplementedError at fused attention, which hides its products: `on_meta` switches it off.
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func in _FUSED:
            raise NotImplementedError("fused attention can't be counted: count a copy made by cost.on_meta")
        if func not in _RULES:  # in inference mode a conv2d arrives whole: take it apart as autograd would
            with self:
                out = func.decompose(*args, **(kwargs or {}))
            if out is not NotImplemented:
                return out
        out = func(*args, **(kwargs or {}))
        if rule := _RULES.get(func):
            self.macs += rule(args, out)
        return out


def count(run: Callable[[Tensor], Tensor], x: Tensor) -> tuple[int, Tensor]:
    """Return the multiply-accumulates of `run(x)`, and what it returns."""
    with Counter() as counter:
        out = run(x)
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
