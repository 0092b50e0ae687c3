"""Sets of photos with labels, from Parquet files, folders or the hub."""

import glob
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from PIL import Image

from snnet.photos import ground_truth, hub
from snnet.photos.decode import NOTE, SUFFIXES, PhotoError, decode
from snnet.photos.files import Files, absent, firsts, matching, parquet_files, photos_below
from snnet.photos.fingerprints import Remember, Source, combined
from snnet.photos.folder import Folder, Truth
from snnet.photos.labels import SAY_INDICES, LabelsAre
from snnet.photos.parquet import Parquet
from snnet.photos.store import ACCEPTED, UNKNOWN, SourceError, Store


class Photos:
    """A sequence of photos, each decoded when asked for: `photos[i]` is (RGB image, label).

    A label is an index of ImageNet-1k, UNKNOWN (-1) where there is none; `snnet.photos.labels` reads them,
    and `heads` says whether a network can be held against them. Safe to use from several threads, and to
    send to other processes. Indexing raises PhotoError, naming the photo, for one that can't be decoded.
    Made by `open_photos`.
    """

    def __init__(
        self, store: Store, limit: int | None = None, seed: int = 0, remember: Remember | None = None
    ) -> None:
        self._store = store
        self._remember = remember
        self._rows: Sequence[int] = range(len(store))
        self._sample = ""
        if limit is not None and limit < len(store):
            self._draw(limit, seed)

    def _draw(self, count: int, seed: int) -> None:
        import numpy as np

        places = np.random.default_rng(seed).choice(len(self._rows), count, replace=False)
        self._rows = [self._rows[place] for place in sorted(places.tolist())]
        self._sample += f"{' of which ' * bool(self._sample)}{count} photos by seed {seed}"

    def sample(self, count: int, seed: int = 0) -> "Photos":
        """Return that many of these photos, drawn by the seed, in their order; all if there are fewer."""
        sample = Photos(self._store, remember=self._remember)
        sample._rows, sample._sample = self._rows, self._sample
        if count < len(self):
            sample._draw(count, seed)
        return sample

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """The label of each photo; on the hub, fetched when first asked."""
        return self._store.labels(self._rows)

    @property
    def why_not(self) -> str:
        """Why no label is known although there are classes, and what to do; "" otherwise."""
        return self._store.why_not

    @cached_property
    def doubles(self) -> tuple[tuple[tuple[str, int], ...], ...]:
        """Photos that are one, byte for byte: (its name, its label) of each, together.

        Files alone are compared, Parquet files as a whole; those of one size are read, unless remembered.
        """
        doubles = self._store.doubles(self._rows, self._remember)
        return tuple(tuple((self._store.where(r), self._store.label(r)) for r in same) for same in doubles)

    @property
    def local(self) -> bool:
        """Whether the photos lie on this machine."""
        return self._store.local

    @property
    def row_groups(self) -> list[int] | None:
        """The row group of each photo, which is read at once; None where each photo is a file of its own."""
        groups = [group for row in self._rows if (group := self._store.group(row)) is not None]
        return groups if len(groups) == len(self) else None

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        row = self._rows[index]
        try:
            image, label = decode(*self._store.read(row)), self._store.label(row)
        except PhotoError as error:
            raise type(error)(f"{self._store.where(row)}: {error}") from error
        if note := image.info.get(NOTE):
            image.info[NOTE] = f"{self._store.where(row)}: {note}"
        return image, label

    def __iter__(self) -> Iterator[tuple[Image.Image, int]]:
        return (self[index] for index in range(len(self)))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the files the photos come from, and of the sample; computed when first asked."""
        store = self._store
        files = store.fingerprint(self._rows if self._sample else None, self._remember)
        if store.reading:  # other labels than those that stand there
            files = combined("read", store.reading, files)
        return combined("sample", self._sample, files) if self._sample else files

    @cached_property
    def order(self) -> str:
        """A hash of the order of these photos: sets with one fingerprint may have them in another."""
        return self._store.order(self._rows, self._remember)

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
    labels_are: LabelsAre = "names",
    split: str = "validation",
) -> Photos:
    """Open a set of photos without decoding any.

    `path` is a Parquet file with the columns `image` (bytes, or a struct of bytes and path) and perhaps
    `label`; several such files, as a list, a glob or a folder; or a folder of photos, flat (labels unknown)
    or with a sub-folder for each class, named by synset (n01440764, perhaps within a longer name), by an
    ImageNet-1k class name, or 0 to 999 where all thousand are there. Labels of Parquet files are indices of
    ImageNet-1k (0 to 999), unless the file names its classes as `datasets` does: then those names count.
    Where they mean no class, no photo has a label, and `why_not` says what to do. `labels_are="indices"`
    says that sub-folders named by number, or numbered labels beside other names, are ImageNet-1k's indices.

    What systems put beside photos (@eaDir, lost+found, hidden files …) is left out, and a file that is
    reached twice counts once: `describe` says how many.

    Or it is a data set of the hub in Parquet files: hf://datasets/owner/name, perhaps with @revision and
    /folder, or owner/name where no such path is here. Its `split` is read over the network as photos are
    needed, and nothing is stored; for gated ones the hub's library wants HF_TOKEN.

    `labels` is the ground-truth file of a flat folder: see `ground_truth.read`. `limit` takes a random sample
    of that many photos, the same for the same seed, in their order. `remember`: see `fingerprint`.

    Raises FileNotFoundError where nothing is there, SourceError (an OSError) where the hub gives nothing,
    ValueError for what is not a set of photos, labels that don't fit, an unknown split, or a limit below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit {limit} is below 1: the number of photos to take, or None for all")
    if labels_are not in get_args(LabelsAre):
        raise ValueError(f"labels_are {labels_are!r} is none of {', '.join(get_args(LabelsAre))}")
    if labels is not None and labels_are != "names":
        raise ValueError(f"{labels} says what each photo is, and {SAY_INDICES} what folders are: give one")
    return Photos(_store_of(path, labels, labels_are, split), limit, seed, remember)


