"""What decoding doesn't need of a file is no obstacle, and takes neither memory nor time."""

import io
import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from PIL import Image

from snnet.photos import containers
from snnet.photos.av1 import largest_frame
from snnet.photos.decode import PhotoError, decode, pixels_of
from tests.photos.files import GREY, chunk, png, tiff

LONG = random.Random(0).randbytes(1000) * 2500  # 2.5 MB, more than Pillow unpacks
XMP = b'<x:xmpmeta tiff:Orientation="6"/>'
EXIF = Image.Exif()
EXIF[0x0112] = 6


def photo(size=(48, 32)) -> Image.Image:
    return Image.radial_gradient("L").resize(size).convert("RGB")


def encoded(form: str, image: Image.Image | None = None, **options) -> bytes:
    buffer = io.BytesIO()
    (image or photo()).save(buffer, form, **options)
    return buffer.getvalue()


def same(data: bytes, plain: bytes) -> bool:
    return decode(data).tobytes() == decode(plain).tobytes()


@pytest.mark.parametrize("name", ["ztxt_2MB", "itxt_2MB", "iccp_1500kB"])
def test_shared_cases(name):
    file = Path(__file__).resolve().parents[3] / "shared" / "cases" / f"{name}.png"
    if not file.exists():
        pytest.skip("the files of shared/cases aren't on this machine")
    assert decode(file).mode == "RGB"  # Pillow itself opens none of them


@pytest.mark.parametrize("after", [False, True], ids=["before the pixels", "after them"])
def test_long_texts_and_profiles_of_a_png(after):
    plain = encoded("PNG")
    deflated = zlib.compress(LONG)
    texts = [chunk(b"zTXt", b"k\0\0" + deflated), chunk(b"iTXt", b"k\0\1\0\0\0" + deflated)]
    texts += [chunk(b"iCCP", b"k\0\0" + deflated), chunk(b"tEXt", b"k\0" + LONG), chunk(b"juNk", LONG)]
    texts += [chunk(b"tEXt", b"k\0" + bytes(900_000))] * 80  # more in all than Pillow holds
    place = plain.index(b"IEND") - 4 if after else 33
    for each in (*texts, b"".join(texts)):
        assert same(plain[:place] + each + plain[place:], plain)


def test_texts_of_a_png_dont_name_what_decoding_relies_on():
    plain = encoded("PNG")
    for key in (b"interlace", b"bbox", b"transparency", b"default_image"):
        for kind, body in ((b"tEXt", b""), (b"zTXt", b"\0")):
            value = zlib.compress(b"x") if kind == b"zTXt" else b"x"
            assert same(plain[:33] + chunk(kind, key + b"\0" + body + value) + plain[33:], plain)


def test_a_wrong_checksum_of_a_text_is_no_obstacle():
    plain = encoded("PNG")
    text = chunk(b"tEXt", b"k\0v")
    assert same(plain[:33] + text[:-1] + bytes([text[-1] ^ 1]) + plain[33:], plain)
    assert same(plain[:33] + text[:8] + b"\xff" + text[9:] + plain[33:], plain)


@pytest.mark.parametrize("after", [False, True])
def test_orientation_of_a_png(after):
    plain = encoded("PNG")
    place = plain.index(b"IEND") - 4 if after else 33
    for each in (
        chunk(b"eXIf", EXIF.tobytes().removeprefix(b"Exif\0\0")),
        chunk(b"tEXt", b"exif\0" + EXIF.tobytes()),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0key\0" + zlib.compress(XMP + bytes(2_000_000))),
    ):
        assert decode(plain[:place] + each + plain[place:]).size == (32, 48)


def test_metadata_of_a_later_frame():
    plain = encoded("PNG", save_all=True, append_images=[photo().rotate(90)])
    place = plain.index(b"IEND") - 4
    assert same(
        plain[:place] + chunk(b"eXIf", EXIF.tobytes().removeprefix(b"Exif\0\0")) + plain[place:], plain
    )


def segment(marker: int, body: bytes) -> bytes:
    return bytes([255, marker]) + struct.pack(">H", len(body) + 2) + body


def test_long_segments_of_a_jpeg():
    plain = encoded("JPEG")
    exif = EXIF.tobytes()
    profile = b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes([k, 60]) + LONG[:65000]) for k in range(1, 61))
    for extra in (
        profile,
        segment(0xFE, LONG[:65000]) * 50,
        segment(0xED, b"Photoshop 3.0\0" + LONG[:65000]) * 50,
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + LONG[:65000]) * 50,
        segment(0xFE, b"x")
        + bytes(70_000)
        + b"\xff\xff\xff\0\xff\xff",  # between segments, as some cameras fill them
    ):
        assert same(plain[:2] + extra + plain[2:], plain)
        turned = plain[:2] + segment(0xE1, exif) + extra + plain[2:]
        assert decode(turned).size == (32, 48)
    halves = segment(0xE1, exif[:12]) + segment(0xE1, b"Exif\0\0" + exif[12:])  # one after the other
    assert decode(plain[:2] + halves + plain[2:]).size == (32, 48)
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    assert decode(plain[:2] + xmp + plain[2:]).size == (32, 48)


