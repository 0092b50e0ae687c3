"""Photos as files of their own: a folder with its sub-folders, or a list."""

import os
from collections.abc import Sequence
from pathlib import Path

from snnet.photos.classes import class_index
from snnet.photos.decode import SUFFIXES
from snnet.photos.fingerprints import Remember, Source, combined, content
from snnet.photos.store import ACCEPTED, UNKNOWN


def photos_below(folder: Path) -> list[Path]:
    """Return the photos in a folder and below, by name."""
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(parent, name)
            for name in sorted(names)
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        ]
    if not found:
        raise ValueError(f"{folder} holds no photos and no Parquet files: give {ACCEPTED}")
    return found


class Folder:
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
