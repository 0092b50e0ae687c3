"""The sizes that HEIC and JPEG XL files announce, and the orientation of a JPEG XL: read without decoding."""

import os
import re
import struct
from collections.abc import Callable, Iterator
from typing import IO

MAX_BOXES = 1000  # on the top level of a file: honest ones have about five
MAX_META = 16_000_000  # bytes of a box that describes pictures: honest ones have some thousand

Size = tuple[int, int]


def heic_sizes(file: IO[bytes]) -> Iterator[Size]:
    """Yield the sizes of pictures and of tiles that a HEIC announces."""
    for kind, body, length in _boxes(file):
        if kind == b"meta":
            file.seek(body)
            for box in re.finditer(rb"ispe.{4}(.{8})", file.read(min(length, MAX_META)), re.DOTALL):
                width, height = struct.unpack(">II", box[1])
                yield width, height


def jxl_header(file: IO[bytes]) -> tuple[Size, int]:
    """Return the size that a JPEG XL announces, before it is turned, and its orientation, 1 to 8.

    Raises EOFError where the file ends before them.
    """
    file.seek(0)
    if file.read(2) != b"\xff\x0a":  # else it is a bare codestream
        for kind, body, _ in _boxes(file):
            if kind in (b"jxlc", b"jxlp"):
                file.seek(body + 4 * (kind == b"jxlp"))  # behind the part's number
                break
        if file.read(2) != b"\xff\x0a":
            raise EOFError("no codestream")
    header = file.read(16)
    if len(header) < 16:
        raise EOFError("no header")
    bits = int.from_bytes(header, "little")

    def read(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = read(1)
    height = _length(read, small)
    ratio = read(3)
    width = height * _RATIOS[ratio][0] // _RATIOS[ratio][1] if ratio else _length(read, small)
    turned = not read(1) and read(1)
    return (width, height), read(3) + 1 if turned else 1


_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height


def _length(read: Callable[[int], int], small: int) -> int:
    return 8 * (read(5) + 1) if small else read((9, 13, 18, 30)[read(2)]) + 1


def _boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes of a file's top level: kind, where the body begins, and its length."""
    place, end = 0, file.seek(0, os.SEEK_END)
    for _ in range(MAX_BOXES):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return
        length, start = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, start = int.from_bytes(head[8:], "big"), 16
        length = length or end - place
        if length < start:
            return
        yield head[4:8], place + start, length - start
        place += length
