"""A new stitched network from timm's models: cut, ordered by cost, joined, started by least squares.

net = snnet.stitch(["resnet18", "resnet50"], data="photos/")
net.save("my-network/")
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from snnet.catalogue import outlines
from snnet.catalogue.joining import Joining, Ways, stitches
from snnet.stitches.enumerations import thinned
from snnet.stitches.stitch import Stitch

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.network.anchor import Anchor
    from snnet.photos.broken import Remarks
    from snnet.photos.fingerprints import Source
    from snnet.photos.photo_set import Photos
    from snnet.photos.transform import Transform

PHOTOS = 500  # drawn for the least-squares start: five times what the authors take, within a minute


def stitch(
    names: Sequence[str],
    *,
    data: "Source | Sequence[Source] | Photos",
    pretrained: bool = True,
    ways: Ways = "auto",
    kernel: int = 2,
    stride: int = 1,
    max_stitches: int | None = None,
    low_rank: int = 0,
    own_norms: bool = False,
    image_size: int | None = None,
    crop: float | None = None,
    limit: int | None = PHOTOS,
    seed: int = 0,
    batch_size: int = 16,
    workers: int | None = 0,
    progress: bool = False,
    remarks: "Remarks | None" = None,
) -> "StitchedNetwork":
    """Return a network of two or more timm models, joined by stitching layers started on photos.

    `names` are timm's, in any order, with or without the tag of the weights ("resnet18.a1_in1k"); models are
    sorted by GMACs and each is stitched to the next. `data` holds photos without need of labels; at most
    `limit` of them are drawn by `seed`. `image_size` (px) and `crop` are the costliest model's own unless
    given.

    `ways` of stitching:

    - "paired": a window of `kernel` blocks sliding by `stride`, one layer a window (SN-Net, CVPR 2023);
    - "unpaired": inside stages, each depth to the nearest depth, one layer a joint (SN-Net, CVPR 2023);
    - "two-way": both directions, up to two crossings (SN-Netv2, ECCV 2024);
    - "auto": paired for plain transformers of equal depth, unpaired for all others.

    `max_stitches` thins the ways evenly by GMACs; the anchors are always among them. `low_rank` gives each
    layer a branch of this rank for training (SN-Netv2); it changes nothing before. `own_norms` gives the
    blocks behind each layer norms of their own (`snnet.network.own_norms`), started like the layers. With
    `remarks=Remarks(skip_broken=True)` (`snnet.photos.broken`) photos that can't be decoded are left out, and
    named there.

    Raises ValueError for what can't be joined, with the reason, and WeightsError where pretrained weights
    can't be had.
    """
    from snnet.network.start import start
    from snnet.photos.broken import Remarks
    from snnet.photos.photo_set import Photos, open_photos

    joining = Joining(pretrained, ways, kernel, stride, max_stitches, low_rank, own_norms, image_size, crop)
    net = network(names, joining)
    photos = data if isinstance(data, Photos) else open_photos(cast(Any, data), limit=limit, seed=seed)
    remarks = remarks or Remarks()
    start(net, photos, batch_size=batch_size, workers=workers, progress=progress, remarks=remarks)
    net.origin = origin(net, photos, remarks) | {"pretrained": pretrained, "ways": ways}
    return net


def origin(net: "StitchedNetwork", photos: "Photos", remarks: "Remarks") -> dict[str, Any]:
    """Return how a network's layers were made, of one that was started on photos."""
    return {
        "method": "least squares, no training",
        "models": [anchor.name for anchor in net.anchors],
        "photos": len(photos) - len(remarks.broken),
        "fingerprint": photos.fingerprint,
    }


def network(names: Sequence[str], joining: Joining) -> "StitchedNetwork":
    """Return the network of `stitch` before its layers are started: they are zero."""
    import torch

    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.network.anchor import make_anchor

    bare = outlines.outlines(names)
    largest = max(bare, key=lambda name: outlines.macs(bare[name]))
    transform = outlines.transform(bare[largest], joining.image_size, joining.crop)
    size = transform.image_size
    sized = {
        name: model if outlines.own_size(model) == size else outlines.outline(name, size)
        for name, model in bare.items()
    }
    order = sorted(names, key=lambda name: outlines.macs(sized[name], size))
    anchors = [
        make_anchor(name, name, joining.pretrained, outlines.at_size(sized[name], size)) for name in order
    ]
    every, transforms = stitches(anchors, size, joining), {size: transform}
    if joining.max_stitches is not None:
        every = _thinned(anchors, every, joining.max_stitches, transforms)
    net = StitchedNetwork(
        "-".join(order), " + ".join(order), anchors, every, transforms, joining.layers
    ).eval()
    with torch.inference_mode():
        images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
        for anchor, way in zip(net.anchors, net.stitches, strict=False):
            whole = anchor.model(images)
            if not whole.isfinite().all():
                raise ValueError(
                    f"{anchor.name} gives no finite answer: its weights are broken, fetch them again"
                )
            if not torch.allclose(net(images, way), whole, rtol=1e-4, atol=1e-5):
                raise ValueError(
                    f"{anchor.name} can't be cut, as it is another model when run in parts: take another"
                )
    return net


def _thinned(
    anchors: Sequence["Anchor"], stitches: Sequence[Stitch], most: int, transforms: dict[int, "Transform"]
) -> list[Stitch]:
    """Return at most `most` stitches, the anchors among them, the ways spread evenly by GMACs."""
    import torch

    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.network import counting

    if most <= len(anchors):
        raise ValueError(f"at most {most} stitches: the {len(anchors)} anchors are among them, so give more")
    with torch.device("meta"):
        outline = StitchedNetwork(
            "outline", "", [cast("Anchor", counting.on_meta(a)) for a in anchors], stitches, transforms
        )
    ways = [stitch for stitch in stitches if not stitch.is_anchor]
    evenly = thinned([outline.cost(stitch).gmacs for stitch in ways], most - len(anchors))
    return [*stitches[: len(anchors)], *(ways[index] for index in evenly)]
