"""Photos in Parquet files, read from the files themselves, a few rows at a time."""

import json
import os
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from snnet.photos.decode import PhotoError
from snnet.photos.fingerprints import Remember, Source, combined, content, doubles, fingerprint
from snnet.photos.labels import LabelsAre, Meaning, of_class_names
from snnet.photos.store import ACCEPTED, UNKNOWN, SourceError, Store

A = TypeVar("A")
B = TypeVar("B")


_GROWTH = 1000  # of a file's bytes when it is decompressed: photos hardly shrink, made ones do


class _Group(NamedTuple):
    """A row group: of which file, its number there, and the rows before it there and in it."""

    file: int
    inside: int
    before: int
    rows: int
    labelled: bool


class Parquet(Store):
    """Photos in Parquet files of this machine, read in place by pyarrow (docs/photos.md has the figures).

    A row at random takes 1 ms where row groups hold 100 photos; in one huge row group it is slow, as that is
    read from its start.
    """

    _ROWS = 64  # read at once: about 7 MB of ImageNet's photos
    _OWN = frozenset({"_lock", "_file", "_group", "_batches", "_batch"})  # of one process

    def __init__(self, files: Sequence[Source], title: str, labels_are: LabelsAre = "names") -> None:
        self.title = title
        self.files = tuple(map(self._address, files))
        self._labels_are = labels_are
        self._meanings: dict[int, Meaning | None] = {}  # by file: of its own classes, if it has some
        self._groups = [group for part in self._each(self._groups_of, range(len(files))) for group in part]
        self._starts = list(accumulate((group.rows for group in self._groups), initial=0))
        if not len(self):
            raise ValueError(f"{title} holds no photos: give {ACCEPTED}")
        self._labels = {  # by group, as far as they have been read
            number: (UNKNOWN,) * group.rows for number, group in enumerate(self._groups) if not group.labelled
        }
        self._reset()
        meanings = {number: meaning for number, meaning in sorted(self._meanings.items()) if meaning}
        self.why_not = next((meaning.why_not for meaning in meanings.values() if meaning.why_not), "")
        self.reading = " ".join(f"{number} {m.key}" for number, m in meanings.items() if m.key)
        for note in dict.fromkeys(meaning.note for meaning in meanings.values()):
            self.add_note(note)
        if self.local:
            self._read_labels(range(len(self._groups)))

    def _reset(self) -> None:
        self._lock = threading.Lock()  # a reader serves one thread at a time
        self._file: tuple[int, Any] = (-1, None)
        self._group = -1
        self._batches: Iterator[Any] = iter(())
        self._batch: tuple[int, int, Any] = (0, 0, None)  # first row, end, the rows between

    def __len__(self) -> int:
        return self._starts[-1]

    # What a place other than this machine's files does otherwise.

    def _address(self, file: Source) -> str:
        return os.path.abspath(file)

    def _open(self, number: int, images: bool) -> Any:
        """Return a file as a pyarrow.parquet.ParquetFile, to read photos or labels from."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.files[number], memory_map=True, pre_buffer=False)

    def _each(self, function: Callable[[A], B], items: Iterable[A]) -> Iterable[B]:
        """Return what the function gives for each item, which asks one file."""
        return map(function, items)

    def _beside(self, number: int, name: str) -> Source | bytes:
        folder = Path(self.files[number]).parent
        if not (folder / name).resolve().is_relative_to(folder.resolve()):  # a stranger's rows name it
            raise PhotoError(f"Its row names the file {name[:100]!r}, which is not in the folder of the set.")
        return folder / name

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str:
        if rows is None:
            return fingerprint(self.files, remember)
        # Which rows a sample takes depends on the order of the files.
        return combined("rows", *(content(Path(file), remember) for file in self.files))

    def order(self, rows: Sequence[int], remember: Remember | None) -> str:
        return combined("order", *(content(Path(file), remember) for file in self.files))

    def doubles(self, rows: Sequence[int], remember: Remember | None) -> list[list[int]]:
        """Return the rows of files that are one, byte for byte, together."""
        alike = doubles(list(map(Path, self.files)), remember) if self.local else []
        first = {number: same[0] for same in alike for number in same}
        together: dict[tuple[int, int], list[int]] = {}
        for row in rows if first else ():
            group = self._groups[number := self.group(row)]
            if group.file in first:
                place = group.before + row - self._starts[number]
                together.setdefault((first[group.file], place), []).append(row)
        return [same for same in together.values() if len(same) > 1]

    # Opening, and labels.

    def _groups_of(self, number: int) -> list[_Group]:
        with self._sound(number):
            file = self._open(number, images=False)
        _check(self.files[number], file.schema_arrow)
        self._check_size(number, file.metadata)
        rows = [file.metadata.row_group(inside).num_rows for inside in range(file.metadata.num_row_groups)]
        before = accumulate(rows, initial=0)
        names = self._class_names(file.schema_arrow)
        meaning = of_class_names(names, self._labels_are) if names else None
        self._meanings[number] = meaning
        labelled = "label" in file.schema_arrow.names and not (meaning and meaning.why_not)
        return [
            _Group(number, inside, first, count, labelled)
            for inside, (first, count) in enumerate(zip(before, rows, strict=False))
        ]

    def _class_names(self, schema: Any) -> tuple[str, ...] | None:
        """Return the names that a file gives its classes; None where it gives none."""
        return class_names(schema.metadata)

    def _check_size(self, number: int, metadata: Any) -> None:
        """Raise ValueError for a file that says of itself that it would grow beyond all measure."""
        size = self._size(number)
        photos = [
            column.total_uncompressed_size
            for group in range(metadata.num_row_groups)
            for place in range(metadata.num_columns)
            if (column := metadata.row_group(group).column(place)).path_in_schema.split(".")[0] == "image"
        ]
        if metadata.num_rows > size or max(photos, default=0) > _GROWTH * size:
            raise ValueError(
                f"{self.files[number]} claims {metadata.num_rows:,} photos of {sum(photos):,} bytes in a "
                f"file of {size:,}: give {ACCEPTED}"
            )

    def _size(self, number: int) -> int:
        return os.path.getsize(self.files[number])

    @contextmanager
    def _sound(self, number: int) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (PermissionError, SourceError):
            raise
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"{self.files[number]} is not a sound Parquet file: give {ACCEPTED}") from error

    def _read_labels(self, groups: Iterable[int]) -> None:
        by_file: dict[int, list[int]] = {}
        for group in groups:
            if group not in self._labels:
                by_file.setdefault(self._groups[group].file, []).append(group)
        for labels in self._each(self._labels_of, by_file.values()):
            self._labels.update(labels)

    def _labels_of(self, groups: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Return the labels of some row groups of one file."""
        number = self._groups[groups[0]].file
        inside = [self._groups[group].inside for group in groups]
        with self._sound(number):
            file = self._open(number, images=False)
            column = file.read_row_groups(inside, ["label"], use_threads=False)["label"]
        every = (self._label(number, label) for label in column.to_pylist())
        return {group: tuple(islice(every, self._groups[group].rows)) for group in groups}

    def _label(self, number: int, value: Any) -> int:
        """Return the index of ImageNet-1k that a label of a file means; UNKNOWN where there is none."""
        meaning = self._meanings[number]
        if value is None or value == UNKNOWN or not meaning:
            return UNKNOWN if value is None else int(value)
        if 0 <= value < len(meaning.indices):
            return meaning.indices[value]
        self.why_not = (
            f"{Path(self.files[number]).name} has the label {value}, and names for {len(meaning.indices):,} "
            "classes, from 0 on: write the file again with labels that fit its names"
        )
        return UNKNOWN

    def labels(self, rows: Sequence[int]) -> tuple[int, ...]:
        """Return the label of each of these photos; reads those that have not been read yet."""
        self._read_labels(dict.fromkeys(map(self.group, rows)))
        return super().labels(rows)

    def label(self, row: int) -> int:
        """Return the label of one photo; where its group's have not been read, that beside the photo."""
        group = self.group(row)
        if group in self._labels:
            return self._labels[group][row - self._starts[group]]
        return self._label(self._groups[group].file, self._value(row, "label"))

    # Photos.

    def group(self, row: int) -> int:
        """Return the number of the row group in which a photo lies, over all files."""
        return bisect_right(self._starts, row) - 1

    def read(self, row: int) -> tuple[Source | bytes, str | None]:
        value = self._value(row, "image")
        if not isinstance(value, dict):
            value = {"bytes": value}
        photo, name = value.get("bytes"), value.get("path")
        if photo is None and name:  # as in `datasets`: a path in place of bytes
            return self._beside(self._groups[self.group(row)].file, name), None
        return photo or b"", name

    def _value(self, row: int, column: str) -> Any:
        import pyarrow as pa

        with self._lock:
            try:
                first, rows = self._rows(row)
                return rows.column(column)[row - first].as_py()
            except (OSError, ValueError, StopIteration, pa.ArrowException) as error:
                self._group = -1  # or the next row would take up a broken reader
                if isinstance(error, SourceError):
                    raise
                raise PhotoError("The Parquet file is damaged or has changed: copy it again.") from error

    def _rows(self, row: int) -> tuple[int, Any]:
        """Return the first number of the rows read at once with this one, and those rows."""
        group = self.group(row)
        if group != self._group or row < self._batch[0]:
            number, inside, *_ = self._groups[group]
            if self._file[0] != number:
                self._file = (number, self._open(number, images=True))
            columns = ["image"] if group in self._labels else ["image", "label"]
            self._batches = self._file[1].iter_batches(
                self._ROWS, row_groups=[inside], columns=columns, use_threads=False
            )
            self._group = group
            self._batch = (self._starts[group], self._starts[group], None)
        while row >= self._batch[1]:
            batch = next(self._batches)
            self._batch = (self._batch[1], self._batch[1] + batch.num_rows, batch)
        return self._batch[0], self._batch[2]

    def where(self, row: int) -> str:
        number = self.group(row)
        group = self._groups[number]
        return f"row {row - self._starts[number] + group.before} of {Path(self.files[group.file]).name}"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in self._OWN}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()


def _check(file: str, schema: Any) -> None:
    import pyarrow as pa

    def holds_bytes(kind: Any) -> bool:
        if pa.types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0 and holds_bytes(kind.field("bytes").type)
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    if "image" not in schema.names:
        columns = ", ".join(schema.names) or "none"
        raise ValueError(f"{file} has no column `image` (it has {columns}): give {ACCEPTED}")
    if not holds_bytes(kind := schema.field("image").type):
        raise ValueError(f"{file} has {kind} in its column `image`: bytes, or a struct of bytes and path")
    if "label" in schema.names and not pa.types.is_integer(kind := schema.field("label").type):
        raise ValueError(f"{file} has {kind} in its column `label`: ImageNet-1k class indices, 0 to 999")


def class_names(metadata: Mapping[bytes, bytes] | None) -> tuple[str, ...] | None:
    """Return the names of the classes in a schema's metadata, as `datasets` writes them; None for none."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return names_of(features["label"]["names"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def names_of(names: Any) -> tuple[str, ...] | None:
    """Return names of classes in order of their numbers, from a list, or from an object by number."""
    if isinstance(names, Mapping):
        names = [names[number] for number in sorted(names, key=int)]
    return tuple(map(str, names)) if isinstance(names, list) and names else None
