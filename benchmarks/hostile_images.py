"""Decode damaged and malicious pictures: each must give an RGB picture or a sentence, soon, in little memory.

    python -m benchmarks.hostile_images [--inputs 100000] [--seed 0] [--first 0]

Every format that Pillow writes, those refused here too, damaged in bytes and in structure (chunks, segments,
boxes and tags with right checksums and lengths, claims of other sizes, nesting, splices, bombs). An input
follows from the seed and its number alone. Child processes decode them, so that a crash in a codec is seen
and laid to its input; --first NUMBER --show FILE writes one. Fails where one crashed, took over 2 s of CPU
(and 50 ns a pixel) or more memory than `pixels_of` promises, raised anything but PhotoError, or gave no RGB
picture within the limits.
"""

import argparse
import collections
import io
import json
import random
import resource
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from PIL import Image

from snnet import files
from snnet.photos.decode import (
    BASE_BYTES,
    BYTES_PER_PIXEL,
    MAX_ASPECT,
    MAX_PIXELS,
    PhotoError,
    decode,
    pixels_of,
)

SECONDS, SECONDS_PER_PIXEL = 2, 5e-8  # of CPU, for one input
BOMBS = 0.001  # of the inputs: each takes a second
LARGEST = 300_000  # bytes of an input that is changed once more: changes repeat pieces up to 300 times
BATCH = 5000  # inputs of one child
HANG = 30  # seconds of CPU after which a child is given up
Mutation = Callable[[bytes, random.Random], bytes]
NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    127,
    128,
    255,
    256,
    4000,
    8192,
    16383,
    16384,
    20000,
    32767,
    32768,
    65535,
    65536,
)
NUMBERS += (2**24 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 8)


# --------------------------------------------------------------------------------------------- the sound ones


@cache
def sound() -> dict[str, bytes]:
    """Return small sound pictures in every format and kind that Pillow writes, and some that it doesn't."""
    rng = random.Random(0)
    photo = Image.frombytes("RGB", (40, 30), rng.randbytes(3600)).resize((48, 36), Image.Resampling.BICUBIC)
    alpha = photo.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(photo.size))
    palette = photo.quantize(16)
    grey = photo.convert("L")
    deep = Image.frombytes("I;16", (20, 16), rng.randbytes(640))
    modes = {
        "RGB": photo,
        "RGBA": alpha,
        "P": palette,
        "L": grey,
        "1": photo.convert("1"),
        "LA": alpha.convert("LA"),
    }
    modes |= {
        "CMYK": photo.convert("CMYK"),
        "I;16": deep,
        "I": deep.convert("I"),
        "F": deep.convert("I").convert("F"),
    }
    modes |= {"YCbCr": photo.convert("YCbCr"), "LAB": Image.new("LAB", (9, 9), (128, 100, 200))}
    exif = Image.Exif()
    exif[0x0112] = 6
    extras = {"exif": exif, "icc_profile": rng.randbytes(3000), "xmp": b'<x tiff:Orientation="3"/>' * 9}
    frames = {"save_all": True, "append_images": [photo.rotate(90), photo.rotate(45)]}
    options: dict[str, list[dict]] = {
        "JPEG": [
            {},
            {"progressive": True},
            {"subsampling": 0, "restart_marker_blocks": 2},
            extras | {"comment": b"x"},
        ],
        "PNG": [{}, extras, frames, {"bits": 2}, {"transparency": 0}],
        "GIF": [{}, frames, {"interlace": 0}, {"transparency": 3, "comment": b"hello" * 99}],
        "WEBP": [{}, {"lossless": True}, extras, frames],
        "TIFF": [{"compression": name} for name in TIFF_COMPRESSIONS] + [frames, extras, {"big_tiff": True}],
        "AVIF": [{"speed": 10} | each for each in ({}, {"subsampling": "4:4:4"}, extras, frames)],
        "MPO": [frames],
    }
    pictures = {}
    Image.init()
    for form in sorted({*Image.SAVE} - {"HEIF", "JXL"}):  # which optional packages may have registered
        for mode, image in modes.items():
            for number, each in enumerate(options.get(form, [{}])):
                if mode not in (TIFF_COMPRESSIONS.get(each.get("compression")) or modes):
                    continue
                buffer = io.BytesIO()
                try:
                    image.save(buffer, form, **each)
                except Exception:  # not every format has every mode
                    continue
                pictures[f"{form} {mode} {number}"] = buffer.getvalue()
    pictures |= dict(crafted(photo, grey))
    return {name: data for name, data in pictures.items() if len(data) < 60_000}


