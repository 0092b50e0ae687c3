"""The results store: versions, what is asked of it, damage, kills, and folders that can't be written."""

import os
import random
import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from benchmarks.kills import kill_writers
from snnet.evaluation import schema
from snnet.evaluation.hits import Hits, from_bytes, to_bytes
from snnet.evaluation.results import IMAGENET_1K, Result, digest, to_row
from snnet.evaluation.store import Store, StoreError
from snnet.optional import MissingWarning
from tests.limits import disk_of, folder_that_is_only_read

OLD = Path(__file__).parents[1] / "old" / "results.sqlite"


def result(number=0, **changes):
    right = {label: (10, (number + label) % 8, 8) for label in range(3)}
    values = {
        "route": f"{number:032x}",
        "photos": "p" * 64,
        "transform": "size=32 crop=0.9 bicubic mean=0.5,0.5,0.5 std=0.5,0.5,0.5",
        "precision": "float32",
        "total": 30,
        "top1": sum(one for _, one, _ in right.values()),
        "top5": 24,
        "per_class": right,
        "photos_about": "thirty made photos",
        "measured_on": "2026-01-02",
        "network": "n",
        "stitch": f"s{number}",
    }
    return Result(**(values | changes))


def with_hits(number=0):
    one = result(number)
    measured = np.arange(31) != 7
    tops = [measured & (measured.cumsum() <= right) for right in (one.top1, one.top5)]
    hits = Hits("o" * 64, measured, *tops)
    return Result(**{name: getattr(one, name) for name in to_row(one)} | {"hits": hits})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results.sqlite")


@pytest.fixture
def old(tmp_path):
    shutil.copy(OLD, tmp_path)
    return Store(tmp_path / OLD.name)


def number_of(store):
    with sqlite3.connect(store.file) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_the_digest_of_the_classes_is_that_of_imagenet():
    from snnet.photos.classes import synset_indices

    assert digest(list(synset_indices())) == IMAGENET_1K


class TestResults:
    def test_of_some_routes_alone(self, store):
        store.put(result(number) for number in range(1200))
        routes = [f"{number:032x}" for number in range(0, 1200, 2)]
        assert [r.route for r in store.results([*routes, "none"])] == routes

    def test_by_the_index(self, store):
        store.put([result()])
        with sqlite3.connect(store.file) as connection:
            plan = connection.execute("EXPLAIN QUERY PLAN SELECT * FROM results WHERE route IN (?, ?)", "ab")
            assert "USING INDEX" in plan.fetchall()[0][-1]

    def test_differ_by_classes_engine_and_latency(self, store):
        every = [
            result(),
            result(classes="other"),
            result(engine="onnx", latency_ms=1.5),
            result(precision="bf16"),
        ]
        store.put(every)
        assert store.all() == every
        assert store.newest(2) == every[:1:-1]

    def test_with_bits_a_photo(self, store):
        one, other = with_hits(1), with_hits(2)
        store.put([one, other, result(3)])
        for each in (one, other):
            hits = store.hits(each)
            assert hits.order == "o" * 64
            for name in ("measured", "top1", "top5"):
                np.testing.assert_array_equal(getattr(hits, name), getattr(each.hits, name))
        assert store.hits(result(3)) is None
        assert store.hits(result(4)) is None
        store.put([result(1)])  # measured anew without
        assert store.hits(one) is None

    def test_bits_of_any_number_come_back(self):
        for photos in (1, 7, 8, 9, 1000):
            bits = np.random.default_rng(0).random(photos) < 0.75
            np.testing.assert_array_equal(from_bytes(to_bytes(bits), photos), bits)
        for wrong in (b"", b"x", to_bytes(np.zeros(100, bool)), to_bytes(np.zeros(10**6, bool))):
            with pytest.raises(ValueError, match="they "):
                from_bytes(wrong, 8)


