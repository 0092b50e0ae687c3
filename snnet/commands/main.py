"""`python -m snnet networks | stitch | train | evaluate | frontier | zoo`."""

import argparse
import csv
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from snnet.paths import ASSETS

if TYPE_CHECKING:
    from snnet.network.network import StitchedNetwork
    from snnet.training.recipes import Recipe
    from snnet.training.run import Plan

EXAMPLES = {
    "networks": "python -m snnet networks --json",
    "stitch": "python -m snnet stitch resnet18 resnet50 --data photos/ --out resnets/",
    "train": "python -m snnet train deit --data ILSVRC2012/train --out deit-trained/ --dry-run",
    "evaluate": "python -m snnet evaluate lite --data val.parquet",
    "frontier": "python -m snnet frontier lite --plot lite.html",
    "zoo": "python -m snnet zoo build --source timm-results/",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 after saying in one line on standard error what was wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    from snnet.weights.files import WeightsError

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

    stitch = command(
        "stitch", _stitch, "Join timm models by stitching layers, started by least squares on photos."
    )
    stitch.add_argument(
        "models", nargs="+", metavar="NAME", help="two or more of timm's models, or `lite` to start it anew"
    )
    _photo_options(stitch, "photos to start from; labels are not needed", split="train")
    _batch_option(stitch)
    stitch.add_argument("--limit", type=int, default=500, help="how many of the photos, drawn at random")
    stitch.add_argument("--seed", type=int, default=0, help="which photos are drawn")
    stitch.add_argument(
        "--out", type=Path, help="the folder to write (default: the models' names; for lite its shipped file)"
    )
    stitch.add_argument(
        "--no-pretrained", dest="pretrained", action="store_false", help="random weights, to try things out"
    )
    stitch.add_argument(
        "--ways",
        default="auto",
        choices=("auto", "paired", "unpaired", "two-way"),
        help="paired windows, unpaired within stages, or two-way; auto: paired for equal plain transformers",
    )
    stitch.add_argument("--kernel", type=int, default=2, help="blocks in a window of paired stitching")
    stitch.add_argument("--stride", type=int, default=1, help="blocks by which the window slides")
    stitch.add_argument("--max-stitches", type=int, help="thin the stitches to this many, evenly by GMACs")
    stitch.add_argument("--low-rank", type=int, default=0, help="rank of a branch for training each layer")
    stitch.add_argument("--own-norms", action="store_true", help="norms of its own behind each layer")
    stitch.add_argument("--image-size", type=int, help="px (default: the costliest model's own)")
    stitch.add_argument("--crop", type=float, help="of the short side (default: the costliest model's own)")

    train = command(
        "train",
        _train,
        "Train a network's stitches jointly by distillation; a killed run goes on where it was.",
    )
    _train_options(train)

    evaluate = command(
        "evaluate", _evaluate, "Measure every stitch on labelled photos and remember the results."
    )
    evaluate.add_argument("network", help="a name of the catalogue, or a network's folder")
    _weights_option(evaluate)
    _photo_options(evaluate, "labelled photos")
    _batch_option(evaluate)
    evaluate.add_argument("--limit", type=int, help="measure on this many of the photos, drawn at random")
    evaluate.add_argument("--seed", type=int, default=0, help="which photos are drawn")
    evaluate.add_argument("--precision", default="float32", choices=("float32", "bfloat16", "float16"))
    evaluate.add_argument(
        "--skip-broken", action="store_true", help="leave out photos that can't be decoded, and say how many"
    )
    evaluate.add_argument(
        "--save-every", type=float, default=10.0, metavar="SECONDS", help="what a kill costs at most"
    )
    evaluate.add_argument("--about", metavar="TEXT", help="how tables and the page name these photos")
    evaluate.add_argument(
        "--table", type=Path, help="also write what is known on these photos as a CSV table"
    )
    evaluate.add_argument("--json", action="store_true", help="print the results for a machine to read")

    frontier = command(
        "frontier", _frontier, "Print the stitches of a network: cost, accuracy, and where it is from."
    )
    frontier.add_argument("network", help="a name of the catalogue, or a network's folder")
    _weights_option(frontier)
    frontier.add_argument("--all", action="store_true", help="every stitch, not the Pareto front alone")
    form = frontier.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for a machine to read")
    form.add_argument("--csv", action="store_true", help="a table for a spreadsheet")
    frontier.add_argument("--plot", type=Path, metavar="HTML", help="draw every stitch into this file")
    frontier.add_argument(
        "--page",
        type=Path,
        metavar="HTML",
        help="write the explorer's chart, slider and route drawing as one file that opens from disk",
    )

    zoo = command("zoo", _zoo, "Derive the shipped tables from timm's and the authors' own.")
    zoo.add_argument("action", choices=("build",))
    zoo.add_argument(
        "--source", type=Path, required=True, help="folder of timm's results-*.csv and benchmark-*.csv"
    )
    zoo.add_argument("--published", type=Path, help="folder of the authors' stitch results (*.jsonl)")
    return parser


def _train_options(train: argparse.ArgumentParser) -> None:
    from snnet.training.recipes import RECIPES, Recipe

    train.add_argument("network", help="a name of the catalogue, trained from its anchors, or a folder")
    _photo_options(train, "photos to learn from, labelled unless alpha is 1", split="train")
    train.add_argument("--limit", type=int, help="learn from this many of the photos, drawn at random")
    train.add_argument("--out", type=Path, required=True, help="folder of the run: it goes on where it was")
    train.add_argument("--recipe", choices=sorted(RECIPES), help="the settings to begin with")
    train.add_argument("--dry-run", action="store_true", help="print what would run, and run nothing")
    train.add_argument(
        "--own-norms", action="store_true", help="norms of its own behind each stitching layer"
    )
    train.add_argument("--plot", type=Path, metavar="HTML", help="draw the run's log into this file")
    train.add_argument(
        "--checkpoint-every", type=float, default=300.0, metavar="SECONDS", help="what a kill costs at most"
    )
    hints = get_type_hints(Recipe)
    settings = train.add_argument_group("settings", "as the recipe has them unless given")
    for setting in fields(Recipe):
        settings.add_argument(
            f"--{setting.name.replace('_', '-')}",
            type=hints[setting.name] if hints[setting.name] in (int, float) else str,
            default=argparse.SUPPRESS,
            help=f"{setting.metadata['help']} (plain default: {setting.default!r})",
        )


def _photo_options(parser: argparse.ArgumentParser, what: str, split: str = "validation") -> None:
    parser.add_argument(
        "--data",
        nargs="+",
        required=True,
        metavar="PATH",
        help=f"{what}: Parquet files, an image folder, or a data set of the hub (hf://datasets/owner/name)",
    )
    parser.add_argument("--split", default=split, metavar="NAME", help="of a data set of the hub")
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="ground truth of a flat image folder, as ImageNet's val"
    )
    parser.add_argument(
        "--workers",
        type=int,
        help="processes that decode photos; 0: none but this one (by default by the number of photos)",
    )


