"""`python -m snnet zoo`: what builds the shipped tables."""

import argparse
from pathlib import Path
from typing import Any

from snnet.commands.options import command, say
from snnet.paths import ASSETS


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
    from snnet.catalogue import entries
    from snnet.tables import published_results, zoo

    say(f"{entries.write_facts()} published networks in {entries.FACTS}")
    say(f"{zoo.build(options.source)} models in {ASSETS / 'zoo.csv'}")
    if options.published:
        say(f"{published_results.build(options.published)} published stitches in {ASSETS / 'published'}")
