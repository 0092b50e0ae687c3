"""Labels of a flat folder of photos, from the files in which ImageNet's ground truth is handed out."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from snnet.photos.classes import synset_indices
from snnet.photos.fingerprints import Source

_ACCEPTED = (
    "a line a photo in the order of sorted names (a synset, or the development kit's ILSVRC2012_ID with its "
    "meta.mat beside), lines of a file name and a label, or Kaggle's LOC_val_solution.csv"
)
_KAGGLE = ["ImageId", "PredictionString"]
_CLASSES = 1000
_SHOWN = 3  # examples in a sentence

Line = tuple[int, list[str]]  # its number in the file, its fields


def read(file: Source, photos: Sequence[str], folder: str) -> tuple[int, ...]:
    """Return the ImageNet-1k index (timm's order) of each photo of a folder, by a ground-truth file.

    `photos` are the files' names, sorted; `folder` is what errors call the folder. The file is one of:

    - the development kit's ILSVRC2012_validation_ground_truth.txt, whose ILSVRC2012_IDs (1 to 1000, in an
      order of their own) its meta.mat, beside it, turns into synsets; read by scipy;
    - a synset (n01440764) a line, a line a photo;
    - a file name and a label a line, as in Caffe's val.txt: an index (0 to 999) of the sorted synsets, which
      is timm's, or a synset;
    - Kaggle's LOC_val_solution.csv: a photo's first synset.

    Raises FileNotFoundError for a file or meta.mat that isn't there, ValueError for one that doesn't fit.
    """
    path = Path(file).expanduser()
    lines = _lines(path)
    first = lines[0][1]
    if first == _KAGGLE:
        return _by_name(path, _kaggle(path, lines[1:]), photos, folder)
    if len(first) > 1:
        return _by_name(path, _named(path, lines), photos, folder)
    if re.fullmatch(r"\d+", first[0]):
        found = _by_id(path, lines)
    elif re.fullmatch(r"n\d{8}", first[0]):
        found = _synsets(path, _single(path, lines))
    else:
        raise ValueError(f"line {lines[0][0]} of {path}, {first[0]!r}, is no label: give {_ACCEPTED}")
    if len(found) != len(photos):
        raise ValueError(
            f"{path} has {len(found):,} labels and {folder} {len(photos):,} photos: give a line a photo, "
            "in the order of sorted names"
        )
    return tuple(found)


# ------------------------------------------------------------------------------------------------- reading


def _lines(path: Path) -> list[Line]:
    """Return the lines that are not blank, cut into fields; ValueError where there is none."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is no file: give {_ACCEPTED}")
    try:
        text = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text: give {_ACCEPTED}") from error
    numbered = [(number, line.strip()) for number, line in enumerate(text, 1) if line.strip()]
    if not numbered:
        raise ValueError(f"{path} is empty: give {_ACCEPTED}")
    if next(csv.reader([numbered[0][1]])) == _KAGGLE:
        return [(number, next(csv.reader([line]))) for number, line in numbered]
    return [(number, line.rsplit(maxsplit=1)) for number, line in numbered]  # a name may hold spaces


def _single(path: Path, lines: Sequence[Line]) -> list[tuple[int, str]]:
    odd = [(number, " ".join(fields)) for number, fields in lines if len(fields) != 1]
    _refuse(path, odd, "is more than a label, as the first line is")
    return [(number, fields[0]) for number, fields in lines]


def _synsets(path: Path, labels: Sequence[tuple[int, str]]) -> list[int]:
    known = synset_indices()
    odd = [(number, label) for number, label in labels if label not in known]
    _refuse(path, odd, "is no synset of ImageNet-1k (such as n01440764)")
    return [known[label] for _, label in labels]


