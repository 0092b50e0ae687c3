"""Several networks behind one service: loaded when asked for, fetched in one place, forgotten in turn."""

import threading
import warnings

import pytest
import torch

from app import fetching, networks
from app.service import Service
from snnet.catalogue import entries, published
from snnet.optional import MissingWarning
from snnet.photos.classes import class_names
from snnet.weights.files import WeightsError
from tests.browser.weights import Far, levit_checkpoint, serving
from tests.networks import tiny
from tests.refusals.sites import refusal


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of two small networks with random weights."""
    found = []
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp("networks") / f"net{seed}"
        net = tiny(seed=seed)
        net.name, net.title = f"tiny{seed}", f"tiny number {seed}"
        net.save(folder)
        found.append(folder)
    return found


@pytest.fixture
def far(folders, monkeypatch, tmp_path):
    """A service of the first folder, with a network in its catalogue that has to be fetched."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with serving() as served:
        served.files["far.pth"] = b"0" * 1_000_000
        service = Service(str(folders[0]))
        service.networks._entries["far"] = Far("far", "a far network", folders[1], served.source("far.pth"))
        yield service, served


def wait_until_done(service, name):
    for _ in range(200):
        found = service.networks.progress(name)
        if found["state"] != "running":
            return found
        threading.Event().wait(0.05)
    raise AssertionError(found)


def test_a_folder_is_served_and_the_catalogue_beside_it(folders, lion):
    service = Service(str(folders[0]))
    service.networks.start()
    names = [row["name"] for row in service.networks.menu()]
    assert names == [*(entry.name for entry in entries.entries()), "tiny1"]
    assert service.frontier()["network"] == "tiny1"
    assert {row["top1"] for row in service.frontier()["stitches"]} == {None}
    answer = service.classify(str(lion), 0.007)
    assert answer["stitch"] in {stitch.name for stitch in service.net.stitches}
    assert all(row["label"] == class_names()[row["index"]] for row in answer["top5"])
    assert service.frontier("lite")["network"] == "lite"
    assert service.frontier()["network"] == "tiny1"  # nobody else's network has changed
    assert service.state() == "ok"
    service.scheduler.close()
    assert service.state() == "closed"


