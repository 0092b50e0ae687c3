"""One photo, file or bytes, as an upright 8-bit RGB picture; any failure is one sentence for the visitor."""

import errno
import io
import math
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO

from PIL import Image, ImageFile

from snnet.photos import endings, foreign, readers
from snnet.photos.containers import Content
from snnet.photos.limits import BASE_BYTES as BASE_BYTES
from snnet.photos.limits import BYTES_PER_PIXEL as BYTES_PER_PIXEL
from snnet.photos.limits import MAX_PIXELS
from snnet.photos.orientation import TURNS, of_exif, of_xmp

MAX_BYTES = 512_000_000  # of a file: an uncompressed 16-bit RGB picture of MAX_PIXELS takes 384 MB
MAX_ASPECT = 50  # long side to short: transforms scale the short one to ~256 px, so 1×20000 would explode
STRIP = 1_000_000  # pixels converted at once
SUFFIXES = frozenset(suffix for form in readers.FORMATS for suffix in form.suffixes)
# Of the formats whose package isn't installed, by suffix: what to install.
ABSENT = {suffix: form.project for form in readers.ABSENT for suffix in form.suffixes}

_NAMES = [form.name for form in readers.FORMATS]
_FORMATS = f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}"
_RETRY = "choose another file, or save it again as JPEG or PNG"
_MEGA = 1_000_000
_TOO_LARGE = f"more than the {MAX_PIXELS / _MEGA:,.0f} megapixels decoded here: make it smaller"


NOTE = "note"  # of a picture's `info`: what there is to say of a photo that decodes nevertheless
# Of the system, not of the photo: a disk or network that fails, or too many files and too little memory.
_TROUBLE = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENXIO}
_TROUBLE |= {errno.ENODEV, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNRESET, errno.EINTR}


class PhotoError(ValueError):
    """Says in one sentence, fit for the visitor, why a photo cannot be used and what to do."""


class UnreadError(PhotoError):
    """Says why a photo can't be read here and now; read another time it may be sound."""


def decode(source: str | os.PathLike[str] | bytes, name: str | None = None) -> Image.Image:
    """Return a photo upright (by its EXIF orientation), its first frame, in 8-bit RGB.

    Transparency is laid over white; 16-bit and floating-point greys are scaled, not clipped. `source` is a
    path or the file's bytes; `name` is what errors call it (by default the path's last part). A JPEG larger
    than MAX_PIXELS comes at 1/2, 1/4 or 1/8 of its scale. A file that lacks nothing but its end decodes; the
    result's `info[NOTE]` says so. Safe in any number of threads.

    Raises PhotoError, with its cause chained, for whatever cannot be decoded within the limits; UnreadError
    where that is not the photo's fault.
    """
    with _photo(source, name) as (file, title):
        form, content = _content(file, title)
        image, has_end = _load(form, content, title)
        _check_size(image.size, title)  # once more: a file may announce one size and hold another
        exif, xmp = content.exif or image.info.get("exif"), content.xmp or image.info.get("xmp")
        orientation = getattr(image, "orientation", None) or of_exif(exif) or of_xmp(xmp) or 1
        rgb = _rgb(image)
        del image  # and with it the picture as it was stored
        if orientation in TURNS:
            rgb = rgb.transpose(TURNS[orientation])
        # Nothing of the file's: saving the picture again would write the old orientation to upright pixels.
        rgb.info = {} if has_end else {NOTE: f"{title} lacks its end marker; its picture is all there."}
        return rgb


def _load(form: readers.Format, content: Content, title: str) -> tuple[ImageFile.ImageFile, bool]:
    """Return the picture in a file, decoded, and whether the file has its end."""
    if form.reader is readers.Jpeg and not endings.has_end(content.file):
        digests, image = [], None
        for file in endings.alternatives(content.file):
            del image  # before the next one takes its own memory
            image = _image(form, content._replace(file=file), title)
            image.load()
            digests.append(_digest(image))
        if image is None or len({*digests}) > 1:
            raise EOFError("no end, and not all of the picture")
        return image, False
    image = _image(form, content, title)
    image.load()
    return image, content.has_end


