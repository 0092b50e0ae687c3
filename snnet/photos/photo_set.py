"""Sets of photos with labels, from Parquet files, folders or the hub, and a network's transform of them."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from snnet.photos import decode as _photos
from snnet.photos import ground_truth, hub, parquet
from snnet.photos.batches import Batch, batches, default_workers, worker_options
from snnet.photos.classes import class_index, class_names
from snnet.photos.decode import PhotoError
from snnet.photos.fingerprints import Remember, Source, combined, content, fingerprint
from snnet.photos.parquet import ACCEPTED, UNKNOWN, SourceError

if TYPE_CHECKING:
    import torch

__all__ = [
    "UNKNOWN",
    "Batch",
    "PhotoError",
    "Photos",
    "Remember",
    "Source",
    "SourceError",
    "Transform",
    "batches",
    "class_names",
    "default_workers",
    "fingerprint",
    "open_photos",
    "worker_options",
]

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")


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


# ------------------------------------------------------------------------------------------------- photos


class _Store(Protocol):
    """Where photos lie: all of them, in a fixed order, none decoded."""

    title: str
    note: str  # what `describe` adds
    imagenet: bool  # the labels are indices of ImageNet-1k
    local: bool  # on this machine, with labels that cost nothing

    def __len__(self) -> int: ...

    def labels(self, rows: Sequence[int]) -> tuple[int, ...]: ...

    def label(self, row: int) -> int: ...

    def group(self, row: int) -> int | None: ...  # of rows that are read together

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
        self._rows: Sequence[int] = range(len(store))
        self._sample = ""
        if limit is not None and limit < len(store):
            self._draw(limit, seed)
        self.imagenet = store.imagenet

    def _draw(self, count: int, seed: int) -> None:
        import numpy as np

        drawn = np.random.default_rng(seed).choice(len(self._rows), count, replace=False)
        self._rows = [self._rows[place] for place in sorted(drawn.tolist())]
        self._sample += f"{' of which ' * bool(self._sample)}{count} photos by seed {seed}"

    def sample(self, count: int, seed: int = 0) -> "Photos":
        """Return that many of these photos, drawn by the seed, in their order; all if there are fewer."""
        drawn = Photos(self._store, remember=self._remember)
        drawn._rows, drawn._sample = self._rows, self._sample
        if count < len(self):
            drawn._draw(count, seed)
        return drawn

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """The label of each photo; on the hub, fetched when first asked."""
        return self._store.labels(self._rows)

    @property
    def local(self) -> bool:
        """Whether the photos lie on this machine."""
        return self._store.local

    @property
    def row_groups(self) -> list[int] | None:
        """The row group of each photo, which is read at once; None where each photo is a file of its own."""
        groups = [self._store.group(row) for row in self._rows]
        found = [group for group in groups if group is not None]
        return found if len(found) == len(groups) else None

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        row = self._rows[index]
        try:
            found, name = self._store.read(row)
            return _photos.decode(found, name), self._store.label(row)
        except PhotoError as error:
            raise PhotoError(f"{self._store.where(row)}: {error}") from error

    def __iter__(self) -> Iterator[tuple[Image.Image, int]]:
        return (self[index] for index in range(len(self)))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the files the photos come from, and of the sample; computed when first asked."""
        if not self._sample:
            return self._store.fingerprint(None, self._remember)
        return combined("sample", self._sample, self._store.fingerprint(self._rows, self._remember))

    def describe(self) -> str:
        """Return one line for a table or a legend, such as "val.parquet (1,000 photos of 20 classes)"."""
        total = len(self._store)
        count = f"{len(self):,}" if len(self) == total else f"{len(self):,} of {total:,}"
        text = f"{count} photo{'s' * (total != 1)}"
        if self.local:  # counting classes on the hub would fetch every label
            classes = len({*self.labels} - {UNKNOWN})
            unknown = self.labels.count(UNKNOWN)
            if classes:
                text += f" of {classes:,} class{'es' * (classes != 1)}"
            if unknown:
                text += f", {unknown:,} unlabelled" if classes else ", unlabelled"
        return f"{self._store.title} ({text}{self._store.note and '; '}{self._store.note})"

    def __getstate__(self) -> dict[str, Any]:
        # What remembers may be a database, which stays in its process; the store has the labels.
        return {name: value for name, value in self.__dict__.items() if name != "labels"} | {
            "_remember": None
        }


