"""Keeping freed memory against giving it back, over sweeps through `lite` at its default size.

    python -m benchmarks.kept_memory [--rounds 5] [--batch 32]

Each way has a process of its own, since the choice is made once; they take turns. Prints medians and
their ratio.
"""

import argparse
import statistics
import subprocess
import sys
import time

import torch

import snnet
from snnet.commands import malloc


def sweeps(keep: bool, rounds: int, batch: int) -> None:
    """Time sweeps of one batch, a line each, whenever a line comes in."""
    if keep:
        malloc.keep_freed()
    net = snnet.load("lite")
    size = net.stitches[0].image_size
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    for _ in range(rounds + 1):
        input()
        begun = time.perf_counter()
        for _ in snnet.sweep(net, images):
            pass
        print(time.perf_counter() - begun, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--run", choices=("given back", "kept"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        sweeps(options.run == "kept", options.rounds, options.batch)
        return
    words = [sys.executable, "-m", "benchmarks.kept_memory", "--rounds", str(options.rounds)]
    words += ["--batch", str(options.batch), "--run"]
    processes = {
        name: subprocess.Popen([*words, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("given back", "kept")
    }
    times: dict[str, list[float]] = {name: [] for name in processes}
    for round_ in range(options.rounds + 1):
        for name, process in processes.items():
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            seconds = float(process.stdout.readline())
            if round_:  # the first one allocates
                times[name].append(seconds)
    for name, found in times.items():
        low, high = min(found), max(found)
        print(f"freed memory {name}: {statistics.median(found):.2f} s a sweep ({low:.2f}–{high:.2f})")
    pairs = [back / kept for back, kept in zip(times["given back"], times["kept"], strict=True)]
    print(f"{statistics.median(pairs):.2f} times less time")


if __name__ == "__main__":
    main()
