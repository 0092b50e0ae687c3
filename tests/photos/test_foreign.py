"""Photos that an optional package reads: equal pixels, and no file that harms the process that decodes."""

import base64
import io
import json
import random
import re
import struct
import subprocess
import sys
from importlib.util import find_spec

import pytest
from PIL import Image, ImageChops

from snnet.photos import decode as photos
from snnet.photos import foreign
from snnet.photos.decode import PhotoError, decode, pixels_of

HEIC = pytest.mark.skipif(not find_spec("pillow_heif"), reason="pillow-heif isn't installed")
JXL = pytest.mark.skipif(not find_spec("pillow_jxl"), reason="pillow-jxl-plugin isn't installed")
COLOURS = {"A": (254, 0, 0), "B": (0, 255, 1), "C": (0, 0, 254), "D": (255, 255, 255)}


def quarters() -> Image.Image:
    image = Image.new("RGB", (96, 64))
    for letter, box in zip("ABCD", [(0, 0), (48, 0), (0, 32), (48, 32)], strict=True):
        image.paste(COLOURS[letter], (*box, box[0] + 48, box[1] + 32))
    return image


def smooth(size=(96, 64)) -> Image.Image:
    grey = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", [grey, grey.transpose(Image.Transpose.ROTATE_180), Image.new("L", size, 90)])


def heic(image: Image.Image, **options) -> bytes:
    import pillow_heif

    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90, **options)
    return buffer.getvalue()


def jxl(image: Image.Image, **options) -> bytes:
    from pillow_jxl import JpegXLImagePlugin

    buffer = io.BytesIO()
    image.encoderinfo = options
    JpegXLImagePlugin._save(image, buffer, "")
    return buffer.getvalue()


def differ(first: Image.Image, second: Image.Image) -> int:
    return max(high for _, high in ImageChops.difference(first, second).getextrema())


@HEIC
def test_a_heic_has_the_pixels_of_its_png(tmp_path):
    for options in ({}, {"tile_size": 64, "chroma": 444}):
        data = heic(smooth((200, 160)), **options)
        (tmp_path / "IMG_1.HEIC").write_bytes(data)
        for source in (data, tmp_path / "IMG_1.HEIC"):
            image = decode(source)
            assert type(image) is Image.Image
            assert differ(image, smooth((200, 160))) <= 8
    assert pixels_of(heic(smooth())) == 96 * 64
    assert {".heic", ".heif", ".hif"} <= photos.SUFFIXES


