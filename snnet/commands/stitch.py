"""`python -m snnet stitch`"""

import argparse
from pathlib import Path
from typing import Any

from snnet import files
from snnet.commands import malloc
from snnet.commands.options import add_draw, add_photos, command, open_photos, remarks_of, say, say_remarks

_JOINING = (
    *("pretrained", "ways", "kernel", "stride", "max_stitches", "low_rank", "own_norms"),
    *("image_size", "crop"),
)


def add(commands: Any) -> None:
    """Declare the command."""
    parser = command(
        commands,
        "stitch",
        run,
        "Join timm models by stitching layers, started by least squares on photos.",
        "tf_efficientnet_lite0 tf_efficientnet_lite1 --data assets/samples --out lites/",
    )
    option = parser.add_argument
    option(
        "models",
        nargs="+",
        metavar="NAME",
        help="two or more of timm's models, or a network to start anew",
    )
    add_photos(parser, "photos to start from; labels are not needed", split="train")
    add_draw(parser, limit=500)
    option("--out", type=Path, help="the folder to write (default: the models' names)")
    option(
        "--no-pretrained", dest="pretrained", action="store_false", help="random weights, to try things out"
    )
    option(
        "--ways",
        default="auto",
        choices=("auto", "paired", "unpaired", "two-way"),
        help="paired windows, unpaired within stages, or two-way; auto: paired for equal plain transformers",
    )
    option("--kernel", type=int, default=2, help="blocks in a window of paired stitching")
    option("--stride", type=int, default=1, help="blocks by which the window slides")
    option("--max-stitches", type=int, help="thin the stitches to this many, evenly by GMACs")
    option("--low-rank", type=int, default=0, help="rank of a branch for training each layer")
    option("--own-norms", action="store_true", help="norms of its own behind each layer")
    option("--image-size", type=int, help="px (default: the costliest model's own)")
    option("--crop", type=float, help="of the short side (default: the costliest model's own)")


def run(options: argparse.Namespace) -> None:
    """Join the models and write the network's folder."""
    from snnet.catalogue import build, entries
    from snnet.catalogue.families import weights_of
    from snnet.network.start import start
    from snnet.weights import licences

    malloc.keep_freed()
    if options.out:  # what can't be written shows now
        files.check(options.out / "config.json", elsewhere="give another folder by --out")
    photos = open_photos(options, seed=options.seed)
    remarks = remarks_of(options)
    settings: dict[str, Any] = {
        "batch_size": options.batch_size,
        "workers": options.workers,
        "progress": True,
    }
    settings["remarks"] = remarks
    names = [entry.name for entry in entries.entries()]
    if len(options.models) == 1 and options.models[0] in names:
        net = entries.entry(options.models[0]).untrained(options.own_norms)
        assert net is not None  # those of the catalogue all begin from their anchors
        start(net, photos, **settings)
        net.origin = build.origin(net, photos, remarks)
    else:
        joining = {name: getattr(options, name) for name in _JOINING}
        net = build.stitch(options.models, data=photos, **joining, **settings)
    folder = options.out or Path(net.name)
    net.save(folder)
    say_remarks(remarks, options)
    for weights in weights_of(net).values():
        say(f"weights {licences.credit(weights)}")
    low, high = net.printed_range()
    say(
        f"wrote {folder}: {len(net.stitches)} stitches, {low}–{high} GMACs, "
        f"{net.total_params_m:.1f} M parameters; see it with: python app.py --network {folder}"
    )
