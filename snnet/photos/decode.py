"""One photo, file or bytes, as an upright 8-bit RGB picture; any failure is one sentence for the visitor."""

import io
import math
import os
import re
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

MAX_PIXELS = 64_000_000  # decoded; Pillow takes 4 bytes a pixel, three pictures at once at most: under 800 MB
MAX_BYTES = 512_000_000  # of a file: an uncompressed 16-bit RGB picture of MAX_PIXELS takes 384 MB
MAX_ASPECT = 50  # long side to short: transforms scale the short one to ~256 px, so 1×20000 would explode
_SUFFIXES = "jpg jpeg jpe jfif png apng webp gif bmp dib tif tiff avif ppm pgm pbm pnm"
SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())

_FORMATS = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or PNM"
_RETRY = "choose another file, or save it again as JPEG or PNG"
_MEGA = 1_000_000
_TOO_LARGE = f"more than the {MAX_PIXELS / _MEGA:,.0f} megapixels decoded here: make it smaller"


class PhotoError(ValueError):
    """Says in one sentence, fit for the visitor, why a photo cannot be used and what to do."""


class _Jpeg(JpegImagePlugin.JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        # Nobody needs the print resolution, and reading it warns on damaged EXIF (some ImageNet photos').
        pass


_Reader = Callable[[BinaryIO], ImageFile.ImageFile]

# What a file starts with -> its reader. The readers are called directly rather than through Image.open, which
# measures every picture by the process-wide Image.MAX_IMAGE_PIXELS, with warnings that no thread can silence
# for itself; refuses a big JPEG that can be decoded at a reduced scale; and knows formats that start other
# programs (EPS).
_READERS: tuple[tuple[re.Pattern[bytes], _Reader], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _Jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), PngImagePlugin.PngImageFile),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), WebPImagePlugin.WebPImageFile),
    (re.compile(rb"GIF8[79]a"), GifImagePlugin.GifImageFile),
    (re.compile(rb"BM"), BmpImagePlugin.BmpImageFile),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), TiffImagePlugin.TiffImageFile),
    (re.compile(rb"....ftyp(avi[fs]|m[is]f1.{0,60}avif)", re.DOTALL), AvifImagePlugin.AvifImageFile),
    (re.compile(rb"P[1-6]\s"), PpmImagePlugin.PpmImageFile),
)
_STRANGERS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"....ftyp(he[iv]|m[is]f1)", re.DOTALL), "a HEIC picture, not read here: export it as JPEG"),
    (re.compile(rb"(?i).{0,4000}?<svg", re.DOTALL), "an SVG drawing, not a photo: export it as PNG"),
    (re.compile(rb"(?i)\W{0,400}<(!doctype )?html"), "a web page, not a photo: save the picture itself"),
    (re.compile(rb"%PDF"), "a PDF document, not a photo: export its picture as JPEG"),
)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(source: str | os.PathLike[str] | bytes, name: str | None = None) -> Image.Image:
    """Return a photo upright (by its EXIF orientation), its first frame, in 8-bit RGB.

    Transparency is laid over white; 16-bit and floating-point greys are scaled, not clipped. `source` is a
    path or the file's bytes; `name` is what errors call it (by default the path's last part). A JPEG larger
    than MAX_PIXELS comes at 1/2, 1/4 or 1/8 of its scale. Safe in any number of threads.

    Raises PhotoError, with its cause chained, for whatever cannot be decoded within the limits.
    """
    with _photo(source, name) as (file, title):
        image = _image(file, title)
        image.load()
        rgb = _rgb(image)
        orientation = _orientation(image.info)  # asked now: some formats hold EXIF at their end
        if orientation != 1 and not isinstance(
            image, TiffImagePlugin.TiffImageFile
        ):  # whose reader turns them
            rgb = rgb.transpose(_UPRIGHT[orientation])
        rgb.info = {}  # else saving the picture again would write the old orientation beside upright pixels
        return rgb


