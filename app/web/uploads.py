"""The photos that visitors uploaded: a folder of this process alone, bounded in size, emptied in time.

A photo's path has a random part that only its sender hears of, and no path is taken that was not given out:
whoever doesn't know a photo's path can neither see it nor ask about it.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows: what a killed app left waits for the system's own sweep
    fcntl = None  # type: ignore[assignment]

from snnet import files

from .refusal import Refusal

MOST_GB = 2.0
AGE_S = 24 * 3600.0  # without a question, after which a photo is removed
SWEEP_S = 600.0  # between two looks for such
ROOM_BYTES = 1 << 26  # of a full disk that the next photo needs
NO_ROOM = "There is no room for another photo just now: try again."
NAME = "snnet-uploads-"
ELSEWHERE = "let TMPDIR name another folder"
LOCK = "lock"  # held as long as the process lives
NEWBORN_S = 60.0  # within which a folder may have no lock yet


@dataclass
class _Photo:
    size: int = 0
    readers: int = 1  # whoever writes it is one
    last_use: float = 0.0


class Uploads:
    """The uploads of one process, in a folder of its own below `parent` (the system's folder for such).

    More than `most_gb` are never on disk: the longest unused goes first, never one that is being read.
    """

    def __init__(
        self, most_gb: float = MOST_GB, age_s: float = AGE_S, parent: str | os.PathLike[str] | None = None
    ) -> None:
        if not most_gb > 0:
            raise ValueError(f"uploads of {most_gb:g} GB: name a size above 0")
        home = Path(parent or tempfile.gettempdir()).resolve()
        _sweep_dead(home)
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=NAME, dir=home))  # 0700: no other user of the machine
            self._hold = _locked(self.folder / LOCK)
        except OSError as error:
            what = f"visitors' photos can't be kept in {home}"
            raise files.WriteError(files.sentence(what, error, home / NAME, ELSEWHERE)) from error
        self._most, self._age_s = int(most_gb * 1e9), age_s
        self._size = 0
        self._lock = threading.Lock()
        self._photos: OrderedDict[str, _Photo] = OrderedDict()  # the longest unused first
        self._closing = threading.Event()
        threading.Thread(target=self._sweep_now_and_then, daemon=True, name="uploads").start()

    # ------------------------------------------------------------------------------------- writing

    @contextlib.contextmanager
    def writing(self, name: str) -> "Iterator[Upload]":
        """Give a new photo to write; it is removed again if writing it fails."""
        path = self.folder / secrets.token_urlsafe(18) / _plain(name)
        with self._lock:
            self._photos[str(path)] = _Photo(last_use=time.monotonic())
        try:
            path.parent.mkdir(mode=0o700)
            with path.open("xb") as file:
                yield Upload(self, str(path), file)
        except BaseException as error:
            with self._lock:
                self._remove(str(path))
            if files.is_full(error):
                self._make_room()
                raise Refusal(503, NO_ROOM, Retry_After="10") from error
            raise
        self._leave(str(path))

    def grow(self, path: str, size: int) -> None:
        """Make room for so many bytes more of a photo; Refusal where there is none."""
        with self._lock:
            while self._size + size > self._most:
                unused = (other for other, photo in self._photos.items() if not photo.readers)
                if (oldest := next(unused, None)) is None:
                    raise Refusal(503, NO_ROOM, Retry_After="10")
                self._remove(oldest)
            self._size += size
            self._photos[path].size += size

    def _make_room(self) -> None:
        """Remove the longest unused, so that a photo finds room on a disk that others have filled."""
        with self._lock:
            unused = [path for path, photo in self._photos.items() if not photo.readers]
            while unused and shutil.disk_usage(self.folder).free < ROOM_BYTES:
                self._remove(unused.pop(0))

    # ------------------------------------------------------------------------------------- reading

    @contextlib.contextmanager
    def reading(self, image: Any) -> Iterator[str]:
        """Give the path of {"path": an upload's}, which stays as long as it is read.

        Raises ValueError for anything else, whatever it names on this machine.
        """
        path = image.get("path") if isinstance(image, dict) else None
        with self._lock:
            photo = self._photos.get(path) if isinstance(path, str) else None
            if not isinstance(path, str) or photo is None:
                raise ValueError("No photo was uploaded: send an image file.")
            photo.readers += 1
        try:
            yield path
        finally:
            self._leave(path)

    def _leave(self, path: str) -> None:
        with self._lock:
            if photo := self._photos.get(path):
                photo.readers -= 1
                photo.last_use = time.monotonic()
                self._photos.move_to_end(path)

    # ------------------------------------------------------------------------------------ removing

    @property
    def size(self) -> int:
        """Return how many bytes there are."""
        return self._size

    def sweep(self) -> None:
        """Remove what nobody asked about for long."""
        with self._lock:
            before = time.monotonic() - self._age_s
            for path, photo in list(self._photos.items()):
                if not photo.readers and photo.last_use < before:
                    self._remove(path)

    def close(self) -> None:
        """Remove the folder and all in it."""
        self._closing.set()
        with self._lock:
            self._photos.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._hold:
            self._hold.close()

    def _remove(self, path: str) -> None:
        self._size -= self._photos.pop(path).size
        shutil.rmtree(Path(path).parent, ignore_errors=True)

    def _sweep_now_and_then(self) -> None:
        while not self._closing.wait(SWEEP_S):
            self.sweep()


@dataclass(frozen=True)
class Upload:
    """A photo that is being written."""

    uploads: Uploads
    path: str
    file: BinaryIO

    def write(self, piece: bytes) -> None:
        """Write what came next; Refusal where there is no room for it."""
        self.uploads.grow(self.path, len(piece))
        self.file.write(piece)


def _plain(name: str) -> str:
    """Return a file's name without what could lead elsewhere: the page's sentences name a photo by it."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    letters = "".join(letter for letter in last if letter.isalnum() or letter in "._- ").strip(". ")
    while len(letters.encode()) > 120:  # a file's name has 255 bytes at most
        letters = letters[1:]
    return letters or "photo"


def _locked(path: Path) -> BinaryIO | None:
    """Return the open file with a lock that ends with this process; None where somebody else holds it."""
    file = path.open("ab")
    if fcntl:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
    return file


def _sweep_dead(home: Path) -> None:
    """Remove the folders of processes that were killed."""
    if not fcntl:
        return
    for folder in home.glob(f"{NAME}*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours after all
            state = folder.lstat()
            if folder.is_symlink() or state.st_uid != os.getuid():
                continue
            lock = folder / LOCK
            if not lock.exists() and time.time() - state.st_mtime < NEWBORN_S:
                continue
            if hold := _locked(lock):
                shutil.rmtree(folder, ignore_errors=True)
                hold.close()
