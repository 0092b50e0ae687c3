"""The authors' networks: what is known of each, and the results they published, drawn beside ours.

`assets/published` is derived from the results files of the SN-Net and SN-Netv2 repositories by
`python -m snnet zoo build`. Costs are multiply-accumulates by the rule of `snnet.network.counting`,
accuracies top-1 on ImageNet-1k validation. How a network is put together is in `snnet.catalogue.families`.
"""

import csv
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any

from snnet.optional import optional
from snnet.paths import ASSETS

V1 = "Pan, Cai and Zhuang, “Stitchable Neural Networks”, CVPR 2023"
V2 = "Pan, Liu, He, Cai and Zhuang, “Stitched ViTs are Flexible Vision Backbones”, ECCV 2024"
_RELEASES = "https://github.com/ziplab/SN-Net/releases/download"
_RELEASES_V2 = "https://github.com/ziplab/SN-Netv2/releases/download"


@dataclass(frozen=True)
class PublishedAnchor:
    """One anchor: its short name and its title, timm's architecture, and what joint training began with."""

    name: str
    title: str
    architecture: str
    tag: str  # of timm's weights that joint training began with

    @property
    def original(self) -> str:
        """Those weights as timm names them; their published accuracy stands beside the joint-trained one."""
        return f"{self.architecture}.{self.tag}"


@dataclass(frozen=True)
class PublishedStitch:
    """One row of the authors' table, by their number: GMACs, parameters in millions, top-1 in percent."""

    index: int
    gmacs: float
    params_m: float | None
    top1: float
    is_anchor: bool


@dataclass(frozen=True)
class Family:
    """A published stitched network: its anchors, its stitches in the authors' order, its file and its paper.

    `release` and `hub` (repository, file name) are where its file lies. Its stitches are two-way, or unpaired
    within `stages`, or paired where neither is said. `crop` is of the resized short side, as the authors
    evaluate; `skips_norm` tells that stitched ways leave out the last norm.

    `epochs` are those of joint training, `anchor_epochs` those that each anchor's own authors trained it for:
    None unless all alike. `results` is the file of the authors' table, None where they gave none. Of those
    that have one, `joint_params_m` are the parameters of the whole file in millions, counted over the tensors
    of the published checkpoint (low-rank branches as stored, buffers left out).
    """

    name: str
    title: str
    paper: str
    anchors: tuple[PublishedAnchor, ...]
    release: str
    hub: tuple[str, str] | None = None
    stages: tuple[int, ...] = ()
    is_two_way: bool = False  # SN-Netv2's, whose stitching layers were trained by low-rank branches
    crop: float = 0.875
    skips_norm: bool = False
    epochs: int = 50
    anchor_epochs: int | None = None
    joint_params_m: float = nan
    results: str | None = None

    @cached_property
    def stitches(self) -> tuple[PublishedStitch, ...]:
        """The authors' results in their order; none where they gave no table, or it is damaged here."""
        if self.results is None:
            return ()
        return optional(self._table, (), f"the results that the authors of {self.title} published are")

    def _table(self) -> tuple[PublishedStitch, ...]:
        with (ASSETS / "published" / f"{self.name}.csv").open(newline="", encoding="utf-8") as lines:
            return tuple(
                PublishedStitch(
                    index=int(row["index"]),
                    gmacs=float(row["gmacs"]),
                    params_m=float(row["params_m"]) if row["params_m"] else None,
                    top1=float(row["top1"]),
                    is_anchor=number < len(self.anchors),  # the authors list the anchors first
                )
                for number, row in enumerate(csv.DictReader(lines))
            )

    @property
    def apart_params_m(self) -> float | None:
        """Parameters of all its networks kept apart, in millions; None where the authors give none."""
        counts = [stitch.params_m for stitch in self.stitches if stitch.params_m is not None]
        return sum(counts) if counts and len(counts) == len(self.stitches) else None


