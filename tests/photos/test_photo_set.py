"""Sets of photos: what opens and what doesn't, labels, samples and fingerprints."""

import pickle
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import snnet.photos.fingerprints
from snnet.photos.classes import class_names
from snnet.photos.decode import PhotoError
from snnet.photos.fingerprints import fingerprint
from snnet.photos.photo_set import open_photos
from tests.photos.sets import coded, folder, parquet, shades

SHARED = Path(__file__).resolve().parent.parent.parent.parent / "shared" / "data"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared photos are not here")


# ------------------------------------------------------------------------------------------------- classes


def test_class_names():
    names = class_names()
    assert len(names) == len(set(names)) == 1000
    assert (names[0], names[207], names[281], names[999]) == (
        "tench",
        "golden retriever",
        "tabby",
        "toilet tissue",
    )
    assert names[134] != names[517]
    assert max(map(len, names)) <= 40
    assert class_names() is names


# ------------------------------------------------------------------------------------------------- Parquet


@pytest.mark.parametrize("plain", [False, True])
def test_parquet(tmp_path, plain):
    path = parquet(tmp_path / "val.parquet", range(10), [7, 8, 9, None, 7, 7, 7, 7, 7, 7], plain=plain)
    photos = open_photos(path)
    assert photos.describe() == "val.parquet (10 photos of 3 classes, 1 unlabelled)"
    assert photos.labels == (7, 8, 9, -1, 7, 7, 7, 7, 7, 7)
    assert shades(photos) == list(range(10))
    assert [photos[k][0].getpixel((0, 0))[0] for k in (9, 0, 5, 4, 8, -1, 3, 3)] == [9, 0, 5, 4, 8, 9, 3, 3]
    assert photos[1][1] == 8
    with pytest.raises(IndexError):
        photos[10]
    again = pickle.loads(pickle.dumps(photos))
    assert (shades(again), again.labels, again.fingerprint) == (
        list(range(10)),
        photos.labels,
        photos.fingerprint,
    )


def test_several_parquet_files(tmp_path):
    first = parquet(tmp_path / "set" / "a.parquet", range(5), [1] * 5, rows_a_group=2)
    second = parquet(tmp_path / "set" / "b.parquet", range(5, 12), rows_a_group=100)
    for path, title in (
        ([first, second], "a.parquet and 1 more"),
        (str(tmp_path / "set" / "*.parquet"), "*.parquet"),
        (tmp_path / "set", "set"),
    ):
        photos = open_photos(path)
        assert photos.describe() == f"{title} (12 photos of 1 class, 7 unlabelled)"
        assert shades(photos) == list(range(12))
    assert open_photos([second, first]).fingerprint == photos.fingerprint
    assert (
        open_photos([second, first], limit=5).fingerprint != open_photos([first, second], limit=5).fingerprint
    )
    assert open_photos(first).fingerprint != photos.fingerprint


def test_a_large_row_group_is_read_in_pieces(tmp_path):
    count = 200
    photos = open_photos(
        parquet(tmp_path / "one.parquet", [k % 256 for k in range(count)], rows_a_group=10**6)
    )
    assert shades(photos) == list(range(count))
    assert [photos[k][0].getpixel((0, 0))[0] for k in (150, 3, 199, 64, 63)] == [150, 3, 199, 64, 63]


