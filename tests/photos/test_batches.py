"""Batches: the same photos by any number of workers, what fails, and in which order row groups are read."""

import pytest
import torch

import snnet.photos.batches
import snnet.photos.photo_set
from snnet.photos.batches import batches, default_workers
from snnet.photos.decode import PhotoError, decode
from snnet.photos.photo_set import open_photos
from snnet.photos.transform import Transform
from tests.photos.sets import folder, parquet

SMALL = Transform(16)


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
