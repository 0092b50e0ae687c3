"""`python -m snnet networks | stitch | train | evaluate | frontier | results | zoo`."""

import argparse
import os
import sys
from collections.abc import Sequence

from snnet import files, openmp, paths
from snnet.commands import evaluate, frontier, networks, results, stitch, tables, train

COMMANDS = (networks, stitch, train, evaluate, frontier, results, tables)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 after saying in one line on standard error what was wrong."""
    parser = argparse.ArgumentParser(prog="python -m snnet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for command in COMMANDS:
        command.add(commands)
    options = parser.parse_args(arguments)
    openmp.spin_briefly()
    from snnet.optional import say_plainly
    from snnet.photos.broken import is_broken
    from snnet.weights.files import WeightsError

    say_plainly()
    try:
        paths.settle()
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        _end_output()
    except (ValueError, OSError, WeightsError) as error:
        if isinstance(error, OSError) and not error.filename and files.is_places(error):
            _end_output()
            error = OSError(f"the output can't be written ({error.strerror}): send it elsewhere")
        hint = ""
        if is_broken(error) and not getattr(options, "skip_broken", True):
            hint = " Or leave out such photos: --skip-broken."
        print(f"snnet {options.command}: {error}{hint}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"snnet {options.command}: stopped", file=sys.stderr)
        return 130
    return 0


def _end_output() -> None:
    """Drop what could not be written: Python would try again at its end, and show where that fails."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:  # no file at all
        sys.stdout = None
