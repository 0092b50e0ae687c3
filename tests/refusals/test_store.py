"""Each state of the results store in which it can't be used: its sentence, and that its remedy helps."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.main import main as app_main
from snnet.commands import main
from snnet.evaluation import schema
from snnet.evaluation import store as stores
from snnet.evaluation.evaluate import EvaluationOptions, evaluate
from snnet.evaluation.store import Store, StoreError
from snnet.optional import MissingWarning
from snnet.photos.photo_set import open_photos
from tests.evaluation.test_store import result
from tests.limits import disk, disk_of, folder_that_is_only_read, full, give_away, only_read
from tests.networks import tiny
from tests.photos.sets import noise
from tests.refusals.sites import refusal
from tests.training.settings import SYNSETS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The user's store, with a result."""
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "home"))
    store = Store()
    store.put([result()])
    return store


def works(store, *before):
    store.check()
    store.put([result(9)])
    assert store.all() == [*before, result(9)]


def follow(sentence, store, tmp_path, monkeypatch):
    """Do what the sentence says of SNNET_HOME."""
    assert "let SNNET_HOME name another folder" in sentence
    other = tmp_path / "elsewhere" / "home"
    monkeypatch.setenv("SNNET_HOME", str(other))
    kept = []
    if "with a copy of the file to keep its results" in sentence:
        other.mkdir(parents=True)
        (other / store.file.name).write_bytes(store.file.read_bytes())
        kept = [result()]
    works(Store(), *kept)


def run(sentence):
    """Run the command that a sentence names."""
    subprocess.run(re.search(r"chmod \S+ \S+", sentence)[0].rstrip(",").split(), check=True)


@refusal("snnet/evaluation/store.py: store_error(self.file, error, BUSY_S)")
def test_it_is_write_protected(store, refused, tmp_path, monkeypatch):
    for place in (store.file, store.file.parent):
        mode = place.stat().st_mode
        with folder_that_is_only_read(store.file.parent):
            if place == store.file:
                store.file.parent.chmod(0o755)
            else:
                store.file.chmod(0o644)
            assert store.all() == [result()]
            with refused() as told:
                store.check()
            assert f"{place} is write-protected): chmod u+rw" in told.sentence
            run(told.sentence)
            works(store, result())
        place.chmod(mode)
        store.file.unlink()
        store.put([result()])
    follow(told.sentence, store, tmp_path, monkeypatch)


def test_it_is_another_users(store, tmp_path, monkeypatch):
    give_away(store.file, store.file.parent)
    with folder_that_is_only_read(store.file.parent), pytest.raises(OSError, match="you can't write") as told:
        store.check()
    assert re.search(r"belongs to \w+", str(told.value))
    assert "chmod" not in str(told.value)  # which its owner alone may
    follow(str(told.value), store, tmp_path, monkeypatch)


def test_its_disk_can_only_be_read(tmp_path, monkeypatch):
    with disk(tmp_path / "disk", "size=1m"):
        store = Store(tmp_path / "disk" / "home" / "results.sqlite")
        store.put([result()])
        with only_read(tmp_path / "disk"):
            assert store.all() == [result()]
            with pytest.raises(OSError, match="file system can only be read") as told:
                store.check()
            assert "chmod" not in str(told.value)
            follow(str(told.value), store, tmp_path, monkeypatch)
        os.unlink(store.file)
        with only_read(tmp_path / "disk"), pytest.raises(OSError, match="can only be read"):
            store.check()


def test_its_disk_is_full(tmp_path, monkeypatch):
    many = [result(number) for number in range(100, 1100)]
    with disk(tmp_path / "disk", "size=1m"):
        store = Store(tmp_path / "disk" / "home" / "results.sqlite")
        store.put([result()])
        with full(tmp_path / "disk"):
            assert store.all() == [result()]
            for call in (store.check, lambda: store.put(many)):
                with pytest.raises(
                    OSError, match=r"the disk is full: .*0\.0 kB are free\): make room, or"
                ) as told:
                    call()
            assert "move" not in str(told.value)
            assert store.all() == [result()]
            follow(str(told.value), store, tmp_path, monkeypatch)
        works(store, result())  # there is room now
        store.file.unlink()
        with full(tmp_path / "disk"), pytest.raises(OSError, match="the disk is full"):
            store.check()
        works(store)


