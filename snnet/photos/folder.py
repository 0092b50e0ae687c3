"""Photos as files of their own: a folder with its sub-folders, or a list."""

import os
from collections.abc import Sequence
from pathlib import Path

from snnet.photos.classes import class_index
from snnet.photos.decode import SUFFIXES
from snnet.photos.fingerprints import Remember, Source, combined, content
from snnet.photos.store import ACCEPTED, UNKNOWN, Store


def photos_below(folder: Path) -> list[Path]:
    """Return the photos in a folder and below, by name; hidden ones are left out, links followed."""
    photos = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        below = [name for name in folders if not name.startswith(".") and not _is_loop(parent, name)]
        folders[:] = sorted(below)
        files = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        photos += [file for file in files if file.suffix.lower() in SUFFIXES]
    if not photos:
        raise ValueError(f"{folder} holds no photos and no Parquet files: give {ACCEPTED}")
    return photos


def _is_loop(parent: str, name: str) -> bool:
    """True for a link to a folder that leads to it, below which the same photos would come without end."""
    link = Path(parent, name)
    return link.is_symlink() and link.resolve() in {place.resolve() for place in (link.parent, *link.parents)}


class Folder(Store):
    """Photos as files: one folder's, labelled by its sub-folders or by a file; or any list, unlabelled."""

    def __init__(self, files: Sequence[Path], root: Path | None = None, title: str = "") -> None:
        self.title = title if root is None else root.resolve().name or str(root)
        self.files = [Path(os.path.abspath(file)) for file in files]
        self.names = [file.name if root is None else file.relative_to(root).as_posix() for file in files]
        self._labels = self._by_folder()
        self._has_truth = False

    def _by_folder(self) -> tuple[int, ...]:
        folders = [name.partition("/")[0] if "/" in name else "" for name in self.names]
        classes = sorted({*folders})
        if "" in classes:
            if len(classes) > 1:
                self.note = "photos lie beside the sub-folders, so those are not taken for classes"
            return (UNKNOWN,) * len(folders)
        indices = {name: index for name in classes if (index := class_index(name)) is not None}
        if not indices:
            indices = {name: number for number, name in enumerate(classes)}
            self.imagenet = False
            self.note = "classes numbered by sub-folder name, none being an ImageNet-1k class"
        elif strangers := [name for name in classes if name not in indices]:
            self.note = f"no ImageNet-1k class: {', '.join(strangers[:3])}" + ", …" * (len(strangers) > 3)
        return tuple(indices.get(folder, UNKNOWN) for folder in folders)

    def set_truth(self, labels: tuple[int, ...], source: str) -> None:
        """Take the labels of a ground-truth file in place of the sub-folders'."""
        self._labels, self._has_truth, self.note = labels, True, f"labels from {source}"

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

    def order(self, rows: Sequence[int], remember: Remember | None) -> str:
        return combined("order", *(self.names[row] for row in rows))
