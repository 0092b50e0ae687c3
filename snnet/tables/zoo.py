"""The table of timm's pretrained models: the zoo that a stitched network is drawn against.

`assets/zoo.csv` is derived from the results and benchmark tables of timm's repository by
`python -m snnet zoo build`, with the corrections of `assets/zoo`. GMACs are multiply-accumulates at the image
size of the result, rounded to two decimals: timm's own, or counted here where a model's note says so.
"""

import csv
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from snnet.optional import optional
from snnet.paths import ASSETS

# The test sets beside ImageNet-1k validation, and timm's file of each.
TEST_SETS = {
    "real": "results-imagenet-real.csv",
    "v2": "results-imagenetv2-matched-frequency.csv",
    "sketch": "results-sketch.csv",
    "a": "results-imagenet-a.csv",
    "r": "results-imagenet-r.csv",
}

# What a model's weights have seen before or beside ImageNet-1k.
PRETRAINING = {
    "in1k": "ImageNet-1k only",
    "in22k": "more of ImageNet: 5k, 12k, 21k or 22k",
    "larger": "larger sets: LAION, CLIP's, JFT, Instagram …",
}


@dataclass(frozen=True)
class ZooModel:
    """One pretrained model at one image size (px): parameters in millions, accuracies in percent.

    `top1` and `top5` are on ImageNet-1k validation; the next five are top-1 on ImageNet-ReaL, -V2 (matched
    frequency), -Sketch, -A and -R, the last two of 200 classes; None where timm's tables have none.
    `pretraining` is a key of `PRETRAINING`: the largest set that these weights saw. `is_distilled` is True
    where it is known that they learnt from a teacher's answers; others may have, unsaid. `note` says what of
    the figures is not timm's, and why.
    """

    name: str  # architecture.tag
    architecture: str
    tag: str
    family: str
    image_size: int
    params_m: float
    gmacs: float
    top1: float
    top5: float
    real: float | None
    v2: float | None
    sketch: float | None
    a: float | None
    r: float | None
    pretraining: str
    is_distilled: bool
    note: str


COLUMNS = tuple(field.name for field in fields(ZooModel))
_TEXTS = ("name", "architecture", "tag", "family", "pretraining", "note")


@cache
def models() -> tuple[ZooModel, ...]:
    """Return the zoo that ships, best top-1 first; none, with a warning, where its table can't be read."""
    return optional(_table, (), "the zoo is")


def _table() -> tuple[ZooModel, ...]:
    with (ASSETS / "zoo.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(_model(row) for row in csv.DictReader(lines))


def _model(row: dict[str, str]) -> ZooModel:
    values: dict[str, Any] = {k: v if k in _TEXTS else (float(v) if v else None) for k, v in row.items()}
    whole = {"image_size": int(row["image_size"]), "is_distilled": row["is_distilled"] == "1"}
    return ZooModel(**values | whole)


def twins(name: str) -> tuple[str, ...]:
    """Return the names under which the zoo has the very same weights, the one that is given first."""
    conv, _, rest = name.partition("levit_")  # as linear layers, and as convolutions of one pixel
    if conv or not rest:
        return (name,)
    rest = rest.removeprefix("conv_")
    return (name, *({f"levit_{rest}", f"levit_conv_{rest}"} - {name}))


def families() -> tuple[str, ...]:
    """Return the families of the zoo, the largest first, "other" last."""
    counts: dict[str, int] = {}
    for model in models():
        counts[model.family] = counts.get(model.family, 0) + 1
    return tuple(sorted(counts, key=lambda family: (family == "other", -counts[family])))
