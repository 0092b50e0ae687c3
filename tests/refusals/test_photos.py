"""Refusals of photos, of sets of them, and of their labels."""

import errno
import io
import os
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from snnet.photos import decode as decoding
from snnet.photos import ground_truth
from snnet.photos.batches import batches
from snnet.photos.decode import decode
from snnet.photos.photo_set import open_photos
from snnet.photos.transform import Transform
from tests.hub_server import serving
from tests.photos.files import png
from tests.photos.sets import coded, folder, parquet
from tests.refusals.sites import refusal

SMALL = Transform(16)
SYNSETS = ("n01440764", "n01443537")


def jpeg(size=(64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 80).save(buffer, "JPEG")
    return buffer.getvalue()


# ------------------------------------------------------------------------------------------------- one photo


@refusal(
    "snnet/photos/decode.py: is empty",
    "snnet/photos/decode.py: breaks off before its end",
    "snnet/photos/decode.py: is damaged and cannot be decoded",
    "snnet/photos/decode.py: is not a photo in a format",
    "snnet/photos/decode.py: {title} is {what}",
    "snnet/photos/decode.py: was not found: check",
    "snnet/photos/decode.py: was not found, nor its folder",
    "snnet/photos/decode.py: is not a file",
)
def test_a_photo_that_another_copy_mends(refused, tmp_path):
    file, sound = tmp_path / "a.jpg", jpeg()
    flawed = bytearray(png((8, 8), bytes(8 * 25)))
    flawed[flawed.index(b"IDAT") + 8] ^= 0xFF
    for content, piece in (
        (b"", "empty"),
        (sound[: len(sound) // 2], "breaks off"),
        (bytes(flawed), "damaged"),
        (b"to do: take photos", "not a photo"),
        (b"%PDF-1.7 of a camera", "{what}"),
    ):
        file.write_bytes(content)
        with refused(piece) as told:
            decode(file)
        assert told.sentence.startswith("a.jpg")
        file.write_bytes(sound)
        assert decode(file).size == (64, 48)
    file.unlink()
    with refused("was not found: check"):
        decode(file)
    with refused("nor its folder"):
        decode(tmp_path / "gone" / "a.jpg")
    with refused("not a file"):
        decode(tmp_path)
    file.write_bytes(sound)
    assert decode(file)


@refusal(
    "snnet/photos/decode.py: more than the",
    "snnet/photos/decode.py: its long side more than",
    "snnet/photos/decode.py: megapixels",
    "snnet/photos/decode.py: needs more memory",
)
def test_a_photo_that_is_too_large(refused, tmp_path, monkeypatch):
    sound = jpeg()
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "MAX_BYTES", len(sound))
        big = tmp_path / "a.bmp"
        Image.new("RGB", (64, 48)).save(big)
        with refused("more than the") as told:
            decode(big)
        assert "save it as JPEG" in told.sentence
        smaller = io.BytesIO()
        Image.open(big).save(smaller, "JPEG")
        assert decode(smaller.getvalue())
    strip = tmp_path / "strip.png"
    Image.new("L", (decoding.MAX_ASPECT + 1, 1)).save(strip)
    with refused("long side") as told:
        decode(strip)
    assert "cut out the part" in told.sentence
    Image.open(strip).crop((0, 0, 10, 1)).save(strip)
    assert decode(strip).size == (10, 1)
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "MAX_PIXELS", 100)
        with refused("megapixels") as told:
            decode(png((20, 10), bytes(10 * 61)))
        assert "20×10" in told.sentence
        assert decode(png((10, 10), bytes(10 * 31))).size == (10, 10)
    with monkeypatch.context() as patch:

        def no_memory(image):
            raise MemoryError

        patch.setattr(decoding, "_rgb", no_memory)
        with refused("memory"):
            decode(sound)
    assert decode(sound)


@refusal(
    "snnet/photos/decode.py: cannot be opened: check its permissions",
    "snnet/photos/decode.py: cannot be opened: check its name and permissions",
)
def test_a_photo_that_may_not_be_read(refused, tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(jpeg())

    def forbidden(*values):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", forbidden)
        with refused("check its permissions"):
            decode(tmp_path / "a.jpg")
    for name in ("a\0.jpg", "a" * 300 + ".jpg"):
        with refused("name and permissions"):
            decode(tmp_path / name)
    assert decode(tmp_path / "a.jpg")


# ---------------------------------------------------------------------------------------------------- batches


@refusal(
    "snnet/photos/batches.py: batch size",
    "snnet/photos/batches.py: are below 0",
    "snnet/photos/batches.py: no transform given",
    "snnet/photos/batches.py: is outside the photos",
)
def test_batches_that_can_not_be(refused, tmp_path):
    photos = open_photos(folder(tmp_path, ["a.png", "b.png"]))
    with refused("size"):
        next(batches(photos, [SMALL], 0))
    with refused("below 0"):
        next(batches(photos, [SMALL], 1, -1))
    with refused("no transform"):
        next(batches(photos, [], 1))
    with refused("outside") as told:
        next(batches(photos, [SMALL], 1, 0, rows=[2]))
    last = int(re.search(r"0 to (\d+)", told.sentence)[1])
    assert next(batches(photos, [SMALL], 1, 0, rows=[last]))


# ------------------------------------------------------------------------------------------------------- sets


@refusal(
    "snnet/photos/photo_set.py: is below 1",
    "snnet/photos/photo_set.py: labels_are {labels_are!r} is none of",
    "snnet/photos/photo_set.py: an empty list",
    "snnet/photos/photo_set.py: matches no file",
    "snnet/photos/photo_set.py: does not exist or is no file",
    "snnet/photos/photo_set.py: is a photo among other files",
    "snnet/photos/photo_set.py: give it alone",
    "snnet/photos/photo_set.py: is not read here: export it as JPEG",
    "snnet/photos/files.py: holds no photos and no Parquet files",
    "snnet/photos/parquet.py: holds no photos",
)
def test_paths_that_are_no_set(refused, tmp_path, monkeypatch):
    photos = folder(tmp_path / "photos", ["a.png", "b.png"])
    table = parquet(tmp_path / "a.parquet", [1, 2], [0, 1])
    with refused("below 1"):
        open_photos(photos, limit=0)
    assert len(open_photos(photos, limit=1)) == 1
    with refused("labels_are") as told:
        open_photos(photos, labels_are="numbers")
    for word in told.sentence.partition("is none of ")[2].split(", "):
        assert word in ("names", "indices")
    with refused("empty list"):
        open_photos([])
    with refused("matches no file"):
        open_photos(tmp_path / "*.jpg")
    with refused("does not exist"):
        open_photos([table, tmp_path / "gone.parquet"])
    with refused("among other"):
        open_photos([table, photos / "a.png"])
    strange = tmp_path / "a.heic"
    strange.write_bytes(b"x")
    monkeypatch.setattr("snnet.photos.files.ABSENT", {".heic": "pillow-heif"})
    with refused("export it as JPEG"):
        open_photos(strange)
    assert len(open_photos(photos / "a.png")) == 1
    with refused("give it alone"):
        open_photos([table, "hf://datasets/owner/name"])
    (tmp_path / "empty").mkdir()
    with refused("files.py"):
        open_photos(tmp_path / "empty")
    none = tmp_path / "none.parquet"
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), none)
    with refused("parquet.py"):
        open_photos(none)
    for good in (table, [table], tmp_path / "a*.parquet", photos, [photos / "a.png"]):
        assert len(open_photos(good))


