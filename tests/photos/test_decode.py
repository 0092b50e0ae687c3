"""One photo decoded: the right pixels of every kind of picture, one sentence for everything else."""

import io
import pickle
import random
import resource
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageFile

from snnet.photos import decode as photos
from snnet.photos.decode import PhotoError, decode, pixels_of
from tests.photos.files import GREY, tiff

RED, GREEN, BLUE, WHITE = (254, 0, 0), (0, 255, 1), (0, 0, 254), (255, 255, 255)


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise(size=(64, 48), seed=0) -> Image.Image:
    return Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1]))


def gradient(size=(64, 48)) -> Image.Image:
    width, height = size
    return Image.merge(
        "RGB",
        [
            Image.linear_gradient("L").resize(size),
            Image.linear_gradient("L").rotate(90).resize(size),
            Image.new("L", (width, height), 128),
        ],
    )


def close(found, expected, tolerance=3) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True))


def png_header(width: int, height: int, data: bytes = b"") -> bytes:
    """Return a PNG that claims a size, with few bytes behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def sentence(source, name=None) -> str:
    """Return the text of the error, which must be one sentence on one line."""
    with pytest.raises(PhotoError) as caught:
        decode(source, name)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert ". " not in text
    return text


# ----------------------------------------------------------------------------------------- the right pixels


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"])
def test_every_format_opens_from_bytes_and_from_a_path(form, tmp_path):
    image = Image.new("RGB", (20, 10), (200, 100, 50))
    file = tmp_path / "photo.dat"  # the content says the format, not the name
    file.write_bytes(encoded(image, form))
    for source in (file, str(file), file.read_bytes()):
        found = decode(source)
        assert (found.mode, found.size) == ("RGB", (20, 10))
        assert close(found.getpixel((5, 5)), (200, 100, 50), 6)
        assert type(found) is Image.Image  # nothing left of the file
        assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(form, orientation):
    # What the orientations mean, from the EXIF standard: where the stored first row and column belong.
    corners = {
        1: "ABCD", 2: "BADC", 3: "DCBA", 4: "CDAB", 5: "ACBD", 6: "CADB", 7: "DBCA", 8: "BDAC",
    }  # fmt: skip
    colours = {"A": RED, "B": GREEN, "C": BLUE, "D": WHITE}
    stored = Image.new("RGB", (64, 32))
    for letter, box in zip("ABCD", [(0, 0), (32, 0), (0, 16), (32, 16)], strict=True):
        stored.paste(colours[letter], (*box, box[0] + 32, box[1] + 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(encoded(stored, form, exif=exif))
    assert found.size == ((64, 32) if orientation < 5 else (32, 64))
    width, height = found.size
    places = [(width // 4, height // 4), (3 * width // 4, height // 4)]
    places += [(width // 4, 3 * height // 4), (3 * width // 4, 3 * height // 4)]
    for place, letter in zip(places, corners[orientation], strict=True):
        assert close(found.getpixel(place), colours[letter], 12), (place, letter)
    assert not found.getexif()  # else saving it would turn it twice


def test_damaged_exif_is_no_obstacle():
    image = gradient()
    for exif in (
        b"Exif\x00\x00",
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12",
        b"Exif\x00\x00junk" * 9,
    ):
        assert decode(encoded(image, "JPEG", exif=exif)).size == image.size


def test_cmyk_jpeg_of_adobe():
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))  # Pillow stores it inverted, with Adobe's marker
    data = encoded(image, "JPEG", quality=95)
    assert b"Adobe" in data
    assert close(decode(data).getpixel((8, 8)), (0, 255, 255))
    assert close(decode(encoded(image, "TIFF")).getpixel((8, 8)), (0, 255, 255))


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
@pytest.mark.parametrize(("value", "expected"), [(0, 0), (257, 1), (30000, 117), (65535, 255)])
def test_16_bit_grey_is_scaled(mode, value, expected):
    image = Image.new(mode, (4, 4), value)
    image.putpixel((0, 0), 65535)
    for form in ("TIFF", "PNG") if mode == "I;16" else ("TIFF",):
        assert decode(encoded(image, form)).getpixel((1, 1)) == (expected,) * 3


def test_16_bit_pgm():
    data = b"P5 3 1 65535\n" + struct.pack(">3H", 0, 30000, 65535)
    assert [decode(data).getpixel((x, 0))[0] for x in range(3)] == [0, 117, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.0, 0.5, 1.0), (0, 128, 255)),
        ((0.0, 100.0, 200.0), (0, 100, 200)),
        ((-1.0, 0.0, 1.0), (0, 128, 255)),
        ((0.0, 5e8, 1e9), (0, 128, 255)),
    ],
)
def test_floating_point_grey_is_scaled(values, expected):
    image = Image.new("F", (3, 1))
    for x, value in enumerate(values):
        image.putpixel((x, 0), value)
    found = decode(encoded(image, "TIFF"))
    assert close([found.getpixel((x, 0))[0] for x in range(3)], expected, 1)


def test_floating_point_grey_without_numbers_is_refused():
    assert "damaged" in sentence(encoded(Image.new("F", (4, 4), float("nan")), "TIFF"))


def test_transparency_lies_over_white():
    clear, half = (10, 20, 30, 0), (0, 0, 0, 128)
    rgba = Image.new("RGBA", (2, 1), clear)
    rgba.putpixel((1, 0), half)
    for form, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        found = decode(encoded(rgba, form, **options))
        assert found.getpixel((0, 0)) == WHITE
        assert close(found.getpixel((1, 0)), (127, 127, 127), 1)
    assert decode(encoded(rgba.convert("LA"))).getpixel((0, 0)) == WHITE


def test_palettes():
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)
    assert decode(encoded(image)).getpixel((0, 0)) == RED
    for form in ("PNG", "GIF"):
        found = decode(encoded(image, form, transparency=0))
        assert [found.getpixel((x, 0)) for x in range(2)] == [WHITE, GREEN]
    found = decode(encoded(image, transparency=bytes([0, 255])))
    assert [found.getpixel((x, 0)) for x in range(2)] == [WHITE, GREEN]
    keyed = Image.new("RGB", (2, 1), RED)
    keyed.putpixel((1, 0), BLUE)
    assert decode(encoded(keyed, transparency=BLUE)).getpixel((1, 0)) == WHITE


def test_grey_and_black_and_white():
    assert decode(encoded(Image.new("L", (3, 3), 77), "JPEG")).getpixel((1, 1)) == (77, 77, 77)
    assert decode(encoded(Image.new("1", (3, 3), 1))).getpixel((1, 1)) == WHITE


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_of_several_frames(form):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    assert close(decode(data).getpixel((4, 4)), RED)


def test_one_pixel():
    assert decode(encoded(Image.new("RGB", (1, 1), RED))).size == (1, 1)


# -------------------------------------------------------------------------------------------- the sentences


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "notes.jpg",
            b"Dear diary,\nno photo here.\n" * 50,
            "notes.jpg is not a photo in a format read here",
        ),
        ("empty.png", b"", "empty.png is empty"),
        ("page.jpg", b"<!DOCTYPE html><html><body>404</body></html>", "page.jpg is a web page"),
        (
            "logo.svg",
            b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
            "logo.svg is an SVG",
        ),
        ("phone.heic", b"\x00\x00\x00\x18ftypheic" + bytes(40), "phone.heic is "),
        ("new.jxl", b"\xff\x0a" + bytes(40), "new.jxl is "),
        ("box.jxl", b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(40), "box.jxl "),
        ("paper.pdf", b"%PDF-1.7 ...", "paper.pdf is a PDF"),
        ("figure.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "figure.eps is not a photo"),
        ("head.jpg", b"\xff\xd8\xff", "head.jpg"),
        ("head.png", b"\x89PNG\r\n\x1a\n", "head.png"),
        ("zeros.webp", b"RIFF\x00\x00\x00\x00WEBP" + bytes(64), "zeros.webp"),
    ],
)
def test_what_is_no_photo(name, content, says, tmp_path):
    file = tmp_path / name
    file.write_bytes(content)
    assert sentence(file).startswith(says)
    assert sentence(content, name).startswith(says)
    assert str(tmp_path) not in sentence(file)  # a visitor learns nothing of the server's folders


def test_missing_folder_and_strange_names(tmp_path):
    assert sentence(tmp_path / "gone.jpg").startswith("gone.jpg was not found")
    assert "is not a file" in sentence(tmp_path)
    assert "cannot be opened" in sentence("a\x00b.jpg")
    assert "cannot be opened" in sentence("x" * 5000 + ".jpg")
    assert len(sentence("x" * 5000 + ".jpg")) < 300
    assert sentence(b"text", "C:\\fakepath\\cat.jpg").startswith("cat.jpg is")
    assert sentence(b"text", "../../etc/a\nb.jpg").startswith("a?b.jpg is")
    assert sentence(b"text").startswith("The photo is")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_half_a_file(form):
    data = encoded(noise(), form)
    with pytest.raises(PhotoError) as caught:
        decode(data[: len(data) // 2], "half.jpg")
    assert "half.jpg" in str(caught.value)
    assert caught.value.__cause__ is not None
    if form in ("JPEG", "PNG"):
        assert "breaks off" in str(caught.value)


def test_extreme_shapes():
    assert "20,000 pixels" in sentence(encoded(Image.new("RGB", (1, 20000))))
    assert decode(encoded(Image.new("RGB", (1, 50)))).size == (1, 50)
    assert "more than 50 times" in sentence(encoded(Image.new("RGB", (51, 1))))


@pytest.mark.parametrize("size", [(20000, 20000), (9000, 9000), (12000, 12000), (50000, 50000)])
def test_absurd_sizes_are_refused_unread(size):
    text = sentence(png_header(*size, zlib.compress(bytes(1000))), "bomb.png")
    assert text.startswith(f"bomb.png is {size[0]:,}×{size[1]:,} pixels")
    assert "64 megapixels" in text
    # The same claim in other formats' headers.
    width, height = size
    gif = (
        b"GIF89a"
        + struct.pack("<HH", width, height)
        + b"\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02"
    )
    assert "megapixels" in sentence(gif)
    extended = (
        b"VP8X"
        + struct.pack("<II", 10, 0)
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    assert "megapixels" in sentence(b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended)
    assert "megapixels" in sentence(b"P5 %d %d 255\n" % size)
    bmp = (
        b"BM"
        + struct.pack("<IHHI", 1000, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, *size, 1, 24, 0, 0, 1, 1, 0, 0)
    )
    assert "megapixels" in sentence(bmp + bytes(100))


def jpeg_claiming(data: bytes, size: tuple[int, int]) -> bytes:
    """Return a JPEG whose header claims another size."""
    start = next(k for k in range(len(data)) if data[k] == 0xFF and data[k + 1] in (0xC0, 0xC2))
    return data[: start + 5] + struct.pack(">HH", size[1], size[0]) + data[start + 9 :]


def test_a_large_jpeg_comes_reduced(monkeypatch):
    image = gradient((800, 600))
    monkeypatch.setattr(photos, "MAX_PIXELS", 100_000)
    found = decode(encoded(image, "JPEG"))
    assert found.size == (267, 200) or found.size == (200, 150)
    assert found.size[0] * found.size[1] <= 100_000
    half = image.resize(found.size, Image.Resampling.BOX)
    assert close(found.getpixel((60, 70)), half.getpixel((60, 70)), 8)
    assert decode(encoded(image.convert("L"), "JPEG")).size == found.size
    # All coefficients of a progressive one would be held, at any scale.
    assert "800×600" in sentence(encoded(image, "JPEG", progressive=True))
    assert "800×600" in sentence(encoded(image, "PNG"))
    monkeypatch.setattr(photos, "MAX_PIXELS", 7_000)  # 100 × 75 is still too many
    assert "800×600" in sentence(encoded(image, "JPEG"))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"])
def test_pixels_are_counted_without_decoding(form, tmp_path, monkeypatch):
    data = encoded(noise((64, 48)), form)
    (tmp_path / "photo").write_bytes(data)
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    assert pixels_of(data) == pixels_of(tmp_path / "photo") == 64 * 48
    with pytest.raises(PhotoError, match=r"head\.jpg"):
        pixels_of(data[:9], "head.jpg")
    monkeypatch.setattr(photos, "MAX_PIXELS", 1000)
    if form == "JPEG":
        assert pixels_of(data) == 32 * 24
        monkeypatch.setattr(photos, "MAX_PIXELS", 10)
    with pytest.raises(PhotoError, match="megapixels"):
        pixels_of(data)


def test_pixels_of_what_is_no_photo(tmp_path):
    for source in (b"", b"text", tmp_path, tmp_path / "gone.jpg", encoded(Image.new("RGB", (1, 99)))):
        with pytest.raises(PhotoError) as caught:
            pixels_of(source)
        assert str(caught.value) == sentence(source)


def test_pixels_of_a_large_tile():
    tile = {322: [2000], 323: [1000], 324: [8], 325: [256]}
    assert pixels_of(tiff(GREY | tile, bytes(256))) == 2_000_000
    assert "20,000×20,000" in sentence(tiff(GREY | tile | {322: [20000], 323: [20000]}, bytes(256)))


def test_a_large_jpeg_of_several_scans_is_refused(monkeypatch):
    monkeypatch.setattr(photos, "MAX_PIXELS", 100_000)
    data = bytearray(encoded(gradient((800, 600)), "JPEG"))
    scan = data.index(b"\xff\xda")
    data[scan : scan + 14] = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"  # the first component alone
    assert "800×600" in sentence(bytes(data))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
def test_bombs_take_no_memory(tmp_path):
    small = encoded(noise((16, 16)), "JPEG")
    (tmp_path / "huge.jpg").write_bytes(jpeg_claiming(small, (20000, 20000)))
    (tmp_path / "progressive.jpg").write_bytes(
        jpeg_claiming(encoded(noise((16, 16)), "JPEG", progressive=True), (20000, 20000))
    )
    (tmp_path / "wide.jpg").write_bytes(jpeg_claiming(small, (65000, 65000)))
    (tmp_path / "huge.png").write_bytes(png_header(20000, 20000, zlib.compress(bytes(10**7))))
    tile = {322: [20000], 323: [20000], 324: [8], 325: [256]}
    (tmp_path / "tiled.tif").write_bytes(tiff(GREY | tile | {259: [8]}, zlib.compress(bytes(256))))
    script = (
        "import sys\n"
        "from snnet.photos.decode import decode, PhotoError\n"
        "assert 'torch' not in sys.modules\n"
        "for name in sys.argv[1:]:\n"
        "    try: decode(name)\n"
        "    except PhotoError as error: print(error)\n"
        # Not ru_maxrss, which starts from what the parent held when it forked.
        "from pathlib import Path\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    files = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    kilobytes = int(done.stdout.splitlines()[-1])
    assert kilobytes < 300_000, done.stdout


# ------------------------------------------------------------------------------------- damage, and threads


def one(source: bytes) -> bytes | str:
    try:
        image = decode(source)
    except PhotoError as error:
        return str(error)
    assert image.mode == "RGB"
    return image.tobytes()


@pytest.mark.parametrize(
    "form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF", "BMP", "PPM", "progressive", "APNG"]
)
def test_any_damage_gives_a_picture_or_a_sentence(form):
    rng = random.Random(f"damage {form}")
    image = gradient()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if form in ("JPEG", "PNG", "WEBP", "progressive") else {}
    if form == "progressive":
        options["progressive"] = True
    if form in ("GIF", "APNG"):
        options |= {"save_all": True, "append_images": [noise()]}
    data = encoded(image, {"progressive": "JPEG", "APNG": "PNG"}.get(form, form), **options)
    cases = [data[: rng.randrange(len(data))] for _ in range(30)]
    for _ in range(120):
        flipped = bytearray(data)
        for _ in range(rng.choice((1, 1, 3, 20))):
            # Half of the damage in the header, where sizes and offsets lie.
            place = rng.randrange(len(data) if rng.random() < 0.5 else min(200, len(data)))
            flipped[place] ^= 1 << rng.randrange(8)
        cases.append(bytes(flipped))
    outcomes = [one(case) for case in cases]
    sentences = [text for text in outcomes if isinstance(text, str)]
    assert sentences
    assert all(text.startswith("The photo ") and "\n" not in text for text in sentences)


def test_sixteen_threads():
    sources = [
        encoded(gradient((60 + k, 40)), form) for k in range(4) for form in ("JPEG", "PNG", "GIF", "WEBP")
    ]
    sources += [b"no photo", encoded(noise(), "PNG")[:500]]
    expected = [one(source) for source in sources]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one, sources * 16)) == expected * 16


def test_files_are_closed(tmp_path):
    file = tmp_path / "photo.jpg"
    file.write_bytes(encoded(noise(), "JPEG"))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for _ in range(min(soft, 1024) + 10):
        decode(file)