def _digest(image: Image.Image) -> int:
    rows, digest = max(1, STRIP // image.width), 0
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        digest = zlib.crc32(strip.tobytes(), digest)
    return digest


def pixels_of(source: str | os.PathLike[str] | bytes, name: str | None = None) -> int:
    """Return how many pixels `decode` will hold of a photo, from its header alone: 1 to MAX_PIXELS.

    Decoding takes at most BYTES_PER_PIXEL for each, and BASE_BYTES, beside the bytes that it is given. They
    are those of the result, for a JPEG that comes reduced too; of a TIFF's tile or an AVIF's frame where that
    is larger; a fourth of the file's bytes where those are more and the reader takes all of them at once. The
    process that decodes a HEIC or JPEG XL is counted in, and each pixel of a JPEG XL as two.

    Raises PhotoError as `decode` does, where the header shows that it would.
    """
    with _photo(source, name) as (file, title):
        form, content = _content(file, title)
        excerpt = form.reader is readers.Tiff and content.file is not file
        least = 0
        if excerpt or form.reader in (readers.WebP, readers.Avif) or form.package:
            least = min(content.file.seek(0, os.SEEK_END) // 4, MAX_PIXELS)
            content.file.seek(0)
        if form.reader is readers.WebP and content.size:
            return max(least, math.prod(content.size))  # without the reader, which sets up two canvases
        image = _image(form, content, title)
        pixels = foreign.counted(math.prod(image.size), getattr(image, "weight", 1))
        return max(least, pixels, math.prod(getattr(image, "tile_size", (1, 1))))


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
        raise UnreadError(f"{title} needs more memory than there is: make it smaller.") from error
    except Exception as error:  # on damaged files Pillow raises a dozen types
        if _is_of_the_system(error):
            raise _unread(title, error) from error
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
            if not os.path.isdir(os.path.dirname(os.path.abspath(source))):
                raise UnreadError(f"{title} was not found, nor its folder: check where that lies.") from error
            raise PhotoError(f"{title} was not found: check where the file lies.") from error
        except (OSError, ValueError) as error:  # no permission, a name too long, a NUL in it
            if _is_of_the_system(error):
                raise _unread(title, error) from error
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
        if _is_of_the_system(error):
            raise _unread(title, error) from error
        raise PhotoError(f"{title} cannot be opened: check its permissions.") from error


def _is_of_the_system(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _TROUBLE


def _unread(title: str, error: Exception) -> UnreadError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return UnreadError(f"{title} can't be read ({reason}): check the disk or the network, and try again.")


def _content(file: BinaryIO, title: str) -> tuple[readers.Format, Content]:
    """Return a file's format, and what of the file is to be read."""
    head = file.read(4096)
    form = next((form for form in readers.FORMATS if form.start.match(head)), None)
    if form is None:
        for pattern, what in readers.STRANGERS:
            if pattern.match(head):
                raise PhotoError(f"{title} is {what}.")
        raise PhotoError(f"{title} is not a photo in a format read here ({_FORMATS}): {_RETRY}.")
    content = form.content(file)
    if content.size:
        _check_size(content.size, title)
    return form, content


def _image(form: readers.Format, content: Content, title: str) -> ImageFile.ImageFile:
    """Return the picture in a file, not decoded yet, at the scale to decode it at, within the limits."""
    image = form.reader(content.file)
    if isinstance(image, readers.Jpeg):
        _reduce(image, content.file)
    _check_size(image.size, title)
    _check_pixels(getattr(image, "tile_size", (1, 1)), title)
    return image


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


def _reduce(image: readers.Jpeg, file: BinaryIO) -> None:
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


def _rgb(image: Image.Image) -> Image.Image:
    """Return a loaded picture of any mode as RGB, a picture of its own."""
    if image.mode == "RGB" and not image.has_transparency_data:
        return image._new(image.im)  # the same pixels, without the file's other properties
    flat = _flattening(image)
    canvas = Image.new("RGB", image.size, "white")
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):  # of strips, so that what lies between is small
        canvas.paste(flat(image.crop((0, top, image.width, min(top + rows, image.height)))), (0, top))
    return canvas


def _flattening(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Return what makes RGB of a part of a picture."""
    if image.mode.startswith(("I", "F")):
        grey = _grey(image)
        return lambda part: grey(part).convert("RGB")
    if image.has_transparency_data:
        return _over_white
    return lambda part: part.convert("RGB")


def _over_white(part: Image.Image) -> Image.Image:
    clear = part.convert("RGBA")
    canvas = Image.new("RGB", part.size, "white")
    canvas.paste(clear, mask=clear)
    return canvas


def _grey(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Return what makes mode L of a part of a grey picture of more than 8 bits, the whole's range scaled."""
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

    def flat(part: Image.Image) -> Image.Image:
        values = part if part.mode == "F" else part.convert("I").convert("F")
        # The half rounds: conversion to L cuts off decimals.
        return values.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")

    return flat
