"""One stitch at batch 1 while others want the cores: how OpenMP's threads wait decides.

    python benchmarks/busy_machine.py [--seconds 4]

Each row is a setting, in a process of its own: medians and 90th percentiles in ms beside 0, 2 and 6 busy
processes, for one caller; and the answers a second of two callers of one thread against one caller of two.
"""

import multiprocessing
import os
import subprocess
import sys

from serving import ROOT, parser_of

SETTINGS = {
    "as it is": {},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "GOMP_SPINCOUNT=1000000": {"GOMP_SPINCOUNT": "1000000"},
}
CODE = """
import statistics, sys, threading, time, torch, snnet
threads, callers, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
net = snnet.load("lite").to(memory_format=torch.channels_last)
stitch = net.select(gmacs=0.4, silent=True)
images = torch.zeros(1, 3, stitch.image_size, stitch.image_size).to(memory_format=torch.channels_last)
times = []
def call():
    torch.set_num_threads(threads)
    with torch.inference_mode():
        for _ in range(3):
            net(images, stitch)
        end = time.perf_counter() + seconds
        while (begun := time.perf_counter()) < end:
            net(images, stitch)
            times.append(1e3 * (time.perf_counter() - begun))
all = [threading.Thread(target=call) for _ in range(callers)]
[one.start() for one in all]
[one.join() for one in all]
times.sort()
ninth = times[int(0.9 * len(times))]
print(f"{statistics.median(times):.1f} ms (90 %: {ninth:.1f}), {len(times) / seconds:.0f}/s")
"""


def _spin() -> None:
    while True:
        pass


def measure(environment: dict[str, str], threads: int, callers: int, busy: int, seconds: float) -> str:
    """Return the figures of one process beside so many busy ones."""
    ours = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")
    settings = {k: v for k, v in os.environ.items() if k not in ours} | environment
    spinning = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(busy)]
    for process in spinning:
        process.start()
    try:
        command = [sys.executable, "-c", CODE, str(threads), str(callers), str(seconds)]
        done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=True)
    finally:
        for process in spinning:
            process.kill()
            process.join()
    return done.stdout.strip()


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 2, 6])
    options = parser.parse_args()
    rows = [(name, environment, 2, 1) for name, environment in SETTINGS.items()]
    rows += [("one thread", {}, 1, 1), ("one thread, two callers", {}, 1, 2)]
    rows.append(("two threads, two callers, 10000", SETTINGS["GOMP_SPINCOUNT=10000"], 2, 2))
    for name, environment, threads, callers in rows:
        for busy in options.busy:
            print(
                f"{name:<34} beside {busy}: {measure(environment, threads, callers, busy, options.seconds)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
