"""Where the blocks of two anchors agree in resolution, so that a stitch may change from one to the other."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from snnet.stitches.stitch import Joint


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
