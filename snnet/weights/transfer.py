"""One file's way from one server to its place: received in attempts, resumed, checked by length and hash."""

import errno
import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet.weights import proxies

if TYPE_CHECKING:
    import httpx

Progress = Callable[[int, int], None]  # bytes that are here, bytes of the whole file

ATTEMPTS = 3  # without a new byte, after which a server is given up; those that bring some don't count
BACK_OFF_S = 1.0  # before the next attempt, doubled by each that brought nothing


class Failure(Exception):
    """One server's reason not to give the file."""


class Full(OSError):
    """There is no room for so many bytes."""

    def __init__(self, needed: int) -> None:
        super().__init__(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.needed = needed


def http_client() -> "httpx.Client":
    import httpx

    headers = {"Accept-Encoding": "identity"}  # lengths and positions in a compressed file are others
    timeout_s = httpx.Timeout(30, connect=10)
    if trouble := proxies.trouble():
        raise Failure(trouble)
    return httpx.Client(headers=headers, follow_redirects=True, timeout=timeout_s)


@dataclass(frozen=True)
class Download:
    """One server's file on its way to `target`, by way of `.part` and what `.part.json` notes about that."""

    url: str
    target: Path
    lock: Path
    progress: Progress
    headers: dict[str, str] = field(default_factory=dict)
    size: int | None = None
    sha256: str | None = None

    @property
    def part(self) -> Path:
        return beside(self.target, ".part")

    def run(self) -> Path:
        """Receive, check and move the file; whoever waited for the lock finds it there."""
        from filelock import FileLock

        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.lock):
            if is_whole(self.target, self.size, self.sha256):
                return self.target
            try:
                total = self._receive()
            except BaseException:
                if not _length(self.part):  # nothing to go on from
                    with suppress(OSError):
                        self._discarded()
                raise
            if (length := _length(self.part)) != total:
                raise self._discarded(f"{length:,} bytes came and not {total:,}")
            if self.sha256 and (digest := _sha256(self.part)) != self.sha256.lower():
                raise self._discarded(
                    f"the SHA-256 of what came starts with {digest[:12]} and not {self.sha256[:12]}"
                )
            os.replace(self.part, self.target)
            beside(self.part, ".json").unlink(missing_ok=True)
        return self.target

    def _receive(self) -> int:
        """Fill the part in as many attempts as bring new bytes; return the bytes that it should have now."""
        import httpx

        start = reached = _length(self.part)
        idle = 0
        with http_client() as client:
            while True:
                try:
                    return self._attempt(client)
                except httpx.TransportError as error:
                    idle = 0 if _length(self.part) > reached else idle + 1
                    reached = max(reached, _length(self.part))
                    unreachable = isinstance(error, httpx.ConnectError | httpx.TimeoutException)
                    if idle == ATTEMPTS or (unreachable and reached == start):
                        raise
                    time.sleep(BACK_OFF_S * 2**idle)

    def _attempt(self, client: "httpx.Client") -> int:
        import httpx

        done, headers, note = _length(self.part), dict(self.headers), self._note()
        total = note.get("size")
        if done and done == total:  # the last call ended between the last byte and the move
            self.progress(done, done)
            return done
        # with neither a validator nor a hash to check in the end, a changed file would go unnoticed
        if done and note and (note["validator"] or self.sha256):
            headers["Range"] = f"bytes={done}-"
            if note["validator"]:
                headers["If-Range"] = note["validator"]
        with client.stream("GET", self.url, headers=headers) as response:
            resumed = response.status_code == 206
            rest = f"bytes {done}-{(total or 0) - 1}/{total}"
            if response.status_code == 416 or (resumed and response.headers.get("Content-Range") != rest):
                self._discarded()
                raise httpx.RemoteProtocolError("the server has another file than before")
            response.raise_for_status()
            total = length_of(response)
            if self.size not in (None, total):
                raise self._discarded(f"the server sends {total:,} bytes and names {self.size:,}")
            if _free(self.part) < total - _length(self.part):
                raise Full(total - _length(self.part))
            try:
                self._write(response, done if resumed else 0, total)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise Full(total - _length(self.part)) from error
                raise
        return total

    def _write(self, response: "httpx.Response", done: int, total: int) -> None:
        with open(self.part, "ab" if done else "wb") as file:
            if not done:  # noted when the old bytes are gone: they are never taken for this file's
                etag, changed = (response.headers.get(name) for name in ("ETag", "Last-Modified"))
                validator = etag if etag and not etag.startswith("W/") else changed  # If-Range: no weak tags
                note = {"url": self.url, "size": total, "validator": validator}
                beside(self.part, ".json").write_text(json.dumps(note))
            self.progress(done, total)
            for chunk in response.iter_bytes():
                file.write(chunk)
                done += len(chunk)
                self.progress(done, total)
            file.flush()
            os.fsync(file.fileno())

    def _note(self) -> dict[str, Any]:
        """Return the url, size in bytes and validator of the file that the part is of; {} without a note."""
        try:
            note = json.loads(beside(self.part, ".json").read_text())
            return note if note["url"] == self.url else {}
        except (OSError, ValueError):
            return {}

    def _discarded(self, reason: str = "") -> Failure:
        self.part.unlink(missing_ok=True)
        beside(self.part, ".json").unlink(missing_ok=True)
        return Failure(reason)


def length_of(response: "httpx.Response") -> int:
    """Return the bytes of the whole file that an answer is about."""
    ranged = response.headers.get("Content-Range", "").rpartition("/")[2]
    text = ranged or response.headers.get("Content-Length", "")
    if not text.isdigit():
        raise Failure("the server doesn't say how long the file is")
    return int(text)


def _free(file: Path) -> int:
    return shutil.disk_usage(file.parent).free


def beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _length(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def is_whole(file: Path, size: int | None, sha256: str | None) -> bool:
    if not file.is_file() or size not in (None, _length(file)):
        return False
    return sha256 is None or _sha256(file) == sha256.lower()


def _sha256(file: Path) -> str:
    stat = file.stat()
    return _sha256_of(file, stat.st_size, stat.st_mtime_ns)


@functools.cache
def _sha256_of(file: Path, size: int, mtime_ns: int) -> str:
    """Read a file once as long as its size and time stay: `here` is asked often."""
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def console_progress(name: str) -> Iterator[Progress]:
    """Give a progress that draws a bar on stderr, from the first byte that was not here before."""
    from tqdm import tqdm

    bar: Any = None

    def draw(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=total, initial=done, desc=name, unit="B", unit_scale=True, unit_divisor=1000)
        bar.total = total
        bar.update(done - bar.n)

    try:
        yield draw
    finally:
        if bar is not None:
            bar.close()
