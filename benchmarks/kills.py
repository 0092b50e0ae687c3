"""The store, an evaluation and a training run under kill -9 at random moments.

    python -m benchmarks.kills [--times 200] [--evaluations 50] [--trainings 50] [--seed 0]

The store: four processes write as fast as they can and are killed, all at once, `--times` times; what a call
had acknowledged must be there afterwards, the file sound, no lock left. An evaluation and a training run of a
tiny network are killed and begun again until that many kills have been; whenever one comes to its end, its
results or weights must equal those of a run that nobody killed, in every bit.
"""

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snnet.evaluation.results import Result
from snnet.evaluation.store import Store

WRITERS = 4
LONGEST_S = 0.4  # from the first row to the kill


# -------------------------------------------------------------------------------------------------- the store


@dataclass
class Outcome:
    """What became of a store: of the rows acknowledged, those lost; times it was damaged, or locked."""

    acknowledged: int = 0
    lost: int = 0
    damaged: int = 0
    locked: int = 0


def result(writer: int, number: int) -> Result:
    """Return the row that a writer puts as its number-th."""
    return Result(
        route=f"{writer}-{number}",
        photos="p",
        transform="t",
        precision="float32",
        total=10,
        top1=number % 8,
        top5=9,
        per_class={0: (10, number % 8, 9)},
        photos_about="photos",
        measured_on="2026-01-02",
        network="n" * (number % 700),  # rows of many lengths
        stitch="s",
    )


