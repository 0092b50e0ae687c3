"""The layout's rules: what lies where, and how large it may be. Reads the sources, runs nothing of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = sorted((ROOT / "snnet").rglob("*.py"))
PAGE = [ROOT / "app.py", *sorted((ROOT / "app").rglob("*.py"))]
SOURCES = [*LIBRARY, *PAGE]

FILE_LINES, FUNCTION_LINES, PARAMETERS, IDEA_LINES = 400, 60, 6, 2000
README_LINES, FILES_AT_TOP, DOCSTRING_LINES = 150, 8, 5

# Functions that the README and docs/ name keep their keywords: they only gather them into options.
PUBLIC = {
    "snnet/catalogue/build.py: stitch",
    "snnet/photos/photo_set.py: open_photos",
}

# A thing is called by the noun that it is. Terms of the field and of files are not here: published, saved,
# shared, bundled, measured, broken, done.
PARTICIPLES = re.compile(
    "asked|begun|built|chosen|drawn|fetched|found|given|gone|got|heard|held|kept|known|loaded|lost|made|meant|"
    "met|named|opened|seen|sent|shown|stopped|taken|thought|told|said|used|walked|wanted|written",
    re.IGNORECASE,
)

NOT_YET: dict[str, set[str]] = {}  # by rule, the files that still break it


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield every function of a file, methods by Class.method, with its node."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name_of(path)}: {prefix}{child.name}", child
                yield from walk(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "")


def names(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every name that a file gives to something, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno
            case ast.alias(asname=str()):
                yield node.asname, node.lineno
            case ast.ExceptHandler(name=str()):
                yield node.name, node.lineno


def long_files() -> Iterator[str]:
    for path in SOURCES:
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES:
            yield f"{name_of(path)}: {lines} lines"


def long_functions() -> Iterator[str]:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8").splitlines()
        for name, node in functions(path):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            has_reason = first > 1 and text[first - 2].lstrip().startswith("#")
            if (lines := node.end_lineno - node.lineno + 1) > FUNCTION_LINES and not has_reason:
                yield f"{name}: {lines} lines"


def many_parameters() -> Iterator[str]:
    for path in SOURCES:
        for name, node in functions(path):
            a = node.args
            count = len([p for p in (*a.posonlyargs, *a.args, *a.kwonlyargs) if p.arg not in ("self", "cls")])
            if count > PARAMETERS and name not in PUBLIC:
                yield f"{name}: {count} parameters"


def participles() -> Iterator[str]:
    for path in SOURCES:
        lines: dict[str, list[str]] = {}
        for name, line in names(path):
            if PARTICIPLES.fullmatch(name.strip("_")):
                lines.setdefault(name, []).append(str(line))
        for name, at in lines.items():
            yield f"{name_of(path)}: {name} (line {', '.join(at)})"


def rooms_without_a_sign() -> Iterator[str]:
    for folder in sorted({path.parent for path in SOURCES} - {ROOT}):
        sign = folder / "__init__.py"
        text = ast.get_docstring(ast.parse(sign.read_text(encoding="utf-8"))) if sign.exists() else None
        if not text:
            yield f"{name_of(folder)}: no docstring in its __init__.py"
        elif folder != ROOT / "snnet" and len(text.splitlines()) > DOCSTRING_LINES:
            yield f"{name_of(folder)}: {len(text.splitlines())} lines in its docstring"


def library_knows_the_page() -> Iterator[str]:
    for path in LIBRARY:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import():
                    modules = [alias.name for alias in node.names]
                case ast.ImportFrom():
                    modules = [node.module or ""]
                case ast.Constant(value=str()):
                    modules = re.findall(r"\bapp[./]\w*", node.value)
                    modules = [m for m in modules if m != "app.py"]
                case _:
                    continue
            for module in modules:
                if re.match(r"app\b", module):
                    yield f"{name_of(path)}: names {module} (line {node.lineno})"


RULES = {
    "a file has at most 400 lines": long_files,
    "a function has at most 60 lines, or a comment above it says why": long_functions,
    "a function has at most six parameters": many_parameters,
    "no participle is the name of a thing": participles,
    "every room says in five lines what lives there": rooms_without_a_sign,
    "the library does not know the page": library_knows_the_page,
}


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str) -> None:
    not_yet = NOT_YET.get(rule, set())
    broken = list(RULES[rule]())
    assert {line.split(": ")[0] for line in broken} <= not_yet, "\n".join([f"{rule}; broken by:", *broken])


def test_the_top_of_the_library_is_read_at_a_glance() -> None:
    top = sorted(path.name for path in (ROOT / "snnet").iterdir() if path.is_file())
    assert len(top) <= FILES_AT_TOP, top


def test_the_idea_is_read_in_an_evening() -> None:
    """What a stitch is and how it runs: the lines of both rooms, comments and docstrings included."""
    rooms = [path for room in ("stitches", "network") for path in (ROOT / "snnet" / room).glob("*.py")]
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in rooms}
    assert sum(lines.values()) < IDEA_LINES, lines


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES
