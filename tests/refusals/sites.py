"""Where the project refuses something, read from its sources, and which test makes each refusal happen.

A refusal is a `raise` with a sentence. It is named by its file and a piece of its source, such as
"snnet/frontier.py: is below the smallest". Files whose sentences no person reads are left out, with the
reason.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What is raised here never reaches a person as it stands.
WITHIN = {
    **{
        f"app/web/{name}.py": "answers of the gate to requests that the page doesn't send: tests/app/web"
        for name in ("bodies", "form", "gate", "routes")
    },
    "snnet/photos/av1.py": "of files of odd structure, which decode.py says in one sentence",
    "snnet/photos/containers.py": "of files of odd structure, which decode.py says in one sentence",
    "snnet/photos/foreign.py": "of files of odd structure, which decode.py says in one sentence",
    "snnet/photos/readers.py": "of files of odd structure, which decode.py says in one sentence",
    "snnet/photos/tags.py": "of files of odd structure, which decode.py says in one sentence",
}


class Site(NamedTuple):
    """One `raise` of the project: its file, its lines, and its source in one line."""

    file: str
    first: int
    last: int
    text: str

    @property
    def name(self) -> str:
        return f"{self.file}: {self.text}"


@cache
def sites() -> tuple[Site, ...]:
    """Return every place of the library and the page that raises with a sentence."""
    sources = [*(ROOT / "snnet").rglob("*.py"), *(ROOT / "app").rglob("*.py")]
    return tuple(site for source in sorted(sources) for site in _of(source))


def _of(source: Path) -> Iterator[Site]:
    file = source.relative_to(ROOT).as_posix()
    if any(file.startswith(start) for start in WITHIN):
        return
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield Site(file, node.lineno, node.end_lineno or node.lineno, ast.unparse(node.exc))


def named(name: str) -> Site:
    """Return the one refusal of this name; LookupError unless it is one."""
    file, _, piece = name.partition(": ")
    matches = [site for site in sites() if site.file == file and piece in site.text]
    if len(matches) != 1:
        raise LookupError(f"{name!r} means {len(matches)} refusals: name one by its file and a piece of it")
    return matches[0]


def refusal(*names: str) -> Callable[[Any], Any]:
    """Mark a test as the one that makes these refusals happen and applies their remedies."""

    def mark(test: Any) -> Any:
        test.refusals = names
        return test

    return mark


class Told:
    """What a refusal said."""

    sentence = ""


@contextmanager
def expect(name: str, told: Told) -> Iterator[Told]:
    """Expect that the block is refused where the name says."""
    site = named(name)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its place says which it is
        yield told
    error: BaseException | None = caught.value
    while error is not None:  # what is raised, and what it was raised for
        *_, place = extract_tb(error.__traceback__)
        if Path(place.filename) == ROOT / site.file and site.first <= (place.lineno or 0) <= site.last:
            told.sentence = str(caught.value)
            return
        error = error.__cause__
    raise AssertionError(f"{name} was not it, but {caught.value!r}") from caught.value


def marked_tests() -> dict[str, list[str]]:
    """Return the tests that are marked, by the name of the refusal, read from the sources of all tests."""
    marked: dict[str, list[str]] = {}
    for source in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "refusal":
                    for name in map(ast.literal_eval, call.args):
                        test = f"{source.relative_to(ROOT).as_posix()}::{node.name}"
                        marked.setdefault(name, []).append(test)
    return marked
