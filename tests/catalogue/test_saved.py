"""Saving, loading, and the hub's usual way, all on this machine."""

import json
from pathlib import Path

import huggingface_hub
import pytest
import torch

import snnet
from snnet.catalogue import entries
from snnet.catalogue import saved as folder
from snnet.catalogue.stitched_network import StitchedNetwork
from snnet.evaluation import accuracy
from snnet.evaluation.provenance import routes
from snnet.evaluation.results import Result
from snnet.evaluation.store import Store
from snnet.weights.files import WeightsError
from tests.networks import tiny


@pytest.fixture
def saved(tmp_path):
    tiny(seed=3).save(tmp_path / "net")
    return tmp_path / "net"


def same(one, other):
    assert [stitch.name for stitch in one.stitches] == [stitch.name for stitch in other.stitches]
    for stitch in (one.stitches[1], one.stitches[-1]):
        images = torch.randn(1, 3, stitch.image_size, stitch.image_size)
        with torch.inference_mode():
            assert torch.equal(one(images, stitch), other(images, other.stitch(stitch.name)))


def test_a_folder_gives_the_network_back(saved):
    same(tiny(seed=3), snnet.load(str(saved)))
    assert sorted(file.name for file in saved.iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_saving_over_another_network_replaces_it(saved):
    net = tiny(seed=4)
    net.save(saved)
    same(net, snnet.load(str(saved)))


def test_results_go_along(saved, tmp_path):
    net = tiny(seed=3)
    photos = dict.fromkeys(range(10), (10, 7, 9))
    route = routes(net)
    measured = [
        Result(
            route=route[stitch.name],
            photos="a",
            transform=net.transform(stitch).key,
            precision="float32",
            total=100,
            top1=70,
            top5=90,
            per_class=photos,
            photos_about="ten photos of ten classes",
            measured_on="2026-01-02",
            network="tiny",
            stitch=stitch.name,
        )
        for stitch in net.stitches
    ]
    Store().put(measured)
    net.save(tmp_path / "measured")
    Store().file.unlink()
    again = snnet.load(str(tmp_path / "measured"))
    known = again.accuracy(again.stitches[0])
    assert (known.top1, known.source, known.classes) == (70.0, "partial", 10)
    card = (tmp_path / "measured" / "README.md").read_text(encoding="utf-8")
    assert "## Frontier" in card
    assert "70.00 %" in card
    assert "measured on 10 of 1,000 classes" in card
    assert "ten photos of ten classes" in card


def test_the_card_of_an_unmeasured_network_says_so(saved):
    card = (saved / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: snnet\n")
    assert "not measured yet" in card
    assert "`mnasnet_small" in card
    huggingface_hub.ModelCard(card).validate  # noqa: B018 - its front matter is read on making it


def test_the_hubs_own_way_on_a_local_folder(saved, tmp_path):
    net = StitchedNetwork.from_pretrained(saved)
    same(tiny(seed=3), net)
    net.save_pretrained(tmp_path / "again")
    same(net, StitchedNetwork.from_pretrained(str(tmp_path / "again")))


def test_pushing_uploads_the_folder(monkeypatch):
    calls = {}

    class Api:
        def __init__(self, token=None):
            calls["token"] = token

        def create_repo(self, repo_id, private=None, exist_ok=False):
            calls["repo"] = (repo_id, private)
            return huggingface_hub.RepoUrl(f"https://huggingface.co/{repo_id}")

        def upload_folder(self, *, repo_id, folder_path, **_):
            calls["files"] = sorted(file.name for file in Path(folder_path).iterdir())
            calls["plan"] = json.loads((Path(folder_path) / "config.json").read_text())["snnet"]["name"]
            return f"https://huggingface.co/{repo_id}/commit/1"

    monkeypatch.setattr(huggingface_hub.hub_mixin, "HfApi", Api)
    tiny().push_to_hub("someone/tiny", private=True, token="hf_x")
    assert calls["repo"] == ("someone/tiny", True)
    assert calls["files"] == ["README.md", "config.json", "model.safetensors"]
    assert (calls["plan"], calls["token"]) == ("tiny", "hf_x")


def test_from_the_hub_only_what_is_needed_is_fetched(saved, monkeypatch):
    asked = {}

    def snapshot(repo, **options):
        asked.update(options, repo=repo)
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.setattr(huggingface_hub.hub_mixin, "hf_hub_download", lambda **_: str(saved / "config.json"))
    net = StitchedNetwork.from_pretrained("someone/tiny", revision="v1")
    assert (asked["repo"], asked["revision"]) == ("someone/tiny", "v1")
    assert asked["allow_patterns"] == ["config.json", "model.safetensors", "results.csv"]
    same(tiny(seed=3), net)


def test_a_published_network_can_be_saved(tmp_path):
    from snnet.catalogue import published

    net = published.blank("levit")
    net.save(tmp_path / "levit")
    again = snnet.load(str(tmp_path / "levit"))
    assert again.published_as == "levit"
    assert again.accuracy(again.stitches[0]).source == "published"
    image = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        assert torch.equal(net(image, net.stitches[-1]), again(image, again.stitches[-1]))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.safetensors").unlink(), r"model\.safetensors is missing"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), r"model\.safetensors can't be read"),
        (lambda f: (f / "config.json").write_text("{}"), r"config\.json is not the plan"),
        (lambda f: (f / "config.json").write_text("nonsense"), r"config\.json is not the plan"),
        (lambda f: (f / "config.json").write_text('{"snnet": {"format": 9}}'), "format 9 where 1"),
    ],
)
def test_damage_is_named(saved, damage, words):
    damage(saved)
    with pytest.raises(WeightsError, match=words):
        snnet.load(str(saved))


def test_tensors_of_another_network_are_named(saved):
    import safetensors.torch

    tensors = safetensors.torch.load_file(saved / "model.safetensors")
    dropped = next(key for key in tensors if key.startswith("layers."))
    del tensors[dropped]
    safetensors.torch.save_file(tensors, saved / "model.safetensors")
    plan = json.loads((saved / "config.json").read_text())
    del plan["snnet"]["sha256"]  # as of a folder that an earlier version wrote
    (saved / "config.json").write_text(json.dumps(plan))
    with pytest.raises(WeightsError, match=f"{dropped} is missing"):
        snnet.load(str(saved))


def test_a_folder_without_a_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no network: config\.json is missing"):
        snnet.load(str(tmp_path))
    assert not folder.is_network(tmp_path)


def test_a_folder_has_an_entry(saved):
    entry = entries.entry(str(saved))
    assert (entry.name, entry.title, entry.is_here()) == ("tiny", "two tiny anchors", True)
    row = entries.summary(entry)
    assert row["stitches"] == len(tiny().stitches)
    assert row["top1"] is None
    assert accuracy.table(entries.ready(entry))[0]["top1"] is None
