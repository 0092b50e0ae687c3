"""The project's benchmarks in two checkouts, against the noise of running one of them twice.

    python -m benchmarks.before_after --before CHECKOUT [--rounds 5] [--only start_up imports ...]

A round runs each benchmark in the older checkout, in the older one again (the control), and in this one, each
with the benchmark's own code there, beginning with another of the three from round to round. Prints medians,
and medians of each round's ratios, over 1 meaning slower or more: the control's shows what is noise. A row is
too slow whose ratio is over 1.05 times the control's. Wants a quiet machine.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1.05  # beyond the control's own distance from 1
TURNS = ("before", "control", "after")

IMPORT = "import sys, time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun, 's'); "
MODULES = "print(len(sys.modules), 'modules')"
SWEEP = """
import time, torch, snnet
net = snnet.load("lite")
size = net.stitches[0].image_size
images = torch.randn(8, 3, size, size, generator=torch.Generator().manual_seed(0))
images = images.to(memory_format=torch.channels_last)
times = []
for _ in range(4):
    begun = time.perf_counter()
    with torch.inference_mode():
        for _ in snnet.sweep(net, images):
            pass
    times.append(time.perf_counter() - begun)
print(sorted(times)[1], "s")
"""


@dataclass(frozen=True)
class Benchmark:
    """A command, and where its output holds each figure: the mean of all matches of a pattern.

    Without a figure the command's own wall time counts.
    """

    command: tuple[str, ...]
    figures: dict[str, str] = field(default_factory=dict)
    more_is_better: bool = False
    by_default: bool = True


NUMBER = r"([\d.]+(?:e-?\d+)?)"
BENCHMARKS = {
    "imports": Benchmark(
        ("-c", IMPORT.format("import snnet") + MODULES), {"s": f"{NUMBER} s", "modules": f"{NUMBER} modules"}
    ),
    "load": Benchmark(
        ("-c", IMPORT.format("import snnet; snnet.load('lite')") + MODULES),
        {"s": f"{NUMBER} s", "modules": f"{NUMBER} modules"},
    ),
    "networks": Benchmark(("-m", "snnet", "networks")),
    "frontier": Benchmark(("-m", "snnet", "frontier", "lite", "--all")),
    "sweep": Benchmark(("-c", SWEEP), {"s": f"{NUMBER} s"}),
    "start_up": Benchmark(
        ("benchmarks/start_up.py", "--runs", "1"),
        {"first page, s": f"page served: +{NUMBER}", "first answer, s": f"answers: +{NUMBER}"},
    ),
    "photo_round_trip": Benchmark(
        ("benchmarks/photo_round_trip.py", "--runs", "10"),
        {
            "whole, ms": f"as the page asks: {NUMBER} ms",
            "on top of the network, ms": f"as the page asks:.*on top {NUMBER} ms",
        },
    ),
    "memory": Benchmark(
        ("benchmarks/memory.py", "--photos", "20"),
        {"loaded, MB": f"network loaded: +{NUMBER} MB", "after 20, MB": f"after +20 photos: +{NUMBER} MB"},
    ),
    "shared_evaluation": Benchmark(
        ("-m", "benchmarks.shared_evaluation", "--rounds", "1"),
        {"loop, s": f"loop over stitches +{NUMBER} s", "shared, s": f"shared beginnings +{NUMBER} s"},
    ),
    "training_step": Benchmark(
        ("-m", "benchmarks.training_step"), {"through a stitch, ms": rf"(?m)^\S*~\S* .*?{NUMBER} ms a step"}
    ),
    "ring_moves": Benchmark(
        ("benchmarks/ring_moves.py", "--runs", "1"),
        {"moves a second": f"ring moves a second: {NUMBER}"},
        more_is_better=True,
    ),
    "suite": Benchmark(("-m", "pytest", "-q", "-n", "2"), by_default=False),
}


def run(benchmark: Benchmark, checkout: Path) -> dict[str, float]:
    """Run a benchmark in a checkout and return its figures; SystemExit with its output if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    begun = time.perf_counter()
    process = subprocess.run(
        [sys.executable, *benchmark.command], cwd=checkout, env=environment, capture_output=True, text=True
    )
    wall_s = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"in {checkout}: {' '.join(benchmark.command)}\n{process.stdout}{process.stderr}")
    if not benchmark.figures:
        return {"s": wall_s}
    figures = {}
    for figure, pattern in benchmark.figures.items():
        values = [float(value) for value in re.findall(pattern, process.stdout)]
        if not values:
            raise SystemExit(f"in {checkout}: no {figure!r} in the output\n{process.stdout}")
        figures[figure] = statistics.mean(values)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the older version")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=tuple(BENCHMARKS),
        default=[name for name, benchmark in BENCHMARKS.items() if benchmark.by_default],
        help="these benchmarks (default: all but the suite)",
    )
    options = parser.parse_args()
    checkouts = {"before": options.before.resolve(), "control": options.before.resolve(), "after": ROOT}
    print(f"{'':<46} {'before':>10} {'after':>10} {'ratio':>7} {'control':>8}")
    slower = 0
    for name in options.only:
        benchmark = BENCHMARKS[name]
        rounds: list[dict[str, dict[str, float]]] = []
        for number in range(options.rounds):
            turns = TURNS[number % 3 :] + TURNS[: number % 3]
            rounds.append({turn: run(benchmark, checkouts[turn]) for turn in turns})
        for figure in rounds[0]["before"]:
            before, after = (
                statistics.median(round_[turn][figure] for round_ in rounds) for turn in ("before", "after")
            )
            ratio, control = (
                statistics.median(round_[turn][figure] / round_["before"][figure] for round_ in rounds)
                ** (-1 if benchmark.more_is_better else 1)
                for turn in ("after", "control")
            )
            is_slower = ratio > LIMIT * max(control, 1 / control)
            slower += is_slower
            print(
                f"{f'{name}: {figure}':<46} {before:10.4g} {after:10.4g} {ratio:7.3f} {control:8.3f}"
                + (" too slow" if is_slower else ""),
                flush=True,
            )
    print(f"{options.rounds} rounds; {slower or 'no'} rows too slow")


if __name__ == "__main__":
    main()
