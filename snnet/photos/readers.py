"""Pillow's readers of pictures, as decoding uses them: what files start with, and what of them they get.

They are called directly rather than through Image.open, which measures every picture by the process-wide
Image.MAX_IMAGE_PIXELS, with warnings that no thread can silence for itself; refuses a big JPEG that can be
decoded at a reduced scale; and knows formats that start other programs (EPS).
"""

import io
import math
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import IO, Any, BinaryIO, NamedTuple, cast

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

from snnet.photos import containers, tags
from snnet.photos.av1 import largest_frame
from snnet.photos.foreign import Heic, Jxl
from snnet.photos.orientation import of_exif

MAX_RUNS = 5_000_000  # of pixels in a BMP, each of which takes some 0.3 µs


class Jpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG."""

    def _read_dpi_from_exif(self) -> None:
        # Nobody needs the print resolution, and reading it warns on damaged EXIF (some ImageNet photos').
        pass


class Png(PngImagePlugin.PngImageFile):
    """A PNG, of which nothing is read behind the pixels: Pillow takes any length at once."""

    def load_end(self) -> None:
        self.png = None


class Tiff(TiffImagePlugin.TiffImageFile):
    """A TIFF, not turned: Pillow's way there reads every directory of EXIF, whatever its size."""

    def load_end(self) -> None:
        self._size = self.im.size

    @property
    def orientation(self) -> int | None:
        """The EXIF orientation, None where there is no such tag."""
        value = self.tag_v2.get(0x0112)
        return value if value is None or isinstance(value, int) else 1

    @property
    def tile_size(self) -> tuple[int, int]:
        """The size of the tiles, which may be larger than the picture; 1×1 where there are none."""
        return self.tag_v2.get(322, 1), self.tag_v2.get(323, 1)


class Avif(AvifImagePlugin.AvifImageFile):
    """An AVIF, whose EXIF isn't unpacked: its orientation is the one that the container says."""

    def _open(self) -> None:
        assert self.fp is not None
        threads = AvifImagePlugin._get_default_max_threads()
        data = self.fp.read()
        self.tile_size = largest_frame(data)
        self._decoder = AvifImagePlugin._avif.AvifDecoder(data, "auto", threads)
        self._size, self.n_frames, self._mode, _, exif, orientation, xmp = self._decoder.get_info()
        self.is_animated = self.n_frames > 1
        self.seek(0)
        # The container's turns count, EXIF's never do; but where EXIF names one, XMP's doesn't count either.
        exif_names_one = of_exif(exif) is not None
        self.orientation: int | None = orientation if orientation != 1 or exif_names_one else None
        if xmp:
            self.info["xmp"] = xmp

    def load(self) -> Any:
        if self._decoder is not None:
            data = self._decoder.get_frame(0)[0]
            self._decoder = None  # and its frame, before that is copied
            self.im = Image.frombytes(self.mode, self.size, data).im
            self.tile = []
        return Image.Image.load(self)


class WebP(WebPImagePlugin.WebPImageFile):
    """A WebP, whose reader goes before its picture is copied, and its two canvases with it."""

    def load(self) -> Any:
        if self._decoder is not None:
            frame = self._decoder.get_next()
            self._decoder = None
            if frame is None:
                raise EOFError("no first frame")
            self.im = Image.frombytes(self.mode, self.size, frame[0], "raw", self.rawmode).im
            self.tile = []
        return Image.Image.load(self)


class Bmp(BmpImagePlugin.BmpImageFile):
    """A BMP, whose runs of pixels are unpacked here: Pillow takes seconds over kilobytes of the worst."""

    def load(self) -> Any:
        if self.tile and self.tile[0].codec_name == "bmp_rle":
            assert self.fp is not None
            tile = self.tile[0]
            _, four_bits, direction = cast(tuple[str, bool, int], tile.args)
            self.fp.seek(tile.offset)
            runs = self.fp.read(4 * math.prod(self.size) + 65536)  # honest ones take half of that
            self.fp = io.BytesIO(pixels_of_runs(runs, tile.offset, self.size, four_bits))
            rawmode = "L" if self.mode == "L" else "P"
            self.tile = [tile._replace(codec_name="raw", offset=0, args=(rawmode, 0, direction))]
        return super().load()


