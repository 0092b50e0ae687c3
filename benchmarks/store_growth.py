"""What a results store of many rows costs those that need none of them, beside an empty one.

    python -m benchmarks.store_growth [--rows 1000000] [--runs 3]

Makes a store whose rows are of other networks, then asks for the list of networks and loads the network that
ships, each in a process of its own. Prints medians of processor time and the most memory. Goal: at most 1 s
and 100 MB more than with an empty store.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from snnet.evaluation.results import Result
from snnet.evaluation.store import Store

WORK = {
    "python -m snnet networks": "from snnet.commands import main; main.main(['networks'])",
    "loading lite": "import snnet; snnet.load('lite')",
}
PHOTOS_A_CLASS = {label: (50, 30 + label % 20, 49) for label in range(20)}


def rows(count: int) -> Iterator[Result]:
    """Yield so many results of stitches that no network here has."""
    for number in range(count):
        yield Result(
            route=f"{number // 4:032x}",
            photos="p" * 60 + f"{number % 4:04x}",
            transform="size=224 crop=0.875 bicubic mean=0.5,0.5,0.5 std=0.5,0.5,0.5",
            precision="float32",
            total=1000,
            top1=sum(one for _, one, _ in PHOTOS_A_CLASS.values()),
            top5=980,
            per_class=PHOTOS_A_CLASS,
            photos_about="val.parquet (1,000 photos of 20 classes)",
            measured_on="2026-01-02",
            network="other",
            stitch=f"stitch{number}@224",
        )


def measure(code: str, home: Path) -> tuple[float, float, float]:
    """Return processor seconds, seconds and MB of a process that runs this code with this home."""
    report = "; import resource, sys; u = resource.getrusage(resource.RUSAGE_SELF); "
    report += "print(u.ru_utime + u.ru_stime, u.ru_maxrss / 1024, file=sys.stderr)"
    environment = os.environ | {"SNNET_HOME": str(home)}
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code + report],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    took_s = time.perf_counter() - begin
    processor_s, mb = map(float, done.stderr.splitlines()[-1].split())
    return processor_s, took_s, mb


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes = {"empty": Path(folder) / "empty", f"{options.rows:,} rows": Path(folder) / "full"}
        Store(homes["empty"] / "results.sqlite").put([])
        full = Store(homes[f"{options.rows:,} rows"] / "results.sqlite")
        begin = time.perf_counter()
        full.put(rows(options.rows))
        size_mb = full.file.stat().st_size / 1e6
        took_s = time.perf_counter() - begin
        print(f"made a store of {options.rows:,} rows, {size_mb:,.0f} MB, in {took_s:.0f} s")
        for name, code in WORK.items():
            figures: dict[str, list[tuple[float, float, float]]] = {home: [] for home in homes}
            for _ in range(options.runs):
                for home, place in homes.items():  # in turn
                    figures[home].append(measure(code, place))
            for home, runs in figures.items():
                processor_s, took_s, mb = (statistics.median(run[k] for run in runs) for k in range(3))
                print(f"{name}, {home}: {processor_s:.2f} processor seconds, {took_s:.2f} s, {mb:,.0f} MB")
        begin = time.perf_counter()
        full.check()
        print(f"looking through it before an evaluation: {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
