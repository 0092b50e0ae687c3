"""Sets of photos: what opens and what doesn't, labels, samples, fingerprints, transforms and batches."""

import io
import pickle
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import snnet.photos.batches
import snnet.photos.fingerprints
import snnet.photos.photo_set
from snnet.photos.batches import batches, default_workers
from snnet.photos.classes import class_names
from snnet.photos.decode import PhotoError, decode
from snnet.photos.fingerprints import fingerprint
from snnet.photos.photo_set import open_photos
from snnet.photos.transform import Transform

SHARED = Path(__file__).resolve().parent.parent.parent.parent / "shared" / "data"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared photos are not here")

SMALL = Transform(16)


def coded(shade: int, form: str = "PNG", size=(24, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 0)).save(buffer, form)
    return buffer.getvalue()


def parquet(path: Path, shades, labels=None, rows_a_group: int = 4, plain: bool = False) -> Path:
    images = [coded(shade) for shade in shades]
    if not plain:
        images = [{"bytes": one, "path": f"{shade}.png"} for one, shade in zip(images, shades, strict=True)]
    columns = {"image": images} | ({} if labels is None else {"label": labels})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=rows_a_group)
    return path


def folder(root: Path, names) -> Path:
    for shade, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(coded(shade))
    return root


def shades(photos) -> list[int]:
    return [image.getpixel((0, 0))[0] for image, _ in photos]


# ---------------------------------------------------------------------------------------------- transforms


@pytest.mark.parametrize("size", [(500, 375), (320, 480), (224, 224), (60, 45), (1, 1), (50, 1)])
@pytest.mark.parametrize(
    ("image_size", "crop", "interpolation"),
    [(224, 0.875, "bicubic"), (240, 0.9, "bilinear"), (96, 1.0, "lanczos")],
)
def test_transform_is_timms(size, image_size, crop, interpolation):
    from timm.data import create_transform

    image = Image.effect_noise(size, 90).convert("RGB")
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.5)
    expected = create_transform(
        (3, image_size, image_size), crop_pct=crop, interpolation=interpolation, mean=mean, std=std
    )(image)
    found = Transform(image_size, crop, interpolation, mean, std)(image)
    assert found.shape == (3, image_size, image_size)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


def test_transform_is_a_value():
    one, other = (
        Transform(224, 1, mean=[0, 0, 0], std=[1, 1, 1]),
        Transform(224, 1.0, mean=(0.0,) * 3, std=(1.0,) * 3),
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one.key == other.key == "size=224 crop=1.0 bicubic mean=0.0,0.0,0.0 std=1.0,1.0,1.0"
    one(Image.new("L", (9, 9)))
    assert pickle.loads(pickle.dumps(one)) == one
    changed = [Transform(225), Transform(224, 0.9), Transform(224, 0.875, "bilinear")]
    changed += [Transform(224, mean=(0, 0, 0)), Transform(224, std=(1, 1, 1)), Transform(224)]
    assert len({each.key for each in changed}) == 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image_size": 0}, "image size 0"),
        ({"crop": 0}, "crop 0"),
        ({"crop": 1.1}, "crop 1.1"),
        ({"interpolation": "cubic"}, "bicubic"),
        ({"mean": (0.5,)}, "three figures"),
        ({"std": (1, 0, 1)}, "above 0"),
    ],
)
def test_transforms_that_make_no_sense(options, says):
    with pytest.raises(ValueError, match=says):
        Transform(**({"image_size": 224} | options))


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
    assert photos.describe() == "photos (3 photos, unlabelled)"
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
    assert photos.imagenet
    assert photos.describe() == "set (5 photos of 4 classes, 1 unlabelled; no ImageNet-1k class: unicorn)"


def test_folders_of_other_classes_are_numbered(tmp_path):
    photos = open_photos(folder(tmp_path / "set", ["beta/1.png", "alpha/2.png", "alpha/3.png"]))
    assert photos.labels == (0, 0, 1)
    assert not photos.imagenet
    assert "numbered by sub-folder name" in photos.describe()


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


# ------------------------------------------------------------------------------------------------- batches


def test_batches(tmp_path, monkeypatch):
    photos = open_photos(parquet(tmp_path / "x.parquet", range(11), range(11)), limit=10, seed=1)
    decoded = []
    monkeypatch.setattr(
        snnet.photos.photo_set, "decode", lambda *given: decoded.append(given) or decode(*given)
    )
    other = Transform(24, 1.0)
    state = torch.random.get_rng_state()
    found = list(batches(photos, [SMALL, other, SMALL], 4, workers=0))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(decoded) == 10
    assert [len(batch.labels) for batch in found] == [4, 4, 2]
    assert torch.cat([batch.labels for batch in found]).tolist() == list(photos.labels)
    assert torch.cat([batch.indices for batch in found]).tolist() == list(range(10))
    assert [batch.broken for batch in found] == [()] * 3
    for transform in (SMALL, other):
        expected = torch.stack([transform(image) for image, _ in photos])
        assert torch.equal(torch.cat([batch.images[transform] for batch in found]), expected)


