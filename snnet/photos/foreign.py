"""Photos that an optional package reads, each decoded by a guarded process of its own.

Such a package is native code that Pillow's makers don't keep. A file that makes it crash, hang or fill the
memory ends the child process alone, which has bounds of CPU time and memory and opens no files.
"""

import json
import math
import os
import re
import shutil
import subprocess  # nosec B404
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, ClassVar

from PIL import Image, ImageFile

from snnet.photos.announced import Size, heic_sizes, jxl_header
from snnet.photos.limits import BASE_BYTES, BYTES_PER_PIXEL, MAX_PIXELS

SECONDS, SECONDS_PER_MEGAPIXEL = 10, 1  # of CPU, that decoding may take
PATIENCE = 4  # times as long by the clock, on a busy machine
PICTURE_BYTES = 4  # a pixel, that this process holds of the picture
MODES = ("L", "La", "LA", "RGB", "RGBa", "RGBA", "I;16", "F")
SCRIPT = Path(__file__).with_name("foreign_child.py")


class Foreign(ImageFile.ImageFile):
    """A photo whose size is read here and whose pixels come from a process that decodes them."""

    package: ClassVar[str]
    weight: ClassVar[int] = 1  # as how many pixels each counts in memory
    turns = 1  # the orientation that the file names
    orientation = 1  # what is left to turn: the package turns pictures

    def announced(self) -> Size:
        """Return the size that the file announces, before it is turned."""
        raise NotImplementedError

    def _open(self) -> None:
        self._size, self._mode = self.announced(), "RGB"
        self._is_pending = True

    def load(self) -> Any:
        if self._is_pending:
            assert self.fp is not None
            self._is_pending = False
            announced, source = math.prod(self.size), self.fp
            bytes_of_file = source.seek(0, os.SEEK_END)
            source.seek(0)
            memory = (
                BYTES_PER_PIXEL * max(counted(announced, self.weight), bytes_of_file // 4)
                - PICTURE_BYTES * announced
            )
            memory += BASE_BYTES // 2 - bytes_of_file
            seconds = SECONDS + SECONDS_PER_MEGAPIXEL * announced // 1_000_000
            with child(self.package, source, seconds, memory) as pixels:
                self._size, self._mode, is_turned = picture(pixels.readline(1000), announced)
                if not is_turned:
                    self.orientation = self.turns
                self.fp = pixels
                self.tile = [ImageFile._Tile("raw", (0, 0, *self.size), 0, (self.mode, 0, 1))]
                super().load()
        return Image.Image.load(self)

    def load_seek(self, pos: int) -> None:
        """Stay: pixels come from a pipe."""


class Heic(Foreign):
    """A HEIC, which pillow-heif reads."""

    package = "pillow_heif"

    def announced(self) -> Size:
        assert self.fp is not None
        return max(heic_sizes(self.fp), key=math.prod, default=(0, 0))


class Jxl(Foreign):
    """A JPEG XL, which pillow-jxl-plugin reads."""

    package = "pillow_jxl"
    weight = 2  # lossless ones take 24 bytes a pixel and more

    def announced(self) -> Size:
        assert self.fp is not None
        size, self.turns = jxl_header(self.fp)
        return size


def counted(pixels: int, weight: int) -> int:
    """Return as how many pixels those of a picture count, at most MAX_PIXELS."""
    return min(weight * pixels, MAX_PIXELS)


@contextmanager
def child(package: str, source: IO[bytes], seconds: int, memory: int) -> Iterator[IO[bytes]]:
    """Give the output of a process that decodes a file; it is ended at the end, or when its time is over."""
    folders = [folder for folder in map(os.path.abspath, filter(None, sys.path)) if os.path.exists(folder)]
    argument = json.dumps([package, folders, seconds, memory])
    # Without the environment, where keys and tokens lie, but for what finds libraries.
    needed = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "LANG")
    environment = {name: os.environ[name] for name in needed if name in os.environ}
    process = subprocess.Popen(  # nosec B603
        [sys.executable, "-I", "-S", str(SCRIPT), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"MALLOC_ARENA_MAX": "1"},
    )
    clock = threading.Timer(PATIENCE * seconds, process.kill)
    clock.daemon = True
    clock.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdout:
            with suppress(BrokenPipeError), process.stdin:  # it ended before it had read all
                shutil.copyfileobj(source, process.stdin, 1 << 20)
            yield process.stdout
    finally:
        clock.cancel()
        process.kill()
        process.wait()


def picture(head: bytes, most: int) -> tuple[Size, str, bool]:
    """Return size and mode of a picture, and whether it is turned, from the line before its pixels.

    Raises EOFError where the file breaks off, ValueError for one that can't be decoded in its bounds, or of
    more pixels than it announces.
    """
    if not head.endswith(b"\n"):
        raise ValueError("decoding ended before the picture: a crash, or more time or memory than is given")
    answer = json.loads(head)
    if "error" in answer:
        kind = (
            EOFError if re.search("end of file|truncat|EOF", answer["reason"], re.IGNORECASE) else ValueError
        )
        raise kind(f"{answer['error']}: {answer['reason']}")
    (width, height), mode = map(int, answer["size"]), answer["mode"]
    if mode not in MODES or width < 1 or height < 1 or width * height > most:
        raise ValueError(f"{width}×{height} pixels of mode {mode} where {most} pixels were announced")
    return (width, height), mode, bool(answer.get("is_turned", True))
