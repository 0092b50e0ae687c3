"""Sets of photos with labels, from Parquet files or folders, and their way through a network's transform."""

import glob
import hashlib
import os
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from . import photos as _photos
from .photos import PhotoError

if TYPE_CHECKING:
    import torch

Source = str | os.PathLike[str]


class Remember(Protocol):
    """Keeps the sha256 of a file's content by (path, bytes, mtime in ns): a dict, or a store's table."""

    def get(self, key: tuple[str, int, int], /) -> str | None: ...

    def __setitem__(self, key: tuple[str, int, int], fingerprint: str, /) -> None: ...


UNKNOWN = -1  # the label of a photo whose class is not known

_ACCEPTED = "a Parquet file, several, a glob of them, a folder of Parquet files, or a folder of photos"
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")
# Four class names stand twice in the table of first lemmas; these tell them apart.
_NAMES = {134: "crane (bird)", 517: "crane (machine)", 638: "maillot", 639: "tank suit"}


# ---------------------------------------------------------------------------------------------- transforms


@dataclass(frozen=True)
class Transform:
    """timm's evaluation transform: short side to `image_size / crop`, centre crop, normalised."""

    image_size: int  # px, of the square that the network sees
    crop: float = 0.875  # of the resized short side, the ImageNet convention
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # ImageNet's, of RGB in 0..1
    std: tuple[float, ...] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        # Equal transforms must have equal keys, whether their figures came as int, float or list.
        for name, value in (("image_size", int(self.image_size)), ("crop", float(self.crop))):
            object.__setattr__(self, name, value)
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        if self.image_size < 1:
            raise ValueError(f"image size {self.image_size} is not a number of pixels: at least 1")
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop {self.crop} is outside 0 to 1: a fraction of the resized short side")
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(f"interpolation {self.interpolation!r} is none of {', '.join(_INTERPOLATIONS)}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(f"mean {self.mean} and std {self.std} must be three figures each, std above 0")

    @property
    def key(self) -> str:
        """Stable text that names everything the result depends on; equal for equal transforms."""
        mean, std = (",".join(map(repr, values)) for values in (self.mean, self.std))
        return f"size={self.image_size} crop={self.crop!r} {self.interpolation} mean={mean} std={std}"

    def __call__(self, image: Image.Image) -> "torch.Tensor":
        """Return a photo as a network's input, (3, image_size, image_size) float32."""
        result: torch.Tensor = _pipeline(self)(image if image.mode == "RGB" else image.convert("RGB"))
        return result


@cache
def _pipeline(transform: Transform) -> Callable[[Image.Image], Any]:
    from timm.data import create_transform

    pipeline: Callable[[Image.Image], Any] = create_transform(
        input_size=(3, transform.image_size, transform.image_size),
        is_training=False,
        crop_pct=transform.crop,
        interpolation=transform.interpolation,
        mean=transform.mean,
        std=transform.std,
    )
    return pipeline


# ------------------------------------------------------------------------------------------------- classes


@cache
def class_names() -> tuple[str, ...]:
    """Return the 1,000 ImageNet-1k classes in order of index, each by a short English name of its own."""
    return tuple(_NAMES.get(index, lemmas[0]) for index, (_, lemmas) in enumerate(_classes()))


@cache
def _classes() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return synset and lemmas of each ImageNet-1k class, in order of index."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    return tuple(
        (synset, tuple(lemma.strip() for lemma in info.label_name_to_description(synset).split(",")))
        for synset in info.label_names()
    )


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


@cache
def _class_indices() -> dict[str, int]:
    """Return the index by synset and by every name that means one class only."""
    meant: dict[str, set[int]] = {}
    for index, (synset, lemmas) in enumerate(_classes()):
        for name in (synset, class_names()[index], *(() if index in _NAMES else lemmas)):
            meant.setdefault(_plain(name), set()).add(index)
    return {name: indices.pop() for name, indices in meant.items() if len(indices) == 1}


# -------------------------------------------------------------------------------------------- fingerprints


