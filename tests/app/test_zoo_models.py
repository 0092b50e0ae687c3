"""Zoo models on a photo, beside stitches."""

import json
import threading
from pathlib import Path

import pytest
import torch

from app import zoo_models
from app.service import Service
from snnet.evaluation import accuracy
from snnet.photos.classes import class_names
from snnet.photos.decode import PhotoError, decode
from snnet.tables import zoo
from snnet.weights import originals
from snnet.weights.files import WeightsError
from snnet.weights.sources import HubFile, ReleaseFile
from tests.browser.weights import serving
from tests.networks import tiny
from tests.refusals.sites import refusal

LITE0 = "tf_efficientnet_lite0.in1k"
FAR = "mobilenetv3_small_050.lamb_in1k"  # the zoo's smallest, 1.6 M parameters


def wait_until_done(photos, model):
    for _ in range(400):
        found = photos.progress(model)
        if found["state"] != "running":
            return found
        threading.Event().wait(0.05)
    raise AssertionError(found)


class TestWeights:
    def test_an_anchor_that_is_here_runs_without_a_network(self, service, lion, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        size = service.zoo.size(LITE0)
        assert (size["here"], size["bytes"], size["progress"]["state"]) == (True, None, "done")
        names = [service.net.stitches[0].name, service.net.stitches[-1].name]
        found = json.loads(json.dumps(service.compare_photo(str(lion), LITE0, 224, names), allow_nan=False))
        model = found["model"]
        assert (model["name"], model["image_size"]) == (LITE0, 224)
        assert model["top5"][0]["label"] == "lion"
        assert model["latency_ms"] > 0
        assert [row["name"] for row in found["stitches"]] == names
        assert all(len(row["top5"]) == 5 and row["latency_ms"] > 0 for row in found["stitches"])

    def test_its_answer_is_the_models_own(self, service, lion):
        # lite0 as a stitch at its published size is this very model, and its transform timm's
        stitch = next(s for s in service.net.stitches if accuracy.timm_row(service.net, s))
        row = accuracy.timm_row(service.net, stitch)
        found = service.compare_photo(str(lion), row.name, row.image_size, [stitch.name])
        assert [r["index"] for r in found["model"]["top5"]] == [
            r["index"] for r in found["stitches"][0]["top5"]
        ]
        for mine, theirs in zip(found["model"]["top5"], found["stitches"][0]["top5"], strict=True):
            assert mine["probability"] == pytest.approx(theirs["probability"], abs=1e-4)
        with torch.inference_mode():
            logits = originals.timm_model(row.name)(service.net.transform(stitch)(decode(lion))[None])
        assert int(logits.argmax()) == found["model"]["top5"][0]["index"]

    @pytest.mark.parametrize("model", ["nonsense", None, 7, "../x", ["a"], ""])
    @refusal("app/zoo_models.py: no zoo model")
    def test_what_is_no_model_is_refused(self, refused, service, model):
        for call in (service.zoo.size, service.zoo.fetch, service.zoo.progress):
            with refused() as told:
                call(model)
            assert service.zoo.progress(told.sentence.rpartition(" ")[2])

    @refusal("app/zoo_models.py: has no result at", "app/zoo_models.py: is no list of")
    def test_a_size_or_stitch_that_there_is_not_is_refused(self, refused, service, lion):
        with refused("no result") as told:
            service.compare_photo(str(lion), LITE0, 999, [])
        assert told.sentence.endswith("no result at 999 px: at 224 px")
        assert service.compare_photo(str(lion), LITE0, 224, [])
        with pytest.raises(ValueError, match="has no stitch 'nonsense'"):
            service.compare_photo(str(lion), LITE0, 224, ["nonsense"])
        with refused("no list"):
            service.compare_photo(str(lion), LITE0, 224, "lite0")

    def test_a_photo_that_is_none_is_one_sentence(self, service, tmp_path):
        (tmp_path / "notes.jpg").write_text("to do: take photos")
        with pytest.raises(PhotoError, match=r"notes\.jpg"):
            service.compare_photo(str(tmp_path / "notes.jpg"), LITE0, 224, [])

    def test_every_model_of_the_zoo_has_one_source(self):
        for name in {model.name for model in zoo.models()}:
            (source,) = zoo_models.ZooEntry(name).sources
            assert isinstance(source, HubFile | ReleaseFile)

    def test_without_a_network_the_sentence_names_file_and_address(self, service, monkeypatch, tmp_path):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(WeightsError) as error:
            service.zoo.size(FAR)
        said = str(error.value)
        assert said.startswith("model.safetensors can't be fetched")
        assert f"https://huggingface.co/timm/{FAR}/resolve/main/model.safetensors" in said
        assert f"hf download timm/{FAR} model.safetensors" in said
        assert "--weights" not in said

    @refusal("app/zoo_models.py: pick a smaller model")
    def test_a_model_too_large_for_the_memory_is_refused(self, refused, service, lion, monkeypatch):
        monkeypatch.setattr(zoo_models, "_free_gb", lambda: 0.05)
        service.zoo._newest = None
        with refused() as told:
            service.compare_photo(str(lion), "tf_efficientnet_lite2.in1k", 260, [])
        assert "0.1 GB are free" in told.sentence
        assert service.compare_photo(str(lion), LITE0, 224, [])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The file of a zoo model with random weights."""
    import timm

    torch.manual_seed(0)
    model = timm.create_model(FAR, pretrained=False).eval()
    file = tmp_path_factory.mktemp("zoo") / "far.pth"
    torch.save(model.state_dict(), file)
    return file.read_bytes(), model


@pytest.fixture
def far(checkpoint, service, monkeypatch, tmp_path):
    """(photos, server) where a zoo model lies behind a server of this machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    photos = zoo_models.ZooPhotos(service.networks.fetcher, service.photos)
    with serving() as served:
        served.files["far.pth"] = checkpoint[0]
        photos._entry(FAR).__dict__["sources"] = (served.source("far.pth"),)
        yield photos, served


def run(photos, *asked):
    steps = photos.steps(*asked)()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


class TestFetching:
    @refusal("app/zoo_models.py: fetch them first")
    def test_its_size_comes_first_then_it_is_fetched_and_run(self, refused, far, checkpoint, service, lion):
        photos, served = far
        size = photos.size(FAR)
        assert size == {
            "here": False,
            "bytes": len(checkpoint[0]),
            "progress": None,
            "licence": "apache-2.0",
        }
        assert served.ranges == []  # asking for the size brings nothing
        with refused():
            run(photos, str(lion), FAR, 224, service.net, [])
        photos.fetch(FAR)
        assert wait_until_done(photos, FAR)["state"] == "done"
        assert photos.size(FAR)["here"]
        answer = run(photos, str(lion), FAR, 224, service.net, [])["model"]
        with torch.inference_mode():
            images = zoo_models._transform(photos._entry(FAR).config, 224)(decode(lion).convert("RGB"))[None]
            expected = checkpoint[1](images)[0].softmax(0)
        for row in answer["top5"]:
            assert row["probability"] == pytest.approx(float(expected[row["index"]]), abs=1e-4)
        photos.fetch(FAR)
        assert len(served.ranges) == 1  # what is here is not fetched again

    def test_a_failure_says_why_and_may_be_tried_again(self, far):
        photos, served = far
        served.status = 503
        with pytest.raises(WeightsError, match=r"far\.pth can't be fetched .*HTTP 503"):
            photos.size(FAR)
        photos.fetch(FAR)
        found = wait_until_done(photos, FAR)
        assert found["state"] == "failed"
        assert "HTTP 503" in found["sentence"]
        served.status = 200
        photos.fetch(FAR)
        assert wait_until_done(photos, FAR)["state"] == "done"

    @refusal("app/zoo_models.py: delete it and fetch it again")
    def test_another_files_tensors_are_refused(self, refused, far, checkpoint, service, lion, tmp_path):
        photos, served = far
        torch.save({"a": torch.zeros(1)}, tmp_path / "x.pth")
        served.files["far.pth"] = (tmp_path / "x.pth").read_bytes()
        photos.fetch(FAR)
        assert wait_until_done(photos, FAR)["state"] == "done"
        with refused() as told:
            run(photos, str(lion), FAR, 224, service.net, [])
        Path(told.sentence.partition(": these are not the weights of mobilenetv3")[0]).unlink()
        served.files["far.pth"] = checkpoint[0]
        photos.fetch(FAR)
        assert wait_until_done(photos, FAR)["state"] == "done"
        assert run(photos, str(lion), FAR, 224, service.net, [])

    def test_one_fetch_at_a_time_with_those_of_networks(self, far, service):
        photos, served = far
        served.bytes_a_second = 200_000
        photos.fetch(FAR)
        with pytest.raises(ValueError, match=f"{FAR} is being fetched"):
            service.networks.fetcher.start(service.networks._entries["levit"])
        assert photos.size(FAR)["progress"]["state"] == "running"
        served.bytes_a_second = None
        assert wait_until_done(photos, FAR)["state"] == "done"


def test_a_folders_network_is_compared_too(lion, tmp_path):
    net = tiny(seed=1)
    net.save(tmp_path / "tiny")
    service = Service(str(tmp_path / "tiny"))
    name = net.stitches[0].name
    found = service.compare_photo(str(lion), LITE0, 224, [name])
    best = found["stitches"][0]["top5"][0]
    assert best["label"] == class_names()[best["index"]]
    assert all(row["sets"] is None for row in service.network()["stitches"])