@refusal(
    "snnet/photos/parquet.py: has no column `image`",
    "snnet/photos/parquet.py: in its column `image`: bytes",
    "snnet/photos/parquet.py: in its column `label`",
    "snnet/photos/parquet.py: is not a sound Parquet file",
    "snnet/photos/parquet.py: is not in the folder of the set",
    "snnet/photos/parquet.py: The Parquet file is damaged",
    "snnet/photos/photo_set.py: type(error)(",
)
def test_parquet_files_that_are_none(refused, tmp_path):
    file = tmp_path / "a.parquet"

    def write(**columns):
        pq.write_table(pa.table(columns), file)
        return file

    with refused("no column") as told:
        open_photos(write(picture=[coded(1)]))
    assert "picture" in told.sentence
    with refused("column `image`: bytes"):
        open_photos(write(image=["a.png"]))
    with refused("`label`"):
        open_photos(write(image=[coded(1)], label=["tench"]))
    file.write_bytes(b"PAR1 and no more")
    with refused("sound"):
        open_photos(file)
    write(image=[coded(1)], label=[0])
    assert open_photos(file)[0][1] == 0  # bytes, and a whole number
    (tmp_path / "set").mkdir()
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

    def beside(path):
        rows = pa.array([{"bytes": None, "path": path}], kind)
        pq.write_table(pa.table({"image": rows}), tmp_path / "set" / "b.parquet")

    beside("../a.png")
    photos = open_photos(tmp_path / "set" / "b.parquet")
    (tmp_path / "a.png").write_bytes(coded(3))
    with refused("not in the folder"):
        photos[0]
    with refused("type(error)"):
        photos[0]
    beside("a.png")
    (tmp_path / "a.png").rename(tmp_path / "set" / "a.png")
    assert open_photos(tmp_path / "set" / "b.parquet")[0]
    table = parquet(tmp_path / "c.parquet", range(8), rows_a_group=2)
    photos, sound = open_photos(table), table.read_bytes()
    with table.open("r+b") as changed:  # in place, as another program would
        changed.seek(4)
        changed.write(b"\xff" * 200)
    with refused("damaged"):
        photos[0]
    table.write_bytes(sound)
    assert open_photos(table)[0]


