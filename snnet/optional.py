"""What the project can do without: where it is missing or damaged it fails alone, and a warning says so."""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")

_sentences: set[str] = set()


class MissingWarning(UserWarning):
    """Something that is not needed to load, classify or select is missing or damaged, and left out."""


def warn(sentence: str) -> None:
    """Say once what is missing."""
    if sentence not in _sentences:
        _sentences.add(sentence)
        warnings.warn(sentence, MissingWarning, stacklevel=3)


def optional(read: Callable[[], T], instead: U, what: str) -> T | U:
    """Return what `read` gives; where it fails `instead`, and warn that `what` is left out, and why."""
    try:
        return read()
    except Exception as error:  # a damaged file fails in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        if not isinstance(error, OSError | ValueError):
            reason = f"{type(error).__name__}: {reason}"
        warn(f"{what} left out: {reason}")
        return instead


def say_plainly() -> None:
    """Have such warnings shown as the sentence that they are, without the place in the code."""
    before = warnings.formatwarning

    def plain(message: Warning | str, category: type[Warning], *place: Any) -> str:
        return f"{message}\n" if issubclass(category, MissingWarning) else before(message, category, *place)

    if before.__module__ != __name__:
        warnings.formatwarning = plain  # type: ignore[assignment]
