"""Visitors' photos in memory: so many pixels at once, and what networks saw kept for the next budget."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import machine

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from snnet.photos.transform import Transform

MEGAPIXELS = 128  # decoded at once: two of the largest
LARGE = 8_000_000  # pixels, whose memory is worth some milliseconds to give back
KEPT_BYTES = 128 << 20  # of tensors: some 200 photos at one size; the longest unused go first
NOTES = 1000  # of the newest photos


def _identity(path: str) -> tuple[str, int, int]:
    """Return what tells a file from what lay there before."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # `decode` says it
        return path, 0, 0
    return path, status.st_size, status.st_mtime_ns


class _Budget:
    """So many pixels at once; more than that alone, where nobody else has any."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._use = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._use or self._use + pixels <= self._most)
            self._use += pixels
        try:
            yield
        finally:
            with self._changed:
                self._use -= pixels
                self._changed.notify_all()


class Photos:
    """Decodes photos for all visitors, `megapixels` at once at most."""

    def __init__(self, megapixels: float = MEGAPIXELS) -> None:
        self._pixels = _Budget(round(megapixels * 1e6))
        self._tensors: OrderedDict[tuple[str, int, int, str], Tensor] = OrderedDict()
        self._notes: dict[tuple[str, int, int], str] = {}  # of the few photos that have one
        self._bytes = 0
        self._lock = threading.Lock()

    @contextmanager
    def decode(self, path: str) -> "Iterator[Image]":
        """Give a photo while its pixels are held; raises PhotoError with a sentence for the visitor."""
        from snnet.photos import decode

        pixels = decode.pixels_of(path)
        with self._pixels.hold(pixels):
            photo = decode.decode(path)
            try:
                yield photo
            finally:
                photo.close()
                del photo
                if pixels > LARGE:
                    machine.trim()

    def tensors(self, path: str, transforms: "Iterable[Transform]") -> "dict[Transform, Tensor]":
        """Return a photo as each transform makes it, (1, 3, S, S): from memory where it was asked before.

        Raises PhotoError with a sentence for the visitor.
        """
        needed = dict.fromkeys(transforms)
        file = _identity(path)
        tensors = {}
        with self._lock:
            for transform in needed:
                if (key := (*file, transform.key)) in self._tensors:
                    self._tensors.move_to_end(key)
                    tensors[transform] = self._tensors[key]
        missing = [transform for transform in needed if transform not in tensors]
        if missing:
            with self.decode(path) as photo:
                self._note(file, photo)
                for transform in missing:
                    tensors[transform] = transform(photo)[None]
            self._keep({(*file, transform.key): tensors[transform] for transform in missing})
        return tensors

    def note(self, path: str) -> str:
        """Return what there is to say of a photo of which `tensors` were made, "" of most."""
        return self._notes.get(_identity(path), "")

    def _note(self, file: tuple[str, int, int], photo: "Image") -> None:
        from snnet.photos.decode import NOTE

        if note := photo.info.get(NOTE):
            with self._lock:
                self._notes[file] = note
                while len(self._notes) > NOTES:
                    del self._notes[next(iter(self._notes))]

    def _keep(self, tensors: "dict[tuple[str, int, int, str], Tensor]") -> None:
        with self._lock:
            for key, tensor in tensors.items():
                if key not in self._tensors:
                    self._bytes += tensor.nbytes
                self._tensors[key] = tensor
            while self._bytes > KEPT_BYTES:
                self._bytes -= self._tensors.popitem(last=False)[1].nbytes
