"""The size of the frames in an AVIF, which may be larger than the picture that its container announces.

The decoder makes room for whole frames and scales them afterwards: some kilobytes that announce a picture of
64×64 pixels can hold a gigabyte.
"""

import itertools
import re
import struct
from collections.abc import Iterator

MAX_UNITS = 1000  # of AV1 looked through for one picture: honest ones have about three
MAX_BOXES = 16  # that list places of items or samples: honest ones have up to three
MAX_STEPS = 200_000  # through those lists

Size = tuple[int, int]


def largest_frame(data: bytes) -> Size:
    """Return the width and height of the largest frame that an AVIF's bytes announce, 1×1 where none does.

    Raises ValueError where the places of its parts overlap.
    """
    sizes = [size for item in _items(data) for size in _sizes(item)]
    return max(sizes, key=lambda size: size[0] * size[1], default=(1, 1))


def _items(data: bytes) -> Iterator[memoryview | bytes]:
    """Yield the bytes of every part of the file that a decoder may get: items, and tracks' first samples."""
    total, steps = 0, iter(range(MAX_STEPS))
    boxes = list(itertools.islice(re.finditer(b"iloc|stco|co64", data), MAX_BOXES + 1))
    if len(boxes) > MAX_BOXES:
        raise ValueError(f"more than {MAX_BOXES} lists of places")
    for box in boxes:
        if box[0] != b"iloc":
            if box.end() + 16 <= len(data):
                (place,) = struct.unpack_from(">I" if box[0] == b"stco" else ">Q", data, box.end() + 8)
                yield memoryview(data)[place:]
            continue
        for pieces in _places(data, box.end(), steps):
            total += sum(map(len, pieces))
            if total > 4 * len(data) + 65536:
                raise ValueError("items that overlap")
            yield pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _places(data: bytes, place: int, steps: Iterator[int]) -> Iterator[list[memoryview]]:
    """Yield the pieces of each item that a box `iloc` names; its body begins at that place."""
    view = memoryview(data)
    insides = [0, *(box.end() for box in re.finditer(b"idat", data))]  # what places count from

    def number(octets: int) -> int:
        nonlocal place
        if next(steps, None) is None:
            raise ValueError(f"more than {MAX_STEPS} numbers in lists of places")
        if place + octets > len(data):
            raise EOFError
        place += octets
        return int.from_bytes(data[place - octets : place], "big")

    try:
        version = number(4) >> 24
        lengths = number(2)
        offset_octets, length_octets, base_octets = lengths >> 12, lengths >> 8 & 15, lengths >> 4 & 15
        index_octets = lengths & 15 if version in (1, 2) else 0
        for _ in range(number(2 if version < 2 else 4)):
            number(2 if version < 2 else 4)  # the item's number
            inside = version in (1, 2) and number(2) & 15 == 1
            number(2)  # the file, this one
            base = number(base_octets)
            extents = []
            for _ in range(number(2)):
                number(index_octets)
                extents.append((base + number(offset_octets), number(length_octets)))
            for start in insides[1:] if inside else insides[:1]:
                yield [view[start + a : start + a + length if length else None] for a, length in extents]
    except EOFError:
        return


def _sizes(item: memoryview | bytes) -> Iterator[Size]:
    """Yield what the sequence headers among an item's units of AV1 announce, up to the first frame."""
    place = 0
    for _ in range(MAX_UNITS):
        if place >= len(item):
            return
        head = item[place]
        kind, place = head >> 3 & 15, place + 1 + (head >> 2 & 1)
        length = len(item) - place
        if head & 2:
            length = shift = 0
            while place < len(item) and shift < 56:
                octet = item[place]
                length |= (octet & 127) << shift
                place, shift = place + 1, shift + 7
                if octet < 128:
                    break
        if kind == 1 and (size := _sequence(bytes(item[place : place + min(length, 1024)]))):
            yield size
        if kind in (3, 6):  # a frame
            return
        place += length
    raise ValueError(f"more than {MAX_UNITS} units before a frame")


def _sequence(header: bytes) -> Size | None:
    """Return the largest frame of a sequence, from its header: AV1's specification, 5.5; None if cut off."""
    bits = int.from_bytes(header, "big")
    rest = 8 * len(header)

    def read(count: int) -> int:
        nonlocal rest
        rest -= count
        return bits >> max(0, rest) & ((1 << count) - 1)

    delay = 0
    read(4)  # profile, still picture
    if read(1):  # the short header of a still picture
        read(5)
    else:
        if read(1):  # times
            read(64)
            if read(1):
                zeros = 0
                while rest > 0 and not read(1):
                    zeros += 1
                read(zeros)
            if read(1):  # a model of the decoder
                delay = read(5) + 1
                read(42)
        display = read(1)
        for _ in range(read(5) + 1):  # operating points
            read(12)
            if read(5) > 7:
                read(1)
            if delay and read(1):
                read(2 * delay + 1)
            if display and read(1):
                read(4)
    width, height = read(4) + 1, read(4) + 1
    size = read(width) + 1, read(height) + 1
    return size if rest >= 0 else None
