"""The table of timm's pretrained models: the zoo that a stitched network is drawn against.

`assets/zoo.csv` is derived from the results and benchmark tables of timm's repository by
`python -m snnet zoo build`. GMACs are timm's own multiply-accumulates at the image size of the result,
rounded there to two decimals.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

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

# timm's modules by the family that people know; a module that is not listed is "other".
_FAMILIES = {
    "ResNet": (
        "resnet",
        "resnetv2",
        "res2net",
        "resnest",
        "senet",
        "sknet",
        "tresnet",
        "byobnet",
        "byoanet",
        "nfnet",
    ),
    "EfficientNet": ("efficientnet",),
    "MobileNet": (
        "mobilenetv3",
        "ghostnet",
        "repghost",
        "rexnet",
        "hardcorenas",
        "mobilevit",
        "fastvit",
        "edgenext",
    ),
    "ConvNeXt": ("convnext", "inception_next", "mambaout", "rdnet"),
    "RegNet": ("regnet",),
    "ViT": (
        "vision_transformer",
        "vision_transformer_relpos",
        "vision_transformer_hybrid",
        "deit",
        "beit",
        "eva",
    ),
    "Swin": ("swin_transformer", "swin_transformer_v2", "swin_transformer_v2_cr"),
    "LeViT": ("levit",),
}


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


_COLUMNS = tuple(field.name for field in fields(ZooModel))
_TEXTS = ("name", "architecture", "tag", "family")


@cache
def models() -> tuple[ZooModel, ...]:
    """Return the zoo that ships, best top-1 first."""
    with (ASSETS / "zoo.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(_model(row) for row in csv.DictReader(lines))


def _model(row: dict[str, str]) -> ZooModel:
    values: dict[str, Any] = {k: v if k in _TEXTS else (float(v) if v else None) for k, v in row.items()}
    return ZooModel(**values | {"image_size": int(row["image_size"])})


def families() -> tuple[str, ...]:
    """Return the families of the zoo, the largest first, "other" last."""
    counts: dict[str, int] = {}
    for model in models():
        counts[model.family] = counts.get(model.family, 0) + 1
    return tuple(sorted(counts, key=lambda family: (family == "other", -counts[family])))


def build(source: Path, target: Path = ASSETS / "zoo.csv") -> int:
    """Derive the table from a folder of timm's results-*.csv and benchmark-*.csv; return its model count.

    Each result is joined with a benchmark of its architecture at its image size, the RTX 4090's first. Rows
    without an accuracy or a benchmark are left out. Raises FileNotFoundError naming a missing file,
    ValueError naming a missing column.
    """
    import pandas as pd

    results = _read(source / "results-imagenet.csv", ("model", "img_size", "top1", "top5", "param_count"))
    results = results.dropna(subset=["top1", "top5"])
    benchmarks = sorted(
        source.glob("benchmark-infer-*.csv"), key=lambda file: ("4090" not in file.name, file.name)
    )
    if not benchmarks:
        raise FileNotFoundError(f"{source} has no benchmark-infer-*.csv: copy timm's results folder whole")
    costs = pd.concat([_read(file, ("model", "infer_img_size", "infer_gmacs")) for file in benchmarks])
    costs = costs[costs["infer_gmacs"] > 0].drop_duplicates(["model", "infer_img_size"])
    gmacs = costs.set_index(["model", "infer_img_size"])["infer_gmacs"].to_dict()
    others = {}
    for column, file in TEST_SETS.items():
        table = _read(source / file, ("model", "img_size", "top1"))
        others[column] = table.set_index(["model", "img_size"])["top1"].to_dict()
    family = _families_of(name.partition(".")[0] for name in results["model"])
    rows = []
    for result in results.itertuples():
        architecture, _, tag = result.model.partition(".")
        if cost := gmacs.get((architecture, result.img_size)):
            row = {
                "name": result.model,
                "architecture": architecture,
                "tag": tag,
                "family": family[architecture],
                "image_size": result.img_size,
                "params_m": float(str(result.param_count).replace(",", "")),
                "gmacs": float(cost),
                "top1": result.top1,
                "top5": result.top5,
            }
            key = (result.model, result.img_size)
            rows.append(row | {column: table.get(key) for column, table in others.items()})
    rows.sort(key=lambda row: (-row["top1"], row["name"], row["image_size"]))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    models.cache_clear()
    return len(rows)


def _read(file: Path, columns: tuple[str, ...]) -> Any:
    import pandas as pd

    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: copy timm's results folder whole")
    table = pd.read_csv(file)
    if missing := [column for column in columns if column not in table.columns]:
        raise ValueError(f"{file} has no column {', '.join(missing)}: it has {', '.join(table.columns)}")
    return table


def _families_of(architectures: Iterable[str]) -> dict[str, str]:
    import timm

    module_of = {name: module for module in timm.list_modules() for name in timm.list_models(module=module)}
    by_module = {module: family for family, modules in _FAMILIES.items() for module in modules}
    return {name: by_module.get(module_of.get(name, ""), "other") for name in architectures}