def write(file: Path, writer: int, first: int) -> None:
    """Put rows until killed; the number of each is written beside the store once the store has it."""
    store = Store(file)
    acknowledged = os.open(f"{file}.{writer}", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for number in range(first, sys.maxsize):
        store.put_progress(f"{writer}", bytes([number % 251]) * (number % 9000))
        store.finish([result(writer, number)], f"{writer}")
        store.fingerprints[f"{writer}", number, 1] = str(number)
        os.write(acknowledged, b"%d\n" % number)


def kill_writers(folder: Path, times: int, seed: int) -> Outcome:
    """Let four processes write to one store and kill them, so many times; return what became of it."""
    chance, outcome, file = random.Random(seed), Outcome(), folder / "results.sqlite"
    firsts = [0] * WRITERS
    for _ in range(times):
        words = [sys.executable, "-m", "benchmarks.kills", "--writer", str(file)]
        root = Path(__file__).parents[1]
        processes = [
            subprocess.Popen([*words, str(writer), str(first)], cwd=root, stderr=subprocess.DEVNULL)
            for writer, first in enumerate(firsts)
        ]
        sizes = [_size(Path(f"{file}.{writer}")) for writer in range(WRITERS)]
        while all(_size(Path(f"{file}.{w}")) == size for w, size in enumerate(sizes)):
            time.sleep(0.005)
        time.sleep(chance.uniform(0, LONGEST_S))
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            process.wait()
        for writer in range(WRITERS):
            numbers = _numbers(Path(f"{file}.{writer}"))
            firsts[writer] = max(numbers, default=-1) + 1
        _check(file, outcome)
    outcome.acknowledged = sum(len(_numbers(Path(f"{file}.{writer}"))) for writer in range(WRITERS))
    return outcome


def _check(file: Path, outcome: Outcome) -> None:
    store = Store(file)
    begin = time.monotonic()
    try:
        store.check()
        rows = {r.route: r for r in store.all()}
    except OSError as error:
        print(error, file=sys.stderr)
        outcome.damaged += 1
        return
    outcome.locked += time.monotonic() - begin > 20
    for writer in range(WRITERS):
        for number in _numbers(Path(f"{file}.{writer}")):
            outcome.lost += rows.get(f"{writer}-{number}") != result(writer, number)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        outcome.damaged += connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _numbers(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.is_file() else []


# ----------------------------------------------------------------------------------- evaluation and training


def photos_in(folder: Path) -> Path:
    """Make a folder of eighteen photos of three classes, and return it."""
    import torch
    from PIL import Image

    generator = torch.Generator().manual_seed(0)
    for synset in ("n01440764", "n01443537", "n01484850"):
        (folder / synset).mkdir(parents=True)
        for number in range(6):
            pixels = torch.randint(0, 256, (70, 80, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(folder / synset / f"{number}.png")
    return folder


def evaluation(photos: Path, out: Path) -> None:
    """Evaluate a tiny network, its store and its results being in `out`; or go on where that was."""
    from snnet.evaluation.evaluate import EvaluationOptions, evaluate
    from snnet.photos.photo_set import open_photos
    from tests.networks import tiny

    store = Store(out / "results.sqlite")
    options = EvaluationOptions(batch_size=2, save_every_s=0)
    evaluate(tiny(), open_photos(photos, remember=store.fingerprints), options, store=store)


def results_of(out: Path) -> object:
    """Return all that an evaluation came to."""
    store = Store(out / "results.sqlite")
    rows = []
    for row in sorted(store.all(), key=lambda row: row.stitch):
        hits = store.hits(row)
        assert hits
        bits = (hits.measured.tolist(), hits.top1.tolist(), hits.top5.tolist())
        rows.append((row.key, row.total, row.top1, row.top5, row.per_class, bits))
    return rows


def training(photos: Path, out: Path) -> None:
    """Train a tiny network in `out`, or go on where that was."""
    from snnet.photos.photo_set import open_photos
    from snnet.training.recipes import Recipe
    from snnet.training.run import TrainingOptions, train
    from tests.networks import tiny

    recipe = Recipe(steps=8, batch_size=4, lr=1e-3, ema=0.9, clip=1.0, start_photos=4, warmup_epochs=0)
    train(tiny(), open_photos(photos), recipe, out, TrainingOptions(workers=0, checkpoint_every_s=0))


def weights_of(out: Path) -> object:
    """Return the tensors that a run ended with, and the steps of its log."""
    import safetensors.torch

    from snnet.training import log

    tensors = safetensors.torch.load_file(out / "model.safetensors")
    return {name: t.numpy().tobytes() for name, t in tensors.items()}, [row["step"] for row in log.read(out)]


def attempt(work: Callable[[Path, Path], None], photos: Path, out: Path, kill_after_s: float | None) -> bool:
    """Do the work in a process of its own, killed after so many seconds; True if it came to its end."""
    pid = os.fork()
    if not pid:
        try:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 2)
                work(photos, out)
            os._exit(0)
        except BaseException:
            os._exit(1)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(f"what was begun again in {out} failed: run it by hand")
    return os.WIFEXITED(status)


def kill_work(
    work: Callable[[Path, Path], None], end: Callable[[Path], object], times: int, seed: int
) -> tuple[int, int, int]:
    """Kill work so many times; return the kills, how often it came to its end, and how often to another."""
    import accelerate  # noqa: F401 - what a process would spend its life on before it begins

    import snnet.evaluation.evaluate
    import snnet.training.run  # noqa: F401
    import tests.networks  # noqa: F401

    chance, kills, rounds, different = random.Random(seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        photos = photos_in(Path(folder) / "photos")
        begin = time.monotonic()
        attempt(work, photos, Path(folder) / "whole", None)
        whole, took_s = end(Path(folder) / "whole"), time.monotonic() - begin
        while kills < times:
            out = Path(folder) / f"{rounds}"
            out.mkdir()
            while kills < times and not attempt(work, photos, out, chance.uniform(0, took_s / 2)):
                kills += 1
            attempt(work, photos, out, None)
            rounds += 1
            different += end(out) != whole
    return kills, rounds, different


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--evaluations", type=int, default=50)
    parser.add_argument("--trainings", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--writer", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.writer:
        file, writer, first = options.writer
        write(Path(file), int(writer), int(first))
    if options.times:
        with tempfile.TemporaryDirectory() as folder:
            outcome = kill_writers(Path(folder), options.times, options.seed)
        print(
            f"store: {WRITERS} writing processes killed {options.times} times, {outcome.acknowledged:,} "
            f"rows acknowledged: {outcome.lost} lost, {outcome.damaged} times damaged, {outcome.locked} "
            "times locked"
        )
    import torch

    torch.set_num_threads(1)  # a fork takes no other threads along
    for name, work, end, times in (
        ("evaluation", evaluation, results_of, options.evaluations),
        ("training", training, weights_of, options.trainings),
    ):
        if times:
            kills, rounds, different = kill_work(work, end, times, options.seed)
            print(
                f"{name}: killed {kills} times, came to its end {rounds} times: {different} times another",
                flush=True,
            )


if __name__ == "__main__":
    main()
