"""docs/architecture.md is true: its drawing is that of the imports, and both ways are short."""

import re
from pathlib import Path

import pytest

from docs import drawing

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FILES_ON_A_WAY = 6


def test_the_drawing_is_that_of_the_imports() -> None:
    assert drawing.with_drawing(TEXT) == TEXT, "run: python -m docs.drawing"


@pytest.mark.parametrize("way", ["A photo's way", "A training batch's way"])
def test_a_way_passes_through_at_most_six_files(way: str) -> None:
    section = re.search(rf"^## {way}.*?\n(.*?)(?=^## )", TEXT, re.DOTALL | re.MULTILINE)
    assert section
    stations = re.findall(r"^\d+\. `([^`]+)`", section[1], re.MULTILINE)
    files = set(re.findall(r"`((?:snnet|app)/[\w/.]+)`", section[1]))
    assert files == set(stations)
    assert 1 < len(files) <= FILES_ON_A_WAY
    assert all((ROOT / file).is_file() for file in files)
