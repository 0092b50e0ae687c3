"""How a picture is to be turned, by its EXIF or XMP: 1 to 8, as the EXIF standard numbers them.

Read here because Pillow's own reader warns on damaged EXIF, which no thread can silence for itself.
"""

import re
import struct

from PIL import Image

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def of_exif(exif: object) -> int | None:
    """Return the orientation that EXIF says, 1 where it is damaged, None where it has none."""
    if not isinstance(exif, bytes):
        return None
    exif = exif.removeprefix(b"Exif\x00\x00")
    order = "<" if exif[:2] == b"II" else ">"
    try:
        (offset,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, offset)
        for entry in range(offset + 2, offset + 2 + 12 * entries, 12):
            tag, kind = struct.unpack_from(order + "HH", exif, entry)
            if tag == 0x0112:
                (value,) = struct.unpack_from(order + {1: "B", 4: "I"}.get(kind, "H"), exif, entry + 8)
                return int(value) if value in TURNS else 1
    except struct.error:
        return 1
    return None


def of_xmp(xmp: object) -> int | None:
    """Return the orientation that XMP says, None where it has none."""
    match = re.search(rb'tiff:Orientation(?:="|>)([1-8])', xmp) if isinstance(xmp, bytes) else None
    return int(match[1]) if match else None
