"""Photos that can't be decoded: one function says which, and the next sound one stands in."""

import errno

import pytest

from snnet.photos import decode as decoding
from snnet.photos.batches import batches
from snnet.photos.broken import LINES, Remarks, is_broken, next_sound
from snnet.photos.decode import NOTE, PhotoError, UnreadError, decode
from snnet.photos.photo_set import open_photos
from snnet.photos.store import SourceError
from snnet.photos.transform import Transform
from tests.photos.sets import coded, folder


@pytest.fixture
def place(tmp_path):
    root = folder(tmp_path / "set", [f"{number}.png" for number in range(6)])
    for number in (1, 2, 5):
        (root / f"{number}.png").write_bytes(b"no photo at all")
    return root


def test_the_next_sound_photo_stands_in(place):
    photos = open_photos(place)
    for index, (shade, left_out) in enumerate([(0, 0), (3, 2), (3, 1), (3, 0), (4, 0), (0, 1)]):
        (image, _), sentences = next_sound(photos, index)
        assert (image.getpixel((0, 0))[0], len(sentences)) == (shade, left_out)
    assert next_sound(photos, 1)[1][0].startswith("set: 1.png is not a photo")


def test_where_none_is_sound(place):
    for file in place.iterdir():
        file.write_bytes(b"no photo at all")
    with pytest.raises(PhotoError, match=r"6 photos in a row can't be decoded, the first: set: 4\.png"):
        next_sound(open_photos(place), 4)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENOMEM])
def test_what_the_system_fails_to_give_is_not_broken(place, monkeypatch, number):
    def fails(*_):
        raise OSError(number, "of the system")

    photos = open_photos(place)
    monkeypatch.setattr(decoding, "_content", fails)
    with pytest.raises(UnreadError, match=r"can't be read \(.*\): check the disk or the network") as caught:
        next_sound(photos, 0)
    assert not is_broken(caught.value)
    with pytest.raises(UnreadError):
        list(batches(photos, [Transform(32)], 2, 0, skip_broken=True))


def test_what_is_broken(place):
    kinds = {"gone.png": True, "gone/1.png": False, "1.png": True}
    for name, answer in kinds.items():
        with pytest.raises(PhotoError) as caught:
            decode(place / name)
        assert is_broken(caught.value) == answer, name
    assert not is_broken(SourceError("the hub"))
    assert not is_broken(None)


def test_a_note_names_the_photo(place):
    (place / "0.png").write_bytes(coded(0)[:-12])
    photos = open_photos(place)
    note = "set: 0.png lacks its end marker; its picture is all there."
    assert photos[0][0].info[NOTE] == note
    assert [batch.notes for batch in batches(photos, [Transform(32)], 3, 0, skip_broken=True)] == [
        (note,),
        (),
    ]


def test_a_long_list_is_shortened_with_its_count():
    assert Remarks().lines() == []
    remarks = Remarks(broken={f"{number:04}.png" for number in range(1500)}, notes={"a.jpg"})
    lines = remarks.lines()
    assert lines[0] == "1,500 photos left out, because they can't be decoded:"
    assert lines[1:3] == ["  0000.png", "  0001.png"]
    assert lines[LINES + 1] == "  and 1,490 more"
    assert lines[-2:] == [
        "1 photo without the end marker, taken as the picture is all there:",
        "  a.jpg",
    ]
