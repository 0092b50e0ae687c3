"""What a stitch is, and every way to enumerate them.

Pure Python: a stitch is frozen data that names blocks by number, so it can be a key, an argument and a
line in a table; it knows nothing of tensors.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
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
        found, behind = [], ""
        for part in self.parts:
            behind = part.layer or behind
            found.append(part if part.kind == "layer" else replace(part, behind=behind))
        return tuple(found)

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


@dataclass(frozen=True)
class Section:
    """Blocks of two anchors over which their features agree in resolution: [start, stop) in each.

    `is_open` tells that the back's features before block `back_start` have that resolution too, so that it
    can be entered there: at the start of a plain transformer, say, but not where a stage begins with a step
    down. `front_ends` and `back_ends` tell that nothing but the head follows.
    """

    front_start: int
    front_stop: int
    back_start: int
    back_stop: int
    is_open: bool = False
    front_ends: bool = False
    back_ends: bool = False

    def turned(self) -> "Section":
        """Return the section with front and back exchanged, entered inside only."""
        return Section(
            self.back_start,
            self.back_stop,
            self.front_start,
            self.front_stop,
            front_ends=self.back_ends,
            back_ends=self.front_ends,
        )

    @property
    def depths(self) -> tuple[int, int]:
        """The number of blocks in the front and in the back."""
        return self.front_stop - self.front_start, self.back_stop - self.back_start

    def joint(self, front: int, left: int, back: int, run: int) -> Joint:
        """Return the joint after `left` blocks of the front's, where `run` blocks of the back's would be."""
        return Joint(front, self.front_start + left, back, self.back_start + run)


def stage_sections(front_depths: Sequence[int], back_depths: Sequence[int]) -> list[Section]:
    """Return the sections of two anchors whose stages agree one by one.

    Raises ValueError if the anchors differ in their number of stages.
    """
    if len(front_depths) != len(back_depths):
        raise ValueError(
            f"the front has {len(front_depths)} stages and the back has {len(back_depths)}: "
            "stitching stage by stage needs equal numbers"
        )
    ends = [pairwise(accumulate(depths, initial=0)) for depths in (front_depths, back_depths)]
    *sections, last = (Section(*front, *back) for front, back in zip(*ends, strict=True))
    return [*sections, replace(last, front_ends=True, back_ends=True)]


def grid_sections(front: Sequence[Hashable], back: Sequence[Hashable]) -> list[Section]:
    """Return a section for every resolution that both anchors have.

    `front` and `back` hold the resolution of the features before block 0, 1, … and after the last. A
    resolution that is left and comes again counts where it stands first.
    """
    sections = []
    for grid in dict.fromkeys(front[1:]):
        if grid in back[1:]:
            (front_start, front_stop), (back_start, back_stop) = _run(front, grid), _run(back, grid)
            sections.append(
                Section(
                    front_start,
                    front_stop,
                    back_start,
                    back_stop,
                    is_open=back[back_start] == grid,
                    front_ends=front_stop == len(front) - 1,
                    back_ends=back_stop == len(back) - 1,
                )
            )
    return sections


def _run(grids: Sequence[Hashable], grid: Hashable) -> tuple[int, int]:
    """Return [start, stop) of the first run of blocks whose output has this resolution."""
    start = stop = list(grids).index(grid, 1) - 1
    while stop + 1 < len(grids) and grids[stop + 1] == grid:
        stop += 1
    return start, stop


def _adds_nothing(depth: int, deepest: int, section: Section, sections: Sequence[Section]) -> bool:
    """True where the back has only its head left, and after a first section of a single block in both.

    There a way would be an anchor but for its head or its first block, at that anchor's cost.
    """
    if section.back_ends and depth == deepest:
        return True
    return section == sections[0] and max(section.depths) == 1


def nearest_joints(front: int, back: int, sections: Sequence[Section]) -> Iterator[Joint]:
    """Yield the joints from `front` to `back` inside each section, each depth joined to the nearest depth.

    SN-Net's unpaired stitching (Pan et al., CVPR 2023, section 3.2), generalised: in each section the
    deeper of the two is walked block by block, and each of its depths meets the nearest depth of the other,
    so that no block is run twice and none is skipped by more than rounding. Only within a section, because
    feature maps must agree in resolution.
    """
    for section in sections:
        m, n = section.depths
        deeper = max(m, n)
        for depth in range(1, deeper + 1):
            if _adds_nothing(depth, deeper, section, sections):
                continue
            left, run = (max(1, (2 * depth * side + deeper) // (2 * deeper)) for side in (m, n))
            yield section.joint(front, left, back, run)


def paired_joints(
    front: int, back: int, sections: Sequence[Section], kernel: int = 2, stride: int = 1
) -> Iterator[list[Joint]]:
    """Yield the joints of SN-Net's paired stitching (CVPR 2023, section 3.2), window by window.

    A window of `kernel` blocks slides over each section by `stride`; every block of the front in it is joined
    to every block of the back in it, and one stitching layer serves them all: leave after the one, go on
    with the other. Of two unequal depths the shallower is walked, and the deeper one's blocks fall to
    the block at the same share of the depth. A joint of two windows belongs to the first.

    Raises ValueError if kernel or stride are not positive.
    """
    if kernel < 1 or stride < 1:
        raise ValueError(f"kernel {kernel} and stride {stride}: both must be at least 1")
    for section in sections:
        m, n = section.depths
        shallow = min(m, n)
        seen: set[Joint] = set()
        # one window where the section is shorter than it
        for start in range(0, max(1, shallow - kernel + 1), stride):
            window = range(start, start + kernel)
            joints = [
                section.joint(front, left + 1, back, entered)
                for left in range(m)
                if left * shallow // m in window
                for entered in range(n)
                if entered * shallow // n in window and (entered or section.is_open)
            ]
            if new := [joint for joint in joints if joint not in seen]:
                seen.update(new)
                yield new


def unpaired_joints(front: int, back: int, sections: Sequence[Section]) -> Iterator[list[Joint]]:
    """Yield the joints of SN-Net's unpaired stitching as its authors enumerate them, layer by layer.

    Every block of the deeper back but the first is entered once, from the block of the front at the same
    share of the depth; blocks of the back that fall to one block of the front share a layer. Where both are
    equally deep, block k is left and block k + 1 entered.
    """
    for section in sections:
        m, n = section.depths
        shared: dict[int, list[Joint]] = {}
        for entered in range(1, n):
            left = entered * m // n + (m != n)
            shared.setdefault((entered - 1) * m // n, []).append(section.joint(front, left, back, entered))
        yield from shared.values()


Route = tuple[Joint, ...]


def meeting_joints(front: int, back: int, sections: Sequence[Section]) -> Iterator[Joint]:
    """Yield the joints at equal shares of the depth, one a block of the shallower of the two.

    SN-Netv2's nearest stitching (Pan et al., ECCV 2024): after block k of 12, enter block 2k of 24.
    """
    for section in sections:
        m, n = section.depths
        shallow = min(m, n)
        for depth in range(1, shallow + 1):
            if _adds_nothing(depth, shallow, section, sections):
                continue
            left, run = ((2 * depth * side + shallow) // (2 * shallow) for side in (m, n))
            yield section.joint(front, left, back, run)


def two_way_routes(small: int, large: int, sections: Sequence[Section]) -> list[Route]:
    """Return the routes of SN-Netv2 (Pan et al., ECCV 2024, section 3.2): two ways, up to two crossings.

    In the authors' order: small → large, large → small, large → small → large, small → large → small.
    `sections` are those with the small one in front. The middle leg runs at least one block.
    """
    up = list(meeting_joints(small, large, sections))
    down = list(meeting_joints(large, small, [section.turned() for section in sections]))

    def twice(first: Sequence[Joint], second: Sequence[Joint]) -> list[Route]:
        return [(a, b) for a in first for b in second if b.leave > a.enter]

    return [*((joint,) for joint in up), *((joint,) for joint in down), *twice(down, up), *twice(up, down)]


def thinned(costs: Sequence[float], most: int) -> list[int]:
    """Return the indices of at most `most` of these costs, spread evenly from the lowest to the highest."""
    if most < 1:
        raise ValueError(f"at most {most} stitches: give at least 1")
    left = sorted(range(len(costs)), key=lambda index: (costs[index], index))
    if len(left) <= most:
        return sorted(left)
    low, high = costs[left[0]], costs[left[-1]]
    kept = []
    for step in range(most):
        target = low + (high - low) * (step / (most - 1) if most > 1 else 0.5)
        kept.append(min(left, key=lambda index: (abs(costs[index] - target), index)))
        left.remove(kept[-1])
    return sorted(kept)


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
