"""What earlier versions wrote still loads, with equal results."""

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

import snnet
from snnet.evaluation.evaluate import EvaluationOptions, evaluate
from snnet.evaluation.store import Store
from snnet.network.network import Network
from snnet.photos.label_set import of_head
from snnet.photos.photo_set import open_photos
from snnet.training.recipes import Recipe
from snnet.training.run import TrainingOptions, train

OLD = Path(__file__).parent / "old"
EXPECTED = json.loads((OLD / "expected.json").read_text())


def pattern(size):
    """Return the image that the expected logits are of, (1, 3, size, size)."""
    return torch.sin(torch.arange(3 * size * size, dtype=torch.float32) * 0.37).reshape(1, 3, size, size)


@pytest.fixture
def store(tmp_path):
    shutil.copy(OLD / "results.sqlite", tmp_path)
    return Store(tmp_path / "results.sqlite")


@pytest.fixture(autouse=True)
def heads_of_before(monkeypatch):
    """Hold labels 0 to 9 against heads of ten, as the versions did that wrote these files."""
    monkeypatch.setattr(Network, "label_set", property(lambda net: of_head(1000)))


@pytest.mark.parametrize("name", ["vits", "convs"])
def test_a_saved_network_gives_the_same_logits_and_costs(name):
    net = snnet.load(str(OLD / name))
    assert [stitch.name for stitch in net.stitches] == list(EXPECTED[name])
    for stitch in net.stitches:
        expected = EXPECTED[name][stitch.name]
        with torch.inference_mode():
            logits = net(pattern(stitch.image_size), stitch)[0]
        torch.testing.assert_close(logits, torch.tensor(expected["logits"]), rtol=1e-4, atol=1e-5)
        cost = net.cost(stitch)
        assert (cost.gmacs, cost.params_m) == (expected["gmacs"], expected["params_m"])


def test_a_saved_network_keeps_what_was_measured_of_it():
    net = snnet.load(str(OLD / "vits"))
    for stitch in net.stitches:
        total, right, _ = EXPECTED["results"][stitch.name]
        known = net.accuracy(stitch)
        assert (known.source, known.top1) == ("partial", 100 * right / total)


@pytest.mark.parametrize("name", ["levit", "lite"])
def test_the_plans_of_the_catalogues_networks_make_the_same_networks(name, tmp_path):
    if name == "lite":
        ours = snnet.load("lite")
    else:
        torch.manual_seed(0)
        ours = snnet.published.blank(name)
    shutil.copy(OLD / f"{name}-config.json", tmp_path / "config.json")
    safetensors.torch.save_file(ours.state_dict(), tmp_path / "model.safetensors")
    net = snnet.load(str(tmp_path))
    assert net.stitches == ours.stitches
    assert net.transforms == ours.transforms
    stitch = ours.stitches[-1]
    with torch.inference_mode():
        assert torch.equal(net(pattern(stitch.image_size), stitch), ours(pattern(stitch.image_size), stitch))


def test_results_are_found_again_and_nothing_is_computed(store):
    found = {result.stitch: [result.total, result.top1, result.top5] for result in store.all()}
    assert found == EXPECTED["results"]
    net = snnet.load(str(OLD / "vits"))
    assert evaluate(net, open_photos(OLD / "photos.parquet"), store=store) == []


def test_a_stopped_evaluation_goes_on_and_ends_as_it_would_have(store):
    net = snnet.load(str(OLD / "convs"))
    told = []
    results = evaluate(
        net,
        open_photos(OLD / "photos.parquet"),
        EvaluationOptions(batch_size=4),
        store=store,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told[0] == (4, 12)
    found = {result.stitch: [result.total, result.top1, result.top5] for result in results}
    assert found == EXPECTED["unfinished"]


def test_a_killed_training_run_goes_on_and_ends_as_it_would_have(tmp_path):
    shutil.copytree(OLD / "run", tmp_path / "run")
    recipe = Recipe(**json.loads((OLD / "recipe.json").read_text()))
    net = snnet.load(str(OLD / "vits"))
    log = tmp_path / "run" / "log.csv"
    photos = open_photos(OLD / "photos.parquet")
    trained = train(net, photos, recipe, tmp_path / "run", TrainingOptions(workers=0)).state_dict()
    assert [row.split(",")[0] for row in log.read_text().splitlines()] == ["step", "1", "2", "4", "5", "6"]
    for name, tensor in safetensors.torch.load_file(OLD / "trained.safetensors").items():
        torch.testing.assert_close(trained[name], tensor, rtol=1e-4, atol=1e-6)
