"""How each of the authors' networks is put together from timm's models.

The enumerations with the layers that several stitches share, the norm that DeiT's stitches skip, and what
their tables leave out are settled here; what is known of each is in `snnet.tables.published_results`, and
their files are read by `snnet.catalogue.published`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from snnet.stitches.enumerations import paired_joints, two_way_routes, unpaired_joints
from snnet.stitches.sections import Section, stage_sections
from snnet.stitches.stitch import Route, Stitch, joined, whole
from snnet.tables.published_results import Family, curves, family_of
from snnet.weights.sources import HubFile, ReleaseFile, Source

if TYPE_CHECKING:
    from torch import Tensor, nn

    from snnet.evaluation.accuracy import Accuracy
    from snnet.network.adapters import Adapter
    from snnet.network.network import Network

N = TypeVar("N", bound="Network")

ONWARD = "The networks' authors trained on from there; their repository is under Apache-2.0."
IMAGE_SIZE = 224  # px, of every published network

Depths = Sequence[Sequence[int]]  # of the anchors, stage by stage
Ways = Iterator[
    tuple[Route, tuple[str, ...]]
]  # each route with its layers, under the authors' names ("2.0.1")


def sources_of(family: Family) -> tuple[Source, ...]:
    """Return where a network's file lies, the first place first."""
    release = ReleaseFile(family.release)
    return (HubFile(*family.hub), release) if family.hub else (release,)


# ------------------------------------------------------------------------------------------ enumerations


def _paired(depths: Depths) -> Ways:
    """Plain transformers of equal depth: a window of two blocks, sliding by one."""
    for pair, (front, back) in enumerate(pairwise(range(len(depths)))):
        section = Section(0, depths[front][0], 0, depths[back][0], is_open=True)
        for window, joints in enumerate(paired_joints(front, back, [section], kernel=2, stride=1)):
            for joint in joints:
                yield (joint,), (f"{pair}.{window}",)


def _in_stages(depths: Depths, stages: Sequence[int]) -> Ways:
    """Staged networks: unpaired within these stages, stage by stage and there pair by pair."""
    for position, stage in enumerate(stages):
        for pair, (front, back) in enumerate(pairwise(range(len(depths)))):
            section = stage_sections(depths[front], depths[back])[stage]
            for number, joints in enumerate(unpaired_joints(front, back, [section])):
                for joint in joints:
                    yield (joint,), (f"{position}.{pair}.{number}",)


def _two_way(depths: Depths) -> Ways:
    """SN-Netv2: small to large and back, up to two crossings; one layer a joint in either direction."""
    names: dict[Any, str] = {}
    for route in two_way_routes(0, 1, stage_sections(*depths)):
        if len(route) == 1:  # they come first, so every joint has its name before it is shared
            direction = route[0].front
            number = sum(name.startswith(f"{direction}.") for name in names.values())
            names[route[0]] = f"{direction}.{number}"
        yield route, tuple(names[joint] for joint in route)


def _ways(family: Family, depths: Depths) -> Ways:
    """Return a network's stitched ways in the authors' order."""
    if family.is_two_way:
        return _two_way(depths)
    return _in_stages(depths, family.stages) if family.stages else _paired(depths)


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


# By network, which parameters on a stitched way its authors' table leaves out.
_UNCOUNTED: dict[str, Callable[["Network", Stitch], int]] = {
    "deit": _without_embeddings,
    "swin": _without_steps_down,
}


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
    from snnet.network.layers import LayerOptions
    from snnet.photos.transform import Transform

    adapter = _norm_as_block() if family.skips_norm else None
    anchors = [
        Anchor(anchor.name, timm.create_model(anchor.architecture, pretrained=False), adapter=adapter)
        for anchor in family.anchors
    ]
    for anchor, theirs in zip(anchors, family.anchors, strict=True):
        anchor.title = theirs.title
    transform = Transform(image_size=IMAGE_SIZE, crop=family.crop)
    net = make(
        family.name,
        family.title,
        anchors,
        _stitches(family, [anchor.depths for anchor in anchors]),
        {IMAGE_SIZE: transform},
        LayerOptions(rank),
    )
    net.published_as = family.name
    net.origin = {"method": "joint training by their authors"}
    if uncounted := _UNCOUNTED.get(family.name):
        net.uncounted = {s.name: uncounted(net, s) for s in net.stitches if not s.is_anchor}
    return net.eval()


def _stitches(family: Family, depths: Sequence[Sequence[int]]) -> list[Stitch]:
    """Return the anchors, then the ways, in the authors' order."""
    names = [anchor.name for anchor in family.anchors]
    stitches = [whole(number, names, depths, IMAGE_SIZE) for number in range(len(names))]
    for route, layers in _ways(family, depths):
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

    curve = curves().get(net.name)
    if curve is None or not curve.stitches:  # or their table is missing here
        return {}
    rows = zip(net.stitches, curve.stitches, strict=True)
    return {stitch.name: accuracy.reported(row.top1, curve.paper) for stitch, row in rows}


def weights_of(net: "Network") -> dict[str, str]:
    """Return by anchor the pretrained weights that it carries or began with, as timm names them."""
    if net.published_as:
        return {anchor.name: anchor.original for anchor in family_of(net.published_as).anchors}
    return {anchor.name: weights for anchor in net.anchors if (weights := anchor.weights)}
