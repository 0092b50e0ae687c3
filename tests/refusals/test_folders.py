"""Refusals of a network's folder and of a run's: each is made to happen, and what it says mends it."""

import shutil

import pytest
import safetensors.torch
import timm
import torch

import snnet
from snnet.catalogue import plans
from snnet.training import checkpoint
from tests.limits import folder_that_is_only_read
from tests.networks import change_plan, tiny
from tests.refusals.sites import refusal


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks") / "net"
    tiny(seed=5).save(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "net")
    return tmp_path / "net"


def fetch(told, whole, folder):
    """Fetch the folder whole, as the sentence says."""
    assert "save the network again, or fetch the folder whole" in told.sentence
    for file in whole.iterdir():
        shutil.copy(file, folder)
    assert plans.read(folder / "config.json")["name"] == "tiny"


PLANS = {
    'is no object"': lambda p: p.update(origin="here"),
    "is none of a file": lambda p: p.update(sha256={"../../x": "0" * 64}),
    "is none of timm's names": lambda p: p["anchors"][0].update(model="../../x"),
    "is none of a model's": lambda p: p["anchors"][0]["options"].update(checkpoint_path="x.pth"),
    "is no word, and": lambda p: p["anchors"][0]["options"].update(depth=10**6),
    "no transform is for": lambda p: p["stitches"][-1].update(image_size=65),
    "are no lists of": lambda p: p["stitches"][-1].update(legs=[]),
    "layers between": lambda p: p["stitches"][-1].update(layers=[]),
    "is no way through": lambda p: p["stitches"][-1].update(legs=[[0, 0, 3], [7, 4, 10]]),
    "where a network has 1 to": lambda p: p.update(anchors=[]),
    "is no object of": lambda p: p["anchors"][0].update(options=["x"]),
    "is no text of": lambda p: p.update(title="t" * 5000),
    "is no whole number": lambda p: p.update(rank=10**9),
}


@refusal(
    "snnet/catalogue/plans.py: f\"origin {brief(plan['origin'])} is no object\"",
    "snnet/catalogue/plans.py: is none of a file",
    "snnet/catalogue/plans.py: is none of timm's names",
    "snnet/catalogue/plans.py: is none of a model's",
    "snnet/catalogue/plans.py: is no word, and",
    "snnet/catalogue/plans.py: no transform is for",
    "snnet/catalogue/plans.py: are no lists of",
    "snnet/catalogue/plans.py: layers between",
    "snnet/catalogue/plans.py: is no way through",
    "snnet/catalogue/plans.py: where a network has 1 to",
    "snnet/catalogue/plans.py: is no object of",
    "snnet/catalogue/plans.py: is no text of",
    "snnet/catalogue/plans.py: is no whole number",
)
def test_a_plan_that_no_network_has(refused, whole, folder):
    for piece, how in PLANS.items():
        change_plan(folder, how)
        with refused(piece) as told:
            plans.read(folder / "config.json")
        assert "config.json does not make a network (" in told.sentence
        fetch(told, whole, folder)


@refusal(
    "snnet/catalogue/plans.py: does not make a network",
    "snnet/catalogue/plans.py: is not the plan of",
    "snnet/catalogue/plans.py: where a plan has",
    "snnet/catalogue/plans.py: update the project",
    "snnet/catalogue/plans.py: take {SUMS!r} out of it",
    "snnet/catalogue/plans.py: put the file itself there",
)
def test_a_plan_that_is_damaged(refused, whole, folder, tmp_path):
    file = folder / "config.json"
    change_plan(folder, lambda plan: plan.pop("title"))
    with refused("make a network") as told:
        plans.read(file)
    fetch(told, whole, folder)
    for text, piece in (("{}", "is not the plan"), (" " * 10_000_000, "where a plan has")):
        file.write_text(text)
        with refused(piece) as told:
            plans.read(file)
        fetch(told, whole, folder)
    change_plan(folder, lambda plan: plan.update(format=9))
    with refused("update"):
        plans.read(file)
    shutil.copy(whole / "config.json", file)
    file.write_text(file.read_text().replace("two tiny anchors", "three tiny anchors"))
    with refused("take {SUMS") as told:
        plans.read(file)
    change_plan(folder, lambda plan: None)  # its owner changed it, and takes the checksums out
    assert plans.read(file)["title"] == "three tiny anchors"
    file.write_text((whole / "config.json").read_text().replace("two tiny anchors", "four tiny anchors"))
    fetch(told, whole, folder)
    file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    with refused("itself there"):
        plans.read(file)
    (tmp_path / "elsewhere.json").replace(file)
    assert plans.read(file)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_may_not_be_read(folder, name):
    """No new copy mends that."""
    with folder_that_is_only_read(folder):
        (folder / name).chmod(0)
        with pytest.raises(RuntimeError, match=rf"{name} can't be opened .*right to read it") as told:
            snnet.load(str(folder))
        assert "save the network again" not in str(told.value)
        (folder / name).chmod(0o444)
        assert snnet.load(str(folder))


