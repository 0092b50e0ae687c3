"""A picture's file without what decoding doesn't need: texts, profiles, thumbnails, comments, later frames.

Pillow unpacks all of it, keeps it in memory, refuses a sound picture whose text is long, and takes minutes
over some megabytes of the worst of it. So its readers get to see the parts that make the pixels alone; EXIF
and XMP, where the orientation stands, are read here, up to MAX_METADATA.
"""

import io
import itertools
import os
import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple, cast

MAX_METADATA = 16_000_000  # bytes of EXIF, and of XMP; what is longer is cut off or left out
MAX_HEADERS = 1_000_000  # bytes of a JPEG's tables before its first scan: honest ones have some thousand
MAX_COPY = 1_000_000  # bytes that are copied rather than read piece by piece, which takes longer
MAX_PIECES = 200_000  # chunks, segments, blocks: a picture of 512 MB in chunks of 4 kB has 125,000
MAX_SCANS = (
    100  # of a progressive JPEG, each of which goes over the whole picture: honest ones have about ten
)


class Content(NamedTuple):
    """What is left of a picture's file, and what was read on the way."""

    file: BinaryIO
    size: tuple[int, int] | None = None  # of the picture, where the reader must not open it unchecked
    exif: bytes | None = None
    xmp: bytes | None = None
    has_end: bool = True  # False: the file breaks off, and whether the picture is all there is still to see


class Excerpt(io.RawIOBase):
    """Parts of a file, one after the other, as a file; a part is a range of its places or new bytes."""

    def __init__(self, file: BinaryIO, parts: Sequence[range | bytes]) -> None:
        self._file = file
        self._parts = parts
        self._ends = list(itertools.accumulate(map(len, parts)))
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._ends[-1]}[whence]
        if start + offset < 0:
            raise ValueError(f"a place before the file's start: {start + offset}")
        self._place = start + offset
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        rest = self._ends[-1] - self._place
        rest = rest if size is None or size < 0 else min(size, rest)
        pieces = []
        while rest > 0:
            index = bisect_right(self._ends, self._place)
            part = self._parts[index]
            begin = self._place - self._ends[index] + len(part)
            piece = part[begin : begin + rest]
            if isinstance(piece, range):
                self._file.seek(piece.start)
                piece = self._file.read(len(piece))
            pieces.append(piece)
            self._place += len(piece)
            rest -= len(piece)
            if not piece:  # the file got shorter meanwhile
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def whole(file: BinaryIO) -> Content:
    """Return a file as it is."""
    file.seek(0)
    return Content(file)


_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def png(file: BinaryIO) -> Content:
    """Return a PNG's pixels: size, palette, transparency and data; of an animation, the still picture."""
    size = file.seek(0, os.SEEK_END)
    parts = [range(8)]
    exif = xmp = None
    place, data, has_end = 8, False, True
    frames = others = 0  # frames announced before the pixels, and beside them
    for _ in range(MAX_PIECES):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            has_end = False
            break
        length, kind = struct.unpack(">I4s", head)
        end = min(place + 12 + length, size)
        if kind in _PNG_PIXELS or (kind == b"fcTL" and not data):
            _append(parts, range(place, end))
            data = data or kind == b"IDAT"
            frames += kind == b"fcTL"  # some programs save a first frame that is smaller than the picture
        elif kind == b"acTL":
            others = int.from_bytes(file.read(4), "big") - 1
        elif kind == b"fcTL" and others + (not frames) > 0:
            break  # what follows belongs to another frame
        elif kind == b"eXIf":
            exif = file.read(min(length, MAX_METADATA))
        elif kind == b"tEXt" and length > 5 and file.read(5) == b"exif\0":  # as some programs write it
            exif = file.read(min(length - 5, MAX_METADATA))
        elif kind == b"iTXt":
            text = file.read(min(length, MAX_METADATA))
            xmp = text if text.startswith(b"XML:com.adobe.xmp\0") else xmp
        elif not re.fullmatch(rb"\w{4}", kind):
            _append(parts, range(place, size))  # damaged from here on: the reader's to judge
            break
        if kind == b"IEND":
            break
        place = end
    else:
        raise ValueError(f"more than {MAX_PIECES} chunks")
    return Content(excerpt(file, parts), None, exif, _text(xmp) if xmp else None, has_end)