def test_long_chunks_of_a_webp():
    for options in ({}, {"lossless": True}, {"save_all": True, "append_images": [photo().rotate(90)]}):
        plain = encoded("WEBP", **options)
        rich = encoded("WEBP", **options, exif=EXIF, icc_profile=LONG, xmp=XMP * 9)
        turned = decode(plain).transpose(Image.Transpose.ROTATE_270)
        assert decode(rich).tobytes() == turned.tobytes()
        assert same(plain + b"junk" * 9, plain)


def test_long_tags_of_a_tiff():
    for options in (
        {},
        {"compression": "tiff_lzw"},
        {"big_tiff": True},
        {"compression": "jpeg", "quality": 90},
    ):
        plain = encoded("TIFF", **options)
        rich = encoded("TIFF", **options, icc_profile=LONG, tiffinfo={274: 6, 700: XMP, 37724: LONG})
        assert decode(rich).tobytes() == decode(plain).transpose(Image.Transpose.ROTATE_270).tobytes()
        assert decode(encoded("TIFF", **options, tiffinfo={700: XMP, 37724: LONG})).size == (32, 48)


def test_tags_that_name_the_same_bytes():
    data = bytes(1_000_000)
    shared = dict.fromkeys(range(1000, 9000), (8, 900_000))
    tracemalloc.start()
    found = decode(tiff(GREY | {273: [8]} | shared, data))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.size == (16, 16)
    assert most < 20_000_000
    with pytest.raises(PhotoError):
        decode(tiff(GREY | {273: (8, 900_000), 279: (8, 4_000_000)}, bytes(4_000_000)))


def test_notes_of_a_gif():
    plain = encoded("GIF", photo().quantize(16))
    frame = plain.index(b",", 13)
    notes = b"!\xfe" + (b"\xff" + bytes(255)) * 20_000 + b"\0"
    assert same(
        plain[:frame] + notes + b"!\xff\x0bXMP DataXMP" + (b"\1y") * 999 + b"\0" + plain[frame:], plain
    )
    with pytest.raises(PhotoError):
        decode(plain[:frame] + b"!\xfe" + b"\1y" * containers.MAX_PIECES + b"\0" + plain[frame:])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_more_pieces_than_anything_saves_are_refused(form):
    plain = encoded(form, photo().quantize(16) if form == "GIF" else None)
    extra, place = {
        "PNG": (chunk(b"tEXt", b""), 33),
        "JPEG": (b"\xff\xfe\0\2", 2),
        "WEBP": (b"junk\0\0\0\0", 12),
        "GIF": (b"!\xfe\0", plain.index(b",", 13)),
    }[form]
    data = plain[:place] + extra * (containers.MAX_PIECES + 9) + plain[place:]
    if form == "WEBP":
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    with pytest.raises(PhotoError):
        decode(data)
    data = plain[:place] + extra * 99 + plain[place:]
    assert same(data[:4] + struct.pack("<I", len(data) - 8) + data[8:] if form == "WEBP" else data, plain)


def test_more_scans_than_anything_saves_are_refused():
    plain = encoded("JPEG", progressive=True)
    last = plain[plain.rindex(b"\xff\xda") : -2]
    with pytest.raises(PhotoError):
        decode(plain[:-2] + last * containers.MAX_SCANS + b"\xff\xd9")
    assert same(plain + last * containers.MAX_SCANS, plain)  # behind the picture's end


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
def test_a_file_that_is_read_piece_by_piece(form, monkeypatch):
    monkeypatch.setattr(containers, "MAX_COPY", 100)
    plain = encoded(form, photo().quantize(16) if form == "GIF" else None)
    if form == "TIFF":
        for options in ({}, {"compression": "tiff_lzw"}):
            assert same(encoded("TIFF", tiffinfo={37724: LONG}, **options), plain)
        return
    place = {"PNG": 33, "JPEG": 2, "WEBP": 12, "GIF": plain.index(b",", 13)}[form]
    extra = {
        "PNG": chunk(b"tEXt", b"k"),
        "JPEG": segment(0xFE, b"x"),
        "WEBP": b"junk\0\0\0\0",
        "GIF": b"!\xfe\1x\0",
    }[form]
    data = plain[:place] + extra + plain[place:]
    data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:] if form == "WEBP" else data
    assert same(data, plain)