@HEIC
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_heic_is_upright(orientation):
    corners = {
        1: "ABCD", 2: "BADC", 3: "DCBA", 4: "CDAB", 5: "ACBD", 6: "CADB", 7: "DBCA", 8: "BDAC",
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(heic(quarters(), exif=exif.tobytes()))  # saved as turns of the container
    assert found.size == ((96, 64) if orientation < 5 else (64, 96))
    width, height = found.size
    for k, letter in enumerate(corners[orientation]):
        pixel = found.getpixel((width // 4 + k % 2 * width // 2, height // 4 + k // 2 * height // 2))
        assert max(abs(a - b) for a, b in zip(pixel, COLOURS[letter], strict=True)) <= 20, letter


@HEIC
def test_transparency_and_deep_colours_of_a_heic():
    import pillow_heif

    clear = Image.new("RGBA", (64, 64), (10, 20, 30, 0))
    assert min(decode(heic(clear)).getpixel((30, 30))) >= 250
    deep = pillow_heif.from_bytes("RGB;16", (64, 64), struct.pack("<3H", 65535, 30000, 0) * 64 * 64)
    buffer = io.BytesIO()
    deep.save(buffer, quality=90, chroma=444)
    pixel = decode(buffer.getvalue()).getpixel((30, 30))
    assert max(abs(a - b) for a, b in zip(pixel, (255, 117, 0), strict=True)) <= 6
    grey = decode(heic(Image.new("L", (64, 64), 77))).getpixel((30, 30))
    assert max(abs(value - 77) for value in grey) <= 3


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return a file cut off, with other bytes, or one that claims other sizes."""
    kind, changed = rng.randrange(4), bytearray(data)
    if kind == 0:
        return data[: rng.randrange(20, len(data))]
    if kind == 1:
        places = [box.start() + 8 for box in re.finditer(b"ispe", data)]
        for place in places:
            sizes = (rng.choice((1, 64, 4000, 8000, 60000, 1 << 31)) for _ in range(2))
            changed[place : place + 8] = struct.pack(">II", *sizes)
        return bytes(changed)
    for _ in range(rng.choice((1, 5, 50))):
        place = rng.randrange(20, len(data) if kind == 2 else min(len(data), 700))
        changed[place] = rng.randrange(256)
    return bytes(changed)


# `quarters` by cjxl 0.7, of a JPEG with EXIF orientation 6: as pixels, and as the JPEG packed without loss.
TURNED_PIXELS = (
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAIqanhsY/8KDy2QUFwSABKIAgBMCF3lEgAAFSqjjBu8nOv58kOH"
    "xbSN6wxttW1hSaLIODZJJ3CYpKBABgwpxkgpxiCRWNFWjDzy4jFexaPIkpKOjBfJTNIZArgmiycIB7ufB72cJdVtzDT8cEAV"
    "nW6EYOkMemmljhSWYRXCzIJDDiTPmuWYWjrBorFR1peGKSUTTvD4fgouHXfNToNXucGD780rIuHbleZ0+cxN2A9oINfOWchX"
    "11s8xdMt0TvUQMf+BVODUiUhi9ZI7ruFGLEbArgEcVrVKmIgE8Sln3l6KQBY6BCCjGET/TG6P2+BVqMCpliaIac9gXOhYYDq"
    "gspQE7AAPPACQEIovZACSa1EHu/uLi/Jm8u54JIAEJbiO9mRjjJTk4hAp1OQZ4LpIlFnJ82TOn9OYqnZGGVGl2nIWm/7Vw0f"
    "ZG4h7Tuo1rUfrAr6+J8P3CCBFppnDmMN2tIA70p0Gjq6tWmB8nNUW4+qD9Q7qtm9r8ejaxED/EJDmHN6isGjYvQDNveS/w58"
    "mwq8BqsLKsaFymrFVFsLWpEIysPhvXiwgGHfJnjVznEymVt1w5wqIf97kHlN+TKx1BZ4wKQcYxHAINo5GBwhhZHeYkwE7STA"
    "PBx/2HdALbF95/F/qKOgIGtbUU43ZtcfGrYIU61SrS49ymZEMFb19DE0vzqIjLHdSWIKMJsP7UgnMVe2zHKKuk8CvrOCWw9X"
    "+3xoTkupv8OHAg=="
)
TURNED_JPEG = (
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAASanhscAAAAAD/Cg8tEBMAAAHjamJyZMBw2wCCIAgtAwJAIgCh"
    "RoGQq0oAAEDIUdmCoTj/J4iMEco4pxS0HyFDmKUOMsxA6Q41WB8ynHzMgEMOKixy0LAD20cN/fsjyxx23IGGovtfjHHGJJds"
    "8skopzwzzTXbfDPOOQs9NNFFG3000klLPTXVVVt9NdZZiz022WWbfTbaacs9N91123033nkLPjjhhRt+OOKJRy755JRXbvnl"
    "mGceuuijk1666aejnnrsss9Oe+2234577sELPzzxxRt/PPLJRy/99NRXb/312GcPfvjij09++eafj3768Mcv//z012///fjn"
    "/69gqqoEAEDIUdmCoTj/L4iEUkZZpxSJ8YCQzahBhkl1oKF6sOHcQ44ZUJAPGnLQYQc2FlnmqN/tw44bWtEfeWbwSYb3vxjj"
    "jEs2+WSUU6a5ZptvxjlnoYcmumijj0Y6aamnprpqq6/GOmuxxya7bLPPRjttueemu26778Y778AFH5zwwg0/HPHEI5d8csor"
    "t/xyzDMPXfTRSS/d9NNRTz122WenvXbbb8c99+CFH5744o0/Hvnko5d+euqrt/567LMPX/zxyS/f/PPRTz9++eenv37778c/"
    "/3+BHwCoLAALCIDgABBKRklGAAEBAAABAAEAAAMAAAArYnJvYkV4aWYbHQAABHRjGwcxW6KpvxMJZZRYtIAkD9CW/4seKRkA"
    "AAABC2p4bHCAAAAB4FsCEADgAwhgCGAIYP7/DgAAGAAIAAEAAAAAAICAJYki49gJae5YAQBKTgoKCgpscozByRhjJGNkJClS"
    "apSqWpFSZJAQg5Wio6MhHGJEDCOiI5gmEh2An+mPoJOFTnaiU6wmUHC8u2/2W7mpiVQTqcfG62L0vGPK82Uyut9YZTSsy+BZ"
    "Dum1ELYm9FAm2s7vKgnTL+2Dn6t/cncJCJpX35+VBq6QUgU2gr8DADAB4AQQM7MbACBPCAAA6wKA/DYAAAAAAAAAAAAwQOQB"
    "1AooBwPEAMIQYLEHjlIoIAwBEk8CgwhC1jsAADkQAAAAGAEAAAAAAAAAAAAAAAAAoCQB"
)


@JXL
@pytest.mark.parametrize("packed", [TURNED_PIXELS, TURNED_JPEG])
def test_a_turned_jpeg_xl_is_upright(packed):
    image = decode(base64.b64decode(packed))
    assert image.size == (64, 96)
    for k, letter in enumerate("CADB"):
        pixel = image.getpixel((16 + k % 2 * 32, 24 + k // 2 * 48))
        assert max(abs(a - b) for a, b in zip(pixel, COLOURS[letter], strict=True)) <= 20, letter


@JXL
@pytest.mark.parametrize("size", [(96, 64), (64, 64), (200, 150), (131, 70), (320, 180), (1000, 30)])
def test_a_jpeg_xl_has_the_pixels_of_its_png(size):
    for options in ({}, {"exif": b"II*\0" + bytes(20)}, {"use_container": True}):  # bare, and in boxes
        data = jxl(smooth(size), lossless=True, effort=3, **options)
        assert not differ(decode(data), smooth(size))
        assert pixels_of(data) == 2 * size[0] * size[1]  # as many as its memory is that of
    assert differ(decode(jxl(smooth(size), quality=95)), smooth(size)) <= 24
    assert ".jxl" in photos.SUFFIXES


@JXL
def test_transparency_and_deep_colours_of_a_jpeg_xl():
    clear = Image.new("RGBA", (64, 64), (10, 20, 30, 0))
    assert decode(jxl(clear, lossless=True)).getpixel((30, 30)) == (255, 255, 255)
    deep = Image.new("I;16", (64, 64), 30000)
    assert decode(jxl(deep, lossless=True)).getpixel((30, 30)) == (117, 117, 117)
    assert decode(jxl(Image.new("L", (64, 64), 77), lossless=True)).getpixel((30, 30)) == (77, 77, 77)


@JXL
def test_damaged_jpeg_xls_end_in_a_picture_or_a_sentence():
    rng = random.Random(0)
    sound = [jxl(smooth(), lossless=True), jxl(smooth((200, 160))), base64.b64decode(TURNED_JPEG)]
    outcomes = set()
    for _ in range(40):
        data = bytearray(rng.choice(sound))
        for _ in range(rng.choice((0, 1, 5))):
            data[rng.randrange(2, min(len(data), rng.choice((12, 10**6))))] = rng.randrange(256)
        try:
            outcomes.add(decode(bytes(data[: rng.choice((20, 300, None))])).mode)
        except PhotoError as error:
            outcomes.add(str(error)[-1])
    assert outcomes == {"RGB", "."}


@HEIC
def test_damaged_heics_end_in_a_picture_or_a_sentence():
    rng = random.Random(0)
    sound = [heic(smooth()), heic(smooth((200, 160)), tile_size=64), heic(quarters().convert("RGBA"))]
    outcomes = set()
    for _ in range(40):
        try:
            outcomes.add(decode(damaged(rng.choice(sound), rng)).mode)
        except PhotoError as error:
            outcomes.add(str(error)[-1])
    assert outcomes == {"RGB", "."}


@HEIC
def test_a_heic_that_announces_too_much_is_refused_unread(monkeypatch):
    data = heic(smooth())
    place = data.index(b"ispe") + 8
    monkeypatch.setattr(foreign, "child", None)
    with pytest.raises(PhotoError, match="9,000×9,000"):
        decode(data[:place] + struct.pack(">II", 9000, 9000) + data[place + 8 :])


@pytest.mark.parametrize(
    "body",
    [
        "import os; os.abort()",  # a crash
        "raise SystemExit",
        "while True: pass",
        "bytes(1 << 40)",
        "import time; time.sleep(99)",
        'print(\'{"mode": "RGB", "size": [9999, 9999]}\')',
        'print(\'{"mode": "RGB", "size": [4, 4]}\')',  # and no pixels
        "print('x' * 10000)",
    ],
)
def test_what_the_child_does_harms_nobody(body, tmp_path, monkeypatch):
    script = tmp_path / "child.py"
    script.write_text(f"import sys\nsys.stdin.buffer.read(1)\n{body}\n")
    monkeypatch.setattr(foreign, "SCRIPT", script)
    monkeypatch.setattr(foreign, "SECONDS", 1)
    monkeypatch.setattr(foreign, "PATIENCE", 1)
    ispe = struct.pack(">I4sIII", 20, b"ispe", 0, 20, 10)
    file = io.BytesIO(struct.pack(">I4s", 28, b"meta") + ispe + bytes(1 << 20))
    with pytest.raises((ValueError, OSError)):
        foreign.Heic(file).load()


def test_without_the_package_a_photo_is_named_and_left_out(tmp_path):
    """In a process of its own, for what is installed counts when the program starts."""
    for name in ("a.jpg", "b.jpg"):
        smooth().save(tmp_path / name)
    for name in ("c.HEIC", "d.heic"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    script = (
        "import sys, json\n"
        "sys.modules['pillow_heif'] = None\n"
        "from snnet.photos.decode import decode\n"
        "from snnet.photos.photo_set import open_photos\n"
        "folder, sentences = sys.argv[1], [open_photos(sys.argv[1]).describe()]\n"
        "for act in (lambda: decode(folder + '/d.heic'), lambda: open_photos(folder + '/d.heic')):\n"
        "    try: act()\n"
        "    except ValueError as error: sentences.append(str(error))\n"
        "print(json.dumps([*sentences, open_photos(folder + '/*').describe()]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    note, sentence, alone, pattern = json.loads(done.stdout)
    assert "2 photos" in note
    assert "2 left out: *.heic (to read them: pip install pillow-heif)" in note
    assert sentence.startswith("d.heic is a HEIC picture, not read here: export it as JPEG")
    assert "pip install pillow-heif" in sentence
    assert "pip install pillow-heif" in alone
    assert "2 left out" in pattern
