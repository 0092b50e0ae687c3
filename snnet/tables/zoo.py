"""The table of timm's pretrained models: the zoo that a stitched network is drawn against.

`assets/zoo.csv` is derived from the results and benchmark tables of timm's repository by
`python -m snnet zoo build`. GMACs are timm's own multiply-accumulates at the image size of the result,
rounded there to two decimals.
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

# What a model's weights have seen before or beside ImageNet-1k, by what the words of its tag say.
PRETRAINING = {
    "in1k": "ImageNet-1k only",
    "in22k": "ImageNet-12k, 21k or 22k",
    "larger": "larger sets: LAION, CLIP's, JFT, Instagram …",
}
_LARGER = {
    *("clip", "laion2b", "laiona", "openai", "webli"),  # pairs of image and text
    *("jft", "ig1b", "swag", "seer", "yfcc100m"),  # photos of the web
    *("m30m", "m38m"),  # EVA's merged sets
}
# SSLD draws its six million photos, and the first of its two stages, from ImageNet-22k
_FULL_IMAGENET = {"in12k", "in21k", "in22k", "6m", "stage2"}
_DISTILLED = {"dist", "distilled", "ssld"}


@dataclass(frozen=True)
class ZooModel:
    """One pretrained model at one image size (px): parameters in millions, accuracies in percent.

    `top1` and `top5` are on ImageNet-1k validation; the last five are top-1 on ImageNet-ReaL, -V2 (matched
    frequency), -Sketch, -A and -R, None where timm's tables have none.
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

    @property
    def pretraining(self) -> str:
        """Key of `PRETRAINING`: the largest set that these weights saw, as the tag tells.

        What only a teacher saw, or the maker of a target to be predicted, is not counted. BEiT-3's tags name
        the labelled set alone: pairs of image and text came before it.
        """
        words = set(self.tag.split("_"))
        if words & _LARGER or self.architecture.startswith("beit3"):
            return "larger"
        return "in22k" if words & _FULL_IMAGENET else "in1k"

    @property
    def is_distilled(self) -> bool:
        """True where the tag says that the model learnt from a teacher; others may have, unsaid."""
        return not _DISTILLED.isdisjoint(self.tag.split("_"))


COLUMNS = tuple(field.name for field in fields(ZooModel))
_TEXTS = ("name", "architecture", "tag", "family")


@cache
def models() -> tuple[ZooModel, ...]:
    """Return the zoo that ships, best top-1 first; none, with a warning, where its table can't be read."""
    return optional(_table, (), "the zoo is")


def _table() -> tuple[ZooModel, ...]:
    with (ASSETS / "zoo.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(_model(row) for row in csv.DictReader(lines))


def _model(row: dict[str, str]) -> ZooModel:
    values: dict[str, Any] = {k: v if k in _TEXTS else (float(v) if v else None) for k, v in row.items()}
    return ZooModel(**values | {"image_size": int(row["image_size"])})


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