def test_an_excerpt_reads_as_its_parts():
    rng = random.Random(1)
    data = rng.randbytes(500)
    parts = [range(3, 40), b"between", range(100, 100), range(90, 480)]
    whole = data[3:40] + b"between" + data[90:480]
    excerpt = containers.Excerpt(io.BytesIO(data), parts)
    model = io.BytesIO(whole)
    assert excerpt.read() == whole
    for _ in range(500):
        offset, whence = rng.randrange(-50, 500), rng.choice((0, 1, 2))
        try:
            assert excerpt.seek(offset, whence) == model.seek(offset, whence)
        except ValueError:  # before the start; of these, a BytesIO takes some as the start
            excerpt.seek(0)
            model.seek(0)
        size = rng.choice((-1, 0, 1, 7, 300))
        assert excerpt.read(size) == model.read(size)
        assert excerpt.tell() == model.tell()


def test_a_frame_larger_than_its_avif_says():
    data = encoded("AVIF", Image.new("RGB", (640, 480)))
    assert largest_frame(data) == (640, 480)
    place = data.index(b"ispe") + 8
    small = data[:place] + struct.pack(">II", 64, 64) + data[place + 8 :]
    assert pixels_of(small) == 640 * 480
    for options in ({"subsampling": "4:4:4"}, {"save_all": True, "append_images": [photo()]}):
        for mode in ("RGB", "RGBA", "L"):
            image = photo((130, 70)).convert(mode)
            if "append_images" in options:
                options["append_images"] = [image]
            assert largest_frame(encoded("AVIF", image, **options)) == (130, 70)
    assert largest_frame(b"") == largest_frame(bytes(99)) == (1, 1)
    with pytest.raises(ValueError, match="more than"):
        largest_frame(b"iloc" * 99)


def test_a_large_file_of_a_small_picture_counts_by_its_bytes():
    data = encoded("WEBP", exif=LONG[:1_000_000])
    assert pixels_of(data) == len(data) // 4
    assert pixels_of(encoded("WEBP")) == 48 * 32


def test_text_and_unusual_ranges_of_a_pnm():
    grey = Image.linear_gradient("L")
    pixels = grey.tobytes()
    words = b" # half\n".join(b"%d" % value for value in pixels)
    assert decode(b"P2\n# name\n256 256 255\n" + words).convert("L").tobytes() == pixels
    assert decode(b"P2 256 256 255 " + b"#\n" * 200_000 + words).convert("L").tobytes() == pixels
    thousand = struct.pack(">3H", 0, 500, 1000) * 4
    assert decode(b"P6 4 1 1000\n" + thousand).tobytes() == bytes([0, 128, 255]) * 4
    assert decode(b"P5 3 1 100\n\x00\x32\x64").convert("L").tobytes() == bytes([0, 128, 255])
    assert decode(b"P2 3 1 1000\n0 500 1000").convert("L").tobytes() == bytes([0, 128, 255])
    assert decode(b"P1\n4 2\n0101 1 0 1 0").convert("L").tobytes() == bytes([255, 0, 255, 0, 0, 255, 0, 255])
    for broken in (b"P2 2 1 9\n1 10", b"P2 2 1 9\n1 -1", b"P2 2 1 9\n1", b"P1 2 1\n02", b"P5 9 9 100\nx"):
        with pytest.raises(PhotoError):
            decode(broken)
    with pytest.raises(PhotoError):
        decode(b"P2 #" + bytes(100_000) + b"\n1 1 9\n1")


@pytest.mark.parametrize("bits", [4, 8])
def test_runs_of_a_bmp(bits):
    def bmp(runs: bytes, size: tuple[int, int]) -> bytes:
        table = bytes(b for c in range(1 << bits) for b in (c, 255 - c, 7, 0))
        head = struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, 2 if bits == 4 else 1, 0, 1, 1, 1 << bits, 0)
        return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(head) + len(table)) + head + table + runs

    runs = b"\x03\x12\0\0" + b"\0\x04\x12\x34\x05\x06"[: 4 if bits == 4 else 6] + b"\0\0"
    runs += b"\0\2\1\0\x02\x55" + b"\x09\x77" * 2 + b"\0\0\x04\x21" * 3 + b"\0\1"
    lines = {
        4: ((1, 2, 1, 0), (1, 2, 3, 4), (0, 5, 5, 7), (2, 1, 2, 1)),
        8: ((0x12, 0x12, 0x12, 0), (0x12, 0x34, 5, 6), (0, 0x55, 0x55, 0x77), (0x21, 0x21, 0x21, 0x21)),
    }[bits]
    expected = bytes(value for line in reversed(lines) for c in line for value in (7, 255 - c, c))
    assert decode(bmp(runs, (4, 4))).tobytes() == expected
    rows = bmp(b"\1\1\0\0" * 4000, (4000, 4000))  # Pillow steps through every blank
    assert decode(rows).size == (4000, 4000)
    with pytest.raises(PhotoError):
        decode(bmp(b"\1\1\0\2", (4, 4)))


def test_pngs_of_every_depth():
    for depth, colour, channels in ((8, 0, 1), (8, 2, 3), (8, 4, 2), (8, 6, 4), (16, 2, 3), (16, 6, 4)):
        row = b"\0" + bytes(3 * channels * depth // 8)
        assert decode(png((3, 2), row * 2, (depth, colour))).size == (3, 2)
