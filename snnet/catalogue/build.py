"""A new stitched network from timm's models: cut, ordered by cost, joined, started by least squares.

net = snnet.stitch(["resnet18", "resnet50"], data="photos/")
net.save("my-network/")
"""

import difflib
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from snnet.stitches.enumerations import nearest_joints, paired_joints, thinned, two_way_routes
from snnet.stitches.sections import Section, grid_sections, stage_sections
from snnet.stitches.stitch import Joint, Route, Stitch, joined, layer_name, whole

if TYPE_CHECKING:
    from torch import nn

    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.network.anchor import Anchor, Point
    from snnet.photos.fingerprints import Source
    from snnet.photos.photo_set import Photos
    from snnet.photos.transform import Transform

Ways = Literal["auto", "paired", "unpaired", "two-way"]
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
    blocks behind each layer norms of their own (`snnet.network.own_norms`), started like the layers.

    Raises ValueError for what can't be joined, with the reason, and WeightsError where pretrained weights
    can't be had.
    """
    from snnet.network.start import start
    from snnet.photos.photo_set import Photos, open_photos

    net = network(
        names,
        pretrained=pretrained,
        ways=ways,
        kernel=kernel,
        stride=stride,
        max_stitches=max_stitches,
        low_rank=low_rank,
        own_norms=own_norms,
        image_size=image_size,
        crop=crop,
    )
    photos = data if isinstance(data, Photos) else open_photos(cast(Any, data), limit=limit, seed=seed)
    start(net, photos, batch_size=batch_size, workers=workers, progress=progress)
    net.origin = {
        "method": "least squares, no training",
        "models": [anchor.name for anchor in net.anchors],
        "pretrained": pretrained,
        "ways": ways,
        "photos": len(photos),
        "fingerprint": photos.fingerprint,
    }
    return net


def network(
    names: Sequence[str],
    *,
    pretrained: bool = True,
    ways: Ways = "auto",
    kernel: int = 2,
    stride: int = 1,
    max_stitches: int | None = None,
    low_rank: int = 0,
    own_norms: bool = False,
    image_size: int | None = None,
    crop: float | None = None,
) -> "StitchedNetwork":
    """Return the network of `stitch` before its layers are started: they are zero."""
    import torch

    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.network.anchor import make_anchor

    if ways not in get_args(Ways):
        raise ValueError(f"ways {ways!r} is none of {', '.join(get_args(Ways))}")
    if low_rank < 0:
        raise ValueError(f"low rank {low_rank} is negative: give a rank, or 0 for none")
    bare = _outlines(names)
    largest = max(bare, key=lambda name: _macs(bare[name]))
    transform = _transform(bare[largest], image_size, crop)
    size = transform.image_size
    sized = {name: model if _size(model) == size else _outline(name, size) for name, model in bare.items()}
    order = sorted(names, key=lambda name: _macs(sized[name], size))
    anchors = [make_anchor(name, name, pretrained, _at_size(sized[name], size)) for name in order]
    stitches = _stitches(anchors, size, ways, kernel, stride)
    title, transforms = " + ".join(order), {size: transform}
    if max_stitches is not None:
        stitches = _thinned(anchors, stitches, max_stitches, transforms)
    net = StitchedNetwork("-".join(order), title, anchors, stitches, transforms, low_rank, own_norms).eval()
    with torch.inference_mode():
        images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
        for anchor, way in zip(net.anchors, net.stitches, strict=False):
            if not torch.allclose(net(images, way), anchor.model(images), rtol=1e-4, atol=1e-5):
                raise ValueError(f"{anchor.name} can't be cut: run in parts it is not the same model")
    return net


# ---------------------------------------------------------------------------------------------- models


def _outlines(names: Sequence[str]) -> dict[str, "nn.Module"]:
    """Return the models without memory, by name; ValueError for what can't be joined whatever the joints."""
    import timm

    from snnet.network.anchor import Anchor

    if isinstance(names, str) or len(names) < 2:
        raise ValueError(f"{names!r}: two or more names of timm's models are needed")
    if len(set(names)) < len(names):
        raise ValueError(f"{', '.join(names)}: a model stands twice")
    known = timm.list_models()
    for name in names:
        if not timm.is_model(name):
            close = difflib.get_close_matches(name.split(".")[0], known, n=3)
            hint = f"near it are {', '.join(close)}" if close else "timm.list_models() names those it has"
            raise ValueError(f"timm has no model {name!r}: {hint}")
    bare = {name: _outline(name) for name in names}
    for name, model in bare.items():
        Anchor(name, model)  # says so if it can't be cut
    for name, model in bare.items():
        if cast(Any, model).num_classes < 1:
            raise ValueError(f"{name} has no classifier: take a model, or a tag of it, that has one")
    _agree(bare, "classes", lambda model: cast(Any, model).num_classes)
    for key in ("mean", "std"):
        _agree(bare, key, lambda model, key=key: tuple(cast(Any, model).default_cfg[key]))
    return bare


def _agree(models: dict[str, "nn.Module"], what: str, value: Any) -> None:
    found = {name: value(model) for name, model in models.items()}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{name} {value}" for name, value in found.items())
        raise ValueError(
            f"the models differ in {what} ({said}): a network has one, so take models that agree"
        )