def _store_of(
    path: Source | Sequence[Source], labels: Source | None, labels_are: LabelsAre, split: str
) -> Store:
    paths = [path] if isinstance(path, str | os.PathLike) else path
    texts = [os.path.expanduser(os.fspath(each)) for each in paths]
    if not texts:
        raise ValueError(f"an empty list holds no photos: give {ACCEPTED}")
    if len(texts) > 1:
        return _several(texts, labels, labels_are)
    text = texts[0]
    if labels is not None:
        return _labelled(text, labels)
    if place := hub.place(text):
        return _from_hub(text, place, split, labels_are)
    if _is_photo_folder(text):
        photos = photos_below(Path(text))
        store: Store = Folder(photos.files, Path(text), labels_are=labels_are)
    else:
        photos = _files(text)
        store = _of_files(photos.files, Path(text).name or Path(text).resolve().name, labels_are)
    store.add_note(photos.note)
    return store


def _several(texts: Sequence[str], labels: Source | None, labels_are: LabelsAre) -> Store:
    if labels is not None:
        raise ValueError(f"the labels in {labels} go with one flat folder of photos, not with several paths")
    for text in texts:
        if text.startswith("hf:/"):
            raise ValueError(f"{text} is a data set of the hub: give it alone")
    title = f"{Path(texts[0]).name} and {len(texts) - 1} more"
    return _of_files([Path(text) for text in texts], title, labels_are)


def _of_files(files: Sequence[Path], title: str, labels_are: LabelsAre) -> Store:
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{file} does not exist or is no file: give {ACCEPTED}")
        if missing := absent(file.name):
            raise ValueError(f"{file} is not read here: export it as JPEG; {missing}")
    photos = [file for file in files if file.suffix.lower() in SUFFIXES]
    if len(photos) == len(files):
        return Folder(files, title=title, labels_are=labels_are)
    if photos:
        raise ValueError(f"{photos[0]} is a photo among other files: give {ACCEPTED}")
    once = [files[place] for place in firsts(files, [0] * len(files))]
    store = Parquet(once, title, labels_are)
    if again := len(files) - len(once):
        store.add_note(f"{again:,} more path{'s' * (again > 1)} to the same files")
    return store


def _from_hub(text: str, place: hub.Place, split: str, labels_are: LabelsAre) -> Store:
    try:
        return hub.HubParquet(place, split, labels_are)
    except SourceError as error:
        if text.startswith("hf:/"):
            raise
        raise SourceError(f"{text} does not exist here, and as a data set of the hub: {error}") from error


def _labelled(text: str, labels: Source) -> Store:
    """Return a flat folder's photos with the labels of a ground-truth file."""
    if not _is_photo_folder(text):
        raise ValueError(f"the labels in {labels} go with a flat folder of photos, which {text} is not")
    photos = photos_below(Path(text))
    names = [file.relative_to(text).as_posix() for file in photos.files]
    if nested := [name for name in names if "/" in name]:
        raise ValueError(
            f"the labels in {labels} go with a flat folder of photos, and {text} has sub-folders "
            f"({nested[0]}): move the photos up, or leave the labels out where sub-folders are the classes"
        )
    truth = Truth(ground_truth.read(labels, names, text), Path(labels).name)
    store = Folder(photos.files, Path(text), truth=truth)
    store.add_note(photos.note)
    return store


def _is_photo_folder(text: str) -> bool:
    return os.path.isdir(text) and not parquet_files(Path(text))


def _files(text: str) -> Files:
    """Return the files that a path or a glob means, the Parquet files where it is a folder."""
    if os.path.isdir(text):
        return Files(parquet_files(Path(text)))
    if os.path.exists(text) or not glob.has_magic(text):
        return Files([Path(text)])
    if (files := matching(text)).files:
        return files
    note = f" but what is left out ({files.note})" if files.note else ""
    raise FileNotFoundError(f"{text} matches no file{note}: give {ACCEPTED}")
