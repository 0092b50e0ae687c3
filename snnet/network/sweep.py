"""Runs a batch through many stitches, computing every shared beginning once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from snnet.network.network import Network
from snnet.stitches.stitch import Part, Stitch


@dataclass
class _Node:
    """A place on the way: what may run next, and the stitches that end here."""

    next: dict[Part, "_Node"] = field(default_factory=dict)
    ends: list[Stitch] = field(default_factory=list)


def _tree(net: Network, stitches: Sequence[Stitch]) -> _Node:
    root = _Node()
    for stitch in stitches:
        node = root
        for part in net.parts(stitch):
            node = node.next.setdefault(part, _Node())
        node.ends.append(stitch)
    return root


def together(net: Network, images: Tensor, stitches: Sequence[Stitch]) -> Iterator[tuple[Stitch, Tensor]]:
    """Yield (stitch, logits) for stitches on (B, 3, S, S) images, every shared beginning computed once.

    The stitches come in the order of the walk, depth first; at most one tensor a branching point is held, so
    memory is bounded by the depth of the network (and by what gradients need, where they are wanted).
    """
    for stitch in stitches:
        net.check(stitch)
    stack = [(_tree(net, stitches), images)]
    while stack:
        node, x = stack.pop()
        for stitch in node.ends:
            yield stitch, x
        # The last branch is run first and the others wait with their common input, not with their outputs.
        for position, (part, following) in enumerate(node.next.items()):
            if position:
                stack.append((_Node(next={part: following}), x))
        if node.next:
            part, following = next(iter(node.next.items()))
            stack.append((following, net.run(part, x)))


@torch.inference_mode()
def sweep(
    net: Network, images: Tensor, stitches: Sequence[Stitch] | None = None
) -> Iterator[tuple[Stitch, Tensor]]:
    """Yield (stitch, logits) for every stitch of the images' size, or for those given, as `together` does.

    `images` is (B, 3, S, S), logits are (B, classes). Raises ValueError if no stitch takes images of this
    size.
    """
    if stitches is None:
        stitches = [stitch for stitch in net.stitches if stitch.image_size == images.shape[-1]]
        if not stitches:
            sizes = ", ".join(str(size) for size in sorted({s.image_size for s in net.stitches}))
            raise ValueError(
                f"no stitch of {net.name} takes images of {images.shape[-1]} px: it takes {sizes}"
            )
    yield from together(net, images, stitches)


def saved(net: Network, stitches: Sequence[Stitch]) -> tuple[float, float]:
    """Return the GMACs an image costs over these stitches: (each on its own, shared beginnings once)."""
    alone = sum(net.cost(stitch).gmacs for stitch in stitches)
    macs = net.part_macs
    ways = [(stitch.image_size, net.parts(stitch)) for stitch in stitches]
    prefixes = {(size, parts[: k + 1]) for size, parts in ways for k in range(len(parts))}
    return alone, sum(macs[parts[-1], size] for size, parts in prefixes) / 1e9
