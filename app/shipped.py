"""The files that ship: the page's markup, styles and scripts, and plotly.js in its own package."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from snnet.tables import zoo


def shipped(name: str = "") -> Path:
    """Return a file of the page by its path below the page's folder; the folder without one."""
    return Path(__file__).resolve().parent / "static" / name


def plotly_js() -> Path:
    """Return the script that draws charts."""
    import plotly

    return Path(plotly.__file__).resolve().parent / "package_data" / "plotly.min.js"


def text(name: str) -> str:
    """Return a file of the page as text."""
    return shipped(name).read_text(encoding="utf-8")


def markup(title: str, parts: Sequence[str], whole: str, slots: Mapping[str, str]) -> str:
    """Return a page's markup with these parts in it, given the `whole` and what fills further slots.

    Among these are the words at its top: see `figures.chart.head`.
    Of the networks it holds the title of one, until the browser has the whole menu.
    """
    fillings = {f"part: {part}": text(f"{part}.html") for part in parts} | {
        "network": f"<option>{inert(title)}</option>",
        "models": f"{len({model.name for model in zoo.models()}):,}",
        "results": f"{len(zoo.models()):,}",
        **slots,
    }
    for slot, filling in fillings.items():
        whole = whole.replace(f"<!-- {slot} -->", filling)
    return re.sub(r"<!-- .*? -->", "", whole)


def inert(title: str) -> str:
    """Return a text that somebody else wrote as markup that says it, and does nothing.

    Gradio has the browser run what stands in ${...} or {{...}}, and puts other parts where @children stands.
    """
    return re.sub(r"[$`\\{}@]", lambda letter: f"&#{ord(letter[0])};", escape(title))
