"""Photos as files of their own: a folder with its sub-folders, or a list."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from snnet.photos import labels
from snnet.photos.files import firsts
from snnet.photos.fingerprints import Remember, Source, combined, content, doubles
from snnet.photos.store import UNKNOWN, Store


class Truth(NamedTuple):
    """Labels of a ground-truth file, a label a photo, and the file's name."""

    labels: Sequence[int]
    source: str


class Folder(Store):
    """Photos as files: one folder's, labelled by its sub-folders or by a file; or any list, unlabelled.

    `labels_are` says what the sub-folders' names are: see `labels.of_folders`. Raises ValueError for names
    that don't fit that.
    """

    def __init__(
        self,
        files: Sequence[Path],
        root: Path | None = None,
        title: str = "",
        labels_are: labels.LabelsAre = "names",
        truth: Truth | None = None,
    ) -> None:
        self.title = title if root is None else root.resolve().name or str(root)
        names = [file.name if root is None else file.relative_to(root).as_posix() for file in files]
        if truth:
            every: Sequence[int] = truth.labels
            self.note = f"labels from {truth.source}"
        else:
            every = self._by_folder(names, str(root), labels_are)
        rows = firsts(files, every)
        self.files = [Path(os.path.abspath(files[row])) for row in rows]
        self.names = [names[row] for row in rows]
        self._labels = tuple(every[row] for row in rows)
        self._has_truth = truth is not None
        if again := len(files) - len(rows):
            self.add_note(f"{again:,} more path{'s' * (again > 1)} to the same files")

    def _by_folder(self, names: Sequence[str], root: str, labels_are: labels.LabelsAre) -> Sequence[int]:
        folders = [name.partition("/")[0] if "/" in name else "" for name in names]
        classes = sorted({*folders})
        if "" in classes:
            if labels_are == "indices":
                raise ValueError(
                    f"{self.title} has photos in no sub-folder, and {labels.SAY_INDICES} is of sub-folders' "
                    "names: leave that out, or move the photos into sub-folders named 0 to 999"
                )
            if len(classes) > 1:
                self.add_note("photos lie beside the sub-folders, so those are not taken for classes")
            return (UNKNOWN,) * len(folders)
        meaning = labels.of_folders(classes, root, names, labels_are)
        self.add_note(meaning.note)
        self.why_not = meaning.why_not
        indices = dict(zip(classes, meaning.indices, strict=True))
        return [indices[folder] for folder in folders]

    def __len__(self) -> int:
        return len(self.files)

    def label(self, row: int) -> int:
        return self._labels[row]

    def read(self, row: int) -> tuple[Source | bytes, str | None]:
        return self.files[row], None

    def where(self, row: int) -> str:
        return f"{self.names[row]} in {self.title}" if "/" in self.names[row] else self.title

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str:
        # The names carry the labels where no file gives them; sorted, so that a list's order does not matter.
        parts = sorted(
            (self.names[row], content(self.files[row], remember), *[str(self._labels[row])] * self._has_truth)
            for row in (range(len(self)) if rows is None else rows)
        )
        return combined(
            "labelled" if self._has_truth else "folder", *(part for each in parts for part in each)
        )

    def doubles(self, rows: Sequence[int], remember: Remember | None) -> list[list[int]]:
        places = doubles([self.files[row] for row in rows], remember)
        return [[rows[place] for place in same] for same in places]

    def order(self, rows: Sequence[int], remember: Remember | None) -> str:
        return combined("order", *(self.names[row] for row in rows))