def pixels_of(source: str | os.PathLike[str] | bytes, name: str | None = None) -> int:
    """Return how many pixels `decode` will hold of a photo, from its header alone: 1 to MAX_PIXELS.

    Of a JPEG that comes reduced, those of its reduced size; of a TIFF whose tile is larger, the tile's.

    Raises PhotoError as `decode` does, where the header shows that it would.
    """
    with _photo(source, name) as (file, title):
        _, size = _reader(file, title)
        if size is None:
            image = _image(file, title)
            size = max(image.size, _tile(image), key=math.prod)
        return math.prod(size)


@contextmanager
def _photo(source: str | os.PathLike[str] | bytes, name: str | None) -> Iterator[tuple[BinaryIO, str]]:
    """Open a photo, as its file and what sentences call it, and turn what goes wrong into a PhotoError."""
    title = _title(name if name is not None else "" if isinstance(source, bytes) else os.fspath(source))
    try:
        with _open(source, title) as file:
            yield file, title
    except PhotoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(f"{title} has {_TOO_LARGE}.") from error
    except MemoryError as error:
        raise PhotoError(f"{title} needs more memory than there is: make it smaller.") from error
    except Exception as error:  # on damaged files Pillow raises a dozen types
        if isinstance(error, EOFError) or "truncated" in str(error).lower():
            raise PhotoError(f"{title} breaks off before its end: copy or download it again.") from error
        raise PhotoError(f"{title} is damaged and cannot be decoded: {_RETRY}.") from error


def _title(name: str) -> str:
    """Return the last part of a path, of either system, made safe and short enough for a sentence."""
    last = PurePosixPath(name.replace("\\", "/")).name
    printable = "".join(letter if letter.isprintable() else "?" for letter in last)
    return (printable if len(printable) <= 100 else f"{printable[:60]}…{printable[-30:]}") or "The photo"


def _open(source: str | os.PathLike[str] | bytes, title: str) -> AbstractContextManager[BinaryIO]:
    """Return the source as an open file of a sensible size."""
    if isinstance(source, bytes):
        size = len(source)
    else:
        try:
            status = os.stat(source)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise PhotoError(f"{title} was not found: check where the file lies.") from error
        except (OSError, ValueError) as error:  # no permission, a name too long, a NUL in it
            raise PhotoError(f"{title} cannot be opened: check its name and permissions.") from error
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise PhotoError(f"{title} is not a file: choose a photo ({_FORMATS}).")
        size = status.st_size
    if size == 0:
        raise PhotoError(f"{title} is empty (0 bytes): copy or download it again.")
    if size > MAX_BYTES:
        raise PhotoError(
            f"{title} has {size / _MEGA:,.0f} MB, more than the {MAX_BYTES / _MEGA:,.0f} MB read here: "
            "save it as JPEG."
        )
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return open(source, "rb")
    except OSError as error:
        raise PhotoError(f"{title} cannot be opened: check its permissions.") from error


def _reader(file: BinaryIO, title: str) -> tuple[_Reader, tuple[int, int] | None]:
    """Return what reads a file, and the picture's size where its first bytes say that: WebP's."""
    head = file.read(4096)
    file.seek(0)
    reader = next((reader for pattern, reader in _READERS if pattern.match(head)), None)
    if reader is None:
        for pattern, what in _STRANGERS:
            if pattern.match(head):
                raise PhotoError(f"{title} is {what}.")
        raise PhotoError(f"{title} is not a photo in a format read here ({_FORMATS}): {_RETRY}.")
    size = _webp_size(head) if reader is WebPImagePlugin.WebPImageFile else None
    if size:
        _check_size(size, title)  # before the reader, which sets up two canvases of that size at once
    return reader, size


def _image(file: BinaryIO, title: str) -> ImageFile.ImageFile:
    """Return the picture in a file, not decoded yet, at the scale to decode it at, within the limits."""
    reader, _ = _reader(file, title)
    image = reader(file)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        _reduce(image, file)
    _check_size(image.size, title)
    _check_pixels(_tile(image), title)
    return image