def fingerprint(paths: Sequence[Source], remember: Remember | None = None) -> str:
    """Return the sha256 of the files' contents, whatever their names and order.

    `remember` keeps the hash of each file by path, size and time, so that a later call reads nothing anew;
    anything with `get` and `[...] =` will do. A file of 127 MB takes 0.1 s.
    """
    return _combined("files", *sorted(_content(Path(path), remember) for path in paths))


def _content(path: Path, remember: Remember | None) -> str:
    status = path.stat()
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    if remember is not None and (known := remember.get(key)):
        return known
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if remember is not None:
        remember[key] = digest
    return digest


def _combined(*parts: str) -> str:
    # Length before text, so that no two lists of parts read alike.
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


# -------------------------------------------------------------------------------------------------- photos


class _Store(Protocol):
    """Where photos lie: all of them, in a fixed order, none decoded."""

    title: str
    note: str  # what `describe` adds
    imagenet: bool  # the labels are indices of ImageNet-1k
    labels: tuple[int, ...]

    def read(self, row: int) -> tuple[Source | bytes, str | None]: ...  # what photos.decode takes

    def where(self, row: int) -> str: ...

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str: ...


class Photos:
    """A sequence of photos, each decoded when asked for: `photos[i]` is (RGB image, label).

    A label is an index of ImageNet-1k (unless `imagenet` is false), UNKNOWN (-1) where there is none. Safe
    to use from several threads, and to send to other processes. Indexing raises PhotoError, naming the photo,
    for one that cannot be decoded. Made by `open_photos`.
    """

    def __init__(
        self, store: _Store, limit: int | None = None, seed: int = 0, remember: Remember | None = None
    ) -> None:
        self._store = store
        self._remember = remember
        self._rows: Sequence[int] = range(len(store.labels))
        self._sample = ""
        if limit is not None and limit < len(store.labels):
            import numpy as np

            rows = np.random.default_rng(seed).choice(len(store.labels), limit, replace=False)
            self._rows = sorted(rows.tolist())
            self._sample = f"{limit} photos by seed {seed}"
        self.labels: tuple[int, ...] = tuple(store.labels[row] for row in self._rows)
        self.imagenet = store.imagenet

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        row = self._rows[index]
        try:
            content, name = self._store.read(row)
            return _photos.decode(content, name), self.labels[index]
        except PhotoError as error:
            raise PhotoError(f"{self._store.where(row)}: {error}") from error

    def __iter__(self) -> Iterator[tuple[Image.Image, int]]:
        return (self[index] for index in range(len(self)))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the files the photos come from, and of the sample; computed when first asked."""
        if not self._sample:
            return self._store.fingerprint(None, self._remember)
        return _combined("sample", self._sample, self._store.fingerprint(self._rows, self._remember))

    def describe(self) -> str:
        """Return one line for a table or a legend, such as "val.parquet (1,000 photos of 20 classes)"."""
        total = len(self._store.labels)
        count = f"{len(self):,}" if len(self) == total else f"{len(self):,} of {total:,}"
        classes = len({*self.labels} - {UNKNOWN})
        unknown = self.labels.count(UNKNOWN)
        text = f"{count} photo{'s' * (total != 1)}"
        if classes:
            text += f" of {classes:,} class{'es' * (classes != 1)}"
        if unknown:
            text += f", {unknown:,} unlabelled" if classes else ", unlabelled"
        return f"{self._store.title} ({text}{self._store.note and '; '}{self._store.note})"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_remember": None}  # may be a database, which stays in its process


def open_photos(
    path: Source | Sequence[Source],
    limit: int | None = None,
    seed: int = 0,
    remember: Remember | None = None,
) -> Photos:
    """Open a set of photos without decoding any.

    `path` is a Parquet file with the columns `image` (bytes, or a struct of bytes and path) and perhaps
    `label`; several such files, as a list, a glob or a folder; or a folder of photos, flat (labels unknown)
    or with a sub-folder for each class, named by synset (n01440764) or by an ImageNet-1k class name. Where no
    sub-folder's name is either, classes are numbered by sorted name, and `imagenet` is false. `limit` takes a
    random sample of that many photos, the same for the same seed, in their order. `remember`: see
    `fingerprint`.

    Raises FileNotFoundError where nothing is there, ValueError for what is not a set of photos or a limit
    below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit {limit} is below 1: the number of photos to take, or None for all")
    if isinstance(path, str | os.PathLike):
        text = os.path.expanduser(os.fspath(path))
        found, title = _found(text), Path(text).name or Path(text).resolve().name
        if os.path.isdir(text):
            store: _Store = _Parquet(found, title) if found else _Folder(Path(text), _below(Path(text)))
            return Photos(store, limit, seed, remember)
    else:
        found = [Path(os.path.expanduser(os.fspath(one))) for one in path]
        if not found:
            raise ValueError(f"an empty list holds no photos: give {_ACCEPTED}")
        title = found[0].name + (f" and {len(found) - 1} more" if len(found) > 1 else "")
    for file in found:
        if not file.is_file():
            raise FileNotFoundError(f"{file} does not exist or is no file: give {_ACCEPTED}")
    if all(file.suffix.lower() in _photos.SUFFIXES for file in found):
        return Photos(_Folder(None, found, title), limit, seed, remember)
    for file in found:
        if file.suffix.lower() in _photos.SUFFIXES:
            raise ValueError(f"{file} is a photo among other files: give {_ACCEPTED}")
    return Photos(_Parquet(found, title), limit, seed, remember)


