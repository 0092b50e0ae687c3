"""README, CONTRIBUTING and docs/: every link leads somewhere, commands parse, files named exist."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PAGE_NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


class ParsedError(Exception):
    """The arguments are fine; nothing is run."""


def commands(text: str) -> Iterator[str]:
    """Yield the lines of code blocks and the spans of code that begin like a command of the project."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    outside = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for code in [*lines, *re.findall(r"`([^`]+)`", outside)]:
        for command in code.split(" && "):
            if re.search(r"(^|-m )snnet |^python app\.py|^python (-m )?(benchmarks|tests|docs)", command):
                yield " ".join(command.split())


def parse(main: Callable[[Sequence[str]], object], arguments: list[str]) -> None:
    """Call `main` up to the point where its arguments are parsed; SystemExit(2) if they aren't."""
    whole = argparse.ArgumentParser.parse_args
    with pytest.MonkeyPatch.context() as patch:

        def parse_args(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
            whole(parser, arguments)
            raise ParsedError

        patch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
        with pytest.raises((ParsedError, SystemExit)) as stop:
            main(arguments)
        assert stop.type is ParsedError or stop.value.code == 0, arguments


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, target


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_commands_parse(page: str) -> None:
    import app.main
    from snnet.commands import main

    for command in commands((ROOT / page).read_text(encoding="utf-8")):
        if "…" in command:
            continue
        words = shlex.split(command, comments=True)
        if "snnet" in words:
            parse(main.main, words[words.index("snnet") + 1 :])
        elif words[1] == "app.py":
            parse(partial(app.main.main, "app.py"), words[2:])
        else:
            file = words[2].replace(".", "/") + ".py" if words[1] == "-m" else words[1]
            assert (ROOT / file).is_file(), command


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in re.findall(r"`((?:snnet|app|tests|benchmarks|docs|assets)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_named_tests_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for file, test in re.findall(r"`(tests/[\w./]*\.py)::(\w+)`", text):
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"def {test}\b", source), f"{file}::{test}"
