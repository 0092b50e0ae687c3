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
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from snnet.stitches.stitch import Part

if TYPE_CHECKING:
    from snnet.network.anchor import Anchor
    from snnet.network.network import Network

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


_walked: "WeakKeyDictionary[Anchor, dict[int, list[tuple[Part, int, Tensor]]]]" = WeakKeyDictionary()


def walk_anchor(anchor: "Anchor", image_size: int) -> list[tuple[Part, int, Tensor]]:
    """Return (part, multiply-accumulates, its output without memory) from stem to head, for one image.

    Worked out once an anchor and size.
    """
    found = _walked.setdefault(anchor, {})
    if image_size not in found:
        found[image_size] = _walk(anchor, image_size)
    return found[image_size]


@torch.no_grad()
def _walk(anchor: "Anchor", image_size: int) -> list[tuple[Part, int, Tensor]]:
    twin = cast("Anchor", on_meta(anchor))
    x = torch.empty(1, 3, image_size, image_size, device="meta")
    found = []
    for part in twin.parts():
        macs, x = count(functools.partial(twin.run, part), x)
        found.append((part, macs, x))
    return found


@dataclass(frozen=True)
class Point:
    """What lies between two blocks: places (H, W) and channels."""

    grid: tuple[int, int]
    width: int


@torch.no_grad()
def points(anchor: "Anchor", image_size: int) -> list[Point]:
    """Return what an anchor's features are before block 0, 1, … and after the last, at this size (px)."""
    features = [out for _, _, out in walk_anchor(anchor, image_size)[:-1]]
    return [Point(anchor.layout.grid(x), anchor.layout.width(x)) for x in features]


def part_macs(net: "Network") -> dict[tuple[Part, int], int]:
    """Return the multiply-accumulates of every part at every image size (px) of the network."""
    macs: dict[tuple[Part, int], int] = {}
    for size in {stitch.image_size for stitch in net.stitches}:
        features: dict[tuple[int, int], Tensor] = {}
        for number, anchor in enumerate(net.anchors):
            for point, (part, count_of_part, out) in enumerate(walk_anchor(anchor, size)):
                macs[Part(part.kind, number, part.index), size] = count_of_part
                features[number, point] = out
        for layer, joints in net.joints.items():
            before = features[joints[0].front, joints[0].leave]
            macs[Part("layer", layer=layer), size] = net.layers[layer].macs(before)
    for stitch in net.stitches:  # norms of one's own cost what the anchor's do
        for part in net.parts(stitch):
            macs[part, stitch.image_size] = macs[replace(part, behind=""), stitch.image_size]
    return macs


def costs(net: "Network") -> dict[str, Cost]:
    """Return the cost of every stitch by name: the sum over its parts."""
    macs = net.part_macs
    params = {part: _parameters(net, part) for stitch in net.stitches for part in net.parts(stitch)}
    return {
        stitch.name: Cost(
            gmacs=sum(macs[part, stitch.image_size] for part in net.parts(stitch)) / 1e9,
            params_m=(sum(params[part] for part in net.parts(stitch)) - net.uncounted.get(stitch.name, 0))
            / 1e6,
        )
        for stitch in net.stitches
    }


def _parameters(net: "Network", part: Part) -> int:
    return sum(t.numel() for t in net.tensors(part).values() if isinstance(t, nn.Parameter))