@refusal("snnet/evaluation/store.py: unwritable(self.file, OSError(errno.ENOSPC")
def test_room_for_what_is_needed(store, refused):
    with refused() as told:
        store.check(1 << 60)
    need = re.search(r"1,152,921,504,606\.8 MB are needed and ([\d,]+)\.\d MB are free", told.sentence)
    assert int(need[1].replace(",", "")) > 1
    store.check(1 << 10)


def test_files_may_not_grow(store, tmp_path, monkeypatch):
    with disk_of(os.path.getsize(store.file)), pytest.raises(OSError, match="ulimit -f") as told:
        store.put(result(number) for number in range(500))
    works(store, result())
    assert "files may not grow that large here" in str(told.value)


@refusal("snnet/evaluation/store.py: unwritable(self.file, denial)")
def test_its_folder_can_not_be_entered(store, refused):
    with folder_that_is_only_read(store.file.parent):
        store.file.parent.chmod(0)
        with refused() as told:
            store.all()
        assert f"{store.file.parent} is write-protected): chmod u+rwx" in told.sentence
        run(told.sentence)
        assert store.all() == [result()]


@refusal("snnet/evaluation/store.py: unwritable(self.file, error)")
def test_a_file_is_in_place_of_its_folder(refused, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.write_text("a file")
    store = Store(home / "results.sqlite")
    assert store.all() == []
    with refused("error)") as told:
        store.check()
    assert f"({home} is a file, where a folder is needed): move that file away" in told.sentence
    follow(told.sentence, store, tmp_path, monkeypatch)
    home.rename(tmp_path / "away")
    works(store)


def test_a_folder_is_in_place_of_it(tmp_path, monkeypatch):
    store = Store(tmp_path / "results.sqlite")
    (store.file / "something").mkdir(parents=True)
    for call in (store.all, store.check):
        with pytest.raises(OSError, match="a folder has that name") as told:
            call()
    follow(
        str(told.value).replace(", with a copy of the file to keep its results", ""),
        store,
        tmp_path,
        monkeypatch,
    )
    store.file.rename(tmp_path / "away")
    works(store)


def test_its_folder_is_missing_and_made(store):
    store.file.unlink()
    store.file.parent.rmdir()
    assert store.all() == []
    works(store)


@contextmanager
def another_process(file, statement="BEGIN IMMEDIATE"):
    """Have another process that holds the store."""
    code = (
        f"import sqlite3, sys; c = sqlite3.connect({str(file)!r}, isolation_level=None);"
        f"c.execute({statement!r}); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout.readline() == "locked\n"
            yield other
        finally:
            other.stdin.close()


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_another_process_has_it_locked(store, monkeypatch, statement):
    monkeypatch.setattr(stores, "BUSY_S", 0.4)
    monkeypatch.setattr(stores, "_SILENT_S", 0.1)
    with another_process(store.file, statement) as other:
        with (
            pytest.warns(MissingWarning, match=rf"waiting for .* process {other.pid} \("),
            pytest.raises(OSError, match="try again when that is done") as told,
        ):
            store.put([result(1)])
        words = rf"process {other.pid} \({re.escape(sys.executable)} -c .* has them locked"
        assert re.search(words, str(told.value))
    works(store, result())


@pytest.mark.filterwarnings("ignore::snnet.optional.MissingWarning")
def test_a_lock_is_waited_for(store, monkeypatch):
    monkeypatch.setattr(stores, "_SILENT_S", 0.1)
    with another_process(store.file) as other:
        import threading

        threading.Timer(0.5, other.stdin.close).start()
        works(store, result())


@pytest.mark.filterwarnings("ignore::snnet.optional.MissingWarning")
def test_a_lock_keeps_one_photo_waiting_and_not_all(store, monkeypatch):
    monkeypatch.setattr(stores, "BUSY_S", 0.2)
    calls = []
    before = Store._put_value
    monkeypatch.setattr(Store, "_put_value", lambda *values: (calls.append(1), before(*values)))
    remember = store.fingerprints
    with another_process(store.file):
        for number in range(50):
            remember[f"{number}.png", 1, 2] = "abc"
    assert len(calls) == 1


@refusal("snnet/evaluation/store.py: is not that of its tables")
def test_it_is_damaged(store, refused, tmp_path, capsys):
    """Both ways that the sentence names: the command, and the next evaluation."""
    with sqlite3.connect(store.file) as connection:
        connection.execute("PRAGMA user_version = 0")
    with refused("tables") as told:
        store.all()
    command = re.search(r"`python -m (.*?)`", told.sentence)[1].split()
    assert command[0] == "snnet"
    with pytest.warns(MissingWarning, match=r"1 of them were salvaged.*damaged-1\.sqlite"):
        assert main.main(command[1:]) == 0
    assert "1 results in" in capsys.readouterr().err
    works(store, result())
    data = bytearray(store.file.read_bytes())
    place = data.rindex(b"\x0a", 0, 4096 * 4)  # within an index page
    with sqlite3.connect(store.file) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_results_1'"
        ).fetchone()
    place = (page - 1) * 4096
    data[place + 3 : place + 5] = b"\0\0"  # an index without entries
    store.file.write_bytes(data)
    with pytest.warns(MissingWarning, match=r"2 of them were salvaged.*damaged-2\.sqlite"):
        store.check()
    assert store.all() == [result(), result(9)]
    assert len(list(store.file.parent.iterdir())) == 3


@refusal("snnet/evaluation/store.py: are of a newer version")
def test_it_is_of_a_newer_version(store, refused, tmp_path, monkeypatch):
    with sqlite3.connect(store.file) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = store.file.read_bytes()
    for call in (store.all, store.check, store.mend):
        with refused() as told:
            call()
    assert "update the project" in told.sentence
    follow(told.sentence, store, tmp_path, monkeypatch)
    assert store.file.read_bytes() == before


def no_database(store):
    store.file.write_bytes(b"no database " * 1000)


def newer(store):
    with sqlite3.connect(store.file) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


def in_the_way(store):
    store.file.unlink()
    store.file.parent.rmdir()
    store.file.parent.write_text("a file")


@pytest.mark.filterwarnings("ignore::snnet.optional.MissingWarning")
def test_nothing_but_evaluation_needs_it(store, tmp_path, monkeypatch):
    """Training, stitching, the frontier and the page go on without, and nothing waits a photo for a lock."""
    monkeypatch.setattr(stores, "BUSY_S", 0.2)
    (tmp_path / "photos").mkdir()
    photos = ["--data", str(noise(tmp_path / "photos", SYNSETS, 2))]
    net = tmp_path / "net"
    tiny().save(net)
    steps = ["--steps", "1", "--batch-size", "2", "--workers", "0", "--warmup-epochs", "0"]

    def train(name):
        assert main.main(["train", str(net), *photos, *steps, "--out", str(tmp_path / name)]) == 0

    no_database(store)
    train("damaged")
    for damage in (newer, in_the_way):
        monkeypatch.setenv("SNNET_HOME", str(tmp_path / damage.__name__))
        store = Store()
        store.put([result()])
        damage(store)
        assert main.main(["frontier", str(net), "--csv"]) == 0
    page = str(tmp_path / "page.html")
    assert app_main("app.py", ["--network", str(net), "--write-page", page]) == 0
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "locked"))
    store = Store()
    store.put([result()])
    with another_process(store.file, "BEGIN EXCLUSIVE"):
        train("locked run")
    both = ["stitch", "test_vit", "test_vit3", "--no-pretrained", "--image-size", "32", "--workers", "0"]
    with folder_that_is_only_read(store.file.parent):
        assert main.main([*both, *photos, "--limit", "4", "--out", str(tmp_path / "both")]) == 0


@pytest.mark.filterwarnings("ignore::snnet.optional.MissingWarning")
def test_an_evaluation_whose_disk_fills_up_goes_on_where_it_was(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    photos = open_photos(noise(tmp_path / "photos", SYNSETS, 4))
    net = tiny()
    options = EvaluationOptions(batch_size=2, save_every_s=0.0)
    whole = evaluate(net, photos, options, store=Store(tmp_path / "whole.sqlite"))
    with disk(tmp_path / "disk", "size=20m") as place:
        store, filler = Store(place / "results.sqlite"), []

        def fills(done, _):
            if done == 6:
                filler.append(full(place))
                filler[0].__enter__()

        with pytest.raises(StoreError, match="disk is full"):
            evaluate(net, photos, options, store=store, on_progress=fills)
        filler[0].__exit__(None, None, None)
        begin = []
        again = evaluate(net, photos, options, store=store, on_progress=lambda done, _: begin.append(done))
        assert begin[0] in (4, 6)
        assert again == whole == store.all()