# ----------------------------------------------------------------------------------------------------- labels


@refusal(
    "snnet/photos/photo_set.py: give one",
    "snnet/photos/photo_set.py: not with several paths",
    "snnet/photos/photo_set.py: go with a flat folder of photos, which",
    "snnet/photos/photo_set.py: move the photos up",
    "snnet/photos/folder.py: leave that out, or move the photos into",
    "snnet/photos/labels.py: leave that out, or move the",
)
def test_labels_that_do_not_go_with_the_photos(refused, tmp_path):
    flat = folder(tmp_path / "flat", ["a.png", "b.png"])
    nested = folder(tmp_path / "nested", [f"{SYNSETS[0]}/a.png", f"{SYNSETS[1]}/b.png"])
    table = parquet(tmp_path / "a.parquet", [1, 2], [0, 1])
    truth = tmp_path / "truth.txt"
    truth.write_text("\n".join(SYNSETS))
    with refused("give one"):
        open_photos(flat, labels=truth, labels_are="indices")
    with refused("several paths"):
        open_photos([flat, nested], labels=truth)
    with refused("which"):
        open_photos(table, labels=truth)
    with refused("photos up"):
        open_photos(nested, labels=truth)
    assert open_photos(flat, labels=truth).labels == (0, 1)
    assert open_photos(nested).labels == (0, 1)  # leaving the labels out
    with refused("folder.py") as told:
        open_photos(flat, labels_are="indices")
    assert open_photos(flat)
    with refused("labels.py") as told:
        open_photos(nested, labels_are="indices")
    assert SYNSETS[0] in told.sentence
    assert open_photos(nested).labels == (0, 1)
    numbered = folder(tmp_path / "numbered", ["3/a.png", "7/b.png"])
    assert open_photos(numbered, labels_are="indices").labels == (3, 7)


