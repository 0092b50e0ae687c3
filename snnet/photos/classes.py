"""The 1,000 classes of ImageNet-1k, in timm's order: that of their sorted synsets."""

from functools import cache

# Four class names stand twice in the table of first lemmas; these tell them apart.
_NAMES = {134: "crane (bird)", 517: "crane (machine)", 638: "maillot", 639: "tank suit"}


@cache
def class_names() -> tuple[str, ...]:
    """Return the 1,000 ImageNet-1k classes in order of index, each by a short English name of its own."""
    return tuple(_NAMES.get(index, lemmas[0]) for index, (_, lemmas) in enumerate(_classes()))


@cache
def synset_indices() -> dict[str, int]:
    """Return the index of each class by its synset (n01440764)."""
    return {synset: index for index, (synset, _) in enumerate(_classes())}


def class_index(name: str) -> int | None:
    """Return the index of the class that a synset or an English name means; None if no class or several."""
    return _indices().get(_plain(name))


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
def _indices() -> dict[str, int]:
    """Return the index by synset and by every name that means one class only."""
    meanings: dict[str, set[int]] = {}
    for index, (synset, lemmas) in enumerate(_classes()):
        for name in (synset, class_names()[index], *(() if index in _NAMES else lemmas)):
            meanings.setdefault(_plain(name), set()).add(index)
    return {name: indices.pop() for name, indices in meanings.items() if len(indices) == 1}