def test_parquet_of_datasets(tmp_path, monkeypatch):
    """What `datasets` writes, with its own Image feature, opens; and it reads what we read."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    import datasets

    made = datasets.Dataset.from_dict(
        {"image": [Image.new("RGB", (8, 8), (k, 0, 0)) for k in range(3)], "label": [2, 1, 0]},
        features=datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")}),
    )
    made.to_parquet(str(tmp_path / "made.parquet"))
    photos = open_photos(tmp_path / "made.parquet")
    assert shades(photos) == [0, 1, 2]
    assert photos.labels == (2, 1, 0)


def test_a_path_in_place_of_bytes(tmp_path):
    (tmp_path / "cat.png").write_bytes(coded(5))
    rows = [{"bytes": None, "path": "cat.png"}, None]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(rows, kind)}), tmp_path / "paths.parquet")
    photos = open_photos(tmp_path / "paths.parquet")
    assert photos[0][0].getpixel((0, 0)) == (5, 0, 0)
    with pytest.raises(PhotoError, match=r"row 1 of paths\.parquet"):
        photos[1]


# ------------------------------------------------------------------------------------------------- folders


def test_flat_folder(tmp_path, monkeypatch):
    folder(tmp_path / "photos", ["b.png", "a.JPEG", "c.webp"])
    (tmp_path / "photos" / "notes.txt").write_text("not a photo")
    (tmp_path / "photos" / ".hidden.png").write_bytes(b"")
    photos = open_photos(tmp_path / "photos")
    assert photos.labels == (-1, -1, -1)
    assert photos.describe() == "photos (3 photos, unlabelled; 1 left out: .hidden.png)"
    assert shades(photos) == [1, 0, 2]
    monkeypatch.chdir(tmp_path / "photos")
    assert open_photos(".").describe() == photos.describe()
    assert open_photos(".").fingerprint == photos.fingerprint
    assert open_photos("../photos/").describe() == photos.describe()
    assert len(open_photos("a.JPEG")) == 1
    assert len(open_photos(["b.png", "c.webp"])) == 2
    assert len(open_photos("*.png")) == 1


def test_a_folder_for_each_class(tmp_path):
    names = ["n02099601/x.png", "Tabby-Cat/1.png", "tank_suit/y.png", "zebra/deep/z.png", "unicorn/u.png"]
    photos = open_photos(folder(tmp_path / "set", names))
    labels = {photos._store.names[k]: photos.labels[k] for k in range(5)}
    assert labels == dict(zip(names, (207, 281, 639, 340, -1), strict=True))
    assert photos.describe() == "set (5 photos of 4 classes, 1 unlabelled; no ImageNet-1k class: unicorn)"


def test_folders_of_other_classes_are_no_labels(tmp_path):
    photos = open_photos(folder(tmp_path / "set", ["beta/1.png", "alpha/2.png", "alpha/3.png"]))
    assert photos.labels == (-1, -1, -1)
    assert photos.describe() == (
        "set (3 photos, unlabelled; sub-folders alpha, beta are no ImageNet-1k classes)"
    )


def test_photos_beside_folders_are_unlabelled(tmp_path):
    photos = open_photos(folder(tmp_path / "set", ["zebra/1.png", "2.png"]))
    assert photos.labels == (-1, -1)
    assert "beside" in photos.describe()


# ------------------------------------------------------------------------------------ what is no set at all


def test_nothing_there(tmp_path):
    for path in (
        tmp_path / "gone",
        tmp_path / "gone.parquet",
        str(tmp_path / "*.parquet"),
        [tmp_path / "gone"],
    ):
        with pytest.raises(FileNotFoundError, match="a Parquet file, several"):
            open_photos(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no photos"):
        open_photos(tmp_path / "empty")
    with pytest.raises(ValueError, match="empty list"):
        open_photos([])


def test_no_sound_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    for content in (b"", b"text", b"PAR1" + bytes(100) + b"PAR1"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.parquet is not a sound Parquet file") as caught:
            open_photos(path)
        assert "\n" not in str(caught.value)
    for table, says in (
        ({"picture": [b"x"]}, r"no column `image` \(it has picture\)"),
        ({"image": ["cat.png"]}, "string in its column `image`"),
        ({"image": [b"x"], "label": ["cat"]}, "string in its column `label`"),
        ({"image": pa.array([], pa.binary())}, "holds no photos"),
    ):
        pq.write_table(pa.table(table), path)
        with pytest.raises(ValueError, match=says) as caught:
            open_photos(path)
        assert "x.parquet" in str(caught.value)
    photo = tmp_path / "a.png"
    photo.write_bytes(coded(1))
    with pytest.raises(ValueError, match="a photo among other files"):
        open_photos([photo, path])


@pytest.mark.parametrize("limit", [0, -3])
def test_limits_below_one(tmp_path, limit):
    with pytest.raises(ValueError, match=f"limit {limit} is below 1"):
        open_photos(parquet(tmp_path / "x.parquet", range(2)), limit=limit)


# --------------------------------------------------------------------------------- samples and fingerprints


def test_samples(tmp_path):
    path = parquet(tmp_path / "x.parquet", range(100), range(100))
    sample = open_photos(path, limit=20, seed=3)
    assert len(sample) == 20
    assert list(sample.labels) == sorted(set(sample.labels)) == shades(sample)
    assert sample.describe() == "x.parquet (20 of 100 photos of 20 classes)"
    assert open_photos(path, limit=20, seed=3).labels == sample.labels
    assert open_photos(path, limit=20, seed=4).labels != sample.labels
    whole = open_photos(path)
    prints = [sample, open_photos(path, 20, 4), open_photos(path, 21, 3), whole]
    assert len({each.fingerprint for each in prints}) == 4
    for limit in (100, 1000):  # takes all: the same set
        assert open_photos(path, limit=limit, seed=9).fingerprint == whole.fingerprint


def test_fingerprints_follow_content(tmp_path):
    path = parquet(tmp_path / "x.parquet", range(4))
    before = open_photos(path).fingerprint
    moved = path.rename(tmp_path / "y.parquet")
    assert open_photos(moved).fingerprint == before
    content = bytearray(moved.read_bytes())
    content[20] ^= 1
    moved.write_bytes(content)
    assert open_photos(moved).fingerprint != before

    root = folder(tmp_path / "set", ["tabby/1.png", "zebra/2.png"])
    before = open_photos(root).fingerprint
    assert open_photos(root.rename(tmp_path / "moved")).fingerprint == before
    (tmp_path / "moved" / "zebra" / "2.png").write_bytes(coded(99))
    changed = open_photos(tmp_path / "moved").fingerprint
    assert changed != before
    (tmp_path / "moved" / "zebra" / "2.png").rename(tmp_path / "moved" / "tabby" / "2.png")
    assert open_photos(tmp_path / "moved").fingerprint not in (before, changed)


def test_fingerprints_are_lazy_and_remembered(tmp_path, monkeypatch):
    path = parquet(tmp_path / "x.parquet", range(4))
    remember: dict[tuple[str, int, int], str] = {}
    photos = open_photos(path, remember=remember)
    assert remember == {}
    expected = photos.fingerprint
    status = path.stat()
    assert list(remember) == [(str(path), status.st_size, status.st_mtime_ns)]
    assert expected == fingerprint([path])

    def unread(*_):
        raise AssertionError("read again")

    monkeypatch.setattr(snnet.photos.fingerprints.hashlib, "file_digest", unread)
    assert open_photos(path, remember=remember).fingerprint == expected
    with pytest.raises(AssertionError, match="read again"):
        _ = open_photos(path).fingerprint


# ------------------------------------------------------------------------------------- imports and the world


def test_imports_do_nothing(tmp_path):
    script = (
        "import sys, snnet.photos.decode, snnet.photos.photo_set\n"
        "print({'torch', 'timm', 'datasets', 'pyarrow', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@shared
def test_shared_photos():
    photos = open_photos(SHARED / "val.parquet", limit=3)
    assert open_photos(SHARED / "val.parquet").describe() == "val.parquet (1,000 photos of 20 classes)"
    assert all(image.mode == "RGB" and 0 <= label < 1000 for image, label in photos)
    assert set(open_photos(SHARED / "train-unlabelled.parquet").labels) == {-1}