def pixels_of_runs(runs: bytes, offset: int, size: tuple[int, int], four_bits: bool) -> bytearray:
    """Return the pixels, a byte each, of a BMP's runs, which begin at that place in the file."""
    width, pixels = size[0], size[0] * size[1]
    data = bytearray()
    x = place = steps = 0
    while len(data) < pixels and place + 1 < len(runs):
        steps += 1
        if steps > MAX_RUNS:
            raise ValueError(f"more than {MAX_RUNS} runs")
        count, value = runs[place], runs[place + 1]
        place += 2
        if count:
            count = min(count, max(0, width - x))  # no further than the row
            pattern = _NIBBLES[value] if four_bits else runs[place - 1 : place]
            data += (pattern * count)[:count]
            x += count
        elif value == 0:  # the row ends
            data += bytes(-len(data) % width)
            x = 0
        elif value == 1:  # the picture ends
            break
        elif value == 2:  # a step to the right and up
            right, up = runs[place : place + 2]
            place += 2
            data += bytes(right + up * width)
            x = len(data) % width
        else:  # pixels as they are, to an even place in the file
            length = value // 2 if four_bits else value
            piece = runs[place : place + length]
            data += b"".join(_NIBBLES[byte] for byte in piece) if four_bits else piece
            if len(piece) < length:
                break
            x += value
            place += length + (offset + place + length) % 2
    return data


_NIBBLES = [bytes([byte >> 4, byte & 15]) for byte in range(256)]


class Pnm(PpmImagePlugin.PpmImageFile):
    """A PBM, PGM or PPM, whose text and unusual ranges are read here: Pillow goes sample by sample."""

    def load(self) -> Any:
        if self.tile and self.tile[0].codec_name in ("ppm", "ppm_plain"):
            assert self.fp is not None
            tile = self.tile[0]
            self.fp.seek(tile.offset)
            count = math.prod(self.size) * len(self.getbands())
            if self.mode == "1":
                pieces, rawmode = _bits(self.fp, count), "1;8"
            else:
                highest = cast(tuple[str, int], tile.args)[1]
                values = (_texts if tile.codec_name == "ppm_plain" else _words)(self.fp, count, highest)
                pieces = _scaled(values, highest, self.mode)
                rawmode = "I;16B" if self.mode == "I" else self.mode
            self.fp = io.BytesIO(b"".join(pieces))
            self.tile = [tile._replace(codec_name="raw", offset=0, args=rawmode)]
        return super().load()


def _scaled(values: Iterator[Any], highest: int, mode: str) -> Iterator[bytes]:
    """Yield samples from 0 to the highest as bytes: two of each, the higher first, in mode I, else one."""
    import numpy as np

    top, kind = (65535, ">u2") if mode == "I" else (255, "u1")
    table = np.minimum(np.rint(np.arange(65536) / highest * top), top).astype(kind)
    for each in values:
        yield table[each].tobytes()


