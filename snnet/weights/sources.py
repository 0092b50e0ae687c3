"""Fetching a file of weights when asked for: from a hub repository or from an address, resumed and checked.

Complete files lie where other tools look for them: in the hub's cache, in torch.hub's checkpoints.
"""

import errno
import functools
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from snnet.weights.files import WeightsError

if TYPE_CHECKING:
    import httpx

Progress = Callable[[int, int], None]  # bytes that are here, bytes of the whole file
T = TypeVar("T")

ATTEMPTS = 3  # without a new byte, after which a server is given up; those that bring some don't count
REMEDY = "name it with --weights FILE"  # what to do with a file that was got elsewhere
BACK_OFF_S = 1.0  # before the next attempt, doubled by each that brought nothing


class _Failed(Exception):
    """One server's reason not to give the file."""


@dataclass(frozen=True)
class HubFile:
    """A file of a hub repository; `HF_ENDPOINT` names another hub, `HF_HUB_CACHE` or `HF_HOME` the cache."""

    repository: str  # owner/name
    filename: str
    revision: str | None = None  # a branch, tag or commit; None is the main branch

    @property
    def address(self) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repository, self.filename, revision=self.revision, endpoint=_endpoint())

    def here(self) -> Path | None:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.repository, self.filename, _hub_cache(), self.revision)
        return Path(found) if isinstance(found, str) else None

    def size(self) -> int:
        return self._asked()[1]

    def fetch(self, progress: Progress) -> Path:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.file_download import repo_folder_name
        from huggingface_hub.utils import build_hf_headers

        etag, size = self._asked()
        cache, folder = _hub_cache(), repo_folder_name(repo_id=self.repository, repo_type="model")
        # From 1.18 on, hf_hub_download deletes what an interrupted call received. So the blob is received
        # here, under the hub's own lock; the hub then finds it and does the rest of its bookkeeping.
        _Download(
            self.address,
            cache / folder / "blobs" / etag,
            cache / ".locks" / folder / f"{etag}.lock",
            progress,
            build_hf_headers(),
            size,
            sha256=etag if re.fullmatch("[0-9a-f]{64}", etag) else None,  # what LFS and Xet name files by
        ).run()
        with _as_reasons():
            file = hf_hub_download(
                self.repository, self.filename, revision=self.revision, cache_dir=cache, endpoint=_endpoint()
            )
        return Path(file)

    def _asked(self) -> tuple[str, int]:
        from huggingface_hub import get_hf_file_metadata

        with _as_reasons():
            found = get_hf_file_metadata(self.address, endpoint=_endpoint())
        if not found.etag or not re.fullmatch(r"[\w-]+", found.etag) or found.size is None:
            raise _Failed("the server answers unlike a hub, without the file's ETag or size")
        return found.etag, found.size


@dataclass(frozen=True)
class ReleaseFile:
    """A file behind a plain address, e.g. of a GitHub release; `TORCH_HOME` moves the cache."""

    url: str
    sha256: str | None = None  # 64 hexadecimal digits; a file of this name with another hash is replaced

    @property
    def address(self) -> str:
        return self.url

    @property
    def filename(self) -> str:
        return Path(unquote(urlsplit(self.url).path)).name

    @property
    def target(self) -> Path:
        """Where torch.hub keeps such files; torch is not imported for it."""
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        home = Path(os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))).expanduser()
        return home / "hub" / "checkpoints" / self.filename

    def here(self) -> Path | None:
        return self.target if _is(self.target, None, self.sha256) else None

    def size(self) -> int:
        with _client() as client:
            return _total(client.head(self.url).raise_for_status())

    def fetch(self, progress: Progress) -> Path:
        lock = _beside(self.target, ".lock")
        return _Download(self.url, self.target, lock, progress, sha256=self.sha256).run()


Source = HubFile | ReleaseFile


def here(sources: Sequence[Source]) -> Path | None:
    """Return the complete file in a cache folder, or None; no server is asked."""
    return next((found for source in sources if (found := source.here())), None)


