"""Every way to enumerate the stitches between anchors: SN-Net's, SN-Netv2's, and a choice of them by cost."""

from collections.abc import Iterable, Iterator, Sequence

from snnet.stitches.sections import Section
from snnet.stitches.stitch import Joint, Route, Stitch, joined, whole


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
        earlier: set[Joint] = set()
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
            if new := [joint for joint in joints if joint not in earlier]:
                earlier.update(new)
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
    picks = []
    for step in range(most):
        target = low + (high - low) * (step / (most - 1) if most > 1 else 0.5)
        picks.append(min(left, key=lambda index: (abs(costs[index] - target), index)))
        left.remove(picks[-1])
    return sorted(picks)


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
