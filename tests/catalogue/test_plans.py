"""Folders from strangers: plans that name files, code or sizes that no network has; files that changed."""

import json
import os
import shutil
import tracemalloc

import pytest
import safetensors.torch
import torch

import snnet
from snnet.catalogue import entries, plans
from snnet.optional import MissingWarning
from snnet.weights.files import WeightsError
from tests.networks import change_plan, tiny


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks") / "net"
    tiny().save(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "net")
    return tmp_path / "net"


def option(**options):
    return lambda plan: plan["anchors"][0]["options"].update(options)


def stitch(**values):
    return lambda plan: plan["stitches"][-1].update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.update(anchors=p["anchors"] * 500_000), "config.json is not the plan"),
        (lambda p: p.update(anchors=p["anchors"] * 50), "100 anchors, where a network has 1 to 16"),
        (lambda p: p.update(anchors=[]), "0 anchors, where a network has 1 to 16"),
        (lambda p: p.update(anchors="many"), "anchors 'many', where a network has 1 to 16"),
        (lambda p: p.update(stitches=p["stitches"] * 1000), "stitches, where a network has 1 to 20,000"),
        (lambda p: p.update(rank=10**9), "rank 1000000000 is no whole number from 0 to 4,096"),
        (lambda p: p.update(name=["a"]), r"name \['a'\] is no text"),
        (lambda p: p.update(title="t" * 5000), "title 'ttt.* is no text of up to 1,000 characters"),
        (lambda p: p.update(origin="here"), "origin 'here' is no object"),
        (lambda p: p.pop("title"), "KeyError: 'title'"),
        (lambda p: p["anchors"][0].update(model="hf-hub:someone/evil"), "evil' is none of timm"),
        (lambda p: p["anchors"][0].update(model="local-dir:/etc"), "/etc' is none of timm's names"),
        (lambda p: p["anchors"][0].update(model="os.system"), "timm has no model 'os.system'"),
        (lambda p: p["anchors"][0].update(model="../../x"), "'../../x' is none of timm's names"),
        (lambda p: p["anchors"][0].update(weights="/etc/passwd"), "'/etc/passwd' is none of timm's names"),
        (lambda p: p["anchors"][0].update(options=["x"]), "is no object"),
        (option(checkpoint_path="x.pth"), "option 'checkpoint_path' is none of a model's"),
        (option(pretrained_cfg="x"), "option 'pretrained_cfg' is none of a model's"),
        (option(act_layer="../../x"), r"option act_layer '\.\./\.\./x' is no word"),
        (option(num_classes=10**12), "num_classes 1000000000000 is no word, and no number"),
        (option(depth=10**6), "option depth 1000000 is no word, and no number up to 512"),
        (option(num_classes=900_000), r"does not fit its anchor small: .*has the shape \(10"),
        (option(nonsense=3), "does not make a network"),
        (stitch(image_size=10**7), "image_size 10000000 is no whole number from 1 to 4,096"),
        (stitch(image_size=65), "no transform is for 65 px"),
        (stitch(legs=[[0, 0, 3], [7, 4, 10]]), r"the leg \[7, 4, 10\] is no way through 2 anchors"),
        (stitch(legs=[[0, -1, 3], [1, 4, 10]]), "a leg's end -1 is no whole number"),
        (stitch(legs=[[0, 0, 3], [1, 4, 60]]), "large has 17 blocks and not 60"),
        (stitch(legs=[]), "legs and layers are no lists of up to 16"),
        (stitch(layers=[]), "2 legs with 0 layers between"),
        (lambda p: p.update(sha256={"../../x": "0" * 64}), r"sha256 of '\.\./\.\./x' is none of a file"),
        (lambda p: p.update(sha256={"/etc/passwd": "0" * 64}), "sha256 of '/etc/passwd' is none of a file"),
        (lambda p: (p.clear(), p.update(format=1, name="x", title="x", published="x")), "no published"),
    ],
)
def test_a_plan_that_asks_for_what_can_not_be_is_one_sentence(folder, change, words):
    change_plan(folder, change)
    tracemalloc.start()
    with pytest.raises(WeightsError, match=words) as caught:
        snnet.load(str(folder))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(folder / "config.json") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert most < 200e6


