"""`python -m snnet networks | stitch | evaluate | frontier | zoo`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from snnet.paths import ASSETS

EXAMPLES = {
    "networks": "python -m snnet networks --json",
    "stitch": "python -m snnet stitch lite --data photos/ --limit 2000",
    "evaluate": "python -m snnet evaluate lite --data val.parquet",
    "frontier": "python -m snnet frontier lite",
    "zoo": "python -m snnet zoo build --source timm-results/",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 after saying in one line on standard error what was wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    from snnet.catalogue import WeightsError

    try:
        options.run(options)
    except (ValueError, OSError, WeightsError) as error:
        print(f"snnet {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"snnet {options.command}: stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m snnet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"example: {EXAMPLES[name]}",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        made.set_defaults(run=run)
        return made

    networks = command("networks", _networks, "List the networks of the catalogue.")
    networks.add_argument("--json", action="store_true", help="for a machine to read")

    stitch = command("stitch", _stitch, "Start a network's stitching layers by least squares on photos.")
    stitch.add_argument("network", help="a name of the catalogue")
    _photo_options(stitch, "photos to start from; labels are not needed")
    stitch.add_argument("--limit", type=int, default=2000, help="how many of the photos, drawn at random")
    stitch.add_argument("--seed", type=int, default=0, help="which photos are drawn")
    stitch.add_argument("--out", type=Path, help="the safetensors file to write (default: the shipped one)")

    evaluate = command(
        "evaluate", _evaluate, "Measure every stitch on labelled photos and remember the results."
    )
    evaluate.add_argument("network", help="a name of the catalogue")
    _photo_options(evaluate, "labelled photos")
    evaluate.add_argument("--limit", type=int, help="measure on this many of the photos, drawn at random")
    evaluate.add_argument("--seed", type=int, default=0, help="which photos are drawn")
    evaluate.add_argument("--precision", default="float32", choices=("float32", "bfloat16", "float16"))
    evaluate.add_argument("--about", metavar="TEXT", help="how tables and the page name these photos")
    evaluate.add_argument(
        "--table", type=Path, help="also write what is known on these photos as a CSV table"
    )
    evaluate.add_argument("--json", action="store_true", help="print the results for a machine to read")

    frontier = command(
        "frontier", _frontier, "Print the stitches of a network: cost, accuracy, and where it is from."
    )
    frontier.add_argument("network", help="a name of the catalogue")
    frontier.add_argument("--all", action="store_true", help="every stitch, not the Pareto front alone")
    frontier.add_argument("--json", action="store_true", help="for a machine to read")

    zoo = command("zoo", _zoo, "Derive the shipped tables from timm's and the authors' own.")
    zoo.add_argument("action", choices=("build",))
    zoo.add_argument(
        "--source", type=Path, required=True, help="folder of timm's results-*.csv and benchmark-*.csv"
    )
    zoo.add_argument("--published", type=Path, help="folder of the authors' stitch results (*.jsonl)")
    return parser


def _photo_options(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="PATH", help=f"{what}: Parquet files or an image folder"
    )
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that decode photos; 0: none but this one"
    )


def _paths(options: argparse.Namespace) -> str | list[str]:
    return options.data[0] if len(options.data) == 1 else options.data


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _networks(options: argparse.Namespace) -> None:
    from snnet import catalogue

    rows = [catalogue.summary(entry) for entry in catalogue.entries()]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        if not row["here"]:
            print(f"{row['name']:<8} {row['title']}: weights not here")
            continue
        accuracy = "not measured"
        if row["top1"]:
            low, high = row["top1"]
            accuracy = f"top-1 {low:.1f}–{high:.1f} % ({', '.join(row['source'])})"
        low, high = row["gmacs"]
        print(
            f"{row['name']:<8} {row['title']}: {row['ways']} networks, {row['stitches']} stitches with their "
            f"image sizes, {low:.2f}–{high:.2f} GMACs, {row['params_m']:.1f} M parameters, {accuracy}, "
            f"{row['size_mb']:.0f} MB, here"
        )


def _stitch(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from snnet import catalogue, least_squares
    from snnet.data import batches, open_photos

    entry = catalogue.entry(options.network)
    net = entry.make(entry)
    photos = open_photos(_paths(options), limit=options.limit, seed=options.seed)
    transform = net.transform(net.stitches[0])
    _say(f"{len(net.layers)} stitching layers from {photos.describe()} at {transform.image_size} px")

    def images() -> Any:
        with tqdm(total=len(photos), unit="photo", desc=f"stitch {net.name}") as bar:
            for by_transform, _, _ in batches(photos, [transform], options.batch_size, options.workers):
                yield by_transform[transform]
                bar.update(len(by_transform[transform]))

    used = least_squares.start(net, images())
    file = options.out or entry.layers
    catalogue.write_layers(
        net,
        file,
        {"network": net.name, "photos": used, "fingerprint": photos.fingerprint, "method": "least squares"},
    )
    _say(f"wrote {file} ({file.stat().st_size / 1e6:.1f} MB)")


def _evaluate(options: argparse.Namespace) -> None:
    from snnet import catalogue, results
    from snnet.data import open_photos
    from snnet.evaluate import evaluate
    from snnet.walk import saved

    net = catalogue.load(options.network)
    remember = results.Store().fingerprints
    photos = open_photos(_paths(options), limit=options.limit, seed=options.seed, remember=remember)
    new = evaluate(
        net,
        photos,
        precision=options.precision,
        batch_size=options.batch_size,
        workers=options.workers,
        about=options.about,
        progress=True,
    )
    if new:
        alone, shared = saved(net, [net.stitch(result.stitch) for result in new])
        _say(
            f"measured {len(new)} stitches: {shared:.1f} GMACs a photo where one by one takes {alone:.1f} "
            f"({alone / shared:.2f} times)"
        )
    else:
        _say(f"nothing to compute: all {len(net.stitches)} stitches have a result for {photos.describe()}")
    held = {
        stitch.name: result
        for stitch, result in results.known(net)
        if (result.photos, result.precision) == (photos.fingerprint, options.precision)
    }
    rows = [held[stitch.name] for stitch in net.stitches]
    if options.table:
        results.write_table(rows, options.table)
        _say(f"wrote {options.table}")
    if options.json:
        kept = ("stitch", "total", "top1", "top5", "precision", "measured_on")
        print(json.dumps([{name: getattr(row, name) for name in kept} for row in rows], indent=2))
        return
    print(f"{'stitch':<28} {'GMACs':>6}  {'top-1':>6}  {'top-5':>6}   of {rows[0].photos_about}")
    for stitch, row in zip(net.stitches, rows, strict=True):
        top1, top5 = (100 * right / row.total for right in (row.top1, row.top5))
        print(f"{stitch.name:<28} {net.cost(stitch).gmacs:6.3f}  {top1:5.1f} %  {top5:5.1f} %")


def _frontier(options: argparse.Namespace) -> None:
    from snnet import accuracy, catalogue

    net = catalogue.load(options.network)
    rows = [row for row in accuracy.table(net) if options.all or row["on_front"]]
    if options.json:
        print(json.dumps({"network": net.name, "stitches": rows}, indent=2))
        return
    for row in sorted(rows, key=lambda row: row["gmacs"]):
        top1 = "not measured"
        if row["top1"] is not None:
            low, high = row["interval"]
            top1 = f"{row['top1']:5.2f} % [{low:.2f}, {high:.2f}] {row['source']}"
        print(f"{row['name']:<28} {row['gmacs']:6.3f} GMACs {row['params_m']:6.2f} M  {top1}")
    _say(accuracy.line(net))


def _zoo(options: argparse.Namespace) -> None:
    from snnet import curves, zoo

    _say(f"{zoo.build(options.source)} models in {ASSETS / 'zoo.csv'}")
    if options.published:
        _say(f"{curves.build(options.published)} published stitches in {ASSETS / 'published'}")