def test_two_visitors_ask_two_networks_at_once(folders, lion):
    service = Service("lite")
    service.networks._entries["tiny1"] = entries.entry(str(folders[0]))
    wrong = []

    def visit(network, gmacs):
        for _ in range(5):
            net = service.networks.network_of(network)
            if service.classify(str(lion), gmacs, network)["stitch"] not in {s.name for s in net.stitches}:
                wrong.append(network)

    threads = [threading.Thread(target=visit, args=row) for row in (("lite", 0.5), ("tiny1", 0.007)) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_longest_unused_network_is_given_back(folders, monkeypatch):
    monkeypatch.setattr(networks, "AT_ONCE", 1)
    service = Service(str(folders[0]))
    for name in ("one", "two"):
        service.networks._entries[name] = entries.entry(str(folders[1]))
        service.networks.network_of(name)
    service.networks.network_of("")
    assert set(service.networks._futures) == {"tiny1", "two"}
    held = service.networks.network_of("two")
    service.networks.network_of("one")
    assert set(service.networks._futures) == {"tiny1", "one"}
    assert len(held.stitches) > 1  # who holds a network keeps it


@refusal("app/networks.py: on this page")
def test_an_unknown_network_is_refused_with_those_there_are(refused, folders):
    service = Service(str(folders[0]))
    with refused() as told:
        service.frontier("nonsense")
    assert "no network 'nonsense' on this page: there are lite, deit" in told.sentence
    assert service.frontier(told.sentence.rpartition(", ")[2])


@refusal("app/networks.py: are not here: fetch them")
def test_weights_that_are_not_here_are_refused_until_they_are_fetched(refused, far, lion):
    service, served = far
    with refused():
        service.classify(str(lion), 0.007, "far")
    assert service.networks.size("far") == {
        "here": False,
        "bytes": 1_000_000,
        "progress": None,
        "licence": "",
    }
    assert served.ranges == []  # asking for the size brings nothing
    service.networks.fetch("far")
    assert wait_until_done(service, "far")["state"] == "done"
    assert service.classify(str(lion), 0.007, "far")["top5"]
    service.networks.fetch("far")
    assert len(served.ranges) == 1  # what is here is not fetched again


@refusal("app/fetching.py: is being fetched", "app/networks.py: is being fetched")
def test_one_fetch_at_a_time(refused, far, folders):
    service, served = far
    served.bytes_a_second = 500_000
    other = Far("other", "another network", folders[1], served.source("far.pth"))
    service.networks._entries["other"] = other
    assert service.networks.fetch("far")["state"] == "running"
    assert service.networks.fetch("far")["state"] == "running"  # whoever asks for the same one joins
    with refused("fetching.py") as told:
        service.networks.fetch("other")
    assert "a far network is being fetched" in told.sentence
    with refused("networks.py") as told:
        service.networks.network_of("far")
    served.bytes_a_second = None
    assert wait_until_done(service, "far")["state"] == "done"
    assert len(served.ranges) == 1
    assert service.networks.network_of("far")  # as the sentences say
    assert service.networks.fetch("other")


def test_a_fetch_that_nobody_waits_for_stops_and_goes_on_later(far, monkeypatch):
    service, served = far
    monkeypatch.setattr(fetching, "PATIENCE_S", 0.2)
    served.bytes_a_second = 400_000
    service.networks.fetch("far")
    entry = service.networks._entries["far"]
    job = service.networks.fetcher._jobs["far"]
    assert job.ended.wait(20)
    assert job.state == "stopped"
    assert not entry.is_here()
    served.bytes_a_second = None
    monkeypatch.setattr(fetching, "PATIENCE_S", 30.0)
    service.networks.fetch("far")
    assert wait_until_done(service, "far")["state"] == "done"
    assert served.ranges[0] is None
    assert served.ranges[1].startswith("bytes=")  # resumed


def test_a_fetch_that_fails_says_why_in_one_sentence(far):
    service, served = far
    served.status = 503
    service.networks.fetch("far")
    found = wait_until_done(service, "far")
    assert found["state"] == "failed"
    assert "far.pth can't be fetched" in found["sentence"]
    assert "HTTP 503" in found["sentence"]
    assert "--weights" in found["sentence"]
    served.status = 200
    service.networks.fetch("far")  # and may be tried again
    assert wait_until_done(service, "far")["state"] == "done"


def test_a_start_without_its_weights_leaves_a_page_that_works(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    said, heard = [], threading.Event()
    service = Service("levit")
    assert service.state() == "loading"
    service.networks.start(then=lambda sentence: (said.append(sentence), heard.set()))
    assert heard.wait(60)
    assert "LeViT-192/256 can't be loaded: levit_192_256_release.pth can't be fetched" in said[0]
    assert said[0].endswith("; the page shows its figures, and fetches it when asked")
    assert service.networks.instead() is None
    assert service.state() == "failed"
    assert len(service.network()["stitches"]) == 8
    with pytest.raises(WeightsError, match="levit_192_256_release"):
        assert service.net


@pytest.fixture(scope="module")
def levit(tmp_path_factory):
    file = tmp_path_factory.mktemp("levit") / "levit.pth"
    levit_checkpoint(file)
    service = Service("levit", weights=file)
    service.networks.start()
    return service


class TestPublished:
    def test_every_stitch_is_published_and_its_own_curve_is_not_drawn_twice(self, levit):
        layer = levit.network()
        assert {row["source"] for row in layer["stitches"]} == {"published"}
        assert layer["hides"] == "levit"
        assert "levit" in {curve["key"] for curve in levit.backdrop()["curves"]}

    def test_joint_trained_anchors_stand_beside_the_originals(self, levit):
        layer = levit.network()
        rows = layer["originals"]
        assert [row["name"] for row in rows] == list(levit.networks.entry().originals().values())
        assert "79.86" in [f"{row['before']:.2f}" for row in rows]
        assert "79.64" in [f"{row['after']:.2f}" for row in rows]
        assert "79.9 → 79.6" in layer["joint"]

    def test_ownership_is_that_of_the_file(self, levit):
        assert layer_text(levit).startswith("8 networks in 30.3 M parameters")

    def test_wrong_weights_are_named(self, tmp_path):
        torch.save({"model": {"a": torch.zeros(1)}}, tmp_path / "x.pth")
        service = Service("levit", weights=tmp_path / "x.pth")
        with pytest.raises(WeightsError, match=r"x\.pth: these are not the weights of LeViT-192/256"):
            service.network()
        with pytest.raises(ValueError, match=r"gone\.pth is no file"):
            Service("levit", weights=tmp_path / "gone.pth")
        with pytest.raises(ValueError, match="leave --weights out"):
            Service("lite", weights=tmp_path / "x.pth")


def layer_text(service):
    return service.network()["ownership"]["network"]


def test_every_published_network_is_in_the_menu():
    names = {row["name"] for row in Service("lite").networks.menu()}
    assert names == {"lite", *published.families()}


@pytest.mark.parametrize("damage", [b"not a database at all" * 400, b""])
def test_a_damaged_store_keeps_no_photo_from_its_answer(tmp_path, monkeypatch, lion, damage):
    """Nothing of the user's results is needed to classify."""
    tiny(seed=3).save(tmp_path / "tiny")
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "results.sqlite").write_bytes(damage)
    service = Service(str(tmp_path / "tiny"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingWarning)
        assert len(service.classify(str(lion), 0.007)["top5"]) == 5
        assert len(service.sweep(str(lion))) == len(service.net.stitches)
        assert service.network()["stitches"]
