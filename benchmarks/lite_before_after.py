"""What training did to `lite`, on the photos that both tables were measured on.

    python -m benchmarks.lite_before_after [--before TABLE] [--after TABLE] [--ways]

Reads two tables of `python -m snnet evaluate lite --table` and prints top-1 by image size; at the default
size (224 px) the ways that stay more than two points under their smaller anchor; and the area between the
front of all stitches and that of the anchors alone. With `--ways` every way at the default size.
"""

import argparse
import csv
from pathlib import Path
from statistics import mean

from snnet import frontier
from snnet.catalogue import entries
from snnet.evaluation import results

ROOT = Path(__file__).resolve().parent.parent
BEFORE = ROOT / "docs" / "lite" / "least-squares.csv"
AFTER = results.SHIPPED / "lite.csv"


def measured(table: Path) -> dict[str, float]:
    """Return the top-1 (%) of every stitch in a table, by name."""
    with table.open(newline="", encoding="utf-8") as lines:
        return {row["stitch"]: 100 * int(row["top1"]) / int(row["total"]) for row in csv.DictReader(lines)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, default=BEFORE)
    parser.add_argument("--after", type=Path, default=AFTER)
    parser.add_argument("--ways", action="store_true")
    options = parser.parse_args()
    net = entries.ready(entries.entry("lite"))
    tables = [measured(options.before), measured(options.after)]
    default = net.stitches[0].image_size

    print("| image size | Lite0 | Lite1 | Lite2 | stitches: mean | lowest | highest |")
    print("|---|---|---|---|---|---|---|")
    for size in sorted({stitch.image_size for stitch in net.stitches if not stitch.is_anchor}):
        some = [stitch for stitch in net.stitches if stitch.image_size == size]
        anchors = [tables[0][stitch.name] for stitch in some if stitch.is_anchor]
        ways = [[table[s.name] for s in some if not s.is_anchor] for table in tables]
        said = [" → ".join(f"{of(each):.1f}" for each in ways) for of in (mean, min, max)]
        print(f"| {size} px | " + " | ".join([*(f"{top1:.1f}" for top1 in anchors), *said]) + " |")

    ways = [stitch for stitch in net.stitches if stitch.image_size == default and not stitch.is_anchor]
    whole = {s.anchors[0]: s.name for s in net.stitches if s.image_size == default and s.is_anchor}
    print(f"\nUnder the smaller anchor, at {default} px (points):")
    for name, table in zip(("before", "after"), tables, strict=True):
        short = sorted((table[whole[min(s.anchors)]] - table[s.name], s.name) for s in ways)[::-1]
        over = [f"{name.partition('@')[0]} {points:.1f}" for points, name in short if points > 2]
        print(
            f"  {name}: {len(over)} of {len(ways)} by more than 2" + (": " if over else "") + ", ".join(over)
        )

    print("\nArea between the front and the anchors' own front, points · ln(GMACs):")
    costs = [net.cost(stitch).gmacs for stitch in net.stitches]
    for name, table in zip(("before", "after"), tables, strict=True):
        top1 = [table[stitch.name] for stitch in net.stitches]
        alone = [value if s.is_anchor else None for s, value in zip(net.stitches, top1, strict=True)]
        found = frontier.area(costs, top1) - frontier.area(costs, alone)
        stitched = sum(not net.stitches[k].is_anchor for k in frontier.front(costs, top1))
        on = len(frontier.front(costs, top1))
        print(f"  {name}: {found:.2f}; {stitched} of {on} points of the front are stitched ways")

    if options.ways:
        print(f"\n| way at {default} px | GMACs | before | after |\n|---|---|---|---|")
        for stitch in sorted(ways, key=lambda stitch: net.cost(stitch).gmacs):
            before, after = (table[stitch.name] for table in tables)
            name = stitch.name.partition("@")[0]
            print(f"| {name} | {net.printed(stitch)[0]} | {before:.1f} | {after:.1f} |")


if __name__ == "__main__":
    main()