def _batch_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch-size", type=int, default=32)


def _weights_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, help="the authors' file, where it lies elsewhere")


def _paths(options: argparse.Namespace) -> str | list[str]:
    return options.data[0] if len(options.data) == 1 else options.data


def _source(options: argparse.Namespace) -> dict[str, Any]:
    return {"path": _paths(options), "labels": options.labels, "split": options.split}


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _networks(options: argparse.Namespace) -> None:
    from snnet.catalogue import entries

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
            low, high = row["gmacs"]
            sizes = (
                f" ({row['ways']} networks at several image sizes)" if row["ways"] < row["stitches"] else ""
            )
            figures = (
                f"{row['stitches']} stitches{sizes}, "
                f"{low:.2f}–{high:.2f} GMACs, {row['params_m']:.1f} M parameters, {accuracy}, "
                f"{row['size_mb']:.0f} MB"
            )
        print(f"{row['name']:<18} {row['title']}: {figures}, {'here' if row['here'] else 'to be fetched'}")


def _stitch(options: argparse.Namespace) -> None:
    from snnet.catalogue import build, lite
    from snnet.commands import malloc
    from snnet.photos.photo_set import open_photos

    malloc.keep_freed()
    photos = open_photos(**_source(options), limit=options.limit, seed=options.seed)
    run = {"batch_size": options.batch_size, "workers": options.workers, "progress": True}
    if options.models == [lite.NAME]:
        net = lite.anchored()
        build.start(net, photos, **run)
        file = options.out or lite.LAYERS
        made_from = {"network": net.name, "photos": len(photos), "fingerprint": photos.fingerprint}
        lite.write_layers(net, file, made_from | {"method": "least squares, no training"})
        _say(f"wrote {file} ({file.stat().st_size / 1e6:.1f} MB)")
        return
    named = (
        "pretrained",
        "ways",
        "kernel",
        "stride",
        "max_stitches",
        "low_rank",
        "own_norms",
        "image_size",
        "crop",
    )
    net = build.stitch(options.models, data=photos, **{name: getattr(options, name) for name in named}, **run)
    folder = options.out or Path(net.name)
    net.save(folder)
    gmacs = [net.cost(stitch).gmacs for stitch in net.stitches]
    _say(
        f"wrote {folder}: {len(net.stitches)} stitches, {min(gmacs):.2f}–{max(gmacs):.2f} GMACs, "
        f"{net.total_params_m:.1f} M parameters; see it with: python app.py --network {folder}"
    )