def _outline(name: str, size: int | None = None) -> "nn.Module":
    import timm
    import torch

    with torch.device("meta"):
        if size is None:
            return timm.create_model(name, pretrained=False).eval()
        model = timm.create_model(name, pretrained=False).eval()
        options = _at_size(model, size)
        if not options:
            return model
        try:
            return timm.create_model(name, pretrained=False, **options).eval()
        except Exception as error:  # timm's assertions about patches and windows
            raise ValueError(f"{name} can't take images of {size} px: {error}") from error


def _size(model: Any) -> int:
    return model.default_cfg["input_size"][-1]


def _at_size(model: Any, size: int) -> dict[str, Any]:
    """Return the options that make a model take images of this size (px): convolutions take any."""
    if size == _size(model) or "img_size" not in inspect.signature(type(model).__init__).parameters:
        return {}
    return {"img_size": size}


def _macs(model: "nn.Module", size: int | None = None) -> int:
    import torch

    from snnet.network import counting

    side = size or _size(model)
    try:
        return counting.count(counting.on_meta(model), torch.empty(1, 3, side, side, device="meta"))[0]
    except (RuntimeError, AssertionError) as error:  # too small for its steps down, or not whole patches
        architecture = cast(Any, model).default_cfg["architecture"]
        raise ValueError(f"{architecture} can't take images of {side} px: {error}") from error


def _transform(model: Any, image_size: int | None, crop: float | None) -> "Transform":
    from snnet.photos.transform import Transform

    config = model.default_cfg
    return Transform(
        image_size=image_size or _size(model),
        crop=crop or config["crop_pct"],
        interpolation=config["interpolation"],
        mean=config["mean"],
        std=config["std"],
    )


# ---------------------------------------------------------------------------------------------- stitches


def _stitches(anchors: Sequence["Anchor"], size: int, ways: Ways, kernel: int, stride: int) -> list[Stitch]:
    """Return the anchors, then the ways between neighbours."""
    from snnet.network.anchor import features_between_blocks

    names = [anchor.name for anchor in anchors]
    depths = [anchor.depths for anchor in anchors]
    points = [features_between_blocks(anchor, size) for anchor in anchors]
    stitches = [whole(number, names, depths, size) for number in range(len(anchors))]
    for pair in pairwise(range(len(anchors))):
        for route, layers in _routes(pair, depths, points, names, ways, kernel, stride):
            stitches.append(joined(route, names, depths, size, layers=layers))
    return stitches


def _routes(
    pair: tuple[int, int],
    depths: Sequence[Sequence[int]],
    points: Sequence[Sequence["Point"]],
    names: Sequence[str],
    ways: Ways,
    kernel: int,
    stride: int,
) -> Iterable[tuple[Route, list[str]]]:
    """Yield the routes between two anchors, with the layers on them; ValueError if there is none."""
    front, back = pair
    sections = _sections(depths[front], depths[back], points[front], points[back])
    if not sections:
        grids = [" ".join(dict.fromkeys(f"{p.grid[0]}×{p.grid[1]}" for p in points[k])) for k in pair]
        raise ValueError(
            f"the feature maps of {names[front]} ({grids[0]}) and {names[back]} ({grids[1]}) don't meet "
            "anywhere: take models whose blocks share a resolution, or another image size"
        )
    if ways == "auto":
        plain = len(depths[front]) == len(depths[back]) == 1 and depths[front] == depths[back]
        ways = "paired" if plain else "unpaired"
    found: list[tuple[Route, list[str]]] = []
    if ways == "two-way":
        found = [(route, [layer_name(j) for j in route]) for route in two_way_routes(front, back, sections)]
    elif ways == "unpaired":
        found = [((joint,), [layer_name(joint)]) for joint in nearest_joints(front, back, sections)]
    else:
        seen: set[Joint] = set()
        for window, joints in enumerate(paired_joints(front, back, sections, kernel, stride)):
            for joint in joints:
                if joint not in seen:  # a layer has one width on either side, also where a stage ends
                    seen.add(joint)
                    ends = points[front][joint.leave].width, points[back][joint.enter].width
                    found.append(((joint,), [f"a{front}-a{back}-w{window}-{ends[0]}-{ends[1]}"]))
    # a way whose back runs no block is the front with a strange head
    found = [
        (route, layers)
        for route, layers in found
        if all(joint.enter < len(points[joint.back]) - 1 for joint in route)
    ]
    if not found:
        raise ValueError(
            f"{names[front]} and {names[back]} have no {ways} way between them: their common stages are "
            "too short"
        )
    return found


def _sections(
    front_depths: Sequence[int],
    back_depths: Sequence[int],
    front: Sequence["Point"],
    back: Sequence["Point"],
) -> list[Section]:
    """Return where two anchors can meet: stage by stage if stages agree in resolution, else by resolution."""
    grids = [point.grid for point in front], [point.grid for point in back]
    if len(front_depths) == len(back_depths):
        sections = stage_sections(front_depths, back_depths)
        if all(grids[0][s.front_stop] == grids[1][s.back_stop] for s in sections):
            return [
                replace(s, is_open=back[s.back_start] == back[s.back_stop])  # nothing steps down in between
                for s in sections
            ]
    return grid_sections(*grids)


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
    kept = thinned([outline.cost(stitch).gmacs for stitch in ways], most - len(anchors))
    return [*stitches[: len(anchors)], *(ways[index] for index in kept)]