def open_photos(
    path: Source | Sequence[Source],
    limit: int | None = None,
    seed: int = 0,
    remember: Remember | None = None,
    *,
    labels: Source | None = None,
    split: str = "validation",
) -> Photos:
    """Open a set of photos without decoding any.

    `path` is a Parquet file with the columns `image` (bytes, or a struct of bytes and path) and perhaps
    `label`; several such files, as a list, a glob or a folder; or a folder of photos, flat (labels unknown)
    or with a sub-folder for each class, named by synset (n01440764) or by an ImageNet-1k class name. Where no
    sub-folder's name is either, classes are numbered by sorted name, and `imagenet` is false.

    Or it is a data set of the hub in Parquet files: hf://datasets/owner/name, perhaps with @revision and
    /folder, or owner/name where no such path is here. Its `split` is read over the network as photos are
    needed, and nothing is stored; for gated ones the hub's library wants HF_TOKEN.

    `labels` is the ground-truth file of a flat folder: see `truth.read`. `limit` takes a random sample of
    that many photos, the same for the same seed, in their order. `remember`: see `fingerprint`.

    Raises FileNotFoundError where nothing is there, SourceError (an OSError) where the hub gives nothing,
    ValueError for what is not a set of photos, labels that don't fit, an unknown split, or a limit below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit {limit} is below 1: the number of photos to take, or None for all")
    return Photos(_opened(path, labels, split), limit, seed, remember)


def _opened(path: Source | Sequence[Source], labels: Source | None, split: str) -> _Store:
    several = () if isinstance(path, str | os.PathLike) else tuple(path)
    if len(several) > 1:
        return _several(several, labels)
    one = several[0] if several else path
    if not isinstance(one, str | os.PathLike):
        raise ValueError(f"an empty list holds no photos: give {ACCEPTED}")
    text = os.path.expanduser(os.fspath(one))
    if labels is not None:
        return _labelled(text, labels)
    if place := hub.place(text):
        return _from_hub(text, place, split)
    found, title = _found(text), Path(text).name or Path(text).resolve().name
    if os.path.isdir(text) and not found:
        return _Folder(Path(text), _below(Path(text)))
    return _of_files(found, title)


def _several(paths: Sequence[Source], labels: Source | None) -> _Store:
    if labels is not None:
        raise ValueError(f"the labels in {labels} go with one flat folder of photos, not with several paths")
    found = [Path(os.path.expanduser(os.fspath(path))) for path in paths]
    for path in paths:
        if os.fspath(path).startswith("hf:/"):
            raise ValueError(f"{path} is a data set of the hub: give it alone")
    return _of_files(found, f"{found[0].name} and {len(found) - 1} more")


def _of_files(files: Sequence[Path], title: str) -> _Store:
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{file} does not exist or is no file: give {ACCEPTED}")
    if all(file.suffix.lower() in _photos.SUFFIXES for file in files):
        return _Folder(None, files, title)
    for file in files:
        if file.suffix.lower() in _photos.SUFFIXES:
            raise ValueError(f"{file} is a photo among other files: give {ACCEPTED}")
    return parquet.local(files, title)


def _from_hub(text: str, place: hub.Place, split: str) -> _Store:
    try:
        return hub.HubParquet(place, split)
    except SourceError as error:
        if text.startswith("hf:/"):
            raise
        raise SourceError(f"{text} does not exist here, and as a data set of the hub: {error}") from error


def _labelled(text: str, labels: Source) -> _Store:
    """Return a flat folder's photos with the labels of a ground-truth file."""
    if not os.path.isdir(text) or _found(text):
        raise ValueError(f"the labels in {labels} go with a flat folder of photos, which {text} is not")
    store = _Folder(Path(text), _below(Path(text)))
    if nested := [name for name in store.names if "/" in name]:
        raise ValueError(
            f"the labels in {labels} go with a flat folder of photos, and {text} has sub-folders "
            f"({nested[0]}): move the photos up, or leave the labels out where sub-folders are the classes"
        )
    store.set_truth(ground_truth.read(labels, store.names, text), Path(labels).name)
    return store