@refusal(
    "snnet/photos/ground_truth.py: is no label",
    "snnet/photos/ground_truth.py: give a line a photo",
    "snnet/photos/ground_truth.py: does not exist",
    "snnet/photos/ground_truth.py: more than labels take",
    "snnet/photos/ground_truth.py: is empty",
    "snnet/photos/ground_truth.py: is no text",
    "snnet/photos/ground_truth.py: has no label for",
    "snnet/photos/ground_truth.py: that are not in",
    "snnet/photos/ground_truth.py: {what}{more}",
    "snnet/photos/ground_truth.py: a second time",
)
def test_files_of_ground_truth(refused, tmp_path, monkeypatch):
    file, names = tmp_path / "truth.txt", ["a.png", "b.png"]

    def read(text):
        file.write_text(text)
        return ground_truth.read(file, names, "photos")

    with refused("does not exist"):
        ground_truth.read(file, names, "photos")
    for text, piece in (
        ("tench\ngoldfish", "is no label"),
        (SYNSETS[0], "give a line"),
        (" \n", "is empty"),
        ("a.png 0", "no label for"),
        ("a.png 0\nb.png 1\nc.png 2", "that are not in"),
        ("a.png 0\nb.png 1000", "{what}"),
        ("a.png 0\na.png 1", "second time"),
    ):
        with refused(piece) as told:
            read(text)
        assert str(file) in told.sentence
    file.write_bytes(b"\xff\xfe\x00")
    with refused("no text"):
        ground_truth.read(file, names, "photos")
    with monkeypatch.context() as patch:
        patch.setattr(ground_truth, "_MOST_BYTES", 3)
        with refused("labels take"):
            read("a.png 0")
    for text in ("\n".join(SYNSETS), "a.png 0\nb.png 1", f"a.png {SYNSETS[0]}\nb.png {SYNSETS[1]}"):
        assert read(text) == (0, 1)
    rows = [f"{name[0]},{synset} 1 2 3 4" for name, synset in zip(names, SYNSETS, strict=True)]
    assert read("\n".join(["ImageId,PredictionString", *rows])) == (0, 1)


@refusal(
    "snnet/photos/ground_truth.py: in an order that only",
    "snnet/photos/ground_truth.py: more than the development kit's",
    "snnet/photos/ground_truth.py: is not the development kit's",
    "snnet/photos/ground_truth.py: pip install scipy",
)
def test_the_development_kits_numbers(refused, tmp_path, monkeypatch):
    file, meta = tmp_path / "truth.txt", tmp_path / "meta.mat"
    file.write_text("490\n361")

    def read():
        return ground_truth.read(file, ["a.png", "b.png"], "photos")

    with refused("in an order") as told:
        read()
    assert str(meta) in told.sentence
    meta.write_bytes(b"x" * 1000)
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "scipy.io", None)
        with refused("pip install") as told:
            read()
    scipy = pytest.importorskip("scipy.io", reason="scipy, which reads MATLAB's files, is not here")
    with monkeypatch.context() as patch:
        patch.setattr(ground_truth, "_MOST_META_BYTES", 3)
        with refused("more than"):
            read()
    with refused("is not the"):
        read()
    import numpy as np

    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("num_children", "O")]
    rows = np.array([(490, SYNSETS[0], 0), (361, SYNSETS[1], 0)], dtype=kinds)
    scipy.savemat(meta, {"synsets": rows.reshape(-1, 1)})
    assert read() == (0, 1)


# -------------------------------------------------------------------------------------------------------- hub


@refusal(
    "snnet/photos/hub.py: names no data set",
    "snnet/photos/hub.py: holds no Parquet files",
    "snnet/photos/hub.py: has no split",
    "snnet/photos/hub.py: in each of",
    "snnet/photos/hub.py: SourceError(",
    "snnet/photos/photo_set.py: and as a data set of the hub",
)
def test_data_sets_of_a_hub(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    table = parquet(tmp_path / "a.parquet", [1, 2], [0, 1]).read_bytes()
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.files = {"README.md": b"# Birds"}
        with refused("names no") as told:
            open_photos("hf://birds")
        assert "hf://datasets/owner/name" in told.sentence
        with refused("no Parquet") as told:
            open_photos("hf://datasets/owner/birds")
        assert told.sentence.endswith("hf://datasets/owner/birds@refs/convert/parquet")
        hub.files = {"data/train-0.parquet": table}
        with refused("no split") as told:
            open_photos("hf://datasets/owner/birds")
        split = told.sentence.rpartition("give one of ")[2]
        assert len(open_photos("hf://datasets/owner/birds", split=split)) == 2
        hub.files = {f"{size}/validation-0.parquet": table for size in ("small", "large")}
        with refused("in each") as told:
            open_photos("hf://datasets/owner/birds")
        place = re.search(r"as in (\S+)", told.sentence)[1]
        assert len(open_photos(place)) == 2
        with refused("SourceError"):
            open_photos("hf://datasets/owner/fish")
        with refused("and as a"):
            open_photos("owner/fish")
    assert os.listdir(tmp_path) == ["a.parquet"]
