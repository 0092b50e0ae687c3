"""Data sets of the hub as photos: Parquet files read over the network by row groups, none stored."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from snnet.photos.decode import ABSENT, SUFFIXES
from snnet.photos.fingerprints import Remember, Source, combined
from snnet.photos.labels import LabelsAre
from snnet.photos.parquet import A, B, Parquet, names_of
from snnet.photos.store import SourceError

REQUESTS = 16  # at once, for footers and labels: many small ranges, each a round trip
TIMEOUT_S = 10.0  # for the hub's first answer

_PREFIX = re.compile(r"hf:/{1,2}datasets/")
_NAME = r"\w[\w.-]*"
_PLACE = re.compile(
    rf"(?P<repository>{_NAME}/{_NAME})(@(?P<revision>refs/[^/]+/[^/]+|[^/]+))?(/(?P<folder>.+?))?/?"
)


@dataclass(frozen=True)
class Place:
    """A data set of the hub: owner/name, a revision (None is the main branch) and perhaps a folder in it."""

    repository: str
    revision: str | None = None
    folder: str = ""


def place(text: str) -> Place | None:
    """Return the data set that hf://datasets/owner/name[@revision][/folder] or a bare owner/name means.

    None for the path of a file or folder, be it there or not. Raises ValueError for an address of the hub
    that names no data set.
    """
    address = text.startswith("hf:/")
    match = _PLACE.fullmatch(_PREFIX.sub("", text, count=1))
    if address and not (match and _PREFIX.match(text)):
        raise ValueError(f"{text} names no data set of the hub: give hf://datasets/owner/name[@revision]")
    if not match or not (address or _is_bare(text, match["folder"])):
        return None
    return Place(match["repository"], match["revision"] and unquote(match["revision"]), match["folder"] or "")


def _is_bare(text: str, folder: str | None) -> bool:
    is_file = PurePosixPath(text).suffix.lower() in {".parquet", *SUFFIXES, *ABSENT}
    return not (folder or text.endswith("/") or is_file or os.path.exists(text))


class HubParquet(Parquet):
    """Photos of one split of a data set, in Parquet files that stay on the hub.

    A row group is fetched whole when its first photo is needed (about 11 MB of ImageNet's), together with its
    labels; all labels at once take one small request a row group. The token is the one that the hub's library
    finds (HF_TOKEN, or `hf auth login`), and never part of a pickle.

    Raises SourceError where the hub doesn't give the photos, ValueError for a split that is not there.
    """

    local = False
    _OWN = Parquet._OWN | {"_system"}

    def __init__(self, place: Place, split: str, labels_are: LabelsAre = "names") -> None:
        from huggingface_hub import HfApi

        self.endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
        self.repository = place.repository
        with self._sentences(place.revision):
            info: Any = HfApi(endpoint=self.endpoint).dataset_info(
                self.repository, revision=place.revision, timeout=TIMEOUT_S, files_metadata=True
            )
            self.repository, self.commit = info.id, info.sha
            self._system.resolve_path(self._root)  # asks once what each thread would ask
        sizes = {file.rfilename: file.size for file in info.siblings or ()}  # bytes
        files = _files_of(split, sizes, place)
        self._sizes = [sizes[name] for name in files]
        self._card_names = _names_in(info.card_data)
        super().__init__(files, f"{self.repository} {split}", labels_are)

    def _class_names(self, schema: Any) -> tuple[str, ...] | None:
        return super()._class_names(schema) or self._card_names

    @property
    def _root(self) -> str:
        return f"datasets/{self.repository}@{self.commit}"

    @cached_property
    def _system(self) -> Any:
        from huggingface_hub import HfFileSystem

        # Own and shared by this object's threads: the library keeps one for each thread otherwise.
        return HfFileSystem(endpoint=self.endpoint, skip_instance_cache=True)

    def _address(self, file: Source) -> str:
        return str(file)

    def _open(self, number: int, images: bool) -> Any:
        import pyarrow.parquet as pq

        with self._sentences():
            file = self._system.open(
                f"{self._root}/{self.files[number]}",
                cache_type="none",  # no reading ahead: a label's range is a few hundred bytes
                size=self._sizes[number],
            )
        # Buffered, the columns of a row group come in one range.
        return pq.ParquetFile(_Ranges(file, self._sentences), pre_buffer=images)

    def _size(self, number: int) -> int:
        return int(self._sizes[number])

    def _each(self, function: Callable[[A], B], items: Iterable[A]) -> list[B]:
        with ThreadPoolExecutor(REQUESTS) as pool:
            return list(pool.map(function, items))

    def _beside(self, number: int, name: str) -> bytes:
        return b""

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str:
        return combined("hub", self.repository, self.commit, *self.files)

    def order(self, rows: Sequence[int], remember: Remember | None) -> str:
        return combined("order", self.fingerprint(None, remember))

    @contextmanager
    def _sentences(self, revision: str | None = None) -> Iterator[None]:
        try:
            yield
        except SourceError:
            raise
        except Exception as error:  # the hub fails in many ways: of its own, its HTTP library's
            page = f"{self.endpoint or 'https://huggingface.co'}/datasets/{self.repository}"
            raise SourceError(_sentence(error, self.repository, page, revision)) from error


class _Ranges:
    """A file of the hub as pyarrow reads it, any failure of whose ranges is a SourceError."""

    def __init__(self, file: Any, sentences: Callable[[], AbstractContextManager[None]]) -> None:
        self._file, self._sentences = file, sentences

    def read(self, count: int = -1) -> Any:
        with self._sentences():
            return self._file.read(count)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _files_of(split: str, names: Iterable[str], place: Place) -> list[str]:
    """Return the Parquet files of a split, sorted; ValueError where there is none, or more than one set."""
    below = [PurePosixPath(name) for name in sorted(names) if name.endswith(".parquet")]
    below = [path for path in below if PurePosixPath(place.folder) in path.parents]
    where = place.repository + (f"/{place.folder}" if place.folder else "")
    if not below:
        raise ValueError(
            f"{where} holds no Parquet files; the hub's own conversion may be at "
            f"hf://datasets/{place.repository}@refs/convert/parquet"
        )
    roots = {path: root for path in below if (root := _root(path, split)) is not None}
    if not roots:
        splits = ", ".join(sorted({*map(_split, below)}))
        raise ValueError(f"{where} has no split {split!r}: give one of {splits}")
    folders = sorted({*map(str, roots.values())})
    if len(folders) > 1:
        raise ValueError(
            f"{where} has a split {split!r} in each of {', '.join(folders)}: give one of the folders, as in "
            f"hf://datasets/{place.repository}/{next(folder for folder in folders if folder != '.')}"
        )
    return list(map(str, roots))


def _root(path: PurePosixPath, split: str) -> PurePosixPath | None:
    """Return the folder that holds a split of which this is a file, or None."""
    if path.name.startswith((f"{split}-", f"{split}.")):
        return path.parent
    return path.parent.parent if path.parent.name == split else None


def _split(path: PurePosixPath) -> str:
    """Return the split that a file's name, or its folder's, is of."""
    name = re.sub(r"(-\d+-of-\d+)?(\..*)?$", "", path.name)
    return path.parent.name or name if re.fullmatch(r"[\d_-]*", name) else name


def _names_in(card: Any) -> tuple[str, ...] | None:
    """Return the names of the classes in a data set's card, where it has one list of them; None otherwise."""
    every = set()
    try:
        parts = (card or {}).get("dataset_info") or []
        for part in parts if isinstance(parts, list) else [parts]:
            for feature in part["features"]:
                if feature["name"] == "label":
                    every.add(names_of(feature["dtype"]["class_label"]["names"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return every.pop() if len(every) == 1 else None


def _sentence(error: BaseException, repository: str, page: str, revision: str | None) -> str:
    """Return what went wrong and what to do; errors by name: the hub's HTTP library varies."""
    error = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", None)
    if "GatedRepoError" in kinds or status == 403:
        if _token():
            return (
                f"{repository} is gated, and the account of your token has no access: accept the terms at "
                f"{page} with that account, and let the token read gated repositories"
            )
        return (
            f"{repository} is gated: accept the terms at {page}, then set HF_TOKEN to a token of your account"
        )
    if "RepositoryNotFoundError" in kinds or (status == 401 and not _token()):
        return (
            f"the hub shows you no data set {repository}: check the name; if it is gated or private, accept "
            f"the terms at {page} and set HF_TOKEN to a token of your account"
        )
    if "RevisionNotFoundError" in kinds:
        return f"{repository} has no revision {revision!r}: give a branch, a tag or a commit of {page}"
    if status == 401:
        return (
            "the hub refuses your token: set HF_TOKEN to a valid one (https://huggingface.co/settings/tokens)"
        )
    if "OfflineModeIsEnabled" in kinds:
        return f"{repository} is on the hub, and HF_HUB_OFFLINE forbids to ask it: unset that, or give a path"
    if kinds & {"NetworkError", "TimeoutException", "ConnectionError"}:
        return f"no answer from the hub for {repository}: check the network, or give photos of this machine"
    reason = f"HTTP {status}" if status else f"{type(error).__name__}, {str(error).partition(chr(10))[0]}"
    return f"the hub fails to give {repository} ({reason}): try again later"


def _token() -> str | None:
    from huggingface_hub import get_token

    return get_token()
