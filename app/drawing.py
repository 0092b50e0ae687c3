"""The way through the network, as the page draws it: rows of blocks, routes, and what each part costs.

Plain data. Multiply-accumulates stay whole numbers, so that the parts of a route add up to its cost exactly.
"""

from typing import TYPE_CHECKING, Any

from snnet.stitches import Part

if TYPE_CHECKING:
    from snnet.layers import StitchingLayer
    from snnet.network import StitchedNetwork


def drawing(net: "StitchedNetwork") -> dict[str, Any]:
    """Return {"anchors", "layers", "routes"} of a network.

    An anchor has its name, the number of blocks in each stage, and by image size (px) the
    multiply-accumulates of stem, blocks and head; a layer its shape in words, and its multiply-accumulates
    by size; a route, by its stitch's name, its legs (anchor, first block, block after the last) and the
    layers between them.
    """
    sizes = sorted({stitch.image_size for stitch in net.stitches})
    macs = net.part_macs
    anchors = [
        {
            "name": anchor.name,
            "stages": list(anchor.depths),
            "macs": {
                str(size): [macs[Part(part.kind, number, part.index), size] for part in anchor.parts()]
                for size in sizes
            },
        }
        for number, anchor in enumerate(net.anchors)
    ]
    layers = {
        name: {
            "shape": shape(layer),
            "macs": {str(size): macs[Part("layer", layer=name), size] for size in sizes},
        }
        for name, layer in net.layers.items()
    }
    routes = {
        stitch.name: {
            "legs": [[leg.anchor, leg.start, leg.stop] for leg in stitch.legs],
            "layers": list(stitch.layers),
        }
        for stitch in net.stitches
    }
    return {"anchors": anchors, "layers": layers, "routes": routes}


def shape(layer: "StitchingLayer") -> str:
    """Return what a stitching layer is, as people say it: "1×1 conv 24 → 40"."""
    back, front = layer.weight.shape[:2]
    kind = "1×1 conv" if layer.weight.dim() == 4 else "linear"
    return f"{kind} {front} → {back}" + (f", rank {layer.rank}" if layer.rank else "")
