"""A damaged store: what can be read of it goes into a new file, and the damaged one stays beside."""

import random
import shutil
import sqlite3
import warnings

import pytest

from snnet.evaluation import schema
from snnet.evaluation.checksums import checksum
from snnet.evaluation.remedies import DamageError
from snnet.evaluation.results import to_row
from snnet.evaluation.salvage import salvage
from snnet.evaluation.store import Store
from snnet.optional import MissingWarning
from tests.evaluation.test_store import OLD, result, with_hits


@pytest.fixture
def store(tmp_path):
    """A store with a large row of each kind, whose file is sound."""
    store = Store(tmp_path / "results.sqlite")
    classes = dict.fromkeys(range(1000), (10, 7, 9))  # on pages of its own
    large = result(77, per_class=classes, total=10_000, top1=7000, top5=9000, latency_ms=2.0, stitch="large")
    store.put([*(with_hits(number) for number in range(60)), large])
    store.put_progress("run", bytes(range(256)) * 40)
    store.fingerprints["/photos/é.png", 3, 4] = "f" * 64
    return store


def spoil(store, *places):
    """Overwrite bytes of a store: (first, bytes)."""
    data = bytearray(store.file.read_bytes())
    for first, count in places:
        data[first : first + count] = b"\xaa" * count
    store.file.write_bytes(data)


def quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingWarning)
        return call()


@pytest.mark.parametrize("header", [100, 4096])
def test_a_file_without_its_beginning_loses_nothing(store, header):
    before = store.all()
    spoil(store, (0, header))
    damaged = store.file.read_bytes()
    with pytest.raises(DamageError, match=r"results\.sqlite are damaged .*results --salvage"):
        store.all()
    with pytest.warns(MissingWarning, match=r"61 of them were salvaged, 60 with .* and 1 unfinished"):
        assert store.mend()
    assert not store.mend()
    assert sorted(store.all(), key=lambda r: r.stitch) == sorted(before, key=lambda r: r.stitch)
    assert (store.hits(with_hits(5)).top1 == with_hits(5).hits.top1).all()
    assert store.progress("run") == bytes(range(256)) * 40
    assert store.fingerprints.get(("/photos/é.png", 3, 4)) == "f" * 64
    aside = store.file.with_name("results.damaged-1.sqlite")
    assert aside.read_bytes() == damaged
    assert sorted(store.file.parent.iterdir()) == [aside, store.file]


def test_damage_after_damage_keeps_every_file(store):
    for number in (1, 2, 3):
        spoil(store, (0, 100))
        quietly(store.mend)
        assert store.file.with_name(f"results.damaged-{number}.sqlite").is_file()
        assert len(store.all()) == 61


def test_what_is_damaged_is_not_salvaged(store):
    place = store.file.read_bytes().index(b"s42")
    spoil(store, (0, 100), (place, 3))
    quietly(store.mend)
    assert {r.stitch for r in store.all()} == {f"s{n}" for n in range(60) if n != 42} | {"large"}


def test_a_result_that_was_replaced_does_not_come_back(store):
    newer = result(3, measured_on="2027-01-01")
    store.put([newer])
    spoil(store, (0, 100))
    quietly(store.mend)
    assert [r for r in store.all() if r.stitch == "s3"] == [newer]
    assert store.hits(newer) is None


def test_one_of_the_first_version(tmp_path):
    shutil.copy(OLD, tmp_path)
    store = Store(tmp_path / OLD.name)
    before = store.all()
    spoil(store, (0, 100))
    quietly(store.mend)
    assert {r.key for r in store.all()} == {r.key for r in before}


def test_results_of_a_version_with_fewer_columns(store):
    """As a later version will meet today's: the columns that it adds get what a result without them has."""
    one = with_hits(1)
    row = list(to_row(one).values())[:-1]
    with sqlite3.connect(store.file) as connection:
        connection.execute("DELETE FROM results")
        connection.execute("DELETE FROM hits")
        connection.execute("ALTER TABLE results DROP COLUMN latency_ms")
        holders = ", ".join("?" * (len(row) + 2))
        connection.execute(f"INSERT INTO results VALUES ({holders})", (9, *row, checksum(row)))
    spoil(store, (0, 100))
    quietly(store.mend)
    assert one in store.all()


def test_whatever_is_damaged_all_that_is_read_is_right(store, tmp_path):
    sound, data = {r.key: r for r in store.all()}, store.file.read_bytes()
    salvaged = []
    for seed in range(60):
        chance = random.Random(seed)
        other = Store(tmp_path / f"{seed}.sqlite")
        other.file.write_bytes(data)
        spoil(
            other, (0, 100), *((chance.randrange(len(data)), chance.choice((4, 64, 4096))) for _ in range(4))
        )
        quietly(other.mend)
        results = quietly(other.all)
        assert all(r == sound[r.key] for r in results)
        salvaged.append(len(results))
    assert min(salvaged) > 10
    assert sorted(salvaged)[30] > 40


def test_a_file_that_was_never_a_store_is_kept_too(tmp_path):
    store = Store(tmp_path / "results.sqlite")
    store.file.write_bytes(b"no database " * 1000)
    quietly(store.check)
    store.put([result()])
    assert store.all() == [result()]
    assert (tmp_path / "results.damaged-1.sqlite").read_bytes() == b"no database " * 1000


def test_no_journal_of_the_damaged_file_is_left_to_the_new_one(store):
    """It would be written into that."""
    spoil(store, (0, 100))
    store.file.with_name("results.sqlite-journal").write_bytes(b"half a commit")
    quietly(store.mend)
    assert len(store.all()) == 61
    assert not store.file.with_name("results.sqlite-journal").exists()


def test_it_says_what_it_did(store):
    spoil(store, (0, 100))
    done = salvage(store.file, 1.0)
    assert done.rows == {"results": 61, "hits": 60, "progress": 1, "fingerprints": 1}
    assert str(done.aside) in done.describe()
    with sqlite3.connect(store.file) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