def _found(text: str) -> list[Path]:
    """Return the files that a path or a glob means, the Parquet files where it is a folder."""
    if os.path.isdir(text):
        return sorted(file for file in Path(text).glob("*.parquet") if file.is_file())
    if os.path.exists(text) or not glob.has_magic(text):
        return [Path(text)]
    if found := sorted(Path(name) for name in glob.glob(text, recursive=True) if os.path.isfile(name)):
        return found
    raise FileNotFoundError(f"{text} matches no file: give {_ACCEPTED}")


class _Parquet:
    """Photos in Parquet files, read from the files themselves, a few rows at a time.

    By pyarrow rather than `datasets`, because the latter first copies every new file into an Arrow cache in
    the user's home (all its bytes again; 0.4 s for 127 MB) and takes 1.3 s to import, against 0.4 s for
    pyarrow. Read in place, opening takes 2 to 17 ms, all rows of 127 MB in order 0.03 s, a row at random
    1 ms where row groups hold 100 photos; in one huge row group it is slow, as that is read from its start.
    """

    note = ""
    imagenet = True
    _ROWS = 64  # read at once: about 7 MB of ImageNet's photos

    def __init__(self, paths: Sequence[Path], title: str) -> None:
        import pyarrow as pa

        self.title = title
        self.paths = [Path(os.path.abspath(path)) for path in paths]
        self._groups: list[tuple[int, int]] = []  # (file, row group)
        starts, labels = [0], list[int]()
        for number, path in enumerate(self.paths):
            try:
                file = _parquet_file(path)
                schema = file.schema_arrow
                self._check(path, schema)
                if "label" in schema.names:
                    column = file.read(columns=["label"], use_threads=False)["label"]
                    labels += (UNKNOWN if label is None else label for label in column.to_pylist())
                else:
                    labels += [UNKNOWN] * file.metadata.num_rows
            except PermissionError:
                raise
            except (OSError, pa.ArrowException) as error:
                raise ValueError(f"{path} is not a sound Parquet file: give {_ACCEPTED}") from error
            for group in range(file.metadata.num_row_groups):
                self._groups.append((number, group))
                starts.append(file.metadata.row_group(group).num_rows)
        if not labels:
            raise ValueError(f"{title} holds no photos: give {_ACCEPTED}")
        self._starts = list(accumulate(starts))  # of each group, and the end
        self.labels = tuple(labels)
        self._reset()

    @staticmethod
    def _check(path: Path, schema: Any) -> None:
        import pyarrow as pa

        def holds_bytes(kind: Any) -> bool:
            if pa.types.is_struct(kind):
                return kind.get_field_index("bytes") >= 0 and holds_bytes(kind.field("bytes").type)
            return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

        if "image" not in schema.names:
            columns = ", ".join(schema.names) or "none"
            raise ValueError(f"{path} has no column `image` (it has {columns}): give {_ACCEPTED}")
        if not holds_bytes(kind := schema.field("image").type):
            raise ValueError(f"{path} has {kind} in its column `image`: bytes, or a struct of bytes and path")
        if "label" in schema.names and not pa.types.is_integer(kind := schema.field("label").type):
            raise ValueError(f"{path} has {kind} in its column `label`: ImageNet-1k class indices, 0 to 999")

    def _reset(self) -> None:
        self._lock = threading.Lock()  # a reader serves one thread at a time
        self._file: tuple[int, Any] = (-1, None)
        self._group = -1
        self._batches: Iterator[Any] = iter(())
        self._batch: tuple[int, int, Any] = (0, 0, None)  # first row, end, column

    def read(self, row: int) -> tuple[Source | bytes, str | None]:
        import pyarrow as pa

        path = self.paths[self._groups[self._group_of(row)][0]]
        try:
            with self._lock:
                value = self._value(row)
        except (OSError, ValueError, StopIteration, pa.ArrowException) as error:
            raise PhotoError("The Parquet file is damaged or has changed: copy it again.") from error
        content, inner = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        if content is not None:
            return content, inner
        return (path.parent / inner if inner else b""), None  # as `datasets` does, a path may stand for bytes

    def _value(self, row: int) -> Any:
        """Return the column `image` of a row, by going on from the batch read last where that leads there."""
        group = self._group_of(row)
        if group != self._group or row < self._batch[0]:
            number, inside = self._groups[group]
            if self._file[0] != number:
                self._file = (number, _parquet_file(self.paths[number]))
            self._batches = self._file[1].iter_batches(
                self._ROWS, row_groups=[inside], columns=["image"], use_threads=False
            )
            self._group = group
            self._batch = (self._starts[group], self._starts[group], None)
        while row >= self._batch[1]:
            batch = next(self._batches)
            self._batch = (self._batch[1], self._batch[1] + batch.num_rows, batch.column(0))
        first, _, column = self._batch
        return column[row - first].as_py()

    def _group_of(self, row: int) -> int:
        return bisect_right(self._starts, row) - 1

    def where(self, row: int) -> str:
        number = self._groups[self._group_of(row)][0]
        first = self._starts[next(k for k, group in enumerate(self._groups) if group[0] == number)]
        return f"row {row - first} of {self.paths[number].name}"

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str:
        if rows is None:
            return fingerprint(self.paths, remember)
        # Which rows a sample takes depends on the order of the files.
        return _combined("rows", *(_content(path, remember) for path in self.paths))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name in self._PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    _PICKLED = frozenset({"title", "paths", "labels", "_groups", "_starts"})