def size(sources: Sequence[Source], remedy: str = REMEDY) -> int:
    """Return the file's size in bytes, from the first server that answers; nothing is downloaded.

    Raises WeightsError if none answers; `remedy` ends its sentence: what to do with the file got elsewhere.
    """
    return _first(sources, lambda source: source.size(), remedy=remedy)


def fetch(sources: Sequence[Source], progress: Progress | None = None, remedy: str = REMEDY) -> Path:
    """Return the complete, checked file; unless it is here, from the first of these mirrors that gives it.

    `progress` is told (bytes that are here, bytes of the file), never falling, from where an interrupted call
    stopped up to the end. What it raises ends the call and keeps what was received, for the next call. Raises
    WeightsError if no mirror gives the file; `remedy` ends its sentence.
    """
    if found := here(sources):
        return found
    report = _Report(progress)
    return _first(sources, lambda source: source.fetch(report), report, remedy)


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


class _Report:
    """A progress that never falls when a server or a mirror starts over; keeps the exception that cancels."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.highest = 0
        self.raised: BaseException | None = None

    def __call__(self, done: int, total: int) -> None:
        self.highest = max(self.highest, done)
        try:
            if self.progress:
                self.progress(min(self.highest, total), total)
        except BaseException as error:
            self.raised = error
            raise


def _first(
    sources: Sequence[Source],
    ask: Callable[[Source], T],
    report: _Report | None = None,
    remedy: str = REMEDY,
) -> T:
    import httpx

    reasons = []
    for source in sources:
        try:
            if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
                raise _Failed("HF_HUB_OFFLINE forbids it")
            return ask(source)
        except (_Failed, OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            if report and error is report.raised:
                raise
            reasons.append((f"{urlsplit(source.address).netloc}: {_reason(error)}", error))
    addresses = " or ".join(source.address for source in sources)
    places = [f"put it at {source.target}" for source in sources if isinstance(source, ReleaseFile)][:1]
    raise WeightsError(
        f"{sources[0].filename} can't be fetched ({'; '.join(reason for reason, _ in reasons)}): "
        f"get it from {addresses} and {' or '.join([*places, remedy])}"
    ) from reasons[-1][1]


def _reason(error: Exception) -> str:
    """Return an error in a few words; by name, as the hub's HTTP library depends on its version."""
    name = type(error).__name__
    if status := getattr(getattr(error, "response", None), "status_code", None):
        return f"HTTP {status}"
    if name == "ConnectError":
        return f"no network, {error}"
    if name.endswith("Timeout"):
        return "no answer in time"
    text = re.split(r"\.\s|\n", str(error))[0].rstrip(".")
    return text if isinstance(error, _Failed) else f"{name}, {text}"


@contextmanager
def _as_reasons() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the hub fails in many ways: of its own, its HTTP library's, the disk's
        raise _Failed(_reason(error)) from error


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _hub_cache() -> Path:
    """Return the hub's cache folder by the environment of now; the hub read it when it was imported."""
    from huggingface_hub import constants

    home = os.environ.get("HF_HOME")
    moved = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    folder = moved or (os.path.join(home, "hub") if home else constants.HF_HUB_CACHE)
    return Path(os.path.expandvars(folder)).expanduser()


def _client() -> "httpx.Client":
    import httpx

    headers = {"Accept-Encoding": "identity"}  # lengths and positions in a compressed file are others
    timeout_s = httpx.Timeout(30, connect=10)
    return httpx.Client(headers=headers, follow_redirects=True, timeout=timeout_s)


