"""`python -m snnet evaluate`"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet import files
from snnet.commands import malloc
from snnet.commands.options import (
    add_draw,
    add_network,
    add_photos,
    command,
    open_photos,
    remarks_of,
    say,
    say_remarks,
)

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.evaluation.results import Result
    from snnet.photos.photo_set import Photos

_FOR_MACHINES = ("stitch", "total", "top1", "top5", "silent", "precision", "measured_on")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = command(
        commands,
        "evaluate",
        run,
        "Measure every stitch on labelled photos and remember the results.",
        "lite --data assets/samples --limit 1",
    )
    add_network(parser)
    add_photos(parser, "labelled photos")
    add_draw(parser)
    option = parser.add_argument
    option("--precision", default="float32", choices=("float32", "bfloat16", "float16"))
    option("--save-every", type=float, default=10.0, metavar="SECONDS", help="what a kill costs at most")
    option("--about", metavar="TEXT", help="how tables and the page name these photos")
    option("--table", type=Path, help="also write what is known on these photos as a CSV table")
    option("--json", action="store_true", help="print the results for a machine to read")


def run(options: argparse.Namespace) -> None:
    """Measure what has no result yet, and print the results of every stitch."""
    import torch

    from snnet.catalogue import entries
    from snnet.evaluation import results
    from snnet.evaluation.distributed import Processes
    from snnet.evaluation.evaluate import EvaluationOptions, evaluate
    from snnet.evaluation.provenance import results_on
    from snnet.evaluation.store import Store

    malloc.keep_freed()
    if options.table:  # what can't be written shows now
        files.check(options.table)
    net = entries.load(options.network, weights=options.weights)
    photos = open_photos(options, seed=options.seed, remember=Store().fingerprints)
    processes = Processes()
    if processes.size == 1 and torch.accelerator.is_available():
        net.to(torch.accelerator.current_accelerator())
    remarks = remarks_of(options)
    measuring = EvaluationOptions(
        precision=options.precision,
        batch_size=options.batch_size,
        workers=options.workers,
        about=options.about,
        remarks=remarks,
        save_every_s=options.save_every,
        progress=True,
    )
    new = evaluate(net, photos, measuring, processes=processes)
    if not processes.is_main:
        return
    net.cpu()
    _say_what_ran(net, photos, new)
    if new:
        say_remarks(remarks, options)
    elif options.broken_list:
        say(f"{options.broken_list} isn't written: no photo was decoded")
    by_name = results_on(net, photos, options.precision)
    rows = [by_name[stitch.name] for stitch in net.stitches]
    if options.table:
        results.write_table(rows, options.table)
        say(f"wrote {options.table}")
    _print(net, rows, options.json)


def _say_what_ran(net: "StitchedNetwork", photos: "Photos", new: "list[Result]") -> None:
    from snnet.network.sweep import saved

    if not new:
        say(f"nothing to compute: all {len(net.stitches)} stitches have a result for {photos.describe()}")
        return
    alone, shared = saved(net, [net.stitch(result.stitch) for result in new])
    say(
        f"measured {len(new)} stitches: {shared:.1f} GMACs a photo where one by one takes {alone:.1f} "
        f"({alone / shared:.2f} times)"
    )


def _print(net: "StitchedNetwork", rows: "list[Result]", for_machines: bool) -> None:
    from snnet.evaluation import intervals

    if for_machines:
        table = [
            {name: getattr(row, name) for name in _FOR_MACHINES}
            | {f"top{top}_interval": list(intervals.interval(row, top)) for top in intervals.TOPS}
            for row in rows
        ]
        print(json.dumps(table, indent=2))
        return
    print(f"{'stitch':<28} {'GMACs':>6}  {'top-1, 95 %':>21}  {'top-5, 95 %':>21}   of {rows[0].set_about}")
    for stitch, row in zip(net.stitches, rows, strict=True):
        line = f"{stitch.name:<28} {net.printed(stitch)[0]:>6}"
        for top, right in zip(intervals.TOPS, (row.top1, row.top5), strict=True):
            low, high = intervals.interval(row, top)
            line += f"  {100 * right / row.total:5.1f} % [{low:4.1f}, {high:5.1f}]"
        if row.silent:
            line += f"  {row.silent:,} of {row.total:,} gave no finite answer"
        print(line)
    _say_silence(rows)


def _say_silence(rows: "list[Result]") -> None:
    count = sum(row.silent > 0 for row in rows)
    if not count:
        return
    remedy = "the weights are broken: save or fetch the network again, or train it anew"
    if rows[0].precision == "float16":
        remedy = "float16 overflows there: measure with --precision bfloat16 or float32"
    say(
        f"{count} of {len(rows)} stitches gave some photos no finite answer, which counts as a wrong one; "
        + remedy
    )
