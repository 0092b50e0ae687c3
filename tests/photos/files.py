"""Pictures' files put together piece by piece, as no program saves them."""

import struct
import zlib
from collections.abc import Mapping, Sequence


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(size: tuple[int, int], data: bytes, kind: tuple[int, int] = (8, 2)) -> bytes:
    """Return a PNG of these bytes of pixels, filters included; `kind` is its bit depth and colour type."""
    header = struct.pack(">IIBBBBB", *size, *kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(tags: Mapping[int, Sequence[int] | bytes | tuple[int, int]], data: bytes = b"") -> bytes:
    """Return a TIFF: these bytes at offset 8, then its tags: numbers, bytes or (offset, count) there.

    Numbers are 32-bit; a tuple names bytes that lie elsewhere in the file already.
    """
    start = 8 + len(data)
    end = start + 2 + 12 * len(tags) + 4
    entries, beyond = b"", b""
    for tag, value in sorted(tags.items()):
        if isinstance(value, tuple):
            entries += struct.pack("<HHII", tag, 7, value[1], value[0])
            continue
        kind, count = (7, len(value)) if isinstance(value, bytes) else (4, len(value))
        body = value if isinstance(value, bytes) else struct.pack(f"<{count}I", *value)
        if len(body) <= 4:
            entries += struct.pack("<HHI", tag, kind, count) + body.ljust(4, b"\0")
        else:
            entries += struct.pack("<HHII", tag, kind, count, end + len(beyond))
            beyond += body
    return (
        b"II*\0"
        + struct.pack("<I", start)
        + data
        + struct.pack("<H", len(tags))
        + entries
        + bytes(4)
        + beyond
    )


GREY = {
    256: [16],
    257: [16],
    258: [8],
    259: [1],
    262: [1],
}  # the tags of a grey picture of 16×16, without data