@dataclass(frozen=True)
class _Download:
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
        return _beside(self.target, ".part")

    def run(self) -> Path:
        """Receive, check and move the file; whoever waited for the lock finds it there."""
        from filelock import FileLock

        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.lock):
            if _is(self.target, self.size, self.sha256):
                return self.target
            total = self._receive()
            if (length := _length(self.part)) != total:
                raise self._discarded(f"{length:,} bytes came and not {total:,}")
            if self.sha256 and (found := _sha256(self.part)) != self.sha256.lower():
                raise self._discarded(
                    f"the SHA-256 of what came starts with {found[:12]} and not {self.sha256[:12]}"
                )
            os.replace(self.part, self.target)
            _beside(self.part, ".json").unlink(missing_ok=True)
        return self.target

    def _receive(self) -> int:
        """Fill the part in as many attempts as bring new bytes; return the bytes that it should have now."""
        import httpx

        start = reached = _length(self.part)
        idle = 0
        with _client() as client:
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

        done, headers, known = _length(self.part), dict(self.headers), self._known()
        total = known.get("size")
        if done and done == total:  # the last call ended between the last byte and the move
            self.progress(done, done)
            return done
        # with neither a validator nor a hash to check in the end, a changed file would go unnoticed
        if done and known and (known["validator"] or self.sha256):
            headers["Range"] = f"bytes={done}-"
            if known["validator"]:
                headers["If-Range"] = known["validator"]
        with client.stream("GET", self.url, headers=headers) as response:
            resumed = response.status_code == 206
            rest = f"bytes {done}-{(total or 0) - 1}/{total}"
            if response.status_code == 416 or (resumed and response.headers.get("Content-Range") != rest):
                self._discarded()
                raise httpx.RemoteProtocolError("the server has another file than before")
            response.raise_for_status()
            total = _total(response)
            if self.size not in (None, total):
                raise self._discarded(f"the server sends {total:,} bytes and names {self.size:,}")
            if _free(self.part) < total - _length(self.part):
                raise self._full(total)
            try:
                self._write(response, done if resumed else 0, total)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise self._full(total) from error
                raise
        return total

    def _write(self, response: "httpx.Response", done: int, total: int) -> None:
        with open(self.part, "ab" if done else "wb") as file:
            if not done:  # noted when the old bytes are gone: they are never taken for this file's
                etag, changed = (response.headers.get(name) for name in ("ETag", "Last-Modified"))
                validator = etag if etag and not etag.startswith("W/") else changed  # If-Range: no weak tags
                note = {"url": self.url, "size": total, "validator": validator}
                _beside(self.part, ".json").write_text(json.dumps(note))
            self.progress(done, total)
            for chunk in response.iter_bytes():
                file.write(chunk)
                done += len(chunk)
                self.progress(done, total)
            file.flush()
            os.fsync(file.fileno())

    def _known(self) -> dict[str, Any]:
        """Return the url, size in bytes and validator of the file that the part is of; {} if not known."""
        try:
            note = json.loads(_beside(self.part, ".json").read_text())
            return note if note["url"] == self.url else {}
        except (OSError, ValueError):
            return {}

    def _discarded(self, reason: str = "") -> _Failed:
        self.part.unlink(missing_ok=True)
        _beside(self.part, ".json").unlink(missing_ok=True)
        return _Failed(reason)

    def _full(self, total: int) -> _Failed:
        needed_mb, free_mb = (total - _length(self.part)) / 1e6, _free(self.part) / 1e6
        return _Failed(f"the disk is full, {needed_mb:,.1f} MB are needed and {free_mb:,.1f} MB are free")


def _total(response: "httpx.Response") -> int:
    """Return the bytes of the whole file that an answer is about."""
    ranged = response.headers.get("Content-Range", "").rpartition("/")[2]
    text = ranged or response.headers.get("Content-Length", "")
    if not text.isdigit():
        raise _Failed("the server doesn't say how long the file is")
    return int(text)


def _free(file: Path) -> int:
    return shutil.disk_usage(file.parent).free


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _length(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _is(file: Path, size: int | None, sha256: str | None) -> bool:
    if not file.is_file() or size not in (None, _length(file)):
        return False
    return sha256 is None or _sha256(file) == sha256.lower()


def _sha256(file: Path) -> str:
    found = file.stat()
    return _sha256_of(file, found.st_size, found.st_mtime_ns)


@functools.cache
def _sha256_of(file: Path, size: int, mtime_ns: int) -> str:
    """Read a file once as long as its size and time stay: `here` is asked often."""
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