def _parquet_file(path: Path) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, memory_map=True, pre_buffer=False)


def _below(folder: Path) -> list[Path]:
    """Return the photos in a folder and below, by name."""
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(parent, name)
            for name in sorted(names)
            if Path(name).suffix.lower() in _photos.SUFFIXES and not name.startswith(".")
        ]
    if not found:
        raise ValueError(f"{folder} holds no photos and no Parquet files: give {_ACCEPTED}")
    return found


class _Folder:
    """Photos as files: one folder's, labelled by its sub-folders, or any list, unlabelled."""

    def __init__(self, root: Path | None, files: Sequence[Path], title: str = "") -> None:
        self.title = title if root is None else root.resolve().name or str(root)
        self.note = ""
        self.imagenet = True
        self.files = [Path(os.path.abspath(file)) for file in files]
        self.names = [file.name if root is None else file.relative_to(root).as_posix() for file in files]
        folders = [name.partition("/")[0] if "/" in name else "" for name in self.names]
        classes = sorted({*folders})
        if "" in classes:
            if len(classes) > 1:
                self.note = "photos lie beside the sub-folders, so those are not taken for classes"
            self.labels = (UNKNOWN,) * len(files)
            return
        known = {name: _class_indices()[_plain(name)] for name in classes if _plain(name) in _class_indices()}
        if not known:
            known = {name: number for number, name in enumerate(classes)}
            self.imagenet = False
            self.note = "classes numbered by sub-folder name, none being an ImageNet-1k class"
        elif strangers := [name for name in classes if name not in known]:
            self.note = f"no ImageNet-1k class: {', '.join(strangers[:3])}" + ", …" * (len(strangers) > 3)
        self.labels = tuple(known.get(folder, UNKNOWN) for folder in folders)

    def read(self, row: int) -> tuple[Source | bytes, str | None]:
        return self.files[row], None

    def where(self, row: int) -> str:
        return f"{self.names[row]} in {self.title}" if "/" in self.names[row] else self.title

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str:
        chosen = range(len(self.files)) if rows is None else rows
        # The names carry the labels; sorted, so that a list's order does not matter.
        pairs = sorted((self.names[row], _content(self.files[row], remember)) for row in chosen)
        return _combined("folder", *(part for pair in pairs for part in pair))


