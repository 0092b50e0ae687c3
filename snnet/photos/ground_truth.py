"""Labels of a flat folder of photos, from the files in which ImageNet's ground truth is handed out."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from snnet.photos.classes import synset_indices
from snnet.photos.fingerprints import Source

_ACCEPTED = (
    "a line a photo in the order of sorted names (a synset, or the development kit's ILSVRC2012_ID with its "
    "meta.mat beside), lines of a file name and a label, or Kaggle's LOC_val_solution.csv"
)
_KAGGLE = ["ImageId", "PredictionString"]
_CLASSES = 1000
_MOST_BYTES = 1 << 28  # of a file of labels: 14 million photos'
_MOST_META_BYTES = 1 << 22  # the development kit's has 25 kB
_NO_SYNSET = "is no synset of ImageNet-1k (such as n01440764)"
_EXAMPLES = 3  # examples in a sentence


class _Line(NamedTuple):
    number: int  # in the file, from 1
    text: str
    fields: list[str]


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
    fields = len(lines[0].fields)
    if lines[0].fields == _KAGGLE:
        del lines[0]
        form, table, stranger = "is not ImageId,PredictionString", synset_indices(), _NO_SYNSET
    else:
        form = f"is {'not a file name and' if fields > 1 else 'more than'} a label, as the first line is"
        table, stranger = _table(path, lines[0])
    _refuse(path, [(line.number, line.text) for line in lines if len(line.fields) != fields], form)
    labels = [(line.number, line.fields[-1].split()[0]) for line in lines]  # Kaggle's also has boxes
    _refuse(path, [(number, label) for number, label in labels if label not in table], stranger)
    indices = [table[label] for _, label in labels]
    if fields > 1:
        return _by_name(path, lines, indices, photos, folder)
    if len(indices) != len(photos):
        raise ValueError(
            f"{path} has {len(indices):,} labels and {folder} {len(photos):,} photos: give a line a photo, "
            "in the order of sorted names"
        )
    return tuple(indices)


# ------------------------------------------------------------------------------------------------- reading


def _lines(path: Path) -> list[_Line]:
    """Return the lines that are not blank, cut into fields; ValueError where there is none."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is no file: give {_ACCEPTED}")
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise ValueError(f"{path} has {size:,} bytes, more than labels take: give {_ACCEPTED}")
    try:
        text = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text: give {_ACCEPTED}") from error
    texts = [(number, line.strip()) for number, line in enumerate(text, 1) if line.strip()]
    if not texts:
        raise ValueError(f"{path} is empty: give {_ACCEPTED}")
    kaggle = next(csv.reader([texts[0][1]])) == _KAGGLE
    return [_Line(number, line, _fields(line, kaggle)) for number, line in texts]


def _fields(line: str, kaggle: bool) -> list[str]:
    if kaggle:
        return [field for field in next(csv.reader([line])) if field.strip()]
    return line.rsplit(maxsplit=1)  # a name may hold spaces


def _table(path: Path, first: _Line) -> tuple[dict[str, int], str]:
    """Return the index of each label that lines like the first may have, and what any other label is."""
    synsets = synset_indices()
    if len(first.fields) > 1:
        numbers = {str(index): index for index in range(_CLASSES)}
        stranger = f"is neither an index of the sorted synsets (0 to {_CLASSES - 1}) nor one of them"
        return synsets | numbers, stranger
    if re.fullmatch(r"n\d{8}", first.text):
        return synsets, _NO_SYNSET
    if re.fullmatch(r"\d+", first.text):
        stranger = f"is no ILSVRC2012_ID of a class in {path.parent / 'meta.mat'} (1 to {_CLASSES:,})"
        return {str(number): synsets[synset] for number, synset in _meta(path).items()}, stranger
    raise ValueError(f"line {first.number} of {path}, {first.text!r}, is no label: give {_ACCEPTED}")


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
    if (size := meta.stat().st_size) > _MOST_META_BYTES:
        raise ValueError(f"{meta} has {size:,} bytes, more than the development kit's: copy that there again")
    try:
        rows = loadmat(meta, squeeze_me=True)["synsets"].reshape(-1)
        classes = {
            int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows if not int(row["num_children"])
        }
    except Exception as error:  # scipy fails in many ways on what is no such file
        raise ValueError(f"{meta} is not the development kit's meta.mat: copy that there again") from error
    return {number: synset for number, synset in classes.items() if synset in synset_indices()}


# ------------------------------------------------------------------------------------------------ matching


def _by_name(
    path: Path, lines: Sequence[_Line], indices: Sequence[int], photos: Sequence[str], folder: str
) -> tuple[int, ...]:
    """Return the labels of photos that a file names, with or without their suffix."""
    labels: dict[str, int] = {}
    for line, index in zip(lines, indices, strict=True):
        name = PurePath(line.fields[0]).name
        if name in labels:
            raise ValueError(
                f"line {line.number} of {path} names {name} a second time: a line a photo is needed"
            )
        labels[name] = index
    keys = [name if name in labels else PurePath(name).stem for name in photos]
    missing = [name for name, key in zip(photos, keys, strict=True) if key not in labels]
    if missing:
        raise ValueError(
            f"{path} has no label for {len(missing):,} of the {len(photos):,} photos in {folder}: "
            f"{_few(missing)}"
        )
    here = {*keys}
    if strangers := [name for name in labels if name not in here]:
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
    return ", ".join(names[:_EXAMPLES]) + (", …" if len(names) > _EXAMPLES else "")
