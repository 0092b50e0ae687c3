"""Measuring from the page: who may, how it goes on, and what the table says. No page is served here."""

import threading

import pytest

from app.measuring.jobs import Backend
from app.service import Service
from snnet.evaluation import intervals, provenance, results
from snnet.evaluation.store import Store
from tests.networks import tiny
from tests.photos.sets import noise
from tests.refusals.sites import refusal

# classes that the ten-class tiny network can answer with
SYNSETS = ("n01440764", "n01443537", "n01484850")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return noise(tmp_path_factory.mktemp("photos"), SYNSETS, 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks") / "tiny"
    tiny(seed=6).save(folder)  # which no other test measures
    return folder


@pytest.fixture
def own(folder):
    return Service(str(folder))


@pytest.fixture
def backend(own, tmp_path):
    return Backend(own.networks, Store(tmp_path / "results.sqlite"))


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("app.measuring.jobs._batch", lambda net: 3)


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("asked", "sentence"),
        [
            ({"path": " "}, "No path is given"),
            ({"path": "hf://datasets/owner/name"}, "is a data set of the hub"),
            ({"path": "x", "limit": "many"}, "'many' photos can't be drawn"),
            ({"path": "x", "limit": "0"}, "'0' photos can't be drawn"),
            ({"path": "x", "precision": "int8"}, "precision 'int8' is none of float32"),
            ({"path": "x", "network": "nonsense"}, "no network 'nonsense'"),
        ],
    )
    def test_is_said_at_once(self, backend, asked, sentence):
        with pytest.raises(ValueError, match=sentence):
            backend.start(asked)
        assert backend.progress()["state"] == "idle"

    def test_a_wrong_path_gives_the_librarys_own_sentence(self, backend, tmp_path):
        backend.start({"path": str(tmp_path / "gone")})
        now = backend.wait()
        assert now["state"] == "failed"
        assert now["sentence"].startswith(f"{tmp_path / 'gone'} does not exist")

    def test_a_name_as_on_the_hub_is_a_path_of_this_machine(self, backend):
        backend.start({"path": "owner/name"})  # the hub is not asked
        assert "owner/name does not exist" in backend.wait()["sentence"]

    def test_numbered_folders_are_measured_by_the_box_that_the_refusal_names(self, backend, tmp_path):
        noise(tmp_path, ["0", "7"], 1)
        backend.start({"path": str(tmp_path)})
        says = backend.wait()["sentence"]
        assert "may be indices of ImageNet-1k (tench, cock) or numbers of other classes" in says
        assert "choose the box “Numbers are indices”" in says
        assert "--" not in says
        backend.start({"path": str(tmp_path), "indices": True})
        assert backend.wait()["state"] == "done"

    def test_a_broken_photo_is_named_and_can_be_skipped(self, backend, photos, tmp_path):
        import shutil

        place = tmp_path / "photos"
        shutil.copytree(photos, place)
        (place / SYNSETS[0] / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
        backend.start({"path": str(place)})
        now = backend.wait()
        assert now["state"] == "failed"
        assert "0.png" in now["sentence"]
        assert "skip broken photos" in now["sentence"]
        backend.start({"path": str(place), "skip_broken": True})
        now = backend.wait()
        assert now["state"] == "done"
        assert "; 1 can't be decoded and were left out, the first: n01440764/0" in now["sentence"]
        assert now["sentence"].endswith("The chart shows all of them as measured on 3 of 1,000 classes.")


@refusal("app/measuring/jobs.py: is being measured")
def test_cancelled_and_gone_on_gives_what_one_run_gives(
    refused, backend, own, photos, small_batches, monkeypatch
):
    from snnet.evaluation.counts import Saver

    seen, add, reached, go = [], Saver.add, threading.Event(), threading.Event()

    def notes(saver, batch, outputs):
        seen.extend(batch.indices.tolist())
        add(saver, batch, outputs)
        if len(seen) == 6:
            reached.set()
            assert go.wait(60)

    monkeypatch.setattr(Saver, "add", notes)
    backend.start({"path": str(photos)})
    assert reached.wait(60)
    with refused() as told:
        backend.start({"path": str(photos)})
    assert "two tiny anchors is being measured: cancel that" in told.sentence
    assert backend.cancel()["state"] == "stopping"
    go.set()
    now = backend.wait()
    assert (now["state"], now["done"], now["total"]) == ("stopped", 6, 18)
    assert "Nothing is lost" in now["sentence"]
    assert all(own.net.accuracy(stitch) is None for stitch in own.net.stitches)

    backend.start({"path": str(photos)})
    now = backend.wait()
    assert (now["state"], now["first"], now["done"]) == ("done", 6, 18)
    assert sorted(seen) == list(range(18))  # none twice, none lost
    rows = own.network()["stitches"]
    assert {row["source"] for row in rows} == {"partial"}

    table = backend.table()
    held = {result.stitch: result for result in backend._store.all()}
    assert [row["stitch"] for row in table["rows"]] == [stitch.name for stitch in own.net.stitches]
    for row in table["rows"]:
        result = held[row["stitch"]]
        assert (row["top1"]["right"], row["top5"]["right"], row["total"]) == (result.top1, result.top5, 18)
        assert row["top1"]["share"] == 100 * result.top1 / 18
        assert tuple(row["top5"]["interval"]) == intervals.interval(result, 5)
        assert row["where"] == "own"
        assert row["photos"] == result.photos_about
        assert result.route.startswith(row["short"])
    backend.start({"path": str(photos)})
    assert backend.wait()["sentence"].startswith("Nothing to compute: all 34 stitches have a result")


def test_the_table_tells_what_is_shipped_and_what_is_published(backend, own):
    rows = backend.table("lite")["rows"]
    shipped = {(r.route, r.photos, r.transform, r.precision) for r in results.shipped()}
    assert {row["where"] for row in rows} <= {"shipped", "published"}
    assert any(row["where"] == "shipped" for row in rows) == bool(
        provenance.results_of(own.networks.network_of("lite"), backend._store)
    )
    for row in rows:
        low, high = row["top1"]["interval"]
        assert low <= row["top1"]["share"] <= high
        assert (
            row["where"] != "shipped"
            or (row["route"], row["set"], row["transform"], row["precision"]) in shipped
        )
    every = backend.table("tiny", everything=True)["rows"]
    assert sum(row["where"] == "shipped" for row in every) == len(shipped)