# ------------------------------------------------------------------------------------------------- batches

_Batch = tuple[dict[Transform, "torch.Tensor"], "torch.Tensor", "torch.Tensor"]


def batches(
    photos: Photos, transforms: Sequence[Transform], batch_size: int, workers: int = 1
) -> Iterator[_Batch]:
    """Yield the photos in order, each decoded once, as every transform makes them.

    A batch is ({transform: (B, 3, S, S) float32}, labels (B,) int64, indices (B,) int64), the indices being
    those of `photos`. `workers` processes prepare the batches, 0 the calling one. The first use of workers in
    a process costs about 4 s (later ones 0.1 s), in which one core prepares a thousand photos: fewer are
    best prepared by 0. A script that uses workers keeps its own work under `if __name__ == "__main__":`,
    as always with Python's processes.

    Raises PhotoError, naming the photo, in the calling process; ValueError for a batch below 1, negative
    workers or no transform.
    """
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size} is below 1")
    if workers < 0:
        raise ValueError(f"{workers} workers are below 0: 0 prepares the photos in this process")
    if not transforms:
        raise ValueError("no transform given: at least one is needed to make a batch")
    return _batches(photos, tuple(dict.fromkeys(transforms)), batch_size, workers)


def _batches(
    photos: Photos, transforms: tuple[Transform, ...], batch_size: int, workers: int
) -> Iterator[_Batch]:
    import torch
    from torch.utils.data import DataLoader

    workers = min(workers, _cores())  # more would only wait for each other, and torch warns of it
    loader: DataLoader[Any] = DataLoader(
        _Prepared(photos, transforms),  # type: ignore[arg-type]  # torch's Dataset, by shape
        batch_size=batch_size,
        collate_fn=_collate,
        num_workers=workers,
        worker_init_fn=_one_thread if workers else None,
        multiprocessing_context=_context() if workers else None,
        generator=torch.Generator(),  # else the loader draws from, and so moves, the caller's global one
    )
    for batch in loader:
        if isinstance(batch, str):
            raise PhotoError(batch)
        images, labels, indices = batch
        yield dict(zip(transforms, images, strict=True)), labels, indices


@dataclass(frozen=True)
class _Prepared:
    """What a worker holds: photo i as (its inputs, label, i), or the sentence that says why not."""

    photos: Photos
    transforms: tuple[Transform, ...]

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> "tuple[list[torch.Tensor], int, int] | str":
        try:
            image, label = self.photos[index]
        except PhotoError as error:
            return str(
                error
            )  # raised in the calling process: the loader would wrap it in a worker's traceback
        return [transform(image) for transform in self.transforms], label, index


def _collate(rows: "list[tuple[list[torch.Tensor], int, int] | str]") -> Any:
    import torch

    for row in rows:
        if isinstance(row, str):
            return row
    inputs, labels, indices = zip(*rows, strict=True)
    images = [torch.stack(same) for same in zip(*inputs, strict=True)]  # each (B, 3, S, S)
    return images, torch.tensor(labels), torch.tensor(indices)


def _one_thread(_: int) -> None:
    import torch

    torch.set_num_threads(1)  # the cores are for the workers and the network


def _context() -> Any:
    """Return a way to start processes that is safe beside threads.

    A fork copies locks that other threads hold (the page's, pyarrow's, OpenMP's). A spawned process imports
    torch and timm anew, 5 s each; a fork server imports them once, 4 s, then starts a worker in 0.06 s.
    """
    import multiprocessing

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["timm.data", "pyarrow.parquet", __name__])
    return context


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
