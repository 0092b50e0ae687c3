"""The authors' networks: what they are, and how each is put together from timm's models.

The enumerations with the layers that several stitches share, the norm that DeiT's stitches skip, and what
their tables leave out are settled here; their files are read by `snnet.catalogue.published`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from snnet.stitches.enumerations import paired_joints, two_way_routes, unpaired_joints
from snnet.stitches.sections import Section, stage_sections
from snnet.stitches.stitch import Route, Stitch, joined, whole
from snnet.weights.sources import HubFile, ReleaseFile, Source

if TYPE_CHECKING:
    from torch import Tensor, nn

    from snnet.evaluation.accuracy import Accuracy
    from snnet.network.adapters import Adapter
    from snnet.network.network import Network

N = TypeVar("N", bound="Network")

IMAGE_SIZE = 224  # px, of every published network

V1 = "https://github.com/ziplab/SN-Net/releases/download"
V2 = "https://github.com/ziplab/SN-Netv2/releases/download"


@dataclass(frozen=True)
class PublishedAnchor:
    """One anchor: its short name, timm's architecture, and the weights that joint training began with."""

    name: str
    architecture: str
    original: str  # as timm names them; their published accuracy stands beside the joint-trained one


Ways = Callable[[Sequence[Sequence[int]]], Iterator[tuple[Route, tuple[str, ...]]]]


@dataclass(frozen=True)
class Family:
    """One published network: its anchors, its stitches in the authors' order, and where its file lies.

    `ways` yields, from the anchors' depths, each route with the layers on it under the authors' names
    ("2.0.1" for `stitch_layers.2.0.1`).
    """

    name: str
    title: str
    anchors: tuple[PublishedAnchor, ...]
    ways: Ways
    sources: tuple[Source, ...]
    crop: float = 0.875  # of the resized short side, as the authors evaluate
    skips_norm: bool = False  # whether stitched ways leave out the last norm; see `_norm_as_block`
    uncounted: "Callable[[Network, Stitch], int] | None" = None  # see `_without_embeddings`

    @property
    def is_two_way(self) -> bool:
        """True for SN-Netv2's, whose stitching layers were trained by low-rank branches."""
        return self.ways is _two_way


# ------------------------------------------------------------------------------------------ enumerations


def _paired(depths: Sequence[Sequence[int]]) -> Iterator[tuple[Route, tuple[str, ...]]]:
    """Plain transformers of equal depth: a window of two blocks, sliding by one."""
    for pair, (front, back) in enumerate(pairwise(range(len(depths)))):
        section = Section(0, depths[front][0], 0, depths[back][0], is_open=True)
        for window, joints in enumerate(paired_joints(front, back, [section], kernel=2, stride=1)):
            for joint in joints:
                yield (joint,), (f"{pair}.{window}",)


def _in_stages(*stages: int) -> Ways:
    """Staged networks: unpaired within these stages, stage by stage and there pair by pair."""

    def ways(depths: Sequence[Sequence[int]]) -> Iterator[tuple[Route, tuple[str, ...]]]:
        for position, stage in enumerate(stages):
            for pair, (front, back) in enumerate(pairwise(range(len(depths)))):
                section = stage_sections(depths[front], depths[back])[stage]
                for number, joints in enumerate(unpaired_joints(front, back, [section])):
                    for joint in joints:
                        yield (joint,), (f"{position}.{pair}.{number}",)

    return ways


def _two_way(depths: Sequence[Sequence[int]]) -> Iterator[tuple[Route, tuple[str, ...]]]:
    """SN-Netv2: small to large and back, up to two crossings; one layer a joint in either direction."""
    names: dict[Any, str] = {}
    for route in two_way_routes(0, 1, stage_sections(*depths)):
        if len(route) == 1:  # they come first, so every joint has its name before it is shared
            direction = route[0].front
            number = sum(name.startswith(f"{direction}.") for name in names.values())
            names[route[0]] = f"{direction}.{number}"
        yield route, tuple(names[joint] for joint in route)


