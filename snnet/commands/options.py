"""What several commands share: how one is declared, groups of options, and a line for the person at it."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnet.photos.broken import Remarks
    from snnet.photos.photo_set import Photos


def command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], text: str, example: str
) -> argparse.ArgumentParser:
    """Declare a command by what it does, in a sentence, and an example; return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"example: python -m snnet {name} {example}",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_network(parser: argparse.ArgumentParser) -> None:
    """Let a person name a network that is ready to run."""
    parser.add_argument("network", help="a name of the catalogue, or a network's folder")
    parser.add_argument("--weights", type=Path, help="the authors' file, where it lies elsewhere")


def add_photos(parser: argparse.ArgumentParser, what: str, split: str = "validation") -> None:
    """Let a person name photos, which `open_photos` opens."""
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
        "--labels-are",
        default="names",
        choices=("names", "indices"),
        help="sub-folders named by number: indices says that those are ImageNet-1k's, 0 to 999",
    )
    parser.add_argument(
        "--workers",
        type=int,
        help="processes that decode photos; 0: none but this one (by default by the number of photos)",
    )
    parser.add_argument(
        "--skip-broken", action="store_true", help="leave out photos that can't be decoded, and list them"
    )
    parser.add_argument(
        "--broken-list", type=Path, metavar="FILE", help="also write the whole list into this file"
    )


def add_draw(parser: argparse.ArgumentParser, limit: int | None = None) -> None:
    """Let a person say how many of the photos are taken, which, and how many at once."""
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--limit", type=int, default=limit, help="take this many of the photos, drawn at random"
    )
    parser.add_argument("--seed", type=int, default=0, help="which photos are drawn")


def open_photos(options: argparse.Namespace, **more: Any) -> "Photos":
    """Return the photos that were named, `limit` of them."""
    from snnet.photos import photo_set

    path = options.data[0] if len(options.data) == 1 else options.data
    source = {name: getattr(options, name) for name in ("labels", "labels_are", "split", "limit")}
    return photo_set.open_photos(path, **source, **more)


def remarks_of(options: argparse.Namespace) -> "Remarks":
    """Return what hears of photos that are left out; a list that couldn't be written shows now."""
    from snnet import files
    from snnet.photos.broken import Remarks

    if options.broken_list:
        files.check(options.broken_list)
    return Remarks(options.skip_broken)


def say_remarks(remarks: "Remarks", options: argparse.Namespace) -> None:
    """Print what there is to say of single photos, and write the whole list where that is asked for."""
    from snnet import files

    for line in remarks.lines():
        say(line)
    if options.broken_list:
        files.write_text(options.broken_list, "".join(f"{sentence}\n" for sentence in sorted(remarks.broken)))
        say(f"wrote {options.broken_list}")


def say(text: str) -> None:
    """Print a line for a person; results alone go to standard output."""
    print(text, file=sys.stderr)