@refusal(
    "snnet/catalogue/plans.py: is missing",
    "snnet/catalogue/plans.py: (its SHA-256 differs): {REMEDY}')",
    "snnet/catalogue/saved.py: does not fit {folder / CONFIG}",
    "snnet/catalogue/saved.py: {folder / CONFIG} {why}",
    "snnet/catalogue/saved.py: timm has no model",
    "snnet/catalogue/saved.py: does not fit its anchor",
    "snnet/catalogue/saved.py: blocks and not",
)
def test_tensors_of_another_network(refused, whole, folder):
    def mended(told):
        fetch(told, whole, folder)
        assert snnet.load(str(folder))

    file = folder / "model.safetensors"
    file.unlink()
    with refused("missing") as told:
        snnet.load(str(folder))
    mended(told)
    tensors = safetensors.torch.load_file(file)
    safetensors.torch.save_file({name: tensor + 1 for name, tensor in tensors.items()}, file)
    with refused("SHA-256") as told:
        snnet.load(str(folder))
    mended(told)
    safetensors.torch.save_file({n: t for n, t in tensors.items() if not n.startswith("layers.")}, file)
    change_plan(folder, lambda plan: None)
    with refused("does not fit {folder") as told:
        snnet.load(str(folder))
    mended(told)
    for piece, how in {
        "no model": lambda p: p["anchors"][0].update(model="os.system"),
        "anchor": lambda p: p["anchors"][0]["options"].update(num_classes=900_000),
        "blocks": lambda p: p["stitches"][-1].update(legs=[[0, 0, 3], [1, 4, 60]]),
    }.items():
        change_plan(folder, how)
        with refused(piece) as told:
            snnet.load(str(folder))
        fetch(told, whole, folder)
    change_plan(folder, lambda p: p.update(timm="0.0.1") or p["anchors"][0]["options"].update(nonsense=3))
    with refused("{why}") as told:
        snnet.load(str(folder))
    assert f"or install timm 0.0.1, which saved it: here is {timm.__version__}" in told.sentence
    mended(told)


@refusal("snnet/catalogue/saved.py: is not its original")
def test_a_light_folder_of_what_is_no_original(refused, tmp_path):
    net = tiny()
    with refused() as told:
        net.save(tmp_path / "net", light=True)
    assert "save tiny whole" in told.sentence
    assert not (tmp_path / "net").exists()
    net.save(tmp_path / "net")
    assert snnet.load(str(tmp_path / "net"))


@refusal(
    "snnet/training/checkpoint.py: TrainingError(str(denial))",
    "snnet/training/checkpoint.py: needs more memory",
    "snnet/training/checkpoint.py: can't be read",
    "snnet/training/checkpoint.py: holds another run",
)
def test_a_checkpoint(refused, tmp_path, monkeypatch):
    run, state = {"recipe": {"lr": 1}}, {"step": 3, "tensors": {"a": torch.ones(10)}}
    checkpoint.write(tmp_path, run, state)
    file = tmp_path / checkpoint.CHECKPOINT
    with folder_that_is_only_read(tmp_path):
        file.chmod(0)
        with refused("denial") as told:
            checkpoint.read(tmp_path, run)
        assert "delete" not in told.sentence  # it is sound
        file.chmod(0o444)
        assert checkpoint.read(tmp_path, run)["step"] == 3

    def fails(*_, **__):
        raise MemoryError

    with monkeypatch.context() as patch, refused("memory") as told:
        patch.setattr(checkpoint, "load_safely", fails)
        checkpoint.read(tmp_path, run)
    assert "delete" not in told.sentence
    other = {"recipe": {"lr": 2}}
    with refused("another run") as told:
        checkpoint.read(tmp_path, other)
    assert "give another --out, or delete the folder to begin anew" in told.sentence
    assert checkpoint.read(tmp_path / "other", other) is None
    file.write_bytes(file.read_bytes()[:-100])
    with refused("be read") as told:
        checkpoint.read(tmp_path, run)
    assert "delete it to begin anew" in told.sentence
    file.unlink()
    assert checkpoint.read(tmp_path, run) is None
