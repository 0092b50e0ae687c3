"""A TIFF without the tags that decoding doesn't need."""

import os
import struct
from typing import BinaryIO

from snnet.photos.containers import MAX_HEADERS, MAX_METADATA, Content, excerpt, whole

MAX_TILES = 1_000_000  # of a TIFF: those of 16×16 pixels, the smallest there are, are a quarter of that

# What decoding needs of a TIFF's first directory: sizes, samples, compression and its tables, colours, where
# the strips or tiles lie, how they are ordered, orientation, XMP.
_TIFF_PIXELS = frozenset(
    {
        254,
        255,
        256,
        257,
        258,
        259,
        262,
        263,
        266,
        273,
        274,
        277,
        278,
        279,
        284,
        292,
        293,
        301,
        317,
        318,
        319,
        320,
    }
    | {
        322,
        323,
        324,
        325,
        332,
        338,
        339,
        347,
        512,
        513,
        514,
        515,
        517,
        518,
        519,
        520,
        521,
        529,
        530,
        531,
        532,
    }
    | {700, 0xBC01, 34676, 34677}
)
_TIFF_PLACES = frozenset({273, 279, 324, 325})  # of strips and tiles, and how long they are
_TIFF_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # by type


def tiff(file: BinaryIO) -> Content:
    """Return a TIFF with those tags of its first directory that decoding needs, at the same places.

    Many tags may name the same bytes, and Pillow copies them for each: gigabytes from one megabyte.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    order, big = "<" if head[:2] == b"II" else ">", 43 in head[2:4]
    entry, first, word = ("HHQ8s", "Q", 8) if big else ("HHI4s", "I", 4)
    (place,) = struct.unpack_from(order + first, head, word)
    file.seek(place)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    length = struct.calcsize(order + entry)
    if count > 0xFFFF:
        raise ValueError(f"{count} tags")
    table = file.read(count * length)
    entries, needed, others, places = [], 0, 0, 0
    for start in range(0, len(table) - length + 1, length):
        tag, kind, number, _ = struct.unpack_from(order + entry, table, start)
        octets = number * _TIFF_BYTES.get(kind, 8)
        if octets > size:  # the reader stops here
            octets = number = 0
        if tag in _TIFF_PLACES:
            places = max(places, number)
        elif tag in _TIFF_PIXELS:
            needed += octets
        else:
            others += octets
        if tag in _TIFF_PIXELS:
            entries.append(table[start : start + length])
    if needed > MAX_METADATA or places > MAX_TILES:
        raise ValueError(f"{needed} bytes of tags, and {places} strips or tiles")
    if others <= MAX_HEADERS:
        return whole(file)
    # Another header leads to another directory behind the file's end.
    header = head[: 8 if big else 4] + struct.pack(order + first, size)
    directory = struct.pack(order + ("Q" if big else "H"), len(entries)) + b"".join(entries) + bytes(word)
    return Content(excerpt(file, [header, range(len(header), size), directory]))
