"""The authors' published results: one curve of stitches a network, drawn beside ours.

`assets/published` is derived from the results files of the SN-Net and SN-Netv2 repositories by `build`. Costs
are multiply-accumulates by the rule of `snnet.network.counting`, accuracies top-1 on ImageNet-1k validation.
"""

import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from snnet.paths import ASSETS

V1 = "Pan, Cai and Zhuang, “Stitchable Neural Networks”, CVPR 2023"
V2 = "Pan, Liu, He, Cai and Zhuang, “Stitched ViTs are Flexible Vision Backbones”, ECCV 2024"


@dataclass(frozen=True)
class PublishedStitch:
    """One row of the authors' table, by their number: GMACs, parameters in millions, top-1 in percent."""

    index: int
    gmacs: float
    params_m: float | None
    top1: float
    is_anchor: bool


@dataclass(frozen=True)
class Curve:
    """A published stitched network and all its stitches, in the authors' order.

    `joint_params_m` are the parameters of the whole file in millions, counted over the tensors of the
    published checkpoint (low-rank branches as stored, buffers left out). `epochs` are those of joint
    training, `anchor_epochs` those that each anchor's own authors trained it for: None unless all alike.
    """

    key: str
    title: str
    anchors: tuple[str, ...]
    epochs: int
    source: str
    joint_params_m: float
    anchor_epochs: int | None = None
    stitches: tuple[PublishedStitch, ...] = ()

    @property
    def apart_params_m(self) -> float | None:
        """Parameters of all its networks kept apart, in millions; None where the authors give none."""
        known = [stitch.params_m for stitch in self.stitches if stitch.params_m is not None]
        return sum(known) if len(known) == len(self.stitches) else None


_CURVES = (
    Curve("deit", "DeiT-Ti/S/B", ("DeiT-Ti", "DeiT-S", "DeiT-B"), 50, V1, 118.40, anchor_epochs=300),
    Curve("swin", "Swin-Ti/S/B", ("Swin-Ti", "Swin-S", "Swin-B"), 50, V1, 170.01),
    Curve("levit", "LeViT-192/256", ("LeViT-192", "LeViT-256"), 100, V1, 30.32, anchor_epochs=1000),
    Curve("resnet18_resnet50", "ResNet-18/50", ("ResNet-18", "ResNet-50"), 30, V1, 37.90),
    Curve("resnet18_swin_ti", "ResNet-18 → Swin-Ti", ("ResNet-18", "Swin-Ti"), 30, V1, 40.20),
    Curve("deit3_s_l", "DeiT3-S/L (v2)", ("DeiT3-S", "DeiT3-L"), 50, V2, 337.57),
)
_FILES = {
    "deit": "snnet_deit_ti_s_b.jsonl",
    "swin": "snnet_swin_ti_s_b.jsonl",
    "levit": "snnet_levit_192_256.jsonl",
    "resnet18_resnet50": "snnet_resnet_18_50.jsonl",
    "resnet18_swin_ti": "snnet_resnet_18_swin_ti.jsonl",
    "deit3_s_l": "snnetv2_deit3_s_l.jsonl",
}
_COLUMNS = ("index", "gmacs", "params_m", "top1")


@cache
def curves() -> dict[str, Curve]:
    """Return the published networks by key, with their stitches."""
    return {curve.key: Curve(**vars(curve) | {"stitches": _stitches(curve)}) for curve in _CURVES}


def _stitches(curve: Curve) -> tuple[PublishedStitch, ...]:
    with (ASSETS / "published" / f"{curve.key}.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(
            PublishedStitch(
                index=int(row["index"]),
                gmacs=float(row["gmacs"]),
                params_m=float(row["params_m"]) if row["params_m"] else None,
                top1=float(row["top1"]),
                is_anchor=number < len(curve.anchors),  # the authors list the anchors first
            )
            for number, row in enumerate(csv.DictReader(lines))
        )


def build(source: Path, target: Path = ASSETS / "published") -> int:
    """Derive the tables from a folder of the authors' results (JSON lines); return the number of stitches.

    Raises FileNotFoundError naming a missing file.
    """
    if missing := [name for name in _FILES.values() if not (source / name).is_file()]:
        raise FileNotFoundError(f"{source} lacks {', '.join(missing)}: copy the authors' results whole")
    target.mkdir(parents=True, exist_ok=True)
    total = 0
    for key, name in _FILES.items():
        text = (source / name).read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        with (target / f"{key}.csv").open("w", newline="", encoding="utf-8") as lines:
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for row in rows:
                params = row["params"] / 1e6 if "params" in row else ""
                writer.writerow([row["cfg_id"], row["flops"] / 1e9, params, round(row["acc1"], 3)])
        total += len(rows)
    curves.cache_clear()
    return total