def by_index(found) -> dict:
    """Each photo's label and pixels by its index, which must be there once."""
    rows = [
        (index, (label, pixels))
        for batch in found
        for index, label, pixels in zip(
            batch.indices.tolist(), batch.labels.tolist(), batch.images[SMALL].tolist(), strict=True
        )
    ]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_workers_give_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(snnet.photos.batches, "_cores", lambda: 2)
    photos = open_photos(parquet(tmp_path / "x.parquet", range(9), range(9)))
    one, none, two = (list(batches(photos, [SMALL], 2, workers=workers)) for workers in (1, 0, 2))
    for here, there in zip(none, one, strict=True):
        assert torch.equal(here.images[SMALL], there.images[SMALL])
        assert torch.equal(here.labels, there.labels)
        assert torch.equal(here.indices, there.indices)
    assert by_index(two) == by_index(none)
    for _ in batches(photos, [SMALL], 2, workers=1):
        break  # leaving early ends the worker
    flat = open_photos(folder(tmp_path / "set", [f"{k}.png" for k in range(5)]))
    order = [batch.indices.tolist() for batch in batches(flat, [SMALL], 2, workers=2)]
    assert order == [[0, 1], [2, 3], [4]]  # files are read one by one: nothing to gain by another order


def test_what_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(snnet.photos.batches, "_cores", lambda: 2)
    root = folder(tmp_path / "set", ["zebra/1.png", "zebra/2.png", "zebra/3.png"])
    (root / "zebra" / "2.png").write_bytes(b"no photo")
    for workers in (0, 1):
        with pytest.raises(PhotoError, match=r"zebra/2\.png in set: 2\.png is not a photo") as caught:
            list(batches(open_photos(root), [SMALL], 2, workers=workers))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_photos_can_be_left_out(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(snnet.photos.batches, "_cores", lambda: 2)
    names = [f"zebra/{k}.png" for k in range(5)]
    root = folder(tmp_path / "set", names)
    whole = by_index(batches(open_photos(root), [SMALL], 2, 0))
    for k in (1, 2, 3):
        (root / names[k]).write_bytes(b"no photo")
    found = list(batches(open_photos(root), [SMALL, Transform(24)], 2, workers, skip_broken=True))
    assert [batch.indices.tolist() for batch in found] == [[0], [], [4]]
    assert by_index(found) == {k: whole[k] for k in (0, 4)}
    assert [[index for index, _ in batch.broken] for batch in found] == [[1], [2, 3], []]
    assert found[0].broken[0][1].startswith("zebra/1.png in set: 1.png is not a photo")
    empty = found[1]
    assert {each.image_size: images.shape for each, images in empty.images.items()} == {
        16: (0, 3, 16, 16),
        24: (0, 3, 24, 24),
    }
    assert empty.images[SMALL].dtype == torch.float32
    assert (empty.labels.dtype, empty.indices.dtype) == (torch.int64, torch.int64)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_goes_on_where_it_was(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(snnet.photos.batches, "_cores", lambda: 2)
    photos = open_photos(parquet(tmp_path / "x.parquet", range(20), range(20)), limit=15, seed=2)
    whole = by_index(batches(photos, [SMALL], 4, 0))
    rows = [k for k in range(15) if k % 3]
    found = list(batches(photos, [SMALL], 4, workers, rows=rows))
    assert by_index(found) == {k: whole[k] for k in rows}
    if not workers:
        assert torch.cat([batch.indices for batch in found]).tolist() == rows
    assert list(batches(photos, [SMALL], 4, workers, rows=[])) == []


@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("sizes", [[4] * 9, [1, 1, 1, 30], [30, 1, 1, 1], [7, 2, 9, 4, 1, 1, 5]])
def test_each_worker_reads_row_groups_of_its_own(tmp_path, monkeypatch, sizes, workers):
    labels = [group for group, size in enumerate(sizes) for _ in range(size)]
    files = [
        parquet(tmp_path / f"{group}.parquet", [group] * size, [group] * size, 100)
        for group, size in enumerate(sizes)
    ]
    photos = open_photos(files)
    assert photos.row_groups == labels
    rows = list(range(1, len(photos)))
    orders, used = snnet.photos.batches._orders(photos, rows, 3, workers)
    assert used == workers
    assert sorted(k for order in orders for k in order) == rows
    read = [{labels[k] for order in orders[worker::workers] for k in order} for worker in range(workers)]
    present = {labels[k] for k in rows}
    if len(present) >= workers:
        assert sum(map(len, read)) == len(present)  # no group is two workers'
        assert all(read)
    else:
        assert orders == [rows[k : k + 3] for k in range(0, len(rows), 3)]


def test_equal_groups_are_shared_out_evenly(tmp_path):
    photos = open_photos(parquet(tmp_path / "x.parquet", range(40)))
    orders, _ = snnet.photos.batches._orders(photos, list(range(40)), 4, 2)
    assert [order[0] for order in orders] == [0, 20, 4, 24, 8, 28, 12, 32, 16, 36]
    orders, _ = snnet.photos.batches._orders(photos, list(range(36)), 4, 4)
    assert sorted(sum(map(len, orders[worker::4])) for worker in range(4)) == [8, 8, 8, 12]


def test_default_workers(tmp_path, monkeypatch):
    few, many = (open_photos(parquet(tmp_path / f"{n}.parquet", [0] * n)) for n in (999, 1000))
    for cores, expected in ((1, 1), (2, 1), (3, 2), (5, 4), (64, 4)):
        monkeypatch.setattr(snnet.photos.batches, "_cores", lambda cores=cores: cores)
        assert (default_workers(few), default_workers(many)) == (0, expected)
    assert default_workers(many.sample(10)) == 0


def test_batches_that_make_no_sense(tmp_path):
    photos = open_photos(parquet(tmp_path / "x.parquet", range(2)))
    for arguments, says in (
        (([SMALL], 0, 0), "batch size 0"),
        (([SMALL], 1, -1), "-1 workers"),
        (([], 1, 0), "no transform"),
    ):
        with pytest.raises(ValueError, match=says):
            batches(photos, *arguments)
    for row in (2, -1):
        with pytest.raises(ValueError, match=f"row {row} is outside the photos: 0 to 1"):
            batches(photos, [SMALL], 1, 0, rows=[0, row])


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
