"""Visitors' photos in memory."""

import threading

import pytest
import torch
from PIL import Image

from app.work import photos as photos_
from app.work.photos import Photos
from snnet.photos.decode import PhotoError, decode
from snnet.photos.transform import Transform

SMALL, LARGE = Transform(32), Transform(64)


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photo.png"
    Image.radial_gradient("L").convert("RGB").save(file)
    return file


def counting(monkeypatch):
    from snnet.photos import decode as module

    calls = []
    monkeypatch.setattr(module, "decode", lambda path: calls.append(path) or decode(path))
    return calls


def test_tensors_are_the_transforms_own(photo):
    tensors = Photos().tensors(str(photo), [SMALL, LARGE])
    for transform in (SMALL, LARGE):
        assert torch.equal(tensors[transform], transform(decode(photo))[None])


def test_a_photo_is_decoded_once_until_it_changes(photo, monkeypatch):
    calls, photos = counting(monkeypatch), Photos()
    for _ in range(3):
        photos.tensors(str(photo), [SMALL])
    assert len(calls) == 1
    photos.tensors(str(photo), [SMALL, LARGE])
    assert len(calls) == 2
    Image.new("RGB", (40, 40), "red").save(photo)
    assert torch.equal(photos.tensors(str(photo), [SMALL])[SMALL], SMALL(decode(photo))[None])


def test_what_is_kept_has_a_bound_and_the_longest_unused_goes_first(photo, monkeypatch):
    one = 3 * 32 * 32 * 4
    monkeypatch.setattr(photos_, "KEPT_BYTES", 2 * one)
    calls, photos = counting(monkeypatch), Photos()
    paths = [photo.with_name(f"{k}.png") for k in range(3)]
    for path in paths:
        path.write_bytes(photo.read_bytes())
    for number in (0, 1, 0, 2, 0, 1):
        photos.tensors(str(paths[number]), [SMALL])
    assert [calls.count(str(path)) for path in paths] == [1, 2, 1]
    assert photos._bytes <= 2 * one


def test_a_photo_that_is_none_leaves_nothing_held(tmp_path, photo):
    photos = Photos(megapixels=0.07)
    (tmp_path / "notes.jpg").write_text("to do")
    for path in (tmp_path / "notes.jpg", tmp_path / "missing.jpg", "\0"):
        with pytest.raises(PhotoError):
            photos.tensors(str(path), [SMALL])
    assert photos.tensors(str(photo), [SMALL])


def test_so_many_pixels_at_once(photo):
    """Each has 65,536: two fit, a third waits; one that is too large for all goes alone."""
    photos, inside, most = Photos(megapixels=0.14), [], []
    lock, release = threading.Lock(), threading.Event()

    def visit():
        with photos.decode(str(photo)):
            with lock:
                inside.append(1)
                most.append(len(inside))
            release.wait(5)
            with lock:
                inside.pop()

    visitors = [threading.Thread(target=visit) for _ in range(5)]
    for visitor in visitors:
        visitor.start()
    threading.Timer(0.2, release.set).start()
    for visitor in visitors:
        visitor.join()
    assert max(most) == 2
    with Photos(megapixels=0.01).decode(str(photo)) as image:
        assert image.size == (256, 256)
