"""`python -m snnet results`"""

import argparse
import json
from collections import Counter
from typing import Any

from snnet.commands.options import command, say


def add(commands: Any) -> None:
    """Declare the command."""
    parser = command(
        commands,
        "results",
        run,
        "Say which results of this machine's own runs are kept, and where.",
        "--json",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for a machine to read")
    form.add_argument(
        "--salvage", action="store_true", help="where the file is damaged: what can be read into a new one"
    )


def run(options: argparse.Namespace) -> None:
    """Print what is kept; or mend it."""
    from snnet.evaluation.store import Store

    store = Store()
    if options.salvage and not store.mend():  # a warning says what it did
        say(f"nothing to salvage: {store.file} {'is sound' if store.file.exists() else 'is not there'}")
    results = store.all()
    counts = Counter((r.network, r.photos_about, r.precision) for r in results)
    rows = [
        dict(zip(("network", "photos", "precision"), names, strict=True)) | {"stitches": count}
        for names, count in sorted(counts.items())
    ]
    if options.json:
        print(json.dumps({"store": str(store.file), "results": rows}, indent=2))
        return
    for row in rows:
        print(f"{row['network']:<18} {row['stitches']:>5} stitches, {row['precision']}, on {row['photos']}")
    say(f"{len(results):,} results in {store.file}")
