"""CPU time of evaluations and sweeps as photos and stitches become more: it grows as they do, no faster.

    python -m benchmarks.growth [--rounds 3]

Evaluations of a network with random weights over 100 to 800 photos made here, and sweeps of `lite` at 192
px over 5 to 40 of its ways. CPU seconds, medians of the rounds; the last column is the time of one photo or
stitch against that of the first row.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import snnet
from snnet.evaluation.evaluate import evaluate
from snnet.evaluation.store import Store
from snnet.photos.photo_set import open_photos
from tests.networks import tiny
from tests.photos.sets import parquet

PHOTOS = (100, 200, 400, 800)
WAYS = (5, 10, 20, 40)
SIZE = 192


def cpu_s(work: Callable[[], object], rounds: int) -> float:
    """Return the median CPU time of a call in s."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def evaluations(count: int, folder: Path, rounds: int) -> float:
    """Return the CPU time of an evaluation over so many photos."""
    net = tiny()
    file = parquet(
        folder / f"{count}.parquet", [k % 256 for k in range(count)], [k % 10 for k in range(count)]
    )
    photos = open_photos(str(file))
    stores = (Store(folder / f"{count}-{k}.sqlite") for k in range(rounds))
    return cpu_s(lambda: evaluate(net, photos, store=next(stores)), rounds)


def sweeps(count: int, net: torch.nn.Module, rounds: int) -> float:
    """Return the CPU time of a sweep over so many ways, spread over all of the size."""
    ways = [stitch for stitch in net.stitches if stitch.image_size == SIZE]
    some = [ways[k * len(ways) // count] for k in range(count)]
    images = torch.zeros(1, 3, SIZE, SIZE)
    return cpu_s(lambda: list(snnet.sweep(net, images, some)), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    lite = snnet.load("lite")
    list(snnet.sweep(lite, torch.zeros(1, 3, SIZE, SIZE)))  # warm
    with tempfile.TemporaryDirectory() as folder:
        evaluations(PHOTOS[0], Path(folder) / "warm", 1)
        for what, counts, measure in (
            ("photos evaluated", PHOTOS, lambda count: evaluations(count, Path(folder), rounds)),
            ("stitches swept", WAYS, lambda count: sweeps(count, lite, rounds)),
        ):
            first = 0.0
            for count in counts:
                seconds = measure(count)
                first = first or seconds / count
                print(f"{count:4} {what}: {seconds:.3f} s, one {seconds / count / first:.2f}", flush=True)


if __name__ == "__main__":
    main()
