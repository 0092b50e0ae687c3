"""Sets of photos from strangers: rows that name files elsewhere, sizes that lie, folders without an end."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from snnet.photos import ground_truth
from snnet.photos.decode import PhotoError
from snnet.photos.photo_set import open_photos


def parquet(file, images, **options):
    kind = pa.binary()
    if isinstance(images[0], dict):
        kind = pa.struct({"bytes": kind, "path": pa.string()})
    table = pa.table({"image": pa.array(images, kind), "label": [0] * len(images)})
    pq.write_table(table, file, **options)
    return file


def photo(file=None):
    file = file or io.BytesIO()
    Image.new("RGB", (40, 40)).save(file, "png")
    return file


@pytest.mark.parametrize("name", ["../secret.png", "{root}/secret.png", "link.png", "below/../../secret.png"])
def test_a_row_names_no_file_outside_of_its_folder(tmp_path, name):
    place = tmp_path / "set"
    (place / "below").mkdir(parents=True)
    photo(tmp_path / "secret.png")
    (place / "link.png").symlink_to(tmp_path / "secret.png")
    photo(place / "below" / "own.png")
    rows = [{"bytes": None, "path": path} for path in (name.format(root=tmp_path), "below/own.png")]
    photos = open_photos(parquet(place / "x.parquet", rows))
    with pytest.raises(PhotoError, match="which is not in the folder of the set"):
        photos[0]
    assert photos[1][0].size == (40, 40)


def test_more_rows_than_bytes_are_refused(tmp_path):
    file = parquet(tmp_path / "x.parquet", [b"x"] * 3_000_000)
    assert file.stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"x\.parquet claims 3,000,000 photos of .* in a file of"):
        open_photos(file)


def test_a_column_that_would_grow_is_refused(tmp_path):
    file = parquet(tmp_path / "x.parquet", [bytes(1 << 20)] * 64, compression="zstd", use_dictionary=False)
    assert file.stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"x\.parquet claims 64 photos of 67,\d+,\d+ bytes in a file of"):
        open_photos(file)


def test_damaged_bytes_anywhere_are_a_sentence(tmp_path):
    images = [photo().getvalue() for _ in range(20)]
    data = parquet(tmp_path / "x.parquet", images, row_group_size=5).read_bytes()
    draw = np.random.default_rng(0)
    for number in range(120):
        changed = bytearray(data)
        for place in draw.integers(len(data) // 2 if number % 2 else 0, len(data), 3):
            changed[place] = draw.integers(256)
        (tmp_path / "y.parquet").write_bytes(changed)
        try:
            photos = open_photos(tmp_path / "y.parquet")
        except ValueError as error:
            assert "y.parquet" in str(error)  # noqa: PT017 - most open all the same
            continue
        for index in range(len(photos)):
            try:
                photos[index]
            except PhotoError as error:
                assert "y.parquet" in str(error)  # noqa: PT017


def test_links_in_a_circle_are_followed_once(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        photo(tmp_path / "set" / name / "x.png")
        (tmp_path / "set" / name / "all").symlink_to(tmp_path / "set")
        (tmp_path / "set" / name / "self").symlink_to(tmp_path / "set" / name)
    (tmp_path / "set" / "a" / "other").symlink_to(tmp_path / "set" / "b")
    assert len(open_photos(tmp_path / "set")) == 2  # that of b is reached again through a


def test_labels_without_end_are_refused(tmp_path):
    with (tmp_path / "labels.txt").open("wb") as file:
        file.truncate(1 << 40)  # a hole: no disk is taken
    with pytest.raises(ValueError, match=r"labels\.txt has 1,099,511,627,776 bytes, more than labels take"):
        ground_truth.read(tmp_path / "labels.txt", ["x.png"], "folder")


def test_equal_photos_in_another_order_are_told_apart(tmp_path):
    for name, colour in (("a", "red"), ("b", "blue")):
        file = io.BytesIO()
        Image.new("RGB", (40, 40), colour).save(file, "png")
        parquet(tmp_path / f"{name}.parquet", [file.getvalue()])
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    one, other = open_photos(files), open_photos(files[::-1])
    assert one.fingerprint == other.fingerprint
    assert one.order != other.order
    assert one.order == open_photos(files).order