def _found(text: str) -> list[Path]:
    """Return the files that a path or a glob means, the Parquet files where it is a folder."""
    if os.path.isdir(text):
        return sorted(file for file in Path(text).glob("*.parquet") if file.is_file())
    if os.path.exists(text) or not glob.has_magic(text):
        return [Path(text)]
    if found := sorted(Path(name) for name in glob.glob(text, recursive=True) if os.path.isfile(name)):
        return found
    raise FileNotFoundError(f"{text} matches no file: give {ACCEPTED}")


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
        raise ValueError(f"{folder} holds no photos and no Parquet files: give {ACCEPTED}")
    return found


class _Folder:
    """Photos as files: one folder's, labelled by its sub-folders, or any list, unlabelled."""

    local = True

    def __init__(self, root: Path | None, files: Sequence[Path], title: str = "") -> None:
        self.title = title if root is None else root.resolve().name or str(root)
        self.note = ""
        self.imagenet = True
        self.files = [Path(os.path.abspath(file)) for file in files]
        self.names = [file.name if root is None else file.relative_to(root).as_posix() for file in files]
        self._labels = self._by_folder()
        self._truth = False

    def _by_folder(self) -> tuple[int, ...]:
        folders = [name.partition("/")[0] if "/" in name else "" for name in self.names]
        classes = sorted({*folders})
        if "" in classes:
            if len(classes) > 1:
                self.note = "photos lie beside the sub-folders, so those are not taken for classes"
            return (UNKNOWN,) * len(folders)
        known = {name: index for name in classes if (index := class_index(name)) is not None}
        if not known:
            known = {name: number for number, name in enumerate(classes)}
            self.imagenet = False
            self.note = "classes numbered by sub-folder name, none being an ImageNet-1k class"
        elif strangers := [name for name in classes if name not in known]:
            self.note = f"no ImageNet-1k class: {', '.join(strangers[:3])}" + ", …" * (len(strangers) > 3)
        return tuple(known.get(folder, UNKNOWN) for folder in folders)

    def set_truth(self, labels: tuple[int, ...], source: str) -> None:
        self._labels, self._truth, self.note = labels, True, f"labels from {source}"

    def __len__(self) -> int:
        return len(self.files)

    def labels(self, rows: Sequence[int]) -> tuple[int, ...]:
        return tuple(self._labels[row] for row in rows)

    def label(self, row: int) -> int:
        return self._labels[row]

    def group(self, row: int) -> None:
        return None

    def read(self, row: int) -> tuple[Source | bytes, str | None]:
        return self.files[row], None

    def where(self, row: int) -> str:
        return f"{self.names[row]} in {self.title}" if "/" in self.names[row] else self.title

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str:
        chosen = range(len(self.files)) if rows is None else rows
        # The names carry the labels where no file gives them; sorted, so that a list's order does not matter.
        parts = sorted(
            (self.names[row], content(self.files[row], remember), *self._told(row)) for row in chosen
        )
        return combined("labelled" if self._truth else "folder", *(part for each in parts for part in each))

    def _told(self, row: int) -> tuple[str, ...]:
        return (str(self._labels[row]),) if self._truth else ()
