"""Photos in Parquet files, read from the files themselves, a few rows at a time."""

import os
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from snnet.photos.decode import PhotoError
from snnet.photos.fingerprints import Remember, Source, combined, content, fingerprint
from snnet.photos.store import ACCEPTED, UNKNOWN, SourceError

T = TypeVar("T")


class _Layout(NamedTuple):
    labelled: bool
    rows: list[int]  # of each row group


class Parquet:
    """Photos in Parquet files of this machine.

    By pyarrow rather than `datasets`, because the latter first copies every new file into an Arrow cache in
    the user's home (all its bytes again; 0.4 s for 127 MB) and takes 1.3 s to import, against 0.4 s for
    pyarrow. Read in place, opening takes 2 to 17 ms, all rows of 127 MB in order 0.03 s, a row at random
    1 ms where row groups hold 100 photos; in one huge row group it is slow, as that is read from its start.
    """

    note = ""
    imagenet = True
    local = True
    _ROWS = 64  # read at once: about 7 MB of ImageNet's photos

    def __init__(self, files: Sequence[str], title: str) -> None:
        self.title = title
        self.files = tuple(files)
        layouts = self._each(self._layout, range(len(self.files)))
        self._groups = [  # (file, row group in it)
            (number, group) for number, layout in enumerate(layouts) for group in range(len(layout.rows))
        ]
        self._starts = list(accumulate((rows for layout in layouts for rows in layout.rows), initial=0))
        if not len(self):
            raise ValueError(f"{title} holds no photos: give {ACCEPTED}")
        self._labelled = tuple(layout.labelled for layout in layouts)
        self._labels: dict[int, tuple[int, ...]] = {}  # by group, as far as they are known
        self._reset()
        if self.local:
            self._read_labels(range(len(self._groups)))

    def __len__(self) -> int:
        return self._starts[-1]

    # What a place other than this machine's files does otherwise.

    def _open(self, number: int, images: bool) -> Any:
        """Return a file as a pyarrow.parquet.ParquetFile, to read photos or labels from."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.files[number], memory_map=True, pre_buffer=False)

    def _each(self, function: Callable[[int], T], files: Iterable[int]) -> list[T]:
        """Return what the function gives for each file."""
        return [function(number) for number in files]

    def _beside(self, number: int, name: str) -> Source | bytes:
        return Path(self.files[number]).parent / name

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str:
        if rows is None:
            return fingerprint(self.files, remember)
        # Which rows a sample takes depends on the order of the files.
        return combined("rows", *(content(Path(file), remember) for file in self.files))

    # Opening, and labels.

    def _layout(self, number: int) -> _Layout:
        file = self._sound(number, lambda: self._open(number, images=False))
        schema, metadata = file.schema_arrow, file.metadata
        _check(self.files[number], schema)
        rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        return _Layout("label" in schema.names, rows)

    def _sound(self, number: int, read: Callable[[], T]) -> T:
        import pyarrow as pa

        try:
            return read()
        except (PermissionError, SourceError):
            raise
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"{self.files[number]} is not a sound Parquet file: give {ACCEPTED}") from error

    def _read_labels(self, groups: Iterable[int]) -> None:
        by_file: dict[int, list[int]] = {}
        for group in groups:
            if group not in self._labels:
                by_file.setdefault(self._groups[group][0], []).append(group)
        for found in self._each(lambda number: self._labels_of(number, by_file[number]), by_file):
            self._labels.update(found)

    def _labels_of(self, number: int, groups: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Return the labels of some row groups of one file."""

        def read() -> list[int | None]:
            inside = [self._groups[group][1] for group in groups]
            table = self._open(number, images=False).read_row_groups(inside, ["label"], use_threads=False)
            labels: list[int | None] = table["label"].to_pylist()
            return labels

        counts = [self._starts[group + 1] - self._starts[group] for group in groups]
        flat = self._sound(number, read) if self._labelled[number] else [UNKNOWN] * sum(counts)
        known = [UNKNOWN if label is None else label for label in flat]
        ends = list(accumulate(counts, initial=0))
        return {group: tuple(known[ends[k] : ends[k + 1]]) for k, group in enumerate(groups)}

    def labels(self, rows: Sequence[int]) -> tuple[int, ...]:
        """Return the label of each of these rows; reads those that are not known yet."""
        groups = [self.group(row) for row in rows]
        self._read_labels(dict.fromkeys(groups))
        return tuple(
            self._labels[group][row - self._starts[group]] for group, row in zip(groups, rows, strict=True)
        )

    # Photos.

    def group(self, row: int) -> int:
        """Return the number of the row group in which a photo lies, over all files."""
        return bisect_right(self._starts, row) - 1

    def _reset(self) -> None:
        self._lock = threading.Lock()  # a reader serves one thread at a time
        self._file: tuple[int, Any] = (-1, None)
        self._group = -1
        self._batches: Iterator[Any] = iter(())
        self._batch: tuple[int, int, Any] = (0, 0, None)  # first row, end, the rows between

    def read(self, row: int) -> tuple[Source | bytes, str | None]:
        """Return what `photos.decode` takes for the photo of a row."""
        value = self._value(row, "image")
        found, inner = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        if found is not None:
            return found, inner
        number = self._groups[self.group(row)][0]
        return (self._beside(number, inner) if inner else b""), None  # as in `datasets`: a path for bytes

    def label(self, row: int) -> int:
        """Return the label of one row; where labels are not known yet, that beside the photo."""
        group = self.group(row)
        if group in self._labels:
            return self._labels[group][row - self._starts[group]]
        label = self._value(row, "label") if self._labelled[self._groups[group][0]] else None
        return UNKNOWN if label is None else int(label)

    def _value(self, row: int, column: str) -> Any:
        import pyarrow as pa

        with self._lock:
            try:
                first, rows = self._rows(row)
                return rows.column(column)[row - first].as_py()
            except SourceError:
                self._group = -1  # or the next row would take up a broken reader
                raise
            except (OSError, ValueError, StopIteration, pa.ArrowException) as error:
                self._group = -1
                raise PhotoError("The Parquet file is damaged or has changed: copy it again.") from error

    def _rows(self, row: int) -> tuple[int, Any]:
        """Return the first number of the rows read at once with this one, and those rows."""
        group = self.group(row)
        if group != self._group or row < self._batch[0]:
            number, inside = self._groups[group]
            if self._file[0] != number:
                self._file = (number, self._open(number, images=True))
            columns = (
                ["image", "label"] if group not in self._labels and self._labelled[number] else ["image"]
            )
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
        """Return how a sentence names the photo of a row."""
        number = self._groups[self.group(row)][0]
        first = self._starts[next(k for k, group in enumerate(self._groups) if group[0] == number)]
        return f"row {row - first} of {Path(self.files[number]).name}"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in self._OWN}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    _OWN = frozenset({"_lock", "_file", "_group", "_batches", "_batch"})  # of one process


def local(paths: Sequence[Path], title: str) -> Parquet:
    """Open Parquet files of this machine."""
    return Parquet([os.path.abspath(path) for path in paths], title)


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
