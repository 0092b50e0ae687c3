"""`python -m app.refresh` makes every shipped figure anew; `--check` exits 1 and names each stale file."""

import argparse
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from snnet import files


@dataclass(frozen=True)
class Maker:
    """What makes some of the shipped files: `make` returns their bytes by path.

    `agrees` gets a file as it ships and as it was made anew: true where it need not be written again, as for
    figures that differ between processors in their last digits.
    """

    make: Callable[[], Mapping[Path, bytes]]
    agrees: Callable[[bytes, bytes], bool] = operator.eq


def _networks() -> Mapping[Path, bytes]:
    from snnet.catalogue import shipping

    return shipping.files()


def _examples() -> Mapping[Path, bytes]:
    from . import examples

    return examples.make()


def _examples_agree(old: bytes, new: bytes) -> bool:
    from . import examples

    return examples.agree(old, new)


MAKERS = {  # by a word that `--only` takes; imports belong into the functions
    "networks": Maker(_networks),
    "examples": Maker(_examples, _examples_agree),
}


def stale(makers: Mapping[str, Maker]) -> dict[Path, bytes]:
    """Return what these make, of the files that are missing or that no longer agree with it."""
    changed = {}
    for maker in makers.values():
        for path, new in maker.make().items():
            if not path.is_file() or not maker.agrees(path.read_bytes(), new):
                changed[path] = new
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is stale, or with `--check` name it; return 1 where that finds any."""
    parser = argparse.ArgumentParser(prog="python -m app.refresh", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and name each stale file")
    parser.add_argument("--only", choices=sorted(MAKERS), action="append", help="not all of them")
    options = parser.parse_args(arguments)
    changed = stale({name: maker for name, maker in MAKERS.items() if name in (options.only or MAKERS)})
    for path, new in changed.items():
        if options.check:
            print(f"{path} is stale: run python -m app.refresh, and look at what changes")
        else:
            files.write_bytes(path, new)
            print(f"wrote {path}")
    return int(options.check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