# ------------------------------------------------------------------------------------------ what they count


def _without_embeddings(net: "Network", stitch: Stitch) -> int:
    """Return how many parameters on a way the authors' DeiT table leaves out.

    Class token and position embedding of the front, against the last norm of the back, which they count in
    ways that skip it.
    """
    front, back = net.anchors[stitch.anchors[0]].model, net.anchors[stitch.anchors[-1]].model
    left_out = front.cls_token.numel() + front.pos_embed.numel()
    return left_out - sum(p.numel() for p in back.norm.parameters())


def _without_steps_down(net: "Network", stitch: Stitch) -> int:
    """Return how many parameters on a way the authors' Swin table leaves out: the front's steps down."""
    first = stitch.legs[0]
    ends = accumulate(net.anchors[first.anchor].depths)
    stages = net.anchors[first.anchor].model.layers[1:]
    return sum(
        p.numel()
        for stage, end in zip(stages, ends, strict=False)
        if end < first.stop  # the stage after this end has begun
        for p in stage.downsample.parameters()
    )


# ------------------------------------------------------------------------------------------ the families


def _deit3(front: str, back: str) -> Family:
    models = {"s": "small", "b": "base", "l": "large"}
    anchors = tuple(
        PublishedAnchor(
            f"deit3_{size}",
            f"deit3_{models[size]}_patch16_224",
            f"deit3_{models[size]}_patch16_224.fb_in22k_ft_in1k",
        )
        for size in (front, back)
    )
    name = f"deit3_{front}_{back}"
    sources = (
        HubFile(f"ziplab/snnetv2_{name}_imagenet_1k", f"snnetv2_{name}.pth"),
        ReleaseFile(f"{V2}/1.0/snnetv2_{name}.pth"),
    )
    return Family(name, f"DeiT3-{front.upper()}/{back.upper()} (v2)", anchors, _two_way, sources, crop=1.0)


_RESNET18 = PublishedAnchor("resnet18", "resnet18", "resnet18.tv_in1k")
_SWIN_TI = PublishedAnchor("swin_ti", "swin_tiny_patch4_window7_224", "swin_tiny_patch4_window7_224.ms_in1k")


@cache
def families() -> dict[str, Family]:
    """Return the published networks by name."""
    found = [
        Family(
            "deit",
            "DeiT-Ti/S/B",
            tuple(
                PublishedAnchor(
                    f"deit_{short}", f"deit_{size}_patch16_224", f"deit_{size}_patch16_224.fb_in1k"
                )
                for short, size in (("ti", "tiny"), ("s", "small"), ("b", "base"))
            ),
            _paired,
            (ReleaseFile(f"{V1}/v1.0/snnet_deit.pth"),),
            skips_norm=True,
            uncounted=_without_embeddings,
        ),
        Family(
            "swin",
            "Swin-Ti/S/B",
            tuple(
                PublishedAnchor(
                    f"swin_{short}",
                    f"swin_{size}_patch4_window7_224",
                    f"swin_{size}_patch4_window7_224.ms_in22k_ft_in1k",
                )
                for short, size in (("ti", "tiny"), ("s", "small"), ("b", "base"))
            ),
            _in_stages(0, 1, 2),
            (ReleaseFile(f"{V1}/v1.0/snnet_swin.pth"),),
            uncounted=_without_steps_down,
        ),
        Family(
            "levit",
            "LeViT-192/256",
            tuple(
                PublishedAnchor(f"levit_{size}", f"levit_{size}", f"levit_{size}.fb_dist_in1k")
                for size in (192, 256)
            ),
            _in_stages(0, 1),
            (ReleaseFile(f"{V1}/v1.2/levit_192_256_release.pth"),),
        ),
        Family(
            "resnet18_resnet50",
            "ResNet-18/50",
            (_RESNET18, PublishedAnchor("resnet50", "resnet50", "resnet50.a1_in1k")),
            _in_stages(1, 2),
            (ReleaseFile(f"{V1}/v1.1/resnet_18_50.pth"),),
        ),
        Family(
            "resnet18_swin_ti",
            "ResNet-18 → Swin-Ti",
            (_RESNET18, _SWIN_TI),
            _in_stages(1, 2),
            (ReleaseFile(f"{V1}/v1.1/resnet18_swin_ti.pth"),),
        ),
        _deit3("s", "b"),
        _deit3("s", "l"),
        _deit3("b", "l"),
    ]
    return {family.name: family for family in found}