# By mode, for libtiff crashes in writing what it can't.
TIFF_COMPRESSIONS = dict.fromkeys((None, "tiff_lzw", "tiff_adobe_deflate", "packbits"))
TIFF_COMPRESSIONS |= dict.fromkeys(("jpeg", "zstd", "lzma"), ("L", "RGB")) | dict.fromkeys(
    ("group3", "group4"), ("1",)
)


def crafted(photo: Image.Image, grey: Image.Image) -> Iterator[tuple[str, bytes]]:
    """Yield sound pictures of kinds that Pillow reads and doesn't write."""
    width, height = grey.size
    pixels = grey.tobytes()
    words = " ".join(map(str, pixels)).encode()
    yield "PPM text", b"P2 # a comment\n%d %d\n255\n" % grey.size + words
    yield "PPM bits", b"P1\n%d %d\n" % grey.size + " ".join(str(p >> 7) for p in pixels).encode()
    yield "PPM odd", b"P5\n%d %d\n100\n" % grey.size + bytes(p * 100 // 255 for p in pixels)
    yield (
        "PPM deep",
        b"P6\n%d %d\n1000\n" % grey.size + bytes(b for p in pixels for b in (p >> 6, p, 1, p, 2, p)),
    )
    runs = b"".join(b"".join(bytes([1, p & 15]) for p in row) + b"\0\0" for row in rows(pixels, width))
    runs += b"\0\1"
    for name, compression, bits in (("BMP runs", 1, 8), ("BMP short runs", 2, 4)):
        table = bytes(b for c in range(1 << bits) for b in (c, 255 - c, c // 2, 0))
        header = struct.pack(
            "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(runs), 1, 1, 1 << bits, 0
        )
        start = 14 + len(header) + len(table)
        yield name, b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + header + table + runs
    yield "PNG laced", interlaced(photo)
    tile = zlib.compress(pixels[: 16 * 16])
    tags = {
        256: [32],
        257: [32],
        258: [8],
        259: [8],
        262: [1],
        322: [16],
        323: [16],
        324: [8] * 4,
        325: [len(tile)] * 4,
    }
    yield "TIFF tiles", tiff(tags, tile)
    yield "TIFF raw tiles", tiff(tags | {259: [1]}, pixels[: 16 * 16])
    planes = {
        256: [8],
        257: [8],
        258: [8, 8, 8],
        259: [1],
        262: [2],
        277: [3],
        284: [2],
        273: [8, 8, 8],
        279: [64] * 3,
    }
    yield "TIFF planes", tiff(planes, bytes(64))
    old = io.BytesIO()
    photo.save(old, "JPEG")
    data = old.getvalue()
    old_jpeg = {
        256: [48],
        257: [36],
        258: [8, 8, 8],
        259: [6],
        262: [6],
        277: [3],
        273: [8],
        279: [len(data)],
    }
    yield "TIFF old JPEG", tiff(old_jpeg | {512: [1], 513: [8], 514: [len(data)]}, data)
    for name in ("heic", "mif1", "avis"):
        yield f"HEIC {name}", b"\0\0\0\x18ftyp" + name.encode() + b"\0\0\0\0mif1avif" + bytes(60)
    yield "SVG", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'


def rows(pixels: bytes, width: int) -> list[bytes]:
    return [pixels[start : start + width] for start in range(0, len(pixels), width)]


def interlaced(image: Image.Image) -> bytes:
    """Return a picture as a PNG in Adam7's seven passes."""
    data = b""
    for x0, y0, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for y in range(y0, image.height, dy):
            line = [image.getpixel((x, y)) for x in range(x0, image.width, dx)]
            data += b"\0" + bytes(value for pixel in line for value in pixel) if line else b""
    header = struct.pack(">IIBBBBB", *image.size, 8, 2, 0, 0, 1)
    return png([(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")])


# ---------------------------------------------------------------------------------------- damage to any bytes


def flips(data: bytes, rng: random.Random) -> bytes:
    """Flip some bits, half of them near the start, where sizes and offsets lie."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20, 100))):
        place = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 120))
        changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def number(data: bytes, rng: random.Random) -> bytes:
    """Put a telling number somewhere."""
    kind = rng.choice(("B", "<H", ">H", "<I", ">I"))
    value = rng.choice(NUMBERS) & ((1 << 8 * struct.calcsize(kind)) - 1)
    place = rng.randrange(max(1, len(data) if rng.random() < 0.3 else min(len(data), 150)))
    return data[:place] + struct.pack(kind, value) + data[place + struct.calcsize(kind) :]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(1, len(data))]


def slices(data: bytes, rng: random.Random) -> bytes:
    """Leave out, repeat, blank or fill in some of the bytes."""
    a, b = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    b = min(b, a + rng.choice((1, 4, 16, 300, 10**6)))
    middle = rng.choice(
        (b"", data[a:b] * rng.choice((2, 3, 50)), bytes(b - a), rng.randbytes(b - a), b"\xff" * (b - a))
    )
    return data[:a] + middle + data[b:]


def splice(data: bytes, rng: random.Random) -> bytes:
    """Join the start of one picture with the end of another, or put one into the other."""
    other = rng.choice(list(sound().values()))
    a, b = rng.randrange(len(data)), rng.randrange(len(other))
    return rng.choice(
        (data[:a] + other[b:], data + other, data[:a] + other + data[a:], other[: b % 40] + data)
    )


# ------------------------------------------------------------------------------------ damage to the structure


def shuffled(pieces: list, rng: random.Random, change: Callable[[list, int], None]) -> list:
    """Leave out, repeat, swap or change some pieces of a file."""
    pieces = list(pieces)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not pieces:
            break
        k = rng.randrange(len(pieces))
        match rng.randrange(6):
            case 0:
                del pieces[k]
            case 1:
                pieces[k:k] = [pieces[k]] * rng.choice((1, 2, 300))
            case 2:
                other = rng.randrange(len(pieces))
                pieces[k], pieces[other] = pieces[other], pieces[k]
            case _:
                change(pieces, k)
    return pieces


def body_of(body: bytes, rng: random.Random) -> bytes:
    """Return another body for a piece: damaged, of telling numbers, empty, long, or a picture."""
    if not body or rng.random() < 0.1:
        return rng.choice((b"", bytes(5), rng.randbytes(40), rng.choice(list(sound().values()))[:60000]))
    return rng.choice((flips, number, number, cut, slices))(body, rng) if len(body) > 1 else rng.randbytes(1)


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def png_chunks(data: bytes, rng: random.Random) -> bytes:
    chunks, place = [], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    long = zlib.compress(bytes(rng.choice((10**5, 2 * 10**6))))
    extras = [
        (b"zTXt", b"k\0\0" + long),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + long),
        (b"iCCP", b"k\0\0" + long),
    ]
    extras += [(b"tEXt", b"interlace\0one"), (b"tEXt", b"transparency\0x"), (b"tEXt", b"bbox\0" + bytes(9))]
    extras += [
        (b"eXIf", looping_exif(rng)),
        (b"IDAT", long),
        (b"PLTE", rng.randbytes(rng.choice((3, 768, 9000)))),
    ]
    extras += [
        (b"tRNS", rng.randbytes(rng.choice((1, 2, 6, 256)))),
        (b"acTL", struct.pack(">II", 2**31 - 1, 0)),
    ]

    def change(pieces: list, k: int) -> None:
        kind, body = pieces[k]
        if kind == b"IHDR" and rng.random() < 0.7:
            size = [rng.choice(NUMBERS) if rng.random() < 0.5 else v for v in struct.unpack_from(">II", body)]
            fields = [rng.choice((0, 1, 2, 3, 4, 6, 8, 16)) if rng.random() < 0.3 else v for v in body[8:13]]
            pieces[k] = kind, struct.pack(">II", *size) + bytes(fields)
        elif kind == b"IDAT" and rng.random() < 0.5:
            try:
                pieces[k] = kind, zlib.compress(body_of(zlib.decompress(body), rng))
            except zlib.error:
                pieces[k] = kind, body_of(body, rng)
        elif rng.random() < 0.4:
            pieces.insert(k, rng.choice(extras))
        else:
            pieces[k] = kind, body_of(body, rng)

    return png(shuffled(chunks, rng, change))


def looping_exif(rng: random.Random) -> bytes:
    """Return EXIF whose directories name one another, or the same bytes many times."""
    count = rng.choice((1, 3, 500, 5000))
    entries = b"".join(
        struct.pack(
            "<HHII", rng.choice((34665, 34853, 330, 0x112, k)), rng.choice((1, 4, 7, 13)), count * 9, 8
        )
        for k in range(count)
    )
    return b"II*\0" + struct.pack("<IH", 8, count & 0xFFFF) + entries + struct.pack("<I", 8)


def jpeg_segments(data: bytes, rng: random.Random) -> bytes:
    segments, place = [], 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        segments.append((data[place + 1], data[place + 4 : place + 2 + length]))
        place += 2 + length
    scan = data[place:]
    extras = [
        (0xE1, b"Exif\0\0" + looping_exif(rng)),
        (0xE2, b"ICC_PROFILE\0\1\2" + rng.randbytes(900)),
        (0xFE, b"x"),
    ]
    extras += [
        (0xE1, b'http://ns.adobe.com/xap/1.0/\0<a tiff:Orientation="7"/>'),
        (0xDD, b"\0\1"),
        (0xEE, b"Adobe\0d\0\0\0\0\2"),
    ]
    extras += [
        (0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\xff\xff" * 9),
        (0xDC, b"\xff\xff"),
        (0xE2, b"MPF\0" + bytes(40)),
    ]

    def change(pieces: list, k: int) -> None:
        marker, body = pieces[k]
        if 0xC0 <= marker <= 0xC2 and rng.random() < 0.7:
            fields = bytearray(body)
            if rng.random() < 0.6:
                fields[1:5] = struct.pack(">HH", *(rng.choice(NUMBERS) & 0xFFFF for _ in range(2)))
            else:
                fields[rng.randrange(len(fields))] = rng.choice(
                    (0, 1, 2, 3, 4, 8, 12, 0x11, 0x14, 0x41, 0x44, 0xFF)
                )
            pieces[k] = rng.choice((marker, 0xC0, 0xC1, 0xC2, 0xC9)), bytes(fields)
        elif rng.random() < 0.4:
            pieces[k:k] = [rng.choice(extras)] * rng.choice((1, 1, 5, 90))
        else:
            pieces[k] = (rng.randrange(256) if rng.random() < 0.2 else marker), body_of(body, rng)

    pieces = shuffled(segments, rng, change)
    if rng.random() < 0.2:  # scans again and again
        scan = scan[:-2] * rng.choice((2, 20, 300))
    head = b"".join(
        b"\xff" + bytes([m]) + struct.pack(">H", (len(b) + 2) & 0xFFFF) + b[:65533] for m, b in pieces
    )
    return b"\xff\xd8" + head + scan


def riff_chunks(data: bytes, rng: random.Random) -> bytes:
    chunks, place = [], 12
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        chunks.append((data[place : place + 4], data[place + 8 : place + 8 + length]))
        place += 8 + length + length % 2

    def change(pieces: list, k: int) -> None:
        kind, body = pieces[k]
        if kind == b"VP8X" and rng.random() < 0.7:
            sizes = b"".join((rng.choice(NUMBERS) & 0xFFFFFF).to_bytes(3, "little") for _ in range(2))
            pieces[k] = (
                kind,
                bytes([rng.randrange(64)]) + body[1:4] + (sizes if rng.random() < 0.5 else body[4:]),
            )
        elif rng.random() < 0.3:
            name = rng.choice((b"ICCP", b"EXIF", b"XMP ", b"ALPH", b"ANMF", b"junk"))
            pieces.insert(k, (name, rng.choice((looping_exif(rng), body, rng.randbytes(99)))))
        else:
            pieces[k] = kind, body_of(body, rng)

    pieces = shuffled(chunks, rng, change)
    body = b"".join(k + struct.pack("<I", len(b)) + b + bytes(len(b) % 2) for k, b in pieces)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def boxes(data: bytes, rng: random.Random, depth: int = 0) -> bytes:
    """Change boxes of an AVIF, and boxes in them; the lengths stay right, most places within don't."""
    pieces, place = [], 0
    while place + 8 <= len(data):
        length = max(8, int.from_bytes(data[place : place + 4], "big"))
        pieces.append((data[place + 4 : place + 8], data[place + 8 : place + length]))
        place += length

    def change(pieces: list, k: int) -> None:
        kind, body = pieces[k]
        skip = {
            b"meta": 4,
            b"iprp": 0,
            b"ipco": 0,
            b"iinf": 6,
            b"moov": 0,
            b"trak": 0,
            b"mdia": 0,
            b"minf": 0,
        }.get(kind)
        if skip is not None and depth < 6 and rng.random() < 0.9:
            pieces[k] = kind, body[:skip] + boxes(body[skip:], rng, depth + 1)
        elif kind == b"ispe" and rng.random() < 0.7:
            pieces[k] = kind, bytes(4) + struct.pack(">II", rng.choice(NUMBERS), rng.choice(NUMBERS))
        elif rng.random() < 0.1:
            for _ in range(rng.choice((1, 50, 1000))):
                body = struct.pack(">I", len(body) + 8) + rng.choice((b"meta", b"moov", b"iprp", kind)) + body
            pieces[k] = kind, body
        else:
            pieces[k] = kind, body_of(body, rng)

    pieces = shuffled(pieces, rng, change)
    return b"".join(struct.pack(">I", len(b) + 8) + k + b for k, b in pieces)


def tiff(tags: dict[int, list[int]], data: bytes = b"") -> bytes:
    """Return a TIFF: these bytes at offset 8, then its tags, each of 32-bit numbers."""
    start, beyond, entries = 8 + len(data), b"", b""
    end = start + 6 + 12 * len(tags)
    for tag, values in sorted(tags.items()):
        body = struct.pack(f"<{len(values)}I", *values)
        place = body if len(values) == 1 else struct.pack("<I", end + len(beyond))
        entries += struct.pack("<HHI", tag, 4, len(values)) + place
        beyond += body if len(values) > 1 else b""
    body = data + struct.pack("<H", len(tags)) + entries + bytes(4) + beyond
    return b"II*\0" + struct.pack("<I", start) + body


def tiff_tags(data: bytes, rng: random.Random) -> bytes:
    """Change tags of a TIFF's first directory, in place."""
    order, big = "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")
    try:
        (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, place)
    except (struct.error, OverflowError):
        return flips(data, rng)
    layout, step, first = ("HHQQ", 20, 8) if big else ("HHII", 12, 2)
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = place + first + step * rng.randrange(max(1, min(count, 60)))
        if at + step > len(data):
            break
        tag, kind, number_, value = struct.unpack_from(order + layout, changed, at)
        match rng.randrange(6):
            case 0:
                tag = rng.choice(
                    (256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 322, 323, 324, 339, 34665, 700)
                )
            case 1:
                kind = rng.choice((1, 2, 3, 4, 5, 7, 11, 12, 13, 16, 99))
            case 2:
                number_ = rng.choice(NUMBERS)
            case 3:
                value = rng.choice((place, at, 8, len(data) - 4))
            case _:
                value = (
                    rng.choice(NUMBERS)
                    if rng.random() < 0.6
                    else rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 32773, 50000))
                )
                value = value << 16 if order == ">" and kind == 3 and value < 65536 else value
        struct.pack_into(order + layout, changed, at, tag, kind, number_, value & 0xFFFFFFFF)
    if rng.random() < 0.2:  # the next directory is this one
        end = place + first + step * count
        changed[end : end + 4] = struct.pack(order + "I", place)
    return bytes(changed)


def gif_blocks(data: bytes, rng: random.Random) -> bytes:
    """Claim another screen or frame, put notes before the frame, change the codes' length."""
    changed = bytearray(data)
    frame = data.find(b",", 13)
    size = struct.pack("<HH", *(rng.choice(NUMBERS) & 0xFFFF for _ in range(2)))
    match rng.randrange(5):
        case 0:
            changed[6:10] = size
        case 1:
            changed[frame + 5 : frame + 9] = size
        case 2:
            changed[frame + 1 : frame + 5] = size
        case 3:
            note = rng.choice((b"!\xfe", b"!\xf9", b"!\xff", b"!\x01")) + (b"\xff" + bytes(255)) * rng.choice(
                (1, 9, 2000)
            )
            changed[frame:frame] = (note + b"\0") * rng.choice((1, 3))
        case _:
            changed[frame + 9 : frame + 11] = rng.randbytes(2)
    return bytes(changed)


def bmp_header(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 3))):
        place, kind = rng.choice(
            ((10, "<I"), (14, "<I"), (18, "<I"), (22, "<I"), (28, "<H"), (30, "<I"), (46, "<I"))
        )
        value = rng.choice((*NUMBERS, 1, 2, 3, 4, 12, 24, 32, 40, 108, 124)) & (
            (1 << 8 * struct.calcsize(kind)) - 1
        )
        changed[place : place + struct.calcsize(kind)] = struct.pack(kind, value)
    return bytes(changed)


def pnm_words(data: bytes, rng: random.Random) -> bytes:
    head = data[:40].split(b" " if rng.random() < 0.5 else b"\n")
    words = (
        b"0",
        b"1",
        b"8000",
        b"65535",
        b"65536",
        b"99999999999",
        b"-3",
        b"#x\n" * rng.choice((1, 9000)),
        b"P1",
        b"1_0",
    )
    head[rng.randrange(len(head))] = rng.choice(words)
    return rng.choice((b" ", b"\n")).join(head) + data[40:]


STRUCTURES: dict[bytes, Mutation] = {
    b"\x89PNG": png_chunks,
    b"\xff\xd8\xff": jpeg_segments,
    b"RIFF": riff_chunks,
    b"\0\0\0": boxes,
    b"II*\0": tiff_tags,
    b"MM\0*": tiff_tags,
    b"II+\0": tiff_tags,
    b"GIF8": gif_blocks,
    b"BM": bmp_header,
    b"P": pnm_words,
}
ANYWHERE: tuple[Mutation, ...] = (flips, flips, number, number, cut, slices, splice)


def bomb(rng: random.Random) -> tuple[str, bytes]:
    """Return some kilobytes of a picture that is as large as pictures may be, or larger."""
    size = rng.choice(((8000, 8000), (7999, 5000), (16000, 4000), (1200, 52000), (9000, 9000), (16383, 3900)))
    form, mode, options = rng.choice(
        (
            ("PNG", "RGB", {}),
            ("PNG", "RGBA", {}),
            ("PNG", "I;16", {}),
            ("PNG", "1", {}),
            ("JPEG", "RGB", {}),
            ("JPEG", "CMYK", {"progressive": True}),
            ("GIF", "P", {}),
            ("TIFF", "RGBA", {"compression": "tiff_adobe_deflate", "tiffinfo": {278: size[1]}}),
            ("TIFF", "F", {"compression": "tiff_lzw"}),
            ("WEBP", "RGBA", {"method": 0, "lossless": True, "quality": 0}),
            ("AVIF", "RGBA", {"speed": 10}),
        )
    )
    buffer = io.BytesIO()
    try:
        Image.new(mode, size).save(buffer, form, **options)
    except (OSError, ValueError, RuntimeError):  # a side longer than the format has
        Image.new(mode, (4000, 4000)).save(buffer, form, **options)
    return f"{form} bomb", buffer.getvalue()


def case(seed: int, index: int) -> tuple[str, bytes]:
    """Return a hostile input: what it was made of, and its bytes; the same ones for the same numbers."""
    rng = random.Random(f"{seed} {index}")
    pictures = sound()
    formats = sorted({name.split()[0] for name in pictures})
    read = [form for form in formats if form in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF", "BMP", "PPM")]
    form = rng.choice(read if rng.random() < 0.9 else formats)
    name = rng.choice(sorted(name for name in pictures if name.split()[0] == form))
    data = pictures[name]
    if rng.random() < BOMBS:
        name, data = bomb(rng)
        if rng.random() < 0.5:
            return name, data
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = data[:LARGEST]
        structure = next((change for start, change in STRUCTURES.items() if data.startswith(start)), None)
        change = structure if structure and rng.random() < 0.6 else rng.choice(ANYWHERE)
        try:
            data = change(data, rng) or b"\0"
        except (
            struct.error,
            IndexError,
            ValueError,
            OverflowError,
        ):  # an earlier change left nothing to change in this way
            data = flips(data, rng)
    return name, data


# ---------------------------------------------------------------------------------------------------- judging


def outcome(data: bytes) -> str:
    """Return how decoding ended: "picture", "sentence", or what is wrong with it."""
    try:
        image = decode(data)
    except PhotoError as error:
        text = str(error)
        return "sentence" if text.endswith(".") and "\n" not in text else f"no sentence: {text!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    width, height = image.size
    if image.mode != "RGB" or width * height > MAX_PIXELS or max(image.size) > MAX_ASPECT * min(image.size):
        return f"no RGB picture within the limits: {image.mode} {image.size}"
    return "picture"


def work(seed: int, numbers: range) -> None:
    """Decode inputs, a line each: before it its number, after it what came of it, seconds and bytes."""
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    sound()
    for index in numbers:
        name, data = case(seed, index)
        print(f"{index} {name}", flush=True)
        signal.setitimer(signal.ITIMER_PROF, HANG)  # a hang ends the process
        Path("/proc/self/clear_refs").write_text("5")  # the peak of resident memory is counted from now
        before, begin = resident("VmRSS"), time.process_time()
        result = outcome(data)
        seconds, grown = time.process_time() - begin, resident("VmHWM") - before
        signal.setitimer(signal.ITIMER_PROF, 0)
        most_seconds, most_bytes = allowance(data)
        if seconds > most_seconds:
            result = f"{seconds:.1f} s of CPU where {most_seconds:.1f} are allowed, then {result}"
        if grown > most_bytes:
            result = f"{grown / 1e6:.0f} MB where {most_bytes / 1e6:.0f} are allowed, then {result}"
        print(json.dumps([result, seconds, grown]), flush=True)


def resident(figure: str) -> int:
    return 1024 * int(Path("/proc/self/status").read_text().split(f"{figure}:")[1].split()[0])


def allowance(data: bytes) -> tuple[float, int]:
    """Return how many seconds of CPU decoding may take, and how many bytes beside those of the input."""
    try:
        pixels = pixels_of(data)
    except PhotoError:
        pixels = 0
    return SECONDS + SECONDS_PER_PIXEL * pixels, BASE_BYTES + BYTES_PER_PIXEL * pixels


def judge(seed: int, numbers: range) -> Iterator[tuple[int, str, str, float, int]]:
    """Yield of each input its number, origin, result, seconds of CPU and bytes taken."""
    rest = list(numbers)
    while rest:
        batch = range(rest[0], min(rest[0] + BATCH, numbers.stop))
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.hostile_images", "--seed", str(seed)]
        command += ["--first", str(batch.start), "--inputs", str(len(batch)), "--work"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        ended = batch.start
        for line, result in zip(lines[::2], lines[1::2], strict=False):
            index, name = line.split(" ", 1)
            ended = int(index) + 1
            yield int(index), name, *json.loads(result)
        if done.returncode and ended < batch.stop:
            if len(lines) % 2 == 0:  # nothing to do with an input
                raise RuntimeError(done.stderr[-2000:])
            how = signal.Signals(-done.returncode).name if done.returncode < 0 else done.stderr[-300:]
            yield ended, lines[-1].split(" ", 1)[1], f"the process ended: {how}", 0.0, 0
            ended += 1
        rest = rest[ended - rest[0] :]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the first input's number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=Path, help="write the first input to this file, and end")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.inputs)
    if options.show:
        name, data = case(options.seed, options.first)
        files.write_bytes(options.show, data)
        print(f"{options.show}: from {name}: {outcome(data)}")
        return
    if options.work:
        work(options.seed, numbers)
        return
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    broken, slowest, largest = [], (0.0, -1), (0, -1)
    for index, name, result, seconds, grown in judge(options.seed, numbers):
        sound_result = result if result in ("picture", "sentence") else "broken"
        counts[name.split()[0]][sound_result] += 1
        slowest, largest = max(slowest, (seconds, index)), max(largest, (grown, index))
        if sound_result == "broken":
            broken.append(index)
            print(f"input {index} (from {name}): {result}", flush=True)
    print(f"{'made of':12}{'inputs':>9}{'pictures':>10}{'sentences':>11}{'broken':>8}")
    for form, count in [*sorted(counts.items()), ("all", sum(counts.values(), collections.Counter()))]:
        figures = (count.total(), count["picture"], count["sentence"], count["broken"])
        print(f"{form:12}{figures[0]:9,}{figures[1]:10,}{figures[2]:11,}{figures[3]:8,}")
    print(f"the slowest: {slowest[0]:.2f} s of CPU (input {slowest[1]})")
    print(f"the largest: {largest[0] / 1e6:.0f} MB (input {largest[1]})")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
