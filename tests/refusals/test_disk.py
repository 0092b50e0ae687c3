"""Networks, runs, tables, plots and pages on a disk that is full, really full: what is said, what is left."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import snnet
from snnet.catalogue.stitched_network import StitchedNetwork
from snnet.commands import main
from snnet.evaluation import results
from snnet.evaluation.salvage import salvage
from snnet.evaluation.store import Store
from snnet.files import WriteError, write_text
from snnet.photos.photo_set import open_photos
from snnet.training import checkpoint, log
from snnet.training import run as training
from snnet.training.plan import TrainingError
from tests.evaluation.test_store import result
from tests.limits import disk, full
from tests.networks import tiny
from tests.photos.sets import noise
from tests.refusals.sites import refusal
from tests.training.settings import SYNSETS, recipe

ROOT = Path(__file__).parents[2]


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def equal(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@refusal(
    "snnet/files.py: can't be written",
    "snnet/files.py: errno.ENOSPC",
    "snnet/files.py: errno.EISDIR",
    "snnet/files.py: errno.EACCES",
    "snnet/files.py: errno.ENAMETOOLONG",
)
def test_a_file(refused, tmp_path, monkeypatch):
    """All that is in the way of a file; `tests/test_files.py` has each on a disk of its own."""
    file = tmp_path / "table.csv"
    with refused("ENAMETOOLONG") as told:
        write_text(tmp_path / ("x" * 300), "new")
    assert "shorten the name" in told.sentence
    file.mkdir()
    with refused("EISDIR") as told:
        write_text(file, "new")
    assert "move the folder away" in told.sentence
    file.rename(tmp_path / "away")
    with disk(tmp_path / "disk", "size=100k") as place, refused("ENOSPC") as told:
        write_text(place / "large", "x" * 200_000)
    assert "make room" in told.sentence
    with disk(tmp_path / "disk", "size=100k") as place, refused("be written") as told, full(place):
        write_text(place / "folder" / "small", "text")
    from tests.limits import folder_that_is_only_read

    write_text(file, "old")
    with folder_that_is_only_read(tmp_path), refused("EACCES") as told:
        tmp_path.chmod(0o755)
        write_text(file, "new")
    subprocess.run(re.search(r"chmod \S+ [^,]+", told.sentence)[0].split(), check=True)
    write_text(file, "new")
    assert file.read_text() == "new"


def test_a_network_that_is_saved(tmp_path):
    net, other = tiny(seed=3), tiny(seed=4)
    with disk(tmp_path / "disk", "size=40m") as place:
        with (
            full(place, but=1 << 20),
            pytest.raises(WriteError, match=r"MB are needed and 1\.0 MB are free") as told,
        ):
            net.save(place / "net")
        assert not (place / "net").exists()
        assert re.search(r"net/\S+ can't be written .*make room, or name another folder", str(told.value))
        net.save(place / "net")
        before = contents(place)
        for left in (0, 1 << 20):
            with full(place, but=left), pytest.raises(WriteError, match="the disk is full"):
                other.save(place / "net")
            assert contents(place) == before
            assert equal(snnet.load(str(place / "net")), net)
        other.save(place / "net")
        assert equal(snnet.load(str(place / "net")), other)


def learnt(folder):
    (folder / "photos").mkdir()
    return open_photos(noise(folder / "photos", SYNSETS, 6))


RECIPE = recipe(steps=6, ema=0.9)


@refusal(
    "snnet/training/checkpoint.py: stop(folder, error)",
    "snnet/training/checkpoint.py: TrainingError(str(error))",
)
@pytest.mark.filterwarnings("ignore:the log of the run in")
def test_a_run(refused, tmp_path, monkeypatch):
    """The disk fills up while it trains; with room again it ends as one that nothing stopped."""
    photos = learnt(tmp_path)
    often = training.TrainingOptions(workers=0, checkpoint_every_s=0)
    whole = training.train(tiny(), photos, RECIPE, tmp_path / "whole", often)
    with disk(tmp_path / "disk", "size=100m") as place:
        out = place / "run"
        with full(place, but=1 << 20), refused("str(error)") as told:
            training.train(tiny(), photos, RECIPE, out, often)
        assert re.search(r"run/checkpoint\.pt can't be written .* MB are needed and 1\.0 MB", told.sentence)
        assert not out.exists()
        step, filler = training.Run.step, []

        def fills(run, number, *batch):
            if number == 4:
                filler.append(full(place))
                filler[0].__enter__()
            return step(run, number, *batch)

        monkeypatch.setattr(training.Run, "step", fills)
        with refused("stop") as told:
            training.train(tiny(), photos, RECIPE, out, often)
        assert re.search(
            r"checkpoint\.pt can't be written \(the disk is full: .* are needed and 0\.0 kB are free\): make"
            r" room, or give --out a copy of the folder on another disk; the run then goes on from its last",
            told.sentence,
        )
        assert not [name for name in os.listdir(out) if name.endswith(".part")]
        (tmp_path / "copy").mkdir()
        subprocess.run(["cp", "-r", f"{out}/.", tmp_path / "copy"], check=True)
        filler[0].__exit__(None, None, None)
        ran = []
        monkeypatch.setattr(training.Run, "step", lambda run, n, *b: (ran.append(n), step(run, n, *b))[1])
        for folder in (out, tmp_path / "copy"):
            net = training.train(tiny(), photos, RECIPE, folder, often)
            assert equal(net, whole)
            assert [int(row["step"]) for row in log.read(folder)] == [1, 2, 3, 4, 5, 6]
        assert ran == [4, 5, 4, 5]


def test_a_run_whose_network_finds_no_room(tmp_path, monkeypatch):
    photos = learnt(tmp_path)
    alone = training.TrainingOptions(workers=0)
    with disk(tmp_path / "disk", "size=100m") as place:
        save = StitchedNetwork.save

        def fills(net, folder):
            with full(place):
                save(net, folder)

        with monkeypatch.context() as patch:
            patch.setattr(StitchedNetwork, "save", fills)
            with pytest.raises(
                TrainingError, match=r"can't be written \(the disk is full.*its last checkpoint"
            ):
                training.train(tiny(), photos, recipe(steps=2), place / "run", alone)
        assert not (place / "run" / "config.json").exists()
        assert (place / "run" / checkpoint.CHECKPOINT).exists()
        monkeypatch.setattr(training.Run, "step", None)  # nothing is computed again
        assert equal(
            training.train(tiny(), photos, recipe(steps=2), place / "run", alone),
            snnet.load(str(place / "run")),
        )


def test_plots_and_pages(tmp_path, capsys):
    from app.main import main as app

    def plot(file):
        return main.main(["frontier", str(tmp_path / "net"), "--plot", file])

    def page(file):
        return app("app.py", ["--network", str(tmp_path / "net"), "--write-page", file])

    tiny().save(tmp_path / "net")
    with disk(tmp_path / "disk", "size=8m") as place:
        file = place / "out.html"
        file.write_text("old")
        for command in (plot, page):
            with full(place, but=1 << 20):
                assert command(str(file)) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert re.search(r"out\.html can't be written .* MB are needed and 1\.0 MB.*: make room", line)
            assert contents(place) == {Path("out.html"): b"old"}
        assert page(str(file)) == 0
        assert file.read_text().endswith("</html>\n")


def test_tables(tmp_path):
    every = [result(number) for number in range(500)]
    with disk(tmp_path / "disk", "size=400k") as place:
        file = place / "results.csv"
        results.write_table(every[:1], file)
        before = contents(place)
        with full(place, but=8192), pytest.raises(WriteError, match=r"results\.csv .* make room"):
            results.write_table(every, file)
        assert contents(place) == before
        results.write_table(every, file)
        assert results.read_table(file) == every


def test_the_output_of_a_command(tmp_path):
    words = [sys.executable, "-m", "snnet", "results", "--json"]
    with Path("/dev/full").open("w") as sink:
        done = subprocess.run(words, cwd=ROOT, stdout=sink, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    sentence = "the output can't be written (No space left on device): send it elsewhere"
    assert done.stderr == f"snnet results: {sentence}\n"
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as head:
        head.stdout.close()
        assert head.stderr.read() == ""


def test_what_can_not_be_written_shows_before_the_work(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("a file")
    below = str(tmp_path / "file" / "out")
    photos = ["--data", str(tmp_path / "no photos")]
    for words in (
        ["stitch", "test_vit", "test_vit3", *photos, "--out", below],
        ["evaluate", "no network", *photos, "--table", below],
        ["train", "no network", *photos, "--out", str(tmp_path / "run"), "--plot", below],
        ["frontier", "no network", "--plot", below],
    ):
        assert main.main(words) == 2
        assert "file is a file, where a folder is needed): move that file away" in capsys.readouterr().err


@refusal(
    "snnet/evaluation/salvage.py: unwritable(file, cause", "snnet/evaluation/salvage.py: store_error(file"
)
def test_a_salvage(refused, tmp_path):
    import sqlite3

    with disk(tmp_path / "disk", "size=1m") as place:
        store = Store(place / "results.sqlite")
        store.put([result()])
        with sqlite3.connect(store.file) as other:
            other.execute("BEGIN IMMEDIATE")
            with refused("store_error") as told:
                salvage(store.file, 0.1)
        assert "this process itself has them locked" in told.sentence
        other.close()
        store.file.write_bytes(b"\xaa" * 100 + store.file.read_bytes()[100:])
        before = contents(place)
        with full(place), refused("unwritable") as told:
            salvage(store.file, 0.1)
        assert "make room" in told.sentence
        assert contents(place) == before
        assert salvage(store.file, 0.1).rows["results"] == 1
        assert store.all() == [result()]