def _train(options: argparse.Namespace) -> None:
    from snnet.catalogue import entries, lite
    from snnet.commands import malloc
    from snnet.evaluation import results
    from snnet.photos.photo_set import open_photos
    from snnet.training.recipes import RECIPES, Recipe
    from snnet.training.run import plan, train

    malloc.keep_freed()
    named = options.recipe or (options.network if options.network in RECIPES else None)
    recipe = RECIPES[named].recipe if named else Recipe()
    recipe = recipe.with_settings(
        {s.name: getattr(options, s.name) for s in fields(Recipe) if s.name in options}
    )
    photos = open_photos(**_source(options), limit=options.limit, remember=results.Store().fingerprints)
    entry = entries.entry(options.network)
    net = entry.untrained(own_norms=options.own_norms)
    is_started = net is None
    if net is None:
        net = entries.load(options.network)
    if options.dry_run:
        if named:
            print(RECIPES[named].describe())
        print("\n".join(_dry_run(net, plan(net, photos, recipe, _processes()), recipe)))
        return
    net = train(
        net,
        photos,
        recipe,
        options.out,
        started=is_started,
        workers=options.workers,
        checkpoint_every_s=options.checkpoint_every,
        progress=True,
    )
    if os.environ.get("RANK", "0") != "0":
        return
    if options.plot:
        from snnet.commands import plots

        plots.training(options.out, options.plot)
        _say(f"wrote {options.plot}")
    if isinstance(entry, entries.LiteEntry):
        made_from = {"network": net.name} | net.origin
        lite.write_layers(net, options.out / lite.LAYERS.name, made_from, half=True)
    _say(f"wrote {options.out}: measure it with: python -m snnet evaluate {options.out} --data PHOTOS")


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _dry_run(net: "StitchedNetwork", plan: "Plan", recipe: "Recipe") -> list[str]:
    """Return what a run would do, in lines for people."""
    from snnet.training.run import learning_rates, parameter_groups

    groups = parameter_groups(net, recipe)
    moving = sum(p.numel() for group in groups for p in group["params"])
    rates = learning_rates(plan)
    shown = sorted({0, plan.warmup_steps, plan.steps // 2, plan.steps - 1})
    return [
        f"network   {net.title}: {len(plan.stitches)} of {len(net.stitches)} stitches are trained, "
        f"{moving / 1e6:.2f} of {net.total_params_m:.2f} M parameters move",
        f"photos    {plan.photos:,}; batch {plan.batch} = {recipe.batch_size} × {plan.processes} processes",
        f"steps     {plan.steps:,}, {plan.steps_an_epoch:,} an epoch; lr rises over {plan.warmup_steps:,}",
        f"draws     {recipe.draws} of the stitches a step",
        f"teacher   {recipe.teacher}, {recipe.distillation}, weight {recipe.alpha:g}"
        if recipe.distillation != "none"
        else "teacher   none",
        "lr        "
        + ", ".join(f"{rates(step):.3g} at step {step + 1:,}" for step in shown)
        + f"; anchors {recipe.anchor_lr:g} times that",
        "stitches  " + ", ".join(plan.stitch(step).name for step in range(min(8, plan.steps))) + ", …",
    ]


def _evaluate(options: argparse.Namespace) -> None:
    import torch

    from snnet.catalogue import entries
    from snnet.commands import malloc
    from snnet.evaluation import intervals, results
    from snnet.evaluation.distributed import Processes
    from snnet.evaluation.evaluate import evaluate
    from snnet.network.sweep import saved
    from snnet.photos.photo_set import open_photos

    malloc.keep_freed()
    net = entries.load(options.network, weights=options.weights)
    remember = results.Store().fingerprints
    photos = open_photos(**_source(options), limit=options.limit, seed=options.seed, remember=remember)
    processes = Processes()
    if processes.size == 1 and torch.accelerator.is_available():
        net.to(torch.accelerator.current_accelerator())
    new = evaluate(
        net,
        photos,
        precision=options.precision,
        batch_size=options.batch_size,
        workers=options.workers,
        about=options.about,
        progress=True,
        skip_broken=options.skip_broken,
        save_every_s=options.save_every,
        processes=processes,
    )
    if not processes.is_main:
        return
    if new and new[0].total < len(photos):
        _say(f"{len(photos) - new[0].total} photos left out, because they can't be decoded")
    net.cpu()
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
        said = [
            {name: getattr(row, name) for name in kept}
            | {f"top{top}_interval": list(intervals.interval(row, top)) for top in intervals.TOPS}
            for row in rows
        ]
        print(json.dumps(said, indent=2))
        return
    print(
        f"{'stitch':<28} {'GMACs':>6}  {'top-1, 95 %':>21}  {'top-5, 95 %':>21}   of {rows[0].photos_about}"
    )
    for stitch, row in zip(net.stitches, rows, strict=True):
        line = f"{stitch.name:<28} {net.cost(stitch).gmacs:6.3f}"
        for top, right in zip(intervals.TOPS, (row.top1, row.top5), strict=True):
            low, high = intervals.interval(row, top)
            line += f"  {100 * right / row.total:5.1f} % [{low:4.1f}, {high:5.1f}]"
        print(line)


def _frontier(options: argparse.Namespace) -> None:
    from snnet.catalogue import entries
    from snnet.evaluation import accuracy

    net = entries.load(options.network, weights=options.weights)
    rows = [row for row in accuracy.table(net) if options.all or row["on_front"]]
    if options.plot:
        from snnet.commands import plots

        plots.frontier(net, options.plot)
        _say(f"wrote {options.plot}")
    if options.page:
        _one_file().write(net, entries.entry(options.network), options.network, options.page)
        size_mb = options.page.stat().st_size / 1e6
        _say(f"wrote {options.page} ({size_mb:.1f} MB): it opens in any browser, without a server")
    if options.json:
        print(json.dumps({"network": net.name, "stitches": rows}, indent=2))
        return
    if options.csv:
        columns = ["name", "image_size", "gmacs", "params_m", "top1", "low", "high", "source", "on_front"]
        writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            low, high = row["interval"] or (None, None)
            writer.writerow(row | {"low": low, "high": high})
        return
    for row in sorted(rows, key=lambda row: row["gmacs"]):
        top1 = "not measured"
        if row["top1"] is not None:
            low, high = row["interval"]
            top1 = f"{row['top1']:5.2f} % [{low:.2f}, {high:.2f}] {row['source']}"
        print(f"{row['name']:<28} {row['gmacs']:6.3f} GMACs {row['params_m']:6.2f} M  {top1}")
    _say(accuracy.line(net))


def _one_file() -> Any:
    """Return the app's module that writes a page; the library itself does without the app."""
    try:
        return importlib.import_module("app.one_file")
    except ModuleNotFoundError as error:
        raise ValueError(
            f"--page needs {error.name}, which is not here: run the command in the project's folder, "
            "with requirements.txt installed; --plot needs neither"
        ) from error


def _zoo(options: argparse.Namespace) -> None:
    from snnet.catalogue import entries
    from snnet.tables import published_results, zoo

    _say(f"{entries.write_facts()} published networks in {entries.FACTS}")
    _say(f"{zoo.build(options.source)} models in {ASSETS / 'zoo.csv'}")
    if options.published:
        _say(f"{published_results.build(options.published)} published stitches in {ASSETS / 'published'}")
