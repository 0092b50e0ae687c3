"""`python -m snnet networks`"""

import argparse
import json
from typing import Any

from snnet.commands.options import command


def add(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "networks", run, "List the networks of the catalogue.", "--json")
    parser.add_argument("--json", action="store_true", help="for a machine to read")


def run(options: argparse.Namespace) -> None:
    """List the catalogue."""
    from snnet.catalogue import entries
    from snnet.weights import licences

    rows = [entries.summary(entry) for entry in entries.entries()]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        accuracy = "not measured"
        if row["top1"]:
            low, high = row["top1"]
            accuracy = f"top-1 {low:.1f}–{high:.1f} % ({', '.join(row['source'])})"
        figures = "its packages are missing"
        if "gmacs" in row:
            low, high = row["printed"]
            sizes = (
                f" ({row['ways']} networks at several image sizes)" if row["ways"] < row["stitches"] else ""
            )
            figures = (
                f"{row['stitches']} stitches{sizes}, "
                f"{low}–{high} GMACs, {row['params_m']:.1f} M parameters, {accuracy}, "
                f"{row.get('file_mb', row['size_mb']):.0f} MB"
            )
        figures += f", weights {licences.together(row['licences'].values())}"
        print(f"{row['name']:<18} {row['title']}: {figures}, {'here' if row['here'] else 'to be fetched'}")
