"""What a stitch is, and every way to enumerate them.

Pure Python: a stitch is frozen data that names blocks by number, so it can be a key, an argument and a
line in a table; it knows nothing of tensors.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Literal


@dataclass(frozen=True)
class Part:
    """One indivisible piece of a network: the unit that is run, counted, hashed and shared.

    `anchor` and `index` name a stem, block or head; a stitching layer is named by `layer` alone.
    """

    kind: Literal["stem", "block", "layer", "head"]
    anchor: int = -1
    index: int = 0
    layer: str = ""


@dataclass(frozen=True)
class Leg:
    """The blocks `start` … `stop` - 1 of one anchor, counted through all its stages."""

    anchor: int
    start: int
    stop: int


@dataclass(frozen=True)
class Joint:
    """One change of anchor: run `leave` blocks of `front`, go on with block `enter` of `back`."""

    front: int
    leave: int
    back: int
    enter: int


@dataclass(frozen=True)
class Stitch:
    """One way through a stitched network, at one image size (px).

    `legs` are the anchors' pieces in order, `layers` the stitching layers between them (one fewer). The
    first leg begins with its anchor's stem and the last ends with its anchor's head.
    """

    name: str
    legs: tuple[Leg, ...]
    layers: tuple[str, ...]
    image_size: int

    @property
    def anchors(self) -> tuple[int, ...]:
        """The anchors on the way, in order."""
        return tuple(leg.anchor for leg in self.legs)

    @property
    def is_anchor(self) -> bool:
        """True if the way stays in one anchor."""
        return len(self.legs) == 1

    @property
    def joints(self) -> tuple[Joint, ...]:
        """The changes of anchor, in order; `layers[k]` stands at `joints[k]`."""
        return tuple(Joint(a.anchor, a.stop, b.anchor, b.start) for a, b in pairwise(self.legs))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Everything that runs, in order; stitches with equal beginnings share their computation."""
        parts = [Part("stem", self.legs[0].anchor)]
        for position, leg in enumerate(self.legs):
            if position:
                parts.append(Part("layer", layer=self.layers[position - 1]))
            parts += [Part("block", leg.anchor, index) for index in range(leg.start, leg.stop)]
        parts.append(Part("head", self.legs[-1].anchor))
        return tuple(parts)

    def describe(self, anchor_names: Sequence[str]) -> str:
        """Return the way in words, blocks counted from 1: "lite0 blocks 1–5, lite1 blocks 8–21 · 224 px"."""
        words = []
        for leg in self.legs:
            name = anchor_names[leg.anchor]
            if self.is_anchor:
                words.append(f"{name}, whole")
            elif leg.stop - leg.start == 1:
                words.append(f"{name} block {leg.stop}")
            elif leg.stop == leg.start:
                words.append(f"{name} head")
            else:
                words.append(f"{name} blocks {leg.start + 1}–{leg.stop}")
        return f"{', '.join(words)} · {self.image_size} px"


def block_label(index: int, depths: Sequence[int]) -> str:
    """Return "stage.block" (both from 0) of the block with this running number; "head" past the last."""
    stages = enumerate(pairwise(accumulate(depths, initial=0)))
    return next((f"{s}.{index - first}" for s, (first, stop) in stages if first <= index < stop), "head")


def layer_name(joint: Joint) -> str:
    """Return the name of the stitching layer that serves this joint alone."""
    return f"a{joint.front}b{joint.leave}-a{joint.back}b{joint.enter}"


def whole(
    anchor: int, anchor_names: Sequence[str], depths: Sequence[Sequence[int]], image_size: int
) -> Stitch:
    """Return the stitch that is one anchor from end to end."""
    legs = (Leg(anchor, 0, sum(depths[anchor])),)
    return Stitch(f"{anchor_names[anchor]}@{image_size}", legs, (), image_size)


def joined(
    joints: Sequence[Joint],
    anchor_names: Sequence[str],
    depths: Sequence[Sequence[int]],
    image_size: int,
    layers: Sequence[str] | None = None,
) -> Stitch:
    """Return the stitch that changes anchor at these joints, in order.

    The name tells the last block before and the first block after each joint, as stage.block:
    "lite0.3.1~lite1.3.2@224". `layers` names the layers where several joints share one.
    """
    first = joints[0].front
    starts = [0, *(joint.enter for joint in joints)]
    stops = [*(joint.leave for joint in joints), sum(depths[joints[-1].back])]
    anchors = [first, *(joint.back for joint in joints)]
    legs = tuple(Leg(*leg) for leg in zip(anchors, starts, stops, strict=True))
    name = "~".join(
        f"{anchor_names[leg.anchor]}.{'-'.join(_ends(leg, depths, position > 0, position < len(joints)))}"
        for position, leg in enumerate(legs)
    )
    names = tuple(layers) if layers is not None else tuple(layer_name(joint) for joint in joints)
    return Stitch(f"{name}@{image_size}", legs, names, image_size)


def _ends(leg: Leg, depths: Sequence[Sequence[int]], entered: bool, left: bool) -> list[str]:
    """Return the labels of a leg's first block, if a joint enters there, and of its last, if one leaves."""
    ends = [(leg.start, entered), (leg.stop - 1, left)]
    return [block_label(index, depths[leg.anchor]) for index, said in ends if said]


def nearest_joints(front: int, back: int, depths: Sequence[Sequence[int]]) -> Iterator[Joint]:
    """Yield the joints from `front` to `back` inside each stage, each depth joined to the nearest depth.

    SN-Net's unpaired stitching (Pan et al., CVPR 2023, section 3.2), generalised: of the two stages the
    deeper one is walked block by block, and each of its depths meets the nearest depth of the other, so
    that no block is run twice and none is skipped by more than rounding. Only within a stage, because
    feature maps must agree in resolution. A stage of a single block in both anchors, and the very end of
    the last one, would only repeat an anchor at its own cost: they add nothing.

    Raises ValueError if the anchors differ in their number of stages.
    """
    if len(depths[front]) != len(depths[back]):
        raise ValueError(
            f"anchor {front} has {len(depths[front])} stages and anchor {back} has {len(depths[back])}: "
            "stitching inside stages needs equal numbers"
        )
    front_before = back_before = 0
    for stage, (m, n) in enumerate(zip(depths[front], depths[back], strict=True)):
        is_last = stage == len(depths[front]) - 1
        deeper = max(m, n)
        for depth in range(1, deeper + 1):
            if deeper == 1 or (is_last and depth == deeper):
                continue
            leave, enter = (max(1, (2 * depth * side + deeper) // (2 * deeper)) for side in (m, n))
            yield Joint(front, front_before + leave, back, back_before + enter)
        front_before += m
        back_before += n


def at_sizes(
    anchor_names: Sequence[str],
    depths: Sequence[Sequence[int]],
    joints: Iterable[Joint],
    sizes: Sequence[int],
    anchor_sizes: Sequence[int],
) -> tuple[Stitch, ...]:
    """Return every way at every size: the sizes in the order given, the anchors first within each.

    An anchor whose own published size (`anchor_sizes`) is none of these is added at that size, last: its
    published accuracy holds there, and estimates are made against it.
    """
    joints = tuple(joints)
    anchors = range(len(anchor_names))
    stitches = []
    for size in sizes:
        stitches += [whole(anchor, anchor_names, depths, size) for anchor in anchors]
        stitches += [joined([joint], anchor_names, depths, size) for joint in joints]
    stitches += [
        whole(anchor, anchor_names, depths, size)
        for anchor, size in enumerate(anchor_sizes)
        if size not in sizes
    ]
    return tuple(stitches)
