"""What a stitch is, and how it is named.

Pure Python: a stitch is frozen data that names blocks by number, so it can be a key, an argument and a
line in a table; it knows nothing of tensors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Literal


@dataclass(frozen=True)
class Part:
    """One indivisible piece of a network: the unit that is run, counted, hashed and shared.

    `anchor` and `index` name a stem, block or head; a stitching layer is named by `layer` alone. `behind` is
    the stitching layer whose own norms a block or head runs with, where the network has such.
    """

    kind: Literal["stem", "block", "layer", "head"]
    anchor: int = -1
    index: int = 0
    layer: str = ""
    behind: str = ""


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


Route = tuple[Joint, ...]  # the changes of anchor on one way, in order


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

    @cached_property
    def switched_parts(self) -> tuple[Part, ...]:
        """The parts, those behind a stitching layer with its own norms."""
        parts, behind = [], ""
        for part in self.parts:
            behind = part.layer or behind
            parts.append(part if part.kind == "layer" else replace(part, behind=behind))
        return tuple(parts)


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
    return [block_label(index, depths[leg.anchor]) for index, is_joint in ends if is_joint]
