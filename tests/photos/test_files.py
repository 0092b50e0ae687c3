"""Which files are photos of a set: junk beside them, links to them, the same photo again."""

import os
from pathlib import Path

import pytest

from snnet.photos.heads import doubles_in_words
from snnet.photos.photo_set import open_photos
from tests.photos.sets import coded, folder, parquet

JUNK = [
    *("@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg", "#recycle/old.png", ".Trash-1000/files/old.png"),
    *(".AppleDouble/a.png", "lost+found/x.png", "__MACOSX/._a.png", "$RECYCLE.BIN/x.png"),
    *("System Volume Information/x.png", "tabby/@eaDir/a.png/x.jpg", "tabby/._a.png"),
    "tabby/.ipynb_checkpoints/a-checkpoint.png",
]


def test_what_systems_put_beside_photos_is_left_out(tmp_path):
    root = folder(tmp_path / "set", ["tabby/a.png", "zebra/b.png", *JUNK])
    (root / "tabby" / "Thumbs.db").write_bytes(b"no photo")
    photos = open_photos(root)
    assert photos.labels == (281, 340)
    assert "11 left out: " in photos.describe()
    assert "@eaDir" in photos.describe()
    flat = folder(tmp_path / "flat", ["a.png", "@eaDir/a.png", "._b.png"])
    (tmp_path / "labels.txt").write_text("n01440764\n")
    assert open_photos(flat, labels=tmp_path / "labels.txt").labels == (0,)


def test_junk_is_left_out_of_patterns_and_of_parquet(tmp_path):
    folder(tmp_path / ".mine" / "set", ["a.png", "@eaDir/a.png"])
    photos = open_photos(f"{tmp_path}/.mine/set/**/*.png")  # what the pattern itself names is meant
    assert photos.describe() == "*.png (1 photo, unlabelled; 1 left out: @eaDir)"
    parquet(tmp_path / "files" / "a.parquet", range(2))
    (tmp_path / "files" / "._a.parquet").write_bytes(b"a Mac's")
    assert len(open_photos(tmp_path / "files")) == 2


def test_a_folder_of_junk_alone_holds_no_photos(tmp_path):
    with pytest.raises(ValueError, match=r"holds no photos and no Parquet files \(1 left out: @eaDir\)"):
        open_photos(folder(tmp_path / "set", ["@eaDir/a.png"]).resolve())


def test_the_same_file_counts_once(tmp_path):
    root = folder(tmp_path / "set", ["tabby/a.png", "tabby/b.png", "zebra/c.png"])
    before = open_photos(root)
    (root / "tabby" / "link.png").symlink_to(root / "tabby" / "a.png")
    os.link(root / "tabby" / "b.png", root / "tabby" / "hard.png")
    (root / "tabby" / "again").symlink_to(root / "tabby")
    photos = open_photos(root)
    assert len(photos) == 3
    assert photos.describe() == "set (3 photos of 2 classes; 2 more paths to the same files)"
    assert photos.fingerprint == before.fingerprint
    file = str(root / "tabby" / "a.png")
    assert len(open_photos([file, file, f"{root}/tabby/../tabby/a.png"])) == 1
    one = parquet(tmp_path / "a.parquet", range(3))
    assert open_photos([one, one]).describe() == (
        "a.parquet and 1 more (3 photos, unlabelled; 1 more path to the same files)"
    )


def test_the_same_photo_again_is_told(tmp_path):
    root = folder(tmp_path / "set", ["tabby/a.png", "tabby/b.png", "zebra/c.png", "zebra/d.png"])
    assert doubles_in_words(open_photos(root)) == ""
    (root / "tabby" / "b.png").write_bytes((root / "tabby" / "a.png").read_bytes())
    photos = open_photos(root)
    assert len(photos) == 4
    assert doubles_in_words(photos) == "1 photo is there more than once"
    (root / "zebra" / "d.png").unlink()
    (root / "zebra" / "d.png").symlink_to(root / "tabby" / "a.png")
    assert doubles_in_words(open_photos(root)) == (
        "2 photos are there more than once, in two classes tabby/a.png in set = zebra/d.png in set"
    )


def test_a_copy_of_a_parquet_file_is_told(tmp_path):
    one = parquet(tmp_path / "a.parquet", range(6), range(6))
    (tmp_path / "b.parquet").write_bytes(one.read_bytes())
    parquet(tmp_path / "c.parquet", range(6, 12), range(6, 12))
    photos = open_photos(tmp_path)
    assert doubles_in_words(photos) == "6 photos are there more than once"
    assert [{label for _, label in same} for same in photos.doubles] == [{k} for k in range(6)]
    assert doubles_in_words(open_photos([one, tmp_path / "c.parquet"])) == ""


def test_only_files_of_one_size_are_read_for_it(tmp_path, monkeypatch):
    root = tmp_path / "set"
    root.mkdir()
    for number in range(4):
        (root / f"{number}.png").write_bytes(coded(1) + bytes(number))
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("a file was read"))
    assert open_photos(root).doubles == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads every folder")
def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path):
    root = folder(tmp_path / "set", ["tabby/a.png", "zebra/b.png"])
    Path(root / "zebra").chmod(0)
    with pytest.raises(OSError, match=r"zebra can't be read .* give a folder without it"):
        open_photos(root)
