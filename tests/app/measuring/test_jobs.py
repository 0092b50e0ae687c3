"""Measuring from the page: who may, how it goes on, and what the table says. No page is served here."""

import threading

import pytest
import torch
from PIL import Image

from app import main as command
from app.measuring.jobs import Backend, check_sender, is_loopback, refusal
from app.service import Service
from snnet.evaluation import intervals, results
from snnet.evaluation.results import Store
from tests.networks import tiny

# classes that the ten-class tiny network can answer with
SYNSETS = ("n01440764", "n01443537", "n01484850")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    generator = torch.Generator().manual_seed(0)
    for synset in SYNSETS:
        (folder / synset).mkdir()
        for number in range(6):
            pixels = torch.randint(0, 256, (70, 80, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(folder / synset / f"{number}.png")
    return folder


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
    return Backend(own, Store(tmp_path / "results.sqlite"))


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("app.measuring.jobs._batch", lambda net: 3)


class TestRefusal:
    @pytest.mark.parametrize("host", [None, "127.0.0.1", "127.3.2.1", "localhost", "::1", "[::1]"])
    def test_this_machine_alone_may(self, host):
        assert refusal(host, False, {}) is None

    @pytest.mark.parametrize(
        ("host", "share", "environment", "word"),
        [
            (None, True, {}, "--share"),
            ("0.0.0.0", False, {}, "--host 0.0.0.0"),
            ("192.168.1.5", False, {}, "--host 192.168.1.5"),
            ("example.org", False, {}, "--host example.org"),
            ("localhost.example.org", False, {}, "--host localhost.example.org"),
            (None, False, {"GRADIO_SERVER_NAME": "0.0.0.0"}, "GRADIO_SERVER_NAME 0.0.0.0"),
            (None, False, {"GRADIO_SHARE": "True"}, "GRADIO_SHARE=True"),
            (None, False, {"SPACE_ID": "someone/space"}, "Space"),
            (None, False, {"SYSTEM": "spaces"}, "Space"),
        ],
    )
    def test_what_serves_others_may_not(self, host, share, environment, word):
        sentence = refusal(host, share, environment)
        assert word in sentence
        assert "\n" not in sentence

    def test_the_command_says_it_in_one_line(self, capsys):
        for words in (["--share"], ["--host", "0.0.0.0"]):
            assert command.main("app.py", ["--backend", *words]) == 2
            said = capsys.readouterr().err
            assert said.startswith("app.py: --backend reads this machine's files, and ")
            assert said.count("\n") == 1

    @pytest.mark.parametrize(
        "headers",
        [
            {"host": "127.0.0.1:7860", "origin": "http://evil.example"},
            {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:9999"},  # another app of this machine
            {"host": "127.0.0.1:7860", "origin": "null"},
            {
                "host": "evil.example:7860",
                "origin": "http://evil.example:7860",
            },  # a name that came to point here
            {},
        ],
    )
    def test_another_page_may_not_drive_it(self, headers):
        with pytest.raises(PermissionError, match="measuring is"):
            check_sender(headers)

    def test_its_own_page_may(self):
        check_sender({"host": "localhost:7860", "origin": "http://localhost:7860"})
        check_sender({"host": "[::1]:7860", "origin": "http://[::1]:7860"})
        check_sender({"host": "127.0.0.1:7860"})  # no browser
        assert not is_loopback("")


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
        assert (
            "; 1 can't be decoded and were left out. The chart shows all of them as measured."
            in now["sentence"]
        )


def test_cancelled_and_gone_on_gives_what_one_run_gives(backend, own, photos, small_batches, monkeypatch):
    from snnet.evaluation.evaluate import _Saver

    seen, add, reached, go = [], _Saver.add, threading.Event(), threading.Event()

    def notes(saver, batch, outputs):
        seen.extend(batch.indices.tolist())
        add(saver, batch, outputs)
        if len(seen) == 6:
            reached.set()
            assert go.wait(60)

    monkeypatch.setattr(_Saver, "add", notes)
    backend.start({"path": str(photos)})
    assert reached.wait(60)
    with pytest.raises(ValueError, match="two tiny anchors is being measured: cancel that"):
        backend.start({"path": str(photos)})
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
    assert {row["source"] for row in rows} == {"measured"}

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
    shipped = {result.key for result in results.shipped()}
    assert {row["where"] for row in rows} <= {"shipped", "published"}
    assert any(row["where"] == "shipped" for row in rows) == bool(
        results.known(own.network_of("lite"), backend._store)
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
