"""Ground-truth files of a flat folder: each form, in an order that is not timm's, and what doesn't fit."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from snnet.photos.classes import synset_indices
from snnet.photos.photo_set import open_photos

# ILSVRC2012_ID, synset, children, as in the development kit: not in timm's order, and with inner nodes.
SYNSETS = [(1, "n02119789", 0), (2, "n02100735", 0), (1000, "n01440764", 0), (1001, "n00001740", 3)]
NAMES = ("ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000003.JPEG")


@pytest.fixture
def val(tmp_path):
    """A flat folder of three photos, written in an order that is not that of their names."""
    folder = tmp_path / "val"
    folder.mkdir()
    for shade in (2, 0, 1):
        Image.new("RGB", (8, 8), (40 * shade, 0, 0)).save(folder / NAMES[shade])
    return folder


def written(folder: Path, lines, name: str = "truth.txt") -> Path:
    file = folder.parent / name
    file.write_text("\n".join(lines) + "\n")
    return file


def meta(folder: Path, synsets=SYNSETS) -> Path:
    kind = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object), ("num_children", object)]
    rows = np.array([(number, wnid, "a thing", count) for number, wnid, count in synsets], dtype=kind)
    savemat(folder.parent / "meta.mat", {"synsets": rows.reshape(-1, 1)})
    return folder.parent / "meta.mat"


FOX, SETTER, TENCH = (synset_indices()[synset] for _, synset, _ in SYNSETS[:3])


def test_the_development_kits_numbers_are_not_timms(val):
    meta(val)
    photos = open_photos(val, labels=written(val, ["1000", "1", "2"]))
    assert photos.labels == (TENCH, FOX, SETTER) == (0, 278, 212)
    assert photos.labels != (999, 0, 1)
    assert photos.describe() == "val (3 photos of 3 classes; labels from truth.txt)"
    assert not photos.why_not
    assert [label for _, label in photos] == list(photos.labels)


def test_one_synset_squeezes(val):
    meta(val, SYNSETS[:1])
    assert open_photos(val, labels=written(val, ["1", "1", "1"])).labels == (FOX,) * 3


@pytest.mark.parametrize(
    "lines",
    [
        ["n01440764", "n02119789", "n02100735"],
        ["n01440764", "", "n02119789 ", "n02100735", ""],
        [f"{NAMES[2]} 212", f"{NAMES[0]} 0", f"{NAMES[1]} 278"],
        [f"val/{NAMES[0]}\tn01440764", f"{NAMES[2]} n02100735", f"{NAMES[1]} 278"],
        [
            "ImageId,PredictionString",
            f"{Path(NAMES[2]).stem},n02100735 85 1 499 272 n02119789 1 2 3 4",
            f"{Path(NAMES[0]).stem},n01440764 1 2 3 4 ",
            f"{Path(NAMES[1]).stem},n02119789 1 2 3 4 ",
        ],
    ],
)
def test_every_other_form_says_the_same(val, lines):
    photos = open_photos(val, labels=written(val, lines))
    assert photos.labels == (0, 278, 212)
    meta(val)
    numbers = open_photos(val, labels=written(val, ["1000", "1", "2"], "ids.txt"))
    assert photos.fingerprint == numbers.fingerprint


def test_labels_enter_the_fingerprint(val):
    synsets = ["n01440764", "n02119789", "n02100735"]
    first = open_photos(val, labels=written(val, synsets))
    other = open_photos(val, labels=written(val, synsets[::-1], "other.txt"))
    bare = open_photos(val)
    assert len({first.fingerprint, other.fingerprint, bare.fingerprint}) == 3
    samples = [
        open_photos(val, 2, labels=file) for file in (val.parent / "truth.txt", val.parent / "other.txt")
    ]
    assert samples[0].fingerprint != samples[1].fingerprint
    assert len(samples[0].labels) == 2


def test_names_may_hold_spaces(tmp_path):
    (tmp_path / "set").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "set" / "a b.png")
    (tmp_path / "val.txt").write_text("a b.png 7\n")
    assert open_photos(tmp_path / "set", labels=tmp_path / "val.txt").labels == (7,)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["n01440764"] * 2, r"truth\.txt has 2 labels and .*val 3 photos"),
        (
            ["n01440764", "n00000001", "n00000002"],
            "line 2 of .*'n00000001', is no synset .*one of 2 such lines",
        ),
        (["n01440764", "n01440764 3", "n01440764"], "line 2 of .*'n01440764 3', is more than a label"),
        (["cat", "dog", "cat"], "line 1 of .*'cat', is no label: give a line a photo"),
        ([""], r"truth\.txt is empty"),
        ([f"{name} 1000" for name in NAMES], r"'1000', is neither an index .*0 to 999.*one of 3 such lines"),
        ([f"{name} -1" for name in NAMES], "'-1', is neither an index"),
        ([f"{NAMES[0]} 1", NAMES[1]], "line 2 of .*is not a file name and a label"),
        ([f"{NAMES[0]} 1"], rf"no label for 2 of the 3 photos in .*val: {NAMES[1]}, {NAMES[2]}$"),
        (
            [f"{name} 1" for name in (*NAMES, "x.JPEG", "y.JPEG")],
            r"labels 2 photos that are not in .*val \(3 photos\): x\.JPEG, y\.JPEG$",
        ),
        ([f"{name} 1" for name in (*NAMES, NAMES[0])], f"line 4 of .* names {NAMES[0]} a second time"),
        (["ImageId,PredictionString", "a,"], "line 2 of .*'a,', is not ImageId,PredictionString"),
        (["ImageId,PredictionString", "a,n9 1 2 3 4"], "line 2 of .*'n9', is no synset"),
    ],
)
def test_files_that_do_not_fit(val, lines, says):
    with pytest.raises(ValueError, match=says) as caught:
        open_photos(val, labels=written(val, lines))
    assert "\n" not in str(caught.value)


def test_numbers_without_their_table(val, monkeypatch):
    file = written(val, ["1", "2", "1000"])
    with pytest.raises(FileNotFoundError, match=r"meta\.mat tells: put that at .*meta\.mat"):
        open_photos(val, labels=file)
    (val.parent / "meta.mat").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"is not the development kit's meta\.mat"):
        open_photos(val, labels=file)
    meta(val)
    with pytest.raises(ValueError, match=r"line 2 of .*'1001', is no ILSVRC2012_ID .*\(1 to 1,000\)"):
        open_photos(val, labels=written(val, ["1", "1001", "2"]))
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ValueError, match="pip install scipy"):
        open_photos(val, labels=file)


def test_labels_go_with_a_flat_folder(val, tmp_path):
    file = written(val, ["n01440764"] * 3)
    with pytest.raises(FileNotFoundError, match=r"gone\.txt does not exist"):
        open_photos(val, labels=tmp_path / "gone.txt")
    for path in (val / NAMES[0], tmp_path / "gone", str(val / "*.JPEG")):
        with pytest.raises(ValueError, match=r"truth\.txt go with a flat folder of photos, which"):
            open_photos(path, labels=file)
    with pytest.raises(ValueError, match="not with several paths"):
        open_photos([val / NAMES[0], val / NAMES[1]], labels=file)
    (val / "n01440764").mkdir()
    (val / NAMES[0]).rename(val / "n01440764" / NAMES[0])
    with pytest.raises(ValueError, match=rf"has sub-folders \(n01440764/{NAMES[0]}\): move the photos up"):
        open_photos(val, labels=file)


def test_the_command_line(val, capsys):
    from snnet.commands import main

    file = written(val, ["n01440764"] * 2)
    assert main.main(["evaluate", "lite", "--data", str(val), "--labels", str(file)]) == 2
    assert "has 2 labels" in capsys.readouterr().err