_RESNET18 = PublishedAnchor("resnet18", "ResNet-18", "resnet18", "tv_in1k")
_DEIT3 = {
    short: PublishedAnchor(
        f"deit3_{short}", f"DeiT3-{short.upper()}", f"deit3_{size}_patch16_224", "fb_in22k_ft_in1k"
    )
    for short, size in (("s", "small"), ("b", "base"), ("l", "large"))
}


def _deit3(front: str, back: str, **results: Any) -> Family:
    name = f"deit3_{front}_{back}"
    return Family(
        name,
        f"DeiT3-{front.upper()}/{back.upper()} (v2)",
        V2,
        (_DEIT3[front], _DEIT3[back]),
        f"{_RELEASES_V2}/1.0/snnetv2_{name}.pth",
        hub=(f"ziplab/snnetv2_{name}_imagenet_1k", f"snnetv2_{name}.pth"),
        is_two_way=True,
        crop=1.0,
        **results,
    )


_FAMILIES = (
    Family(
        "deit",
        "DeiT-Ti/S/B",
        V1,
        tuple(
            PublishedAnchor(f"deit_{short.lower()}", f"DeiT-{short}", f"deit_{size}_patch16_224", "fb_in1k")
            for short, size in (("Ti", "tiny"), ("S", "small"), ("B", "base"))
        ),
        f"{_RELEASES}/v1.0/snnet_deit.pth",
        skips_norm=True,
        anchor_epochs=300,
        joint_params_m=118.40,
        results="snnet_deit_ti_s_b.jsonl",
    ),
    Family(
        "swin",
        "Swin-Ti/S/B",
        V1,
        tuple(
            PublishedAnchor(
                f"swin_{short.lower()}",
                f"Swin-{short}",
                f"swin_{size}_patch4_window7_224",
                "ms_in22k_ft_in1k",
            )
            for short, size in (("Ti", "tiny"), ("S", "small"), ("B", "base"))
        ),
        f"{_RELEASES}/v1.0/snnet_swin.pth",
        stages=(0, 1, 2),
        joint_params_m=170.01,
        results="snnet_swin_ti_s_b.jsonl",
    ),
    Family(
        "levit",
        "LeViT-192/256",
        V1,
        tuple(
            PublishedAnchor(f"levit_{width}", f"LeViT-{width}", f"levit_{width}", "fb_dist_in1k")
            for width in (192, 256)
        ),
        f"{_RELEASES}/v1.2/levit_192_256_release.pth",
        stages=(0, 1),
        epochs=100,
        anchor_epochs=1000,
        joint_params_m=30.32,
        results="snnet_levit_192_256.jsonl",
    ),
    Family(
        "resnet18_resnet50",
        "ResNet-18/50",
        V1,
        (_RESNET18, PublishedAnchor("resnet50", "ResNet-50", "resnet50", "a1_in1k")),
        f"{_RELEASES}/v1.1/resnet_18_50.pth",
        stages=(1, 2),
        epochs=30,
        joint_params_m=37.90,
        results="snnet_resnet_18_50.jsonl",
    ),
    Family(
        "resnet18_swin_ti",
        "ResNet-18 → Swin-Ti",
        V1,
        (_RESNET18, PublishedAnchor("swin_ti", "Swin-Ti", "swin_tiny_patch4_window7_224", "ms_in1k")),
        f"{_RELEASES}/v1.1/resnet18_swin_ti.pth",
        stages=(1, 2),
        epochs=30,
        joint_params_m=40.20,
        results="snnet_resnet_18_swin_ti.jsonl",
    ),
    _deit3("s", "b"),
    _deit3("s", "l", joint_params_m=337.57, results="snnetv2_deit3_s_l.jsonl"),
    _deit3("b", "l"),
)


def families() -> dict[str, Family]:
    """Return the published networks by name."""
    return {family.name: family for family in _FAMILIES}


def family_of(name: str) -> Family:
    """Return a published network; ValueError names those there are."""
    if name not in families():
        raise ValueError(f"no published network {name!r}: there are {', '.join(families())}")
    return families()[name]


def curves() -> dict[str, Family]:
    """Return by name the published networks whose authors gave a table of results."""
    return {family.name: family for family in _FAMILIES if family.results}
