"""`python -m snnet zoo`: what builds the shipped tables, and checks them."""

import argparse
import csv
import io
import json
import random
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from snnet import files
from snnet.commands.options import command, say
from snnet.paths import ASSETS
from snnet.tables import published_results, zoo
from snnet.tables.derive import build_zoo


def add(commands: Any) -> None:
    """Declare the command."""
    parser = command(
        commands,
        "zoo",
        run,
        "Derive the shipped tables from timm's and the authors' own, or count the zoo's costs anew.",
        "check --models 'resnet18*'",
    )
    option = parser.add_argument
    option("action", choices=("build", "check"))
    option("--source", type=Path, help="to build: folder of timm's results-*.csv and benchmark-*.csv")
    option("--published", type=Path, help="folder of the authors' stitch results (*.jsonl)")
    option("--models", default="*", metavar="PATTERN", help="to check: which architectures")
    option("--limit", type=int, help="to check: this many of them, drawn at random")
    option("--seed", type=int, default=0, help="which are drawn")


def run(options: argparse.Namespace) -> None:
    """Write the tables, or say which rows of the zoo's differ from our own count."""
    if options.action == "check":
        _check(options.models, options.limit, options.seed)
        return
    if options.source is None:
        raise ValueError("zoo build needs --source: the folder results/ of timm's repository")
    say(f"{build_zoo(options.source)} models in {ASSETS / 'zoo.csv'}")
    if options.published:
        stitches = build_published_results(options.published)
        say(f"{stitches} published stitches in {ASSETS / 'published'}")


def _check(pattern: str, limit: int | None, seed: int) -> None:
    from snnet.evaluation.zoo_check import check

    models = [model for model in zoo.models() if fnmatchcase(model.architecture, pattern)]
    if not models:
        raise ValueError(f"no architecture of the zoo is like {pattern!r}: try --models 'resnet*'")
    if limit is not None:
        models = random.Random(seed).sample(models, min(limit, len(models)))
    total = off = 0
    for one in check(models):
        total, off = total + 1, off + one.is_off
        if one.is_off:
            print(one.describe(), flush=True)
    say(f"{off} of {total} are off by more than 2 % and more than rounding, or can't be counted")


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
