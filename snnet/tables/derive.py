"""Derives the zoo's table from timm's own, and puts right what those have wrong.

`assets/zoo/corrections.csv` has each correction with its reason, `assets/zoo/families.csv` the family of each
architecture; both name architectures by patterns (`*`, `?`). GMACs and parameters that a correction gives are
this project's own counts: `python -m snnet zoo check` makes them again.
"""

import csv
import io
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from snnet import files
from snnet.paths import ASSETS
from snnet.tables import zoo

SOURCES = ASSETS / "zoo"
COUNTS = ("gmacs", "params_m")  # the columns whose correction is said beside a model's figures

_LARGER = {
    *("clip", "laion2b", "laiona", "openai", "webli"),  # pairs of image and text
    *("jft", "ig1b", "swag", "seer", "yfcc100m"),  # photos of the web
    *("m30m", "m38m"),  # EVA's merged sets
}
# SSLD draws its millions of further photos from ImageNet-22k
_FULL_IMAGENET = {"in12k", "in21k", "in22k", "ssld"}
_DISTILLED = {"dist", "distilled", "ssld"}


def pretraining(tag: str) -> str:
    """Return the key of `zoo.PRETRAINING` that a tag of weights tells: the largest set that they saw.

    What only a teacher saw, or the maker of a target to be predicted, is not counted.
    """
    words = set(tag.split("_"))
    if words & _LARGER:
        return "larger"
    return "in22k" if words & _FULL_IMAGENET else "in1k"


def is_distilled(tag: str) -> bool:
    """Return whether a tag of weights says that they learnt from a teacher's answers.

    Self-training, on labels that a teacher gave to further photos (Noisy Student, SSL, SWSL), is not meant.
    """
    return not _DISTILLED.isdisjoint(tag.split("_"))


@cache
def corrections() -> tuple[dict[str, str], ...]:
    """Return the table of corrections: architectures, tags, image_size, column, value, reason."""
    return _table("corrections.csv")


@cache
def families() -> tuple[tuple[str, str], ...]:
    """Return (pattern of architectures, family) of the table of families."""
    return tuple((row["architectures"], row["family"]) for row in _table("families.csv"))


def _table(name: str) -> tuple[dict[str, str], ...]:
    with (SOURCES / name).open(newline="", encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines))


def family(architecture: str) -> str:
    """Return the family that people know an architecture by, "other" where there is no larger one."""
    return next((name for pattern, name in families() if fnmatchcase(architecture, pattern)), "other")


def applies(correction: dict[str, str], row: dict[str, Any]) -> bool:
    """Return whether a correction is one of this row of the zoo."""
    return (
        fnmatchcase(row["architecture"], correction["architectures"])
        and fnmatchcase(row["tag"], correction["tags"])
        and correction["image_size"] in ("", str(row["image_size"]))
    )


def is_fused(architecture: str) -> bool:
    """Return whether the zoo's figures are of the form that a model is deployed in, by its corrections."""
    return any(
        correction["column"] == "params_m" and fnmatchcase(architecture, correction["architectures"])
        for correction in corrections()
    )


def build_zoo(source: Path, target: Path = ASSETS / "zoo.csv") -> int:
    """Derive the zoo from a folder of timm's results-*.csv and benchmark-*.csv; return its model count.

    Each result is joined with a benchmark of its architecture at its image size, the RTX 4090's first. Rows
    without an accuracy or a benchmark are left out. Raises FileNotFoundError naming a missing file,
    ValueError naming a missing column.
    """
    results = _read(source / "results-imagenet.csv", ("model", "img_size", "top1", "top5", "param_count"))
    results = results.dropna(subset=["top1", "top5"])
    gmacs = _gmacs(source)
    others = {}
    for column, file in zoo.TEST_SETS.items():
        table = _read(source / file, ("model", "img_size", "top1"))
        others[column] = table.set_index(["model", "img_size"])["top1"].to_dict()
    rows = []
    for result in results.itertuples():
        architecture, _, tag = result.model.partition(".")
        if cost := gmacs.get((architecture, result.img_size)):
            row = {
                "name": result.model,
                "architecture": architecture,
                "tag": tag,
                "family": family(architecture),
                "image_size": result.img_size,
                "params_m": float(str(result.param_count).replace(",", "")),
                "gmacs": float(cost),
                "top1": result.top1,
                "top5": result.top5,
                "pretraining": pretraining(tag),
                "is_distilled": int(is_distilled(tag)),
            }
            key = (result.model, result.img_size)
            rows.append(_corrected(row | {column: table.get(key) for column, table in others.items()}))
    rows.sort(key=lambda row: (-row["top1"], row["name"], row["image_size"]))
    lines = io.StringIO()
    writer = csv.DictWriter(lines, zoo.COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.write_text(target, lines.getvalue())
    zoo.models.cache_clear()
    return len(rows)


def _corrected(row: dict[str, Any]) -> dict[str, Any]:
    ours = [correction for correction in corrections() if applies(correction, row)]
    values = {c["column"]: float(c["value"]) if c["column"] in COUNTS else c["value"] for c in ours}
    return row | values | {"note": "; ".join(c["reason"] for c in ours if c["column"] in COUNTS)}


def _gmacs(source: Path) -> dict[tuple[str, int], float]:
    """Return timm's GMACs by architecture and image size."""
    import pandas as pd

    benchmarks = sorted(
        source.glob("benchmark-infer-*.csv"), key=lambda file: ("4090" not in file.name, file.name)
    )
    if not benchmarks:
        raise FileNotFoundError(f"{source} has no benchmark-infer-*.csv: copy timm's results folder whole")
    costs = pd.concat([_read(file, ("model", "infer_img_size", "infer_gmacs")) for file in benchmarks])
    costs = costs[costs["infer_gmacs"] > 0].drop_duplicates(["model", "infer_img_size"])
    by_size: dict[tuple[str, int], float] = costs.set_index(["model", "infer_img_size"])[
        "infer_gmacs"
    ].to_dict()
    return by_size


def _read(file: Path, columns: tuple[str, ...]) -> Any:
    import pandas as pd

    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: copy timm's results folder whole")
    table = pd.read_csv(file)
    if missing := [column for column in columns if column not in table.columns]:
        raise ValueError(f"{file} has no column {', '.join(missing)}: it has {', '.join(table.columns)}")
    return table
