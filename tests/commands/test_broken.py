"""--skip-broken, the same for every command that reads photos; tests/training has train's."""

import json

import pytest

from snnet.catalogue.stitched_network import StitchedNetwork
from snnet.commands import main
from tests.networks import tiny
from tests.photos.sets import coded, noise
from tests.training.settings import SYNSETS


def run(capsys, *arguments):
    status = main.main([str(word) for word in arguments])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "home"))
    tiny().save(tmp_path / "net")
    root = tmp_path / "photos"
    root.mkdir()
    noise(root, SYNSETS, 3)
    for number in (0, 2):
        (root / SYNSETS[1] / f"{number}.png").write_bytes(b"no photo at all")
    (root / SYNSETS[2] / "1.png").write_bytes(coded(7)[:-12])
    return root


LIST = """2 photos left out, because they can't be decoded:
  n01443537/0.png in photos: 0.png is not a photo in a format read here"""
NOTE = """1 photo without the end marker, taken as the picture is all there:
  n01484850/1.png in photos: 1.png lacks its end marker; its picture is all there."""


def commands(tmp_path):
    stitch = ["stitch", "test_vit", "test_vit3", "--no-pretrained", "--max-stitches", "4"]
    stitch += ["--image-size", "96"]
    settings = ["--steps", "8", "--batch-size", "2", "--alpha", "1", "--warmup-epochs", "0"]
    return {
        "stitch": [*stitch, "--out", tmp_path / "stitch"],
        "evaluate": ["evaluate", tmp_path / "net", "--json"],
        "train": ["train", tmp_path / "net", "--out", tmp_path / "train", "--workers", "0", *settings],
    }


@pytest.mark.parametrize("name", ["stitch", "evaluate", "train"])
def test_broken_photos_end_a_run_unless_they_are_left_out(name, place, tmp_path, capsys):
    words = [*commands(tmp_path)[name], "--data", place]
    status, _, err = run(capsys, *words)
    assert status == 2
    assert err.rstrip().endswith("Or leave out such photos: --skip-broken.")
    assert "is not a photo" in err
    status, out, err = run(capsys, *words, "--skip-broken", "--broken-list", tmp_path / "list.txt")
    assert status == 0, err
    assert LIST in err
    assert (NOTE in err) == (name != "train")
    lines = (tmp_path / "list.txt").read_text().splitlines()
    assert [line.partition(" ")[0] for line in lines] == [f"{SYNSETS[1]}/{number}.png" for number in (0, 2)]
    if name == "evaluate":
        assert {row["total"] for row in json.loads(out)} == {7}
    if name == "stitch":
        assert StitchedNetwork.from_folder(tmp_path / "stitch").origin["photos"] == 7


@pytest.mark.parametrize("name", ["stitch", "evaluate", "train"])
def test_where_all_are_broken(name, place, tmp_path, capsys):
    for file in place.rglob("*.png"):
        file.write_bytes(b"no photo at all")
    status, _, err = run(capsys, *commands(tmp_path)[name], "--data", place, "--skip-broken")
    assert status == 2
    assert "be decoded, the first: n0" in err
