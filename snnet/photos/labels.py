"""What labels mean: the one place that reads the names of a source's classes.

A label is an index of ImageNet-1k, whatever a source calls its classes; what can't be read for certain is no
label, and the source then says why. Nobody is told so who needs no labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from snnet.photos.classes import class_index, class_names
from snnet.photos.label_set import IMAGENET_1K
from snnet.photos.store import UNKNOWN

LabelsAre = Literal["names", "indices"]
SAY_INDICES = "--labels-are indices (in Python labels_are='indices')"
SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval"})

CLASSES = 1000
_EXAMPLES = 4  # names in a sentence
_IN_ORDER = 900  # of a thousand names that must be those of their own places; a few stand for two classes
BY_NAME = "by synset (n01440764) or by an ImageNet-1k class name"


@dataclass(frozen=True)
class Meaning:
    """What a source's own classes mean: an index of ImageNet-1k each, UNKNOWN for those that mean none.

    `note` is a remark for whoever looks at the photos; `why_not` says why no class can be read, and what to
    do; "" if they can. `key` tells this reading from that of the numbers as they stand, "" if it is that.
    """

    indices: tuple[int, ...]
    note: str = ""
    why_not: str = ""
    key: str = ""


# ----------------------------------------------------------------------------------------- what classes mean


def of_folders(
    names: Sequence[str], root: str, places: Sequence[str] = (), labels_are: LabelsAre = "names"
) -> Meaning:
    """Return what sub-folders for classes mean, by their names.

    `places` are the photos below `root`, as paths with "/". Raises ValueError for names that are no indices
    where they are said to be.
    """
    numbers = [_number(name) for name in names]
    if labels_are == "indices":
        if strangers := [name for name, number in zip(names, numbers, strict=True) if number is None]:
            raise ValueError(
                f"{root}: {few(strangers)} {_are(strangers)} no index of {IMAGENET_1K} (0 to "
                f"{CLASSES - 1}), which {SAY_INDICES} says of every sub-folder: leave that out, or move the "
                "others away"
            )
        return _by_number(numbers)
    if {*numbers} == {*range(CLASSES)}:  # ImageNet-V2's own layout
        return _by_number(numbers)
    indices = tuple(UNKNOWN if (index := class_index(name)) is None else index for name in names)
    strangers = [name for name, index in zip(names, indices, strict=True) if index == UNKNOWN]
    if len(strangers) < len(names):
        note = f"no {IMAGENET_1K} class: {few(strangers)}" if strangers else ""
        return Meaning(indices, note)
    return Meaning(
        indices, f"sub-folders {few(names)} are no {IMAGENET_1K} classes", _unread(names, root, places)
    )


def _unread(names: Sequence[str], root: str, places: Sequence[str]) -> str:
    """Return why none of the sub-folders is read as a class, and what to do."""
    splits = [name for name in names if name.lower() in SPLITS]
    if below := _deeper(places) or splits:
        what = (
            f"{few(splits)} {_are(splits)} no class but a split"
            if splits
            else f"{few(names)} {_are(names)} no class"
        )
        return f"{what}, and the classes lie deeper: give {_one_of(root, below)}"
    if all(name.isascii() and name.isdigit() for name in names):
        if all(_number(name) is not None for name in names):
            words = few([class_names()[int(name)] for name in names])
            return (
                f"sub-folders {few(names)} may be indices of {IMAGENET_1K} ({words}) or numbers of other "
                f"classes: if they are its indices, choose {SAY_INDICES}; else name them {BY_NAME}"
            )
        return (
            f"sub-folders {few(names)} are numbers, and not all of them {IMAGENET_1K}'s (0 to "
            f"{CLASSES - 1}): name them {BY_NAME}"
        )
    return f"{_no_classes('sub-folders', dict(enumerate(names)))}: name them {BY_NAME}"


def _no_classes(what: str, names: Mapping[int, str]) -> str:
    """Return that names, by number, are not ImageNet's, and what the numbers would mean there."""
    words = few([class_names()[number] for number in names if number < CLASSES])
    return (
        f"the {what} {few([*names.values()])} are no classes of {IMAGENET_1K}, and by their numbers they "
        f"would be {words}"
    )


def _deeper(places: Sequence[str]) -> list[str]:
    """Return the folders nearest to the top whose own sub-folders are classes."""
    parents: dict[tuple[str, ...], set[str]] = {}
    for place in dict.fromkeys(place.rpartition("/")[0] for place in places):
        parts = tuple(place.split("/"))
        for depth in range(1, len(parts)):
            parents.setdefault(parts[:depth], set()).add(parts[depth])
    good = [parts for parts, below in parents.items() if any(class_index(name) is not None for name in below)]
    least = min(map(len, good), default=0)
    return ["/".join(parts) for parts in good if len(parts) == least]


def of_class_names(names: Sequence[str], labels_are: LabelsAre = "names") -> Meaning | None:
    """Return what a file's own classes mean, by the names that it gives them; None: as they are numbered.

    They are so where the names are ImageNet-1k's own in its order, or no names but where the numbers are said
    to be its indices.
    """
    numbers = [_number(name) for name in names]
    if {*numbers} == {*range(CLASSES)} or (labels_are == "indices" and None not in numbers):
        indices = _by_number(numbers).indices
        return _mapping(indices)
    if labels_are == "indices":
        return None
    indices = tuple(UNKNOWN if (index := class_index(name)) is None else index for name in names)
    here = sum(index == place for place, index in enumerate(indices))
    if len(names) == CLASSES and here >= _IN_ORDER and here + indices.count(UNKNOWN) == CLASSES:
        return None  # a crane is a bird and a machine: their places tell them apart
    if UNKNOWN not in indices:
        return _mapping(indices)
    strangers = {place: names[place] for place, index in enumerate(indices) if index == UNKNOWN}
    why_not = (
        f"{_no_classes('classes', strangers)}: take photos whose classes are named {BY_NAME}, or, if their "
        f"numbers are its indices all the same, choose {SAY_INDICES}"
    )
    return Meaning(
        (UNKNOWN,) * len(names), f"classes {few([*strangers.values()])} are not {IMAGENET_1K}'s", why_not
    )


def _mapping(indices: tuple[int, ...]) -> Meaning | None:
    if indices == tuple(range(CLASSES)):
        return None
    return Meaning(indices, "classes by name", key=" ".join(map(str, indices)))


def _by_number(numbers: Sequence[int | None]) -> Meaning:
    return Meaning(tuple(UNKNOWN if number is None else number for number in numbers))


def _number(name: str) -> int | None:
    """Return the index of ImageNet-1k that a name is, if it is nothing but a number."""
    if not (name.isascii() and name.isdigit() and len(name) <= len(str(CLASSES))):
        return None
    return number if (number := int(name)) < CLASSES else None


# ----------------------------------------------------------------------------------------------------- words


def few(names: Sequence[str]) -> str:
    """Return some names as a sentence shows them."""
    return ", ".join(name[:40] for name in names[:_EXAMPLES]) + ", …" * (len(names) > _EXAMPLES)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _one_of(root: str, below: Sequence[str]) -> str:
    places = [f"{root.rstrip('/')}/{name}" for name in sorted(below)[:_EXAMPLES]]
    return " or ".join(places)