@pytest.mark.parametrize("text", ["[" * 100_000, '{"snnet":' * 100_000, "1" * 100_000, "\0", "NaN"])
def test_json_that_breaks_parsers_is_one_sentence(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"config\.json is not the plan of a stitched network"):
        snnet.load(str(folder))


def test_a_large_network_that_has_no_tensors_is_not_made(folder, monkeypatch):
    def change(plan):
        plan["anchors"][0] |= {"model": "vit_giant_patch14_224", "options": {}}  # 10⁹ parameters

    change_plan(folder, change)
    with pytest.raises(WeightsError, match=r"model\.safetensors does not fit its anchor small"):
        snnet.load(str(folder))


def test_layers_that_have_no_tensors_are_not_made(folder):
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("layers.")}
    safetensors.torch.save_file(kept, folder / "model.safetensors")
    change_plan(folder, lambda plan: plan.update(rank=4096))
    with pytest.raises(WeightsError, match=r"layers\.\S+ is missing"):
        snnet.load(str(folder))


class TestLinks:
    @pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
    def test_out_of_the_folder_are_refused(self, folder, tmp_path, name):
        (folder / name).rename(tmp_path / "elsewhere")
        (folder / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(WeightsError, match=rf"{name} lies outside of its folder, at .*elsewhere"):
            snnet.load(str(folder))

    def test_of_a_hubs_cache_are_followed(self, folder, tmp_path):
        home = tmp_path / "models--someone--net"
        snapshot = home / "snapshots" / "0123abc"
        snapshot.mkdir(parents=True)
        (home / "blobs").mkdir()
        for number, file in enumerate(folder.iterdir()):
            file.rename(home / "blobs" / str(number))
            (snapshot / file.name).symlink_to(os.path.join("..", "..", "blobs", str(number)))
        assert snnet.load(str(snapshot)).name == "tiny"

    def test_to_the_folder_itself_are_followed(self, folder, tmp_path):
        (tmp_path / "link").symlink_to(folder)
        assert snnet.load(str(tmp_path / "link")).name == "tiny"


class TestChecksums:
    @pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
    def test_name_the_file_of_which_a_byte_was_changed(self, folder, name):
        data = bytearray((folder / name).read_bytes())
        place = data.index(b"two tiny") if name == "config.json" else len(data) - 5
        data[place] ^= 1
        (folder / name).write_bytes(data)
        with pytest.raises(WeightsError, match=rf"{name} was changed since it was saved"):
            snnet.load(str(folder))

    def test_leave_changed_results_out(self, folder):
        from snnet.catalogue import saved
        from snnet.evaluation import results
        from tests.evaluation.test_results import result

        results.write_table([result()], folder / "results.csv")
        plan = json.loads((folder / "config.json").read_text())["snnet"]
        plan["sha256"]["results.csv"] = "0" * 64
        (folder / "config.json").write_text(plans.text(plan))
        what = r"results that came with the network are left out: .*results\.csv was changed"
        with pytest.warns(MissingWarning, match=what):
            assert snnet.load(str(folder)).name == "tiny"
        assert saved.bundled_results(folder) == []

    def test_hold_of_every_file_that_is_saved(self, whole):
        plan = plans.read(whole / "config.json")
        assert plans.sums(plan).keys() == {file.name for file in whole.iterdir()}
        for name in ("README.md", "model.safetensors"):
            assert plans.sums(plan)[name] == plans.sum_of_file(whole / name)

    def test_hold_of_the_network_that_ships(self):
        folder = entries.NETWORKS / "lite"
        plan = plans.read(folder / "config.json")
        assert plans.sums(plan).keys() == {file.name for file in folder.iterdir()}
        assert plans.sums(plan)["model.safetensors"] == plans.sum_of_file(folder / "model.safetensors")

    def test_are_not_needed(self, folder):
        change_plan(folder, lambda plan: None)
        assert snnet.load(str(folder)).name == "tiny"


def test_loading_leaves_no_layer_without_memory(whole):
    net = snnet.load(str(whole))
    assert all(tensor.device == torch.device("cpu") for tensor in net.state_dict().values())
    tensors = net.state_dict()
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in tiny().state_dict().items())
