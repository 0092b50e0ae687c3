"""How models are joined: the options of `snnet.stitch`, and the stitches that they make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

from snnet.stitches.enumerations import nearest_joints, paired_joints, two_way_routes
from snnet.stitches.sections import Section, grid_sections, stage_sections
from snnet.stitches.stitch import Joint, Route, Stitch, joined, layer_name, whole

if TYPE_CHECKING:
    from snnet.network.anchor import Anchor, Point
    from snnet.network.layers import LayerOptions

Ways = Literal["auto", "paired", "unpaired", "two-way"]


@dataclass(frozen=True)
class Joining:
    """How models are joined; `snnet.stitch` says what each option means. ValueError for what is none."""

    pretrained: bool = True
    ways: Ways = "auto"
    kernel: int = 2
    stride: int = 1
    max_stitches: int | None = None
    low_rank: int = 0
    own_norms: bool = False
    image_size: int | None = None  # px
    crop: float | None = None  # of the short side

    @property
    def layers(self) -> "LayerOptions":
        """What every stitching layer has."""
        from snnet.network.layers import LayerOptions

        return LayerOptions(self.low_rank, self.own_norms)

    def __post_init__(self) -> None:
        if self.ways not in get_args(Ways):
            raise ValueError(f"ways {self.ways!r} is none of {', '.join(get_args(Ways))}")
        if self.low_rank < 0:
            raise ValueError(f"low rank {self.low_rank} is negative: give a rank, or 0 for none")


@dataclass(frozen=True)
class Side:
    """An anchor on one side of a joint: its place in the network, its blocks, and what lies between."""

    number: int
    name: str
    depths: Sequence[int]
    points: "Sequence[Point]"


def stitches(anchors: "Sequence[Anchor]", size: int, joining: Joining) -> list[Stitch]:
    """Return the anchors, then the ways between neighbours, for images of this size (px)."""
    from snnet.network.anchor import features_between_blocks

    names = [anchor.name for anchor in anchors]
    depths = [anchor.depths for anchor in anchors]
    sides = [
        Side(number, anchor.name, anchor.depths, features_between_blocks(anchor, size))
        for number, anchor in enumerate(anchors)
    ]
    return [whole(number, names, depths, size) for number in range(len(anchors))] + [
        joined(route, names, depths, size, layers=layers)
        for front, back in pairwise(sides)
        for route, layers in routes(front, back, joining)
    ]


def routes(front: Side, back: Side, joining: Joining) -> list[tuple[Route, list[str]]]:
    """Return the routes between two anchors, with the layers on them; ValueError if there is none."""
    sections = _sections(front, back)
    if not sections:
        grids = [" ".join(dict.fromkeys(f"{p.grid[0]}×{p.grid[1]}" for p in s.points)) for s in (front, back)]
        raise ValueError(
            f"the feature maps of {front.name} ({grids[0]}) and {back.name} ({grids[1]}) don't meet "
            "anywhere: take models whose blocks share a resolution, or another image size"
        )
    ways = joining.ways
    if ways == "auto":
        plain = len(front.depths) == len(back.depths) == 1 and front.depths == back.depths
        ways = "paired" if plain else "unpaired"
    ends = front.number, back.number
    if ways == "two-way":
        every = [(route, [layer_name(j) for j in route]) for route in two_way_routes(*ends, sections)]
    elif ways == "unpaired":
        every = [((joint,), [layer_name(joint)]) for joint in nearest_joints(*ends, sections)]
    else:
        every = _paired(front, back, sections, joining)
    # a way whose back runs no block is the front with a strange head
    last = {side.number: len(side.points) - 1 for side in (front, back)}
    running = [row for row in every if all(joint.enter < last[joint.back] for joint in row[0])]
    if not running:
        raise ValueError(
            f"{front.name} and {back.name} have no {ways} way between them: their common stages are too short"
        )
    return running


def _paired(
    front: Side, back: Side, sections: Sequence[Section], joining: Joining
) -> list[tuple[Route, list[str]]]:
    """Return the routes of sliding windows, one layer each; a joint is on the first that has it."""
    layers: dict[Joint, str] = {}
    windows = paired_joints(front.number, back.number, sections, joining.kernel, joining.stride)
    for window, joints in enumerate(windows):
        for joint in joints:
            # a layer has one width on either side, also where a stage ends
            widths = f"{front.points[joint.leave].width}-{back.points[joint.enter].width}"
            layers.setdefault(joint, f"a{front.number}-a{back.number}-w{window}-{widths}")
    return [((joint,), [layer]) for joint, layer in layers.items()]


def _sections(front: Side, back: Side) -> list[Section]:
    """Return where two anchors can meet: stage by stage if stages agree in resolution, else by resolution."""
    grids = [point.grid for point in front.points], [point.grid for point in back.points]
    if len(front.depths) == len(back.depths):
        sections = stage_sections(front.depths, back.depths)
        if all(grids[0][s.front_stop] == grids[1][s.back_stop] for s in sections):
            return [
                # open where nothing steps down in between
                replace(s, is_open=back.points[s.back_start] == back.points[s.back_stop])
                for s in sections
            ]
    return grid_sections(*grids)
