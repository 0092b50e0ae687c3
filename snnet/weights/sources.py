"""Fetching a file of weights when asked for: from a hub repository or from an address, resumed and checked.

Complete files lie where other tools look for them: in the hub's cache, in torch.hub's checkpoints.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar
from urllib.parse import unquote, urlsplit

from snnet import files, paths
from snnet.weights.files import WeightsError
from snnet.weights.transfer import Download, Failure, Progress, beside, http_client, is_whole, length_of

T = TypeVar("T")

REMEDY = "name it with --weights FILE"  # what to do with a file that was got elsewhere


@dataclass(frozen=True)
class HubFile:
    """A file of a hub repository; `HF_ENDPOINT` names another hub, `HF_HUB_CACHE` or `HF_HOME` the cache."""

    repository: str  # owner/name
    filename: str
    revision: str | None = None  # a branch, tag or commit; None is the main branch
    variable: ClassVar[str] = "HF_HOME"  # which moves its place

    @property
    def address(self) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repository, self.filename, revision=self.revision, endpoint=_endpoint())

    @property
    def place(self) -> Path:
        """Where it is received, in the hub's cache."""
        from huggingface_hub.file_download import repo_folder_name

        folder = repo_folder_name(repo_id=self.repository, repo_type="model")
        return _hub_cache() / folder / "blobs" / self.filename

    def here(self) -> Path | None:
        from huggingface_hub import try_to_load_from_cache

        file = try_to_load_from_cache(self.repository, self.filename, _hub_cache(), self.revision)
        return Path(file) if isinstance(file, str) else None

    def size(self) -> int:
        return self._etag_and_size()[1]

    def fetch(self, progress: Progress) -> Path:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.file_download import repo_folder_name
        from huggingface_hub.utils import build_hf_headers

        etag, size = self._etag_and_size()
        cache, folder = _hub_cache(), repo_folder_name(repo_id=self.repository, repo_type="model")
        # From 1.18 on, hf_hub_download deletes what an interrupted call received. So the blob is received
        # here, under the hub's own lock; the hub then finds it and does the rest of its bookkeeping.
        Download(
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

    def _etag_and_size(self) -> tuple[str, int]:
        from huggingface_hub import get_hf_file_metadata

        with _as_reasons():
            metadata = get_hf_file_metadata(self.address, endpoint=_endpoint())
        if not metadata.etag or not re.fullmatch(r"[\w-]+", metadata.etag) or metadata.size is None:
            raise Failure("the server answers unlike a hub, without the file's ETag or size")
        return metadata.etag, metadata.size


@dataclass(frozen=True)
class ReleaseFile:
    """A file behind a plain address, e.g. of a GitHub release; `TORCH_HOME` moves the cache."""

    url: str
    sha256: str | None = None  # 64 hexadecimal digits; a file of this name with another hash is replaced
    variable: ClassVar[str] = "TORCH_HOME"  # which moves its place

    @property
    def address(self) -> str:
        return self.url

    @property
    def filename(self) -> str:
        return Path(unquote(urlsplit(self.url).path)).name

    @property
    def target(self) -> Path:
        """Where torch.hub keeps such files; torch is not imported for it."""
        moved = os.environ.get("TORCH_HOME")
        home = Path(moved).expanduser() if moved else paths.cache() / "torch"
        return home / "hub" / "checkpoints" / self.filename

    @property
    def place(self) -> Path:
        return self.target

    def here(self) -> Path | None:
        return self.target if is_whole(self.target, None, self.sha256) else None

    def size(self) -> int:
        with http_client() as client:
            return length_of(client.head(self.url).raise_for_status())

    def fetch(self, progress: Progress) -> Path:
        lock = beside(self.target, ".lock")
        return Download(self.url, self.target, lock, progress, sha256=self.sha256).run()


Source = HubFile | ReleaseFile


def here(sources: Sequence[Source]) -> Path | None:
    """Return the complete file in a cache folder, or None; no server is metadata."""
    return next((file for source in sources if (file := source.here())), None)


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
    if file := here(sources):
        return file
    report = _Report(progress)
    return _first(sources, lambda source: source.fetch(report), report, remedy)


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

    reasons, places = [], []
    for source in sources:
        try:
            if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
                raise Failure("HF_HUB_OFFLINE forbids it")
            return ask(source)
        except (Failure, OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            if report and error is report.raised:
                raise
            if files.is_places(error):
                places.append(_no_place(source, error))
            reasons.append((f"{urlsplit(source.address).netloc}: {_reason(error)}", error))
    addresses = " or ".join(source.address for source in sources)
    if len(places) == len(reasons):  # this machine's doing, and not a server's
        raise WeightsError(
            f"{sources[0].filename} can't be fetched, as {'; '.join(places)}, or get it from {addresses} and "
            f"{remedy}"
        ) from reasons[-1][1]
    targets = [f"put it at {source.target}" for source in sources if isinstance(source, ReleaseFile)][:1]
    raise WeightsError(
        f"{sources[0].filename} can't be fetched ({'; '.join(reason for reason, _ in reasons)}): "
        f"get it from {addresses} and {' or '.join([*targets, remedy])}"
    ) from reasons[-1][1]


def _no_place(source: Source, error: Exception) -> str:
    """Return in a sentence why a file can't lie where it is to lie, and what helps."""
    assert isinstance(error, OSError)
    elsewhere = f"let {source.variable} name another folder"
    needed = getattr(error, "needed", 0)
    return files.sentence(f"{source.place} can't be written", error, source.place, elsewhere, needed)


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
    return text if isinstance(error, Failure) else f"{name}, {text}"


@contextmanager
def _as_reasons() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the hub fails in many ways: of its own, its HTTP library's
        if files.is_places(error):
            raise
        raise Failure(_reason(error)) from error


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _hub_cache() -> Path:
    """Return the hub's cache folder by the environment of now; the hub read it when it was imported."""
    home = os.environ.get("HF_HOME")
    moved = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    folder = moved or os.path.join(home or paths.cache() / "huggingface", "hub")
    return Path(os.path.expandvars(folder)).expanduser()
