"""`python -m snnet zoo`: what builds the shipped tables."""

import argparse
import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snnet import files
from snnet.commands.options import command, say
from snnet.paths import ASSETS
from snnet.tables import published_results, zoo

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


def add(commands: Any) -> None:
    """Declare the command."""
    parser = command(
        commands,
        "zoo",
        run,
        "Derive the shipped tables from timm's and the authors' own.",
        "build --source timm-results/",
    )
    option = parser.add_argument
    option("action", choices=("build",))
    option("--source", type=Path, required=True, help="folder of timm's results-*.csv and benchmark-*.csv")
    option("--published", type=Path, help="folder of the authors' stitch results (*.jsonl)")


def run(options: argparse.Namespace) -> None:
    """Write the tables."""
    say(f"{write_facts()} published networks in {published_results.FACTS}")
    say(f"{build_zoo(options.source)} models in {ASSETS / 'zoo.csv'}")
    if options.published:
        stitches = build_published_results(options.published)
        say(f"{stitches} published stitches in {ASSETS / 'published'}")


def build_published_results(source: Path, target: Path = ASSETS / "published") -> int:
    """Derive the tables from a folder of the authors' results (JSON lines); return the number of stitches.

    Raises FileNotFoundError naming a missing file.
    """
    sources = {name: source / str(family.results) for name, family in published_results.curves().items()}
    if missing := [file.name for file in sources.values() if not file.is_file()]:
        raise FileNotFoundError(f"{source} lacks {', '.join(missing)}: copy the authors' results whole")
    total = 0
    for name, file in sources.items():
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(("index", "gmacs", "params_m", "top1"))
        for row in rows:
            params_m = row["params"] / 1e6 if "params" in row else ""
            writer.writerow([row["cfg_id"], row["flops"] / 1e9, params_m, round(row["acc1"], 3)])
        files.write_text(target / f"{name}.csv", lines.getvalue())
        total += len(rows)
    return total


def write_facts(file: Path = published_results.FACTS) -> int:
    """Derive the facts of the published networks from their outlines; return how many networks."""
    from snnet.catalogue import entries, published

    facts = {
        name: entries.facts(published.outline(name)) | {"file_mb": published.file_bytes(name) / 1e6}
        for name in published_results.families()
    }
    files.write_text(file, json.dumps(facts, indent=1) + "\n")
    published_results.facts.cache_clear()
    return len(facts)


def build_zoo(source: Path, target: Path = ASSETS / "zoo.csv") -> int:
    """Derive the zoo from a folder of timm's results-*.csv and benchmark-*.csv; return its model count.

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
    for column, file in zoo.TEST_SETS.items():
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
    lines = io.StringIO()
    writer = csv.DictWriter(lines, zoo.COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.write_text(target, lines.getvalue())
    zoo.models.cache_clear()
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