def _by_id(path: Path, lines: Sequence[Line]) -> list[int]:
    """Return the classes of ILSVRC2012_IDs, which are in no order but meta.mat's."""
    labels = _single(path, lines)
    synsets = _meta(path)
    odd = [(number, label) for number, label in labels if not label.isdecimal() or int(label) not in synsets]
    _refuse(path, odd, f"is no ILSVRC2012_ID of a class in {path.parent / 'meta.mat'} (1 to {_CLASSES:,})")
    return _synsets(path, [(number, synsets[int(label)]) for number, label in labels])


def _meta(path: Path) -> dict[int, str]:
    """Return the synset of each ILSVRC2012_ID by the meta.mat beside a ground-truth file."""
    meta = path.parent / "meta.mat"
    if not meta.is_file():
        raise FileNotFoundError(
            f"{path} holds ILSVRC2012_IDs, in an order that only the development kit's meta.mat tells: "
            f"put that at {meta} (ILSVRC2012_devkit_t12/data/meta.mat)"
        )
    try:
        from scipy.io import loadmat  # type: ignore[import-untyped]
    except ImportError as error:
        raise ValueError(f"{meta} is read by scipy, which is not here: pip install scipy") from error
    try:
        rows = loadmat(meta, squeeze_me=True)["synsets"].reshape(-1)
        leaves = [row for row in rows if int(row["num_children"]) == 0]
        found = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in leaves}
    except Exception as error:  # scipy fails in many ways on what is no such file
        raise ValueError(f"{meta} is not the development kit's meta.mat: copy that there again") from error
    return {number: synset for number, synset in found.items() if 1 <= number <= _CLASSES}


def _kaggle(path: Path, lines: Sequence[Line]) -> list[tuple[int, str, int]]:
    odd = [
        (number, ",".join(fields)) for number, fields in lines if len(fields) != 2 or not fields[1].split()
    ]
    _refuse(path, odd, "is not ImageId,PredictionString")
    found = _synsets(path, [(number, fields[1].split()[0]) for number, fields in lines])
    return [(number, fields[0], index) for (number, fields), index in zip(lines, found, strict=True)]


def _named(path: Path, lines: Sequence[Line]) -> list[tuple[int, str, int]]:
    """Return (line number, file name, index) of lines of a file name and a label."""
    odd = [(number, fields[0]) for number, fields in lines if len(fields) != 2]
    _refuse(path, odd, "is not a file name and a label, as the first line is")
    known = synset_indices() | {str(index): index for index in range(_CLASSES)}
    odd = [(number, fields[1]) for number, fields in lines if fields[1] not in known]
    _refuse(path, odd, f"is neither an index of the sorted synsets (0 to {_CLASSES - 1}) nor one of them")
    return [(number, PurePath(name).name, known[label]) for number, (name, label) in lines]


# ------------------------------------------------------------------------------------------------ matching


def _by_name(
    path: Path, given: Sequence[tuple[int, str, int]], photos: Sequence[str], folder: str
) -> tuple[int, ...]:
    """Return the labels of photos that a file names, with or without their suffix."""
    labels: dict[str, int] = {}
    for number, name, label in given:
        if name in labels:
            raise ValueError(f"line {number} of {path} names {name} a second time: a line a photo is needed")
        labels[name] = label
    keys = [name if name in labels else PurePath(name).stem for name in photos]
    lost = [name for name, key in zip(photos, keys, strict=True) if key not in labels]
    if lost:
        raise ValueError(
            f"{path} has no label for {len(lost):,} of the {len(photos):,} photos in {folder}: {_few(lost)}"
        )
    used = {*keys}
    if strangers := [name for name in labels if name not in used]:
        raise ValueError(
            f"{path} labels {len(strangers):,} photos that are not in {folder} ({len(photos):,} photos): "
            f"{_few(strangers)}"
        )
    return tuple(labels[key] for key in keys)


def _refuse(path: Path, odd: Sequence[tuple[int, str]], what: str) -> None:
    if odd:
        number, text = odd[0]
        more = f", one of {len(odd):,} such lines" if len(odd) > 1 else ""
        raise ValueError(f"line {number} of {path}, {text[:60]!r}, {what}{more}: give {_ACCEPTED}")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
