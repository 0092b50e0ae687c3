"""A file that lacks its end alone decodes with a note; one that breaks off within its picture is refused."""

import io
import random
from contextlib import suppress

import pytest
from PIL import Image

from snnet.photos.decode import NOTE, PhotoError, decode
from tests.photos.files import chunk

SMOOTH = Image.radial_gradient("L").resize((120, 80)).convert("RGB")
NOISE = Image.frombytes("RGB", (120, 80), random.Random(1).randbytes(120 * 80 * 3))
JPEGS = [{}, {"progressive": True}, {"subsampling": 0, "restart_marker_blocks": 2}, {"quality": 100}]


def encoded(image: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decodes_with_a_note(data: bytes, whole: bytes) -> bool:
    photo = decode(data, "cat.jpg")
    assert photo.info[NOTE] == "cat.jpg lacks its end marker; its picture is all there."
    return photo.tobytes() == decode(whole).tobytes() and not decode(whole).info


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("photo", [SMOOTH, NOISE], ids=["smooth", "noise"])
def test_a_jpeg_without_its_end(photo, mode, options):
    whole = encoded(photo.convert(mode), "JPEG", **options)
    assert decodes_with_a_note(whole[:-2], whole)
    assert decodes_with_a_note(whole[:-1], whole)
    for missing in (3, 4, 5, 9, 40):
        with suppress(PhotoError):  # a byte may be missing that no pixel needs
            assert decode(whole[:-missing]).tobytes() == decode(whole).tobytes()
    with pytest.raises(PhotoError, match="breaks off"):
        decode(whole[: -len(whole) // 2])


@pytest.mark.parametrize("options", JPEGS)
def test_a_jpeg_that_lacks_a_byte_of_its_picture(options):
    whole = encoded(NOISE, "JPEG", **options)
    for missing in (3, 4, 5, 9, 40):
        with pytest.raises(PhotoError, match="breaks off"):
            decode(whole[:-missing])


@pytest.mark.parametrize("options", JPEGS)
def test_room_for_data_that_never_came_is_no_picture(options):
    whole = encoded(NOISE, "JPEG", **options)
    with pytest.raises(PhotoError, match="breaks off"):
        decode(whole[: len(whole) // 2] + bytes(len(whole)))
    assert not decode(whole + bytes(9999)).info  # behind the end anything may lie


def test_a_scan_is_missing():
    whole = encoded(SMOOTH, "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    with pytest.raises(PhotoError, match="breaks off"):
        decode(whole[:last])
    with pytest.raises(PhotoError, match="breaks off"):
        decode(whole[: whole.rindex(b"\xff\xda", 0, last)])


def test_a_png_without_its_end():
    whole = encoded(NOISE, "PNG")
    assert decodes_with_a_note(whole[:-12], whole)
    assert decodes_with_a_note(whole[:-8], whole)
    text = chunk(b"tEXt", b"k\0" + bytes(2_000_000))
    assert decodes_with_a_note(whole[:-12] + text, whole)
    for missing in (40, len(whole) // 2):
        with pytest.raises(PhotoError, match="breaks off"):
            decode(whole[:-missing])


def test_a_gif_without_its_end():
    whole = encoded(NOISE.quantize(16), "GIF")
    assert decodes_with_a_note(whole[:-1], whole)
    assert decodes_with_a_note(whole[:-2], whole)
    with pytest.raises(PhotoError, match="breaks off"):
        decode(whole[:-9])


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
def test_a_webp_whose_metadata_break_off(options):
    whole = encoded(NOISE, "WEBP", **options, xmp=b"x" * 51)
    for missing in (1, 2, 9, 40):
        assert decodes_with_a_note(whole[:-missing], whole)
    with pytest.raises(PhotoError):
        decode(whole[:-200])