def family_of(name: str) -> Family:
    """Return a published network; ValueError names those there are."""
    if name not in families():
        raise ValueError(f"no published network {name!r}: there are {', '.join(families())}")
    return families()[name]


# --------------------------------------------------------------------------------------------- networks


@cache
def _norm_as_block() -> type["Adapter"]:
    """Return a way to cut ViTs in which the norm before the head is a block of its own.

    The authors' DeiT network leaves it out of every stitched way, in training and evaluation (their forward
    pass goes from the last block to the head), and keeps it in the anchors: such a way ends one block early.
    """
    from snnet.network.adapters import ViTAdapter

    class NormAsBlock(ViTAdapter):
        head = tuple(name for name in ViTAdapter.head if name != "norm")

        @staticmethod
        def stages(model: Any) -> list[list["nn.Module"]]:
            return [list(model.blocks), [model.norm]]

        @staticmethod
        def run_head(model: Any, features: "Tensor") -> "Tensor":
            return model.forward_head(features)

    return NormAsBlock


def assemble(make: "type[N]", family: Family, rank: int = 0) -> "N":
    """Return a published network of this class with random anchors and zero layers."""
    import timm

    from snnet.network.anchor import Anchor
    from snnet.photos.transform import Transform

    adapter = _norm_as_block() if family.skips_norm else None
    anchors = [
        Anchor(anchor.name, timm.create_model(anchor.architecture, pretrained=False), adapter=adapter)
        for anchor in family.anchors
    ]
    transform = Transform(image_size=IMAGE_SIZE, crop=family.crop)
    net = make(
        family.name,
        family.title,
        anchors,
        _stitches(family, [anchor.depths for anchor in anchors]),
        {IMAGE_SIZE: transform},
        rank,
    )
    net.published_as = family.name
    net.origin = {"method": "joint training by their authors"}
    if family.uncounted:
        net.uncounted = {s.name: family.uncounted(net, s) for s in net.stitches if not s.is_anchor}
    return net.eval()


def _stitches(family: Family, depths: Sequence[Sequence[int]]) -> list[Stitch]:
    """Return the anchors, then the ways, in the authors' order."""
    names = [anchor.name for anchor in family.anchors]
    stitches = [whole(number, names, depths, IMAGE_SIZE) for number in range(len(names))]
    for route, layers in family.ways(depths):
        # a dot in a module's name would part it
        ours = [layer.replace(".", "-") for layer in layers]
        stitch = joined(route, names, depths, IMAGE_SIZE, layers=ours)
        if family.skips_norm:
            *legs, last = stitch.legs
            stitch = replace(stitch, legs=(*legs, replace(last, stop=last.stop - 1)))
        stitches.append(stitch)
    return stitches


def reported(net: "Network") -> dict[str, "Accuracy"]:
    """Return the authors' accuracy of every stitch by name; none where they gave no table."""
    from snnet.evaluation import accuracy
    from snnet.tables import published_results

    curve = published_results.curves().get(net.name)
    if curve is None:
        return {}
    rows = zip(net.stitches, curve.stitches, strict=True)
    return {stitch.name: accuracy.reported(row.top1, curve.paper) for stitch, row in rows}
