"""What of the photo's card stands in the page's markup: the examples, and the first of them answered."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from . import examples
from .shipped import inert

BARS = 5  # as many as an answer has classes


def slots(answers: Mapping[str, Any] | None) -> Mapping[str, str]:
    """Return what fills the slots of the card, by name, given the shipped answers of its first network.

    Without any the card is empty.
    """
    first, photo = next(iter(examples.PHOTOS.items()))
    best = examples.opening(answers) if answers else []
    filled = {"examples": "".join(map(_button, examples.PHOTOS)), "bars": _bars(best), "flips": " sn-flips"}
    if not answers:
        return filled | {"preview": 'alt="" hidden', "verdict": "&nbsp;", "holds": "&nbsp;"}
    (label, share), *_ = best
    source = _address(examples.FOLDER / first)
    return filled | {
        "preview": f'src="{source}" alt="{inert(photo.words)}" fetchpriority="high"',
        "hint": " hidden",
        "verdict": f"{inert(label)} · {100 * share:.0f} %",
        "holds": inert(answers["holds"]),
    }


def _button(name: str) -> str:
    photo = examples.PHOTOS[name]
    small = _address(examples.FOLDER / "small" / name)
    return (
        f'<button type="button" class="example" data-photo="{_address(examples.FOLDER / name)}" '
        f'aria-label="Example: {inert(photo.words)}" title="{inert(photo.words)} ({inert(photo.credit)})">'
        f'<img src="{small}" alt=""></button>'
    )


def _bars(best: list[tuple[str, float]]) -> str:
    pairs = best or [("", 0.0)] * BARS
    return "".join(_bar(label, share, f"{100 * share:.1f} %" if label else "") for label, share in pairs)


def _bar(label: str, share: float, words: str) -> str:
    name = f'<span class="name" title="{inert(label)}">{inert(label) or "&nbsp;"}</span>'
    fill = f'<span class="track"><span class="fill" style="width: {100 * share:.1f}%"></span></span>'
    return f'<li>{name}<span class="share">{words}</span>{fill}</li>'


def _address(file: Path) -> str:
    return escape(f"gradio_api/file={file}")
