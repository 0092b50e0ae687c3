"""The way through a network, as plain data: blocks by stage, every stitch's route, what each part costs.

Costs are whole multiply-accumulates, so that whoever sums them has exactly the stitches' own.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from snnet.stitches.stitch import Part

if TYPE_CHECKING:
    from torch import nn

    from snnet.network.layers import StitchingLayer
    from snnet.network.network import Network
    from snnet.stitches.stitch import Stitch

Grid = tuple[int, int]


def drawing(net: "Network") -> dict[str, Any]:
    """Return {"sizes", "columns", "anchors", "layers", "routes"}, plain data to be shown as JSON.

    - "sizes": the image sizes (px); lists by size below are in this order.
    - "columns": how many groups of blocks stand beside each other, and "by": "stage" where all anchors have
      equally many stages, else "resolution".
    - "anchors": each with its name, title, blocks by column (`depths`), the index of the blocks that are bare
      norms, the channels after stem and blocks, and by size (H, W) after them and the multiply-accumulates
      of stem, blocks and head.
    - "layers": each stitching layer's shape in words and its multiply-accumulates by size.
    - "routes": by stitch, its legs [anchor, start, stop] with the index of the layer between any two.
    """
    from snnet.network.anchor import features_between_blocks

    sizes = list(dict.fromkeys(stitch.image_size for stitch in net.stitches))
    points = [[features_between_blocks(anchor, size) for size in sizes] for anchor in net.anchors]
    by_stage = len({len(anchor.depths) for anchor in net.anchors}) == 1
    if by_stage:
        depths = [list(anchor.depths) for anchor in net.anchors]
    else:
        depths = by_resolution([[point.grid for point in by_size[0]] for by_size in points])
    anchors = []
    for number, (anchor, by_size) in enumerate(zip(net.anchors, points, strict=True)):
        parts = [Part(part.kind, number, part.index) for part in anchor.parts()]
        anchors.append(
            {
                "name": anchor.name,
                "title": anchor.title,
                "depths": depths[number],
                "norms": [k for k, (name, block) in enumerate(anchor.pieces()) if _is_norm(name, block)],
                "channels": [point.width for point in by_size[0]],
                "grids": [[list(point.grid) for point in by_place] for by_place in by_size],
                "macs": [[net.part_macs[part, size] for part in parts] for size in sizes],
            }
        )
    layers = [
        {
            "shape": shape(layer),
            "macs": [net.part_macs.get((Part("layer", layer=name), size), 0) for size in sizes],
        }
        for name, layer in net.layers.items()
    ]
    index = {name: number for number, name in enumerate(net.layers)}
    return {
        "sizes": sizes,
        "columns": len(depths[0]),
        "by": "stage" if by_stage else "resolution",
        "anchors": anchors,
        "layers": layers,
        "routes": {stitch.name: _route(stitch, index) for stitch in net.stitches},
    }


def _is_norm(name: str, module: "nn.Module") -> bool:
    from torch import nn

    return name.startswith("block") and isinstance(module, nn.LayerNorm)


def _route(stitch: "Stitch", index: dict[str, int]) -> list[list[int] | int]:
    legs: list[list[int] | int] = []
    for position, leg in enumerate(stitch.legs):
        if position:
            legs.append(index[stitch.layers[position - 1]])
        legs.append([leg.anchor, leg.start, leg.stop])
    return legs


def shape(layer: "StitchingLayer") -> str:
    """Return a stitching layer in words: "1×1 conv 24 → 32", "linear 192 → 384, rank 8"."""
    after, before = layer.weight.shape[:2]
    kind = "1×1 conv" if layer.weight.ndim == 4 else "linear"
    return f"{kind} {before} → {after}" + (f", rank {layer.rank}" if layer.rank else "")


def by_resolution(grids: Sequence[Sequence[Grid]]) -> list[list[int]]:
    """Return each anchor's number of blocks at every resolution that any has, from fine to coarse.

    `grids` are (H, W) after the stem and after each block. A resolution that is left and comes again counts
    where the anchor has come to, so that no block stands before an earlier one.
    """
    order = sorted({grid for after in grids for grid in after[1:]}, key=lambda grid: -grid[0] * grid[1])
    depths = []
    for after in grids:
        columns = list(accumulate((order.index(grid) for grid in after[1:]), max))
        depths.append([columns.count(column) for column in range(len(order))])
    return depths
