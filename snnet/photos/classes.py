"""The 1,000 classes of ImageNet-1k, in timm's order: that of their sorted synsets."""

import re
from functools import cache

# Four class names stand twice in the table of first lemmas; these tell them apart.
_NAMES = {134: "crane (bird)", 517: "crane (machine)", 638: "maillot", 639: "tank suit"}
_SYNSET = re.compile(r"(?<![0-9a-z])n\d{8}(?![0-9a-z])")  # alone, or set off within a longer name


@cache
def class_names() -> tuple[str, ...]:
    """Return the 1,000 ImageNet-1k classes in order of index, each by a short English name of its own."""
    return tuple(_NAMES.get(index, lemmas[0]) for index, (_, lemmas) in enumerate(_classes()))


@cache
def synset_indices() -> dict[str, int]:
    """Return the index of each class by its synset (n01440764)."""
    return {synset: index for index, (synset, _) in enumerate(_classes())}


def class_index(name: str) -> int | None:
    """Return the index of the class that a synset or an English name means; None if no class or several.

    A synset may stand within a name (000.n01440764, n01440764_tench). A name means first the class that
    `class_names` calls so to the letter, then the one that it calls so but for case and dashes, then the one
    among whose names WordNet has it.
    """
    if synsets := {*_SYNSET.findall(name.lower())}:
        return synset_indices().get(synsets.pop()) if len(synsets) == 1 else None
    spelled, *others = _indices()
    if name in spelled:
        return spelled[name]
    return next((table[plain] for table in others if (plain := _plain(name)) in table), None)


@cache
def _classes() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return synset and lemmas of each ImageNet-1k class, in order of index."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    return tuple(
        (synset, tuple(lemma.strip() for lemma in info.label_name_to_description(synset).split(",")))
        for synset in info.label_names()
    )


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


@cache
def _indices() -> tuple[dict[str, int], ...]:
    """Return the index by the name of `class_names`, by that but for case, and by every unique name."""
    titles = class_names()
    names = [
        {_plain(name), _plain(", ".join(lemmas)), *(() if index in _NAMES else map(_plain, lemmas))}
        for index, (name, (_, lemmas)) in enumerate(zip(titles, _classes(), strict=True))
    ]
    spelled = {name: index for index, name in enumerate(titles)}
    return spelled, _unique([{_plain(name)} for name in titles]), _unique(names)


def _unique(names: list[set[str]]) -> dict[str, int]:
    """Return the index by every name that one class alone has."""
    meanings: dict[str, list[int]] = {}
    for index, each in enumerate(names):
        for name in each:
            meanings.setdefault(name, []).append(index)
    return {name: indices[0] for name, indices in meanings.items() if len(indices) == 1}