def _words(file: IO[bytes], count: int, highest: int) -> Iterator[Any]:
    """Yield the samples of a PNM in blocks: of one byte each, or two if the highest needs them."""
    import numpy as np

    kind = np.dtype("u1" if highest < 256 else ">u2")
    while count and (block := file.read(min(count, 1 << 19) * kind.itemsize)):
        values = np.frombuffer(block, kind, len(block) // kind.itemsize)
        count -= len(values)
        yield values


def _texts(file: IO[bytes], count: int, highest: int) -> Iterator[Any]:
    """Yield the samples of a PNM in text, in blocks."""
    import numpy as np

    for words in _parts_of_text(file):
        values = np.array(list(map(int, words[:count])), dtype=np.int64)
        if len(values) and not 0 <= values.min() <= values.max() <= highest:
            raise ValueError(f"a sample outside 0 to {highest}")
        count -= len(values)
        yield values
        if not count:
            return


def _bits(file: IO[bytes], count: int) -> Iterator[bytes]:
    """Yield the pixels of a bitmap in text, a byte each: 1 is black."""
    for words in _parts_of_text(file):
        bits = b"".join(words)[:count]
        if bits.strip(b"01"):
            raise ValueError("a bit that is neither 0 nor 1")
        count -= len(bits)
        yield bits.translate(bytes.maketrans(b"01", b"\xff\x00"))
        if not count:
            return


def _parts_of_text(file: IO[bytes]) -> Iterator[list[bytes]]:
    """Yield the words of a text in blocks, without its comments, which go from a # to the line's end."""
    rest = b""
    while block := file.read(1 << 18):
        text = re.sub(rb"#[^\r\n]*[\r\n]", b"", rest + block)
        comment = text.find(b"#")
        text, rest = (text, b"") if comment < 0 else (text[:comment], b"#")
        words = text.split()
        if words and not text[-1:].isspace():  # perhaps half a word
            rest = words.pop() + rest
            if len(rest) > 20:
                raise ValueError("a word that is no number")
        yield words
    yield rest.removesuffix(b"#").split()


class Format(NamedTuple):
    """A format: its files' names, what they start with, who reads them, and what of them its reader gets."""

    name: str
    suffixes: tuple[str, ...]
    start: re.Pattern[bytes]
    reader: Callable[[BinaryIO], ImageFile.ImageFile]
    content: Callable[[BinaryIO], containers.Content]
    package: str = ""  # that reads it, where it isn't Pillow
    project: str = ""  # what is installed to have it


def _format(name: str, suffixes: str, start: bytes, *rest: Any) -> Format:
    compiled = re.compile(start, re.DOTALL)
    return Format(name, tuple(f".{each}" for each in suffixes.split()), compiled, *rest)


_PNG, _AVIF = rb"\x89PNG\r\n\x1a\n", rb"....ftyp(avi[fs]|m[is]f1.{0,60}avif)"
_JXL = rb"\xff\x0a|\x00{3}\x0cJXL \r\n\x87\n"
_HEIC = rb"....ftyp(he[iv]|m[is]f1)"
_ALL = (
    _format("JPEG", "jpg jpeg jpe jfif", rb"\xff\xd8\xff", Jpeg, containers.jpeg),
    _format("PNG", "png apng", _PNG, Png, containers.png),
    _format("WebP", "webp", rb"RIFF....WEBP", WebP, containers.webp),
    _format("GIF", "gif", rb"GIF8[79]a", GifImagePlugin.GifImageFile, containers.gif),
    _format("BMP", "bmp dib", rb"BM", Bmp, containers.bmp),
    _format("TIFF", "tif tiff", rb"II[*+]\x00|MM\x00[*+]", Tiff, tags.tiff),
    _format("AVIF", "avif", _AVIF, Avif, containers.whole),
    _format("HEIC", "heic heif hif", _HEIC, Heic, containers.whole, "pillow_heif", "pillow-heif"),
    _format("JPEG XL", "jxl", _JXL, Jxl, containers.whole, "pillow_jxl", "pillow-jxl-plugin"),
    _format("PNM", "ppm pgm pbm pnm", rb"P[1-6]\s", Pnm, containers.pnm),
)
FORMATS = tuple(form for form in _ALL if not form.package or find_spec(form.package))
ABSENT = tuple(form for form in _ALL if form not in FORMATS)  # those whose package isn't installed


def _way(project: str) -> str:
    return f"not read here: export it as JPEG (or, where this program runs, pip install {project})"


STRANGERS = (
    (re.compile(_HEIC, re.DOTALL), f"a HEIC picture, {_way('pillow-heif')}"),
    (re.compile(_JXL, re.DOTALL), f"a JPEG XL picture, {_way('pillow-jxl-plugin')}"),
    (re.compile(rb"(?i).{0,4000}?<svg", re.DOTALL), "an SVG drawing, not a photo: export it as PNG"),
    (re.compile(rb"(?i)\W{0,400}<(!doctype )?html"), "a web page, not a photo: save the picture itself"),
    (re.compile(rb"%PDF"), "a PDF document, not a photo: export its picture as JPEG"),
)
