"""`python -m snnet frontier`"""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

from snnet import files
from snnet.commands.options import add_network, command, say

_COLUMNS = (
    *("name", "image_size", "gmacs", "params_m", "top1", "low", "high"),
    *("source", "classes", "on_front"),
)


def add(commands: Any) -> None:
    """Declare the command."""
    parser = command(
        commands,
        "frontier",
        run,
        "Print the stitches of a network: cost, accuracy, and where it is from.",
        "lite --plot lite.html",
    )
    add_network(parser)
    parser.add_argument("--all", action="store_true", help="every stitch, not the Pareto front alone")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for a machine to read")
    form.add_argument("--csv", action="store_true", help="a table for a spreadsheet")
    parser.add_argument("--plot", type=Path, metavar="HTML", help="draw every stitch into this file")
    # for one release: older notes have it
    parser.add_argument(
        "--page", type=Path, metavar="HTML", help="now an option of the page: app.py --write-page"
    )


def run(options: argparse.Namespace) -> None:
    """Print the front, or every stitch."""
    from snnet.catalogue import entries
    from snnet.evaluation import accuracy, against_zoo

    if options.page:
        raise ValueError(
            f"--page has moved: use `python app.py --network {options.network} --write-page {options.page}`"
        )
    if options.plot:
        files.check(options.plot)
    net = entries.figures_of(options.network, weights=options.weights)
    rows = [row for row in accuracy.table(net) if options.all or row["on_front"]]
    if options.plot:
        from snnet.commands import plots

        plots.frontier(net, options.plot)
        say(f"wrote {options.plot}")
    if options.json:
        zoo = against_zoo.standing(net).as_json()
        print(json.dumps({"network": net.name, "stitches": rows, "zoo": zoo}, indent=2))
        return
    if options.csv:
        writer = csv.DictWriter(sys.stdout, _COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            low, high = row["interval"] or (None, None)
            writer.writerow(row | {"low": low, "high": high})
        return
    for row in sorted(rows, key=lambda row: row["gmacs"]):
        top1 = "not measured"
        if row["top1"] is not None:
            low, high = row["interval"]
            top1 = f"{row['top1']:5.2f} % [{low:.2f}, {high:.2f}] {row['origin']}"
        gmacs, params_m = net.printed(net.stitch(row["name"]))
        print(f"{row['name']:<28} {gmacs:>6} GMACs {params_m:>6} M  {top1}")
    say(accuracy.line(net))
    say(against_zoo.standing(net).sentence)