class TestAnOlderStore:
    def test_is_read_without_being_changed(self, old):
        before = old.file.read_bytes()
        assert len(old.all()) == 8
        assert old.results([old.all()[3].route]) == [old.all()[3]]
        assert old.fingerprints.get(("p", 1, 2)) is None
        assert old.hits(old.all()[0]) is None
        assert old.file.read_bytes() == before
        assert os.listdir(old.file.parent) == [old.file.name]

    def test_is_brought_up_by_the_first_write(self, old):
        results = old.all()
        (run,) = sqlite3.connect(old.file).execute("SELECT run FROM progress").fetchone()
        progress = old.progress(run)
        assert number_of(old) == 0
        old.put([result(1)])
        assert number_of(old) == schema.VERSION
        assert old.all() == [*results, result(1)]
        assert old.progress(run) == progress is not None

    def test_survives_a_step_that_fails(self, old, monkeypatch):
        def fails(connection):
            schema._with_checksums(connection)
            raise sqlite3.OperationalError("the power is gone")

        before, results = old.file.read_bytes(), old.all()
        monkeypatch.setattr(schema, "_STEPS", (fails,))
        with pytest.raises(StoreError, match="the power is gone"):
            old.put([result(1)])
        assert old.file.read_bytes() == before
        assert old.all() == results

    def test_with_a_damaged_row_keeps_it_and_never_uses_it(self, old):
        with sqlite3.connect(old.file) as connection:
            connection.execute("UPDATE results SET top1 = 999 WHERE rowid = 3")
            connection.execute("UPDATE results SET per_class = '{' WHERE rowid = 4")
        for write in (lambda: None, lambda: old.put([result(1)])):
            write()
            with pytest.warns(MissingWarning, match=r"\.sqlite is damaged: results 3, 4 left out"):
                assert len(old.all()) == 6 + (number_of(old) > 0)
            old.file = old.file.rename(old.file.with_name("other.sqlite"))  # a warning is said once a file
        with sqlite3.connect(old.file) as connection:
            assert connection.execute("SELECT count(*) FROM results").fetchone() == (9,)

    def test_by_many_processes_at_once_is_brought_up_once(self, old):
        results = old.all()
        threads = [threading.Thread(target=old.put, args=([result(n)],)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(old.all()) == len(results) + 8


def test_a_newer_store_is_left_alone(store):
    store.put([result()])
    with sqlite3.connect(store.file) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = store.file.read_bytes()
    for call in (store.all, lambda: store.put([result(1)]), lambda: store.progress("r"), store.check):
        with pytest.raises(StoreError, match=r"results\.sqlite are of a newer version \(2, .* update the"):
            call()
    assert store.file.read_bytes() == before


def test_a_version_that_the_tables_deny_is_damage(store):
    store.put([result()])
    with sqlite3.connect(store.file) as connection:
        connection.execute("PRAGMA user_version = 0")
    with pytest.raises(StoreError, match="the version 0 is not that of its tables"):
        store.all()


@pytest.mark.parametrize("column", [*to_row(result()), "checksum"])
def test_a_changed_value_is_reported_and_not_used(store, column):
    store.put([result(1), result(2)])
    with sqlite3.connect(store.file) as connection:
        connection.execute(f"UPDATE results SET {column} = 7 WHERE id = 2")
    with pytest.warns(MissingWarning, match=r"results\.sqlite is damaged: result 2 left out"):
        assert store.all() == [result(1)]


def test_changed_bits_are_reported_and_not_used(store, tmp_path):
    for number, column in enumerate(("photo_order", "photos", "measured", "top1", "top5", "checksum")):
        store.file = tmp_path / f"{number}.sqlite"
        store.put([with_hits(1), with_hits(2)])
        with sqlite3.connect(store.file) as connection:
            connection.execute(f"UPDATE hits SET {column} = (SELECT {column} || 'x') WHERE result = 1")
        with pytest.warns(MissingWarning, match=rf"{number}\.sqlite is damaged: the bits a photo of s1"):
            assert store.hits(with_hits(1)) is None
        assert store.hits(with_hits(2)) is not None


def test_changed_progress_and_fingerprints_are_reported_and_not_used(store):
    store.put_progress("run", b"state")
    store.fingerprints["photo", 1, 2] = "abc"
    with sqlite3.connect(store.file) as connection:
        connection.execute("UPDATE progress SET state = 'stale'")
        connection.execute("UPDATE fingerprints SET fingerprint = 'abd'")
    with pytest.warns(MissingWarning, match=r"what it remembers in progress, run left out"):
        assert store.progress("run") is None
    with pytest.warns(MissingWarning, match=r"what it remembers in fingerprints, photo left out"):
        assert store.fingerprints.get(("photo", 1, 2)) is None


def test_names_that_are_no_text_are_remembered(store):
    path = os.fsdecode(b"photo-\xff.png")
    store.fingerprints[path, 1, 2] = "abc"
    assert store.fingerprints.get((path, 1, 2)) == "abc"


def damaged(data: bytes, random: random.Random) -> bytes:
    """Return a file with some bytes flipped, zeroed, drawn anew or cut off."""
    kind, place = random.choice(("flip", "zeros", "noise", "cut")), random.randrange(len(data))
    length = random.choice((1, 4, 64, 4096))
    if kind == "cut":
        return data[:place]
    if kind == "flip":
        return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]
    middle = bytes(length) if kind == "zeros" else random.randbytes(length)
    return (data[:place] + middle + data[place + length :])[: len(data)]


@pytest.mark.filterwarnings("ignore::snnet.optional.MissingWarning")
def test_after_random_damage_every_value_is_the_one_that_was_put_or_reported(tmp_path):
    whole = Store(tmp_path / "whole.sqlite")
    results = [with_hits(number) for number in range(40)]
    whole.put(results)
    whole.put_progress("run", b"state" * 500)
    for number in range(20):
        whole.fingerprints[f"/photos/{number}.png", number, 1] = f"{number:064x}"
    sound, data = {r.key: r for r in results}, whole.file.read_bytes()
    outcomes = {"equal": 0, "sentence": 0}
    for seed in range(400):
        store = Store(tmp_path / f"{seed}.sqlite")
        store.file.write_bytes(damaged(data, random.Random(seed)))
        try:
            for r in store.all() + store.results(r.route for r in results):
                assert r == sound[r.key]
            for r in results[:5]:
                hits = store.hits(r)
                assert hits is None or (hits.top1 == r.hits.top1).all()
            assert store.progress("run") in (None, b"state" * 500)
            assert store._value("fingerprints", schema.FINGERPRINT, ("/photos/3.png", 3, 1)) in (
                None,
                f"{3:064x}".encode(),
            )
            store.put([result(99)])
            assert result(99) in store.all()
            outcomes["equal"] += 1
        except StoreError as error:
            text = str(error)
            outcomes["sentence"] += str(store.file) in text and "\n" not in text
        store.file.unlink()
    assert sum(outcomes.values()) == 400
    assert min(outcomes.values()) > 50, outcomes


class TestWhereItCanNotBeWritten:
    def test_results_are_read_all_the_same(self, store):
        store.put([result()])
        with folder_that_is_only_read(store.file.parent):
            assert store.all() == [result()]
            with pytest.raises(StoreError, match=r"results\.sqlite can't be used .*SNNET_HOME"):
                store.put([result(1)])
            with pytest.raises(StoreError, match=r"results\.sqlite can't be used"):
                store.check()
        assert os.listdir(store.file.parent) == [store.file.name]

    def test_an_older_one_is_read_too(self, old):
        with folder_that_is_only_read(old.file.parent):
            assert len(old.all()) == 8

    def test_there_is_a_file_in_place_of_the_folder(self, tmp_path):
        (tmp_path / "home").write_text("a file")
        store = Store(tmp_path / "home" / "results.sqlite")
        assert store.all() == []
        with pytest.raises(StoreError, match=r"results\.sqlite can't be used .*home is a file.*SNNET_HOME"):
            store.check()

    def test_there_is_a_folder_in_place_of_the_file(self, store):
        store.file.mkdir()
        for call in (store.all, store.check):
            with pytest.raises(StoreError, match=r"results\.sqlite can't be used"):
                call()

    def test_the_disk_is_full(self, store):
        store.put([result()])
        full = pytest.raises(StoreError, match=r"results\.sqlite can't be used .*SNNET_HOME")
        with disk_of(os.path.getsize(store.file)), full:
            store.put(with_hits(number) for number in range(500))
        assert store.all() == [result()]
        store.put([result(1)])
        assert store.all() == [result(), result(1)]

    def test_room_is_looked_for_beforehand(self, store):
        with pytest.raises(StoreError, match=r"the disk is full: .* MB are needed and .* MB are free\)"):
            store.check(1 << 60)
        store.check(1000)

    def test_fingerprints_are_done_without(self, tmp_path):
        (tmp_path / "home").write_text("a file")
        store = Store(tmp_path / "home" / "results.sqlite")
        with pytest.warns(
            MissingWarning, match=r"fingerprints of photos to be remembered are left out: .*home"
        ):
            store.fingerprints["p", 1, 2] = "abc"
        assert store.fingerprints.get(("p", 1, 2)) is None


def test_an_empty_file_is_an_empty_store(store):
    store.file.touch()  # of a process that was killed before it wrote
    assert store.all() == []
    store.put([result()])
    assert store.all() == [result()]


def test_a_commit_that_was_killed_halfway_is_rolled_back(store):
    """As SQLite leaves it: the journal beside the file, of a transaction that began to write."""
    store.put([result(number) for number in range(200)])
    before = store.all()
    writer = sqlite3.connect(store.file, isolation_level=None)
    writer.execute("PRAGMA cache_spill = 1")
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE results SET top1 = 0, photos_about = 'half a commit'")
    journal = Path(f"{store.file}-journal")
    copy = store.file.parent / "killed" / store.file.name
    copy.parent.mkdir()
    shutil.copy(store.file, copy)
    shutil.copy(journal, copy.parent / journal.name)
    writer.execute("ROLLBACK")
    writer.close()
    assert Store(copy).all() == before
    assert os.listdir(copy.parent) == [copy.name]


def test_no_kill_loses_what_was_acknowledged(tmp_path):
    outcome = kill_writers(tmp_path, times=3, seed=0)
    assert (outcome.lost, outcome.damaged, outcome.locked) == (0, 0, 0)
    assert outcome.acknowledged


@pytest.mark.slow
def test_no_kill_of_many_loses_what_was_acknowledged(tmp_path):
    outcome = kill_writers(tmp_path, times=30, seed=1)
    assert (outcome.lost, outcome.damaged, outcome.locked) == (0, 0, 0)