def _text(chunk: bytes) -> bytes | None:
    """Return what a PNG's international text says, None where it is damaged."""
    match = re.match(rb"[^\0]*\0([\0-\xff])[\0-\xff][^\0]*\0[^\0]*\0", chunk)
    if not match:
        return None
    text = chunk[match.end() :]
    if match[1] == b"\0":
        return text
    try:
        return zlib.decompressobj().decompress(text, MAX_METADATA)
    except zlib.error:
        return None


# What libjpeg needs before a scan: frames, tables of Huffman and arithmetic codes, of quantization, the count
# of lines, restart intervals; of the applications' segments JFIF's and Adobe's, which say what colours are.
_JPEG_TABLES = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, 0xDE, 0xDF}) - {0xC8}
_JPEG_FRAMES = _JPEG_TABLES - {0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDF}
_JPEG_BARE = frozenset({*range(0xD0, 0xDA), *range(0xF0, 0xFE)})  # markers without a segment
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def jpeg(file: BinaryIO) -> Content:
    """Return a JPEG's tables and scans."""
    size = file.seek(0, os.SEEK_END)
    parts = [range(2)]
    exif: list[bytes] = []
    xmp = None
    headers, place = 0, 2
    sequential, components = False, b""
    for _ in range(MAX_PIECES // 10):
        place, marker = _marker(file, place)
        if marker in _JPEG_BARE:
            place += 2
            continue
        if marker < 0xC0:
            raise ValueError(f"no marker: {marker:02x}")
        head = file.read(2)
        length = int.from_bytes(head, "big")
        if length < 2:
            raise ValueError(f"a segment of {length} bytes")
        if marker == 0xDA:
            if not (sequential and file.read(1) == components):  # else one scan has all, and is the last
                _check_scans(file, place)
            _append(parts, range(place, size))
            return Content(excerpt(file, parts), None, b"".join(exif) or None, xmp)
        body = file.read(length - 2)
        if len(body) < length - 2:
            raise EOFError("no scan before the file's end")
        adobe = marker == 0xEE and body.startswith(b"Adobe")
        if marker in _JPEG_TABLES or adobe or (marker == 0xE0 and body.startswith(b"JFIF")):
            _append(parts, range(place, place + 2 + length))
            headers += length
            if marker in _JPEG_FRAMES:
                sequential, components = marker in (0xC0, 0xC1, 0xC9), body[5:6]
            if headers > MAX_HEADERS:
                break
        elif marker == 0xE1 and body.startswith(b"Exif\0\0") and len(exif) < MAX_METADATA >> 16:
            exif.append(body[6:])
        elif marker == 0xE1 and body.startswith(_XMP):
            xmp = body[len(_XMP) :]
        place += 2 + length
    raise ValueError("no scan where one should be")


def _marker(file: BinaryIO, place: int) -> tuple[int, int]:
    """Return where the next marker of a JPEG lies, and which it is; the file is then read after it."""
    while True:
        file.seek(place)
        block = file.read(1 << 16)
        if match := re.search(rb"\xff([^\0\xff])", block):
            file.seek(place + match.end())
            return place + match.start(), match[1][0]
        if len(block) < 2:
            raise EOFError("no scan before the file's end")
        place += len(block) - 1


def _check_scans(file: BinaryIO, place: int) -> None:
    """Refuse a JPEG with more scans than anything saves, up to its end; within a scan no marker is data."""
    file.seek(place)
    scans, last = 0, b""
    while block := file.read(1 << 18):
        block = last + block
        end = block.find(b"\xff\xd9")
        scans += block.count(b"\xff\xda", 0, None if end < 0 else end)
        if scans > MAX_SCANS:
            raise ValueError(f"more than {MAX_SCANS} scans")
        if end >= 0:
            return
        last = b"\xff" if block.endswith(b"\xff") else b""


def gif(file: BinaryIO) -> Content:
    """Return a GIF's first frame, without comments and other programs' notes."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        raise EOFError("no screen before the file's end")
    width, height, flags = struct.unpack_from("<HHB", head, 6)
    place = 13 + (3 << (flags & 7) + 1 if flags & 128 else 0)
    parts: list[range | bytes] = [range(place)]
    pieces = 0
    while (pieces := pieces + 1) < MAX_PIECES:
        file.seek(place)
        block = file.read(4096)
        match = re.search(rb"[,!;]", block)
        if not block or (match and match[0] == b";"):
            raise EOFError("no frame before the file's end")
        if not match:
            place += len(block)
            continue
        place += match.start()
        block = block[match.start() :]
        if match[0] == b",":
            if len(block) >= 9:
                left, top, *extent = struct.unpack_from("<4H", block, 1)
                width, height = max(width, left + extent[0]), max(height, top + extent[1])
            parts.append(range(place, size))
            has_end = _goes_on(file, place)
            return Content(excerpt(file, parts), (width, height), has_end=has_end)
        if block[1:3] == b"\xf9\x04" and len(block) >= 8:
            # The transparent colour is needed, not how the next frame would treat this one.
            parts.append(b"!\xf9\x04" + bytes([block[3] & 1]) + block[4:7] + b"\0")
        file.seek(place + 2)
        while pieces < MAX_PIECES and (length := file.read(1)) > b"\0":  # of a block; the last is empty
            file.seek(length[0], os.SEEK_CUR)
            pieces += 1
        place = file.tell()
    raise ValueError(f"more than {MAX_PIECES} blocks before the first frame")


def _goes_on(file: BinaryIO, place: int) -> bool:
    """Return whether anything follows the frame of a GIF that lies there, its end at least."""
    file.seek(place + 9)
    flags = (file.read(1) or b"\0")[0]
    file.seek((3 << (flags & 7) + 1 if flags & 128 else 0) + 1, os.SEEK_CUR)
    for _ in range(MAX_PIECES):
        length = file.read(1)
        if length in (b"", b"\0"):
            return length == b"\0" and file.read(1) != b""
        file.seek(length[0], os.SEEK_CUR)
    return True  # more than is worth a look


_WEBP_PIXELS = (b"VP8X", b"ANIM", b"ALPH", b"VP8 ", b"VP8L")


def webp(file: BinaryIO) -> Content:
    """Return a WebP's first frame, with EXIF and XMP unless they are too long."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(30)
    canvas = _webp_size(head)
    announced = 8 + int.from_bytes(head[4:8], "little")
    has_end, size = announced <= size, min(size, announced)
    parts, padding = [range(12, 12)], b""
    frames, total, place = 0, 4, 12
    for _ in range(MAX_PIECES):
        file.seek(place)
        kind, length = file.read(4), int.from_bytes(file.read(4), "little")
        if len(kind) < 4 or place + 8 > size:
            break
        length += length & 1
        frames += kind == b"ANMF"
        short = kind in (b"EXIF", b"XMP ") and length <= MAX_METADATA and place + 8 + length <= size
        if kind in _WEBP_PIXELS or short or (kind == b"ANMF" and frames == 1):
            _append(parts, range(place, min(place + 8 + length, size)))
            if place + 8 + length == size + 1:  # the byte that makes the length even
                padding = b"\0"
            total += 8 + length
        place += 8 + length
    else:
        raise ValueError(f"more than {MAX_PIECES} chunks")
    if has_end and not padding and parts == [range(12, file.seek(0, os.SEEK_END))]:
        return Content(whole(file).file, canvas)
    header = b"RIFF" + struct.pack("<I", min(total, 0xFFFFFFFE)) + b"WEBP"
    return Content(excerpt(file, [header, *parts, padding]), canvas, has_end=has_end)


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Return the canvas that a WebP file's first chunk announces, None where it is cut short or unknown."""
    if len(head) < 30:
        return None
    match head[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None


def bmp(file: BinaryIO) -> Content:
    """Return a BMP as it is, if its header isn't too long: the reader takes any length at once."""
    file.seek(14)
    length = int.from_bytes(file.read(4), "little")
    if length > 124:
        raise ValueError(f"a header of {length} bytes")
    return whole(file)


def pnm(file: BinaryIO) -> Content:
    """Return a PBM, PGM or PPM as it is, if its header isn't too long: it is read byte by byte."""
    file.seek(0)
    head = re.sub(rb"#[^\r\n]*[\r\n]?", b"", file.read(1 << 16))
    if len(head.split(None, 3)) < 3:
        raise ValueError("no size in the header")
    return whole(file)


def _append(parts: list[range], part: range) -> None:
    """Add a part, as one with the last where it follows on it."""
    if parts[-1].stop == part.start:
        parts[-1] = range(parts[-1].start, part.stop)
    else:
        parts.append(part)


def excerpt(file: BinaryIO, parts: Sequence[range | bytes]) -> BinaryIO:
    """Return the parts as a file: the file itself where they are all of it."""
    if len(parts) == 1 and parts[0] == range(file.seek(0, os.SEEK_END)):
        return whole(file).file
    essence = Excerpt(file, parts)
    if sum(map(len, parts)) > MAX_COPY:
        return cast(BinaryIO, essence)
    return io.BytesIO(essence.read())
