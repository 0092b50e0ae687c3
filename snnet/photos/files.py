"""Which files are photos of a set: those that systems put beside them are not, and each file counts once."""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from snnet.photos.decode import ABSENT, SUFFIXES
from snnet.photos.store import ACCEPTED

# folders of thumbnails, trash and snapshots, beside all that begin with a dot; in small letters
JUNK = frozenset(
    {
        *("@eadir", "@recycle", "@recently-snapshot", "@sharebin", "#recycle", "#snapshot", "~snapshot"),
        *("$recycle.bin", "recycler", "system volume information", "lost+found", "lost+found.000"),
        *("__macosx", "network trash folder", "temporary items", "thumbs"),
    }
)
_EXAMPLES = 4  # names in a sentence


@dataclass
class Files:
    """Files in their order, and how many photos were left out, by the name of the file or folder."""

    files: list[Path] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, name: str, photos: int) -> None:
        """Count photos that are not the set's."""
        if photos:
            self.left_out[name] = self.left_out.get(name, 0) + photos

    @property
    def note(self) -> str:
        """How many were left out, in words; "" for none."""
        names = [*self.left_out]
        more = ", …" * (len(names) > _EXAMPLES)
        return (
            f"{sum(self.left_out.values()):,} left out: {', '.join(names[:_EXAMPLES])}{more}" if names else ""
        )


def is_junk(name: str) -> bool:
    """True for a file or folder that a system put there: hidden, or named as thumbnails and trash are."""
    return name.startswith(".") or name.lower() in JUNK


def absent(name: str) -> str:
    """Return why a photo of that name isn't read here, for a note; "" for what is read, or is no photo."""
    suffix = os.path.splitext(name)[1].lower()
    return f"*{suffix} (to read them: pip install {ABSENT[suffix]})" if suffix in ABSENT else ""


def photos_below(folder: Path) -> Files:
    """Return the photos in a folder and below, by name, links followed.

    Raises ValueError where there is none, OSError for a folder that can't be read.
    """
    photos = Files()
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        for name in filter(is_junk, folders):
            photos.leave_out(name, _count(Path(parent, name)))
        below = [name for name in folders if not is_junk(name) and not _is_loop(parent, name)]
        folders[:] = sorted(below)
        for name in sorted(names):
            if os.path.splitext(name)[1].lower() in SUFFIXES:
                if is_junk(name):
                    photos.leave_out(name, 1)
                else:
                    photos.files.append(Path(parent, name))
            elif (missing := absent(name)) and not is_junk(name):
                photos.leave_out(missing, 1)
    if not photos.files:
        note = f" ({photos.note})" if photos.note else ""
        raise ValueError(f"{folder} holds no photos and no Parquet files{note}: give {ACCEPTED}")
    return photos


def parquet_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder, sorted; not those below."""
    return sorted(file for file in folder.glob("*.parquet") if file.is_file() and not is_junk(file.name))


def matching(pattern: str) -> Files:
    """Return the files that a pattern matches, sorted; what it names itself is never junk."""
    files = Files()
    for name in sorted(name for name in glob.glob(pattern, recursive=True) if os.path.isfile(name)):
        parts, own = Path(name).parts, {*Path(pattern).parts}
        if junk := next((part for part in parts if is_junk(part) and part not in own), None):
            files.leave_out(junk, 1)
        elif missing := absent(name):
            files.leave_out(missing, 1)
        else:
            files.files.append(Path(name))
    return files


def firsts(files: Sequence[Path], classes: Iterable[int]) -> list[int]:
    """Return the places of files that are not yet there: reached again, by a link or the same path.

    The same file in two `classes` stays in both.
    """
    before: set[tuple[int, int, int]] = set()
    places = []
    for place, (file, label) in enumerate(zip(files, classes, strict=True)):
        try:
            status = file.stat()
        except OSError:  # said when it is to be decoded
            places.append(place)
            continue
        key = (status.st_dev, status.st_ino, label)
        if key not in before or not status.st_ino:
            places.append(place)
        before.add(key)
    return places


def _count(folder: Path) -> int:
    """Return how many photos lie in a folder and below."""
    return sum(
        os.path.splitext(name)[1].lower() in SUFFIXES for _, _, names in os.walk(folder) for name in names
    )


def _refuse(error: OSError) -> None:
    raise OSError(
        f"{error.filename} can't be read ({error.strerror}), and its photos would be missing: let yourself "
        "read it, or give a folder without it"
    )


def _is_loop(parent: str, name: str) -> bool:
    """True for a link to a folder that leads to it, below which the same photos would come without end."""
    link = Path(parent, name)
    return link.is_symlink() and link.resolve() in {place.resolve() for place in (link.parent, *link.parents)}