def _tile(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Return the size of the parts that a picture is stored in, which a TIFF's tiles may have larger."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.tag_v2.get(322, 1), image.tag_v2.get(323, 1)
    return 1, 1


def _check_size(size: tuple[int, int], title: str) -> None:
    _check_pixels(size, title)
    if max(size) > MAX_ASPECT * min(size):
        raise PhotoError(
            f"{title} is {size[0]:,}×{size[1]:,} pixels, its long side more than {MAX_ASPECT} times "
            "its short one: cut out the part to look at."
        )


def _check_pixels(size: tuple[int, int], title: str) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        megapixels = size[0] * size[1] / _MEGA
        raise PhotoError(
            f"{title} is {size[0]:,}×{size[1]:,} pixels ({megapixels:,.0f} megapixels), {_TOO_LARGE}."
        )


def _reduce(image: JpegImagePlugin.JpegImageFile, file: BinaryIO) -> None:
    """Have a JPEG beyond MAX_PIXELS decoded at the largest scale within it, if that saves the memory."""
    width, height = image.size
    if width * height <= MAX_PIXELS:
        return
    # libjpeg holds all coefficients of a picture of several scans, at any scale: gigabytes for 400
    # megapixels. Such are the progressive ones, and those whose first scan, before whose data the reader
    # stopped, has fewer components than the picture.
    if "progressive" in image.info:
        return
    end = file.tell()
    length = 8 + 2 * image.layers  # of the scan's header: marker, length, count, components, settings
    file.seek(max(0, end - length))
    header = file.read(length)
    file.seek(end)
    if header[:2] != b"\xff\xda" or header[4] != image.layers:
        return
    for divisor in (2, 4, 8):
        if -(-width // divisor) * -(-height // divisor) <= MAX_PIXELS:
            image.draft(None, (width // divisor, height // divisor))
            return


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


def _orientation(info: dict[str | tuple[int, int], object]) -> int:
    """Return the EXIF orientation (1 to 8), 1 where there is none or it is damaged.

    Read here because Pillow's own reader warns on damaged EXIF, which no thread can silence for itself.
    """
    exif = info.get("exif")
    if isinstance(exif, bytes):
        exif = exif.removeprefix(b"Exif\x00\x00")
        order = "<" if exif[:2] == b"II" else ">"
        try:
            (offset,) = struct.unpack_from(order + "I", exif, 4)
            (entries,) = struct.unpack_from(order + "H", exif, offset)
            for entry in range(offset + 2, offset + 2 + 12 * entries, 12):
                tag, kind = struct.unpack_from(order + "HH", exif, entry)
                if tag == 0x0112:
                    (value,) = struct.unpack_from(order + {1: "B", 4: "I"}.get(kind, "H"), exif, entry + 8)
                    return int(value) if value in _UPRIGHT else 1
        except struct.error:
            return 1
    xmp = info.get("xmp")
    match = re.search(rb'tiff:Orientation(?:="|>)([1-8])', xmp) if isinstance(xmp, bytes) else None
    return int(match[1]) if match else 1


def _rgb(image: Image.Image) -> Image.Image:
    """Return a loaded picture of any mode as RGB, a picture of its own."""
    if image.mode.startswith(("I", "F")):
        image = _grey(image)
    elif image.has_transparency_data:
        clear = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(clear, mask=clear)
        return canvas
    return image.convert("RGB")


def _grey(image: Image.Image) -> Image.Image:
    """Return a grey picture of more than 8 bits as mode L, its range scaled."""
    low, high = 0.0, 65535.0
    if not image.mode.startswith("I;16"):  # modes I and F don't say their range
        low, high = (float(extreme) for extreme in image.getextrema())  # type: ignore[arg-type]
        if not low > float("-inf") or not high < float("inf"):  # NaN fails both
            raise ValueError("values are not finite")
        # The usual ranges are kept whole, so that a dark picture stays dark; others are stretched.
        usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        if low >= 0 and high <= usual[-1]:
            low, high = 0.0, next(top for top in usual if high <= top)
    scale = 255 / (high - low or 1)
    values = image if image.mode == "F" else image.convert("I").convert("F")
    # The half rounds: conversion to L cuts off decimals.
    return values.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
