"""The example photos, and what networks say of them, computed beforehand: they are answered at once.

The answers ship as one file: {network: {"weights": `weights_of`, "opening": the stitch that the page begins
with, "holds": from which budget on the first photo's answer stays, "stitches": their names, "classes":
{index: title}, "photos": {file: a row a stitch}}}. A row holds class, probability, class, … , the best first,
in units of 0.0001.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet import frontier
from snnet.paths import ASSETS

if TYPE_CHECKING:
    from snnet.catalogue.figures import Figures
    from snnet.catalogue.stitched_network import StitchedNetwork


@dataclass(frozen=True)
class Example:
    """A photo in words, and whose it is: assets/examples/README.md says more."""

    words: str
    credit: str


FOLDER = ASSETS / "examples"
ANSWERS = FOLDER / "answers.json"
PHOTOS = {  # in the page's order; the first is answered as it opens
    "bridge.jpg": Example("A suspension bridge at night, darkened", "Derek Jensen, public domain"),
    "volleyball.jpg": Example("A volleyball close up, darkened", "Starlight, public domain"),
    "spaniels.jpg": Example("Two cocker spaniels at a door, darkened", "Aitzol Berasategi, CC BY 4.0"),
    "cat.jpg": Example("A cat's eye, close up", "Stéfan van der Walt, CC0"),
    "bee.jpg": Example("A bee on a flower", "John Severns, public domain"),
    "espresso.jpg": Example("A cup of espresso", "Rachel Michetti, CC0"),
}
NETWORKS = ("lite",)  # whose weights are always here

UNIT = 10_000
MOST = 12  # classes of a row
LEAST = 0.001  # probability of its sixth class and those behind it
TOLERANCE = 0.003  # of a probability, between processors


def weights_of(net: "Figures") -> str:
    """Return the hash of all that a network's answers come from: its routes' tensors and their transforms.

    Empty where its routes are not known.
    """
    if not net.routes:
        return ""
    lines = [f"{one.name} {net.routes[one.name]} {net.transforms[one.image_size]}" for one in net.stitches]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def answers_of(net: "Figures | None") -> dict[str, Any] | None:
    """Return a network's part of the shipped answers; None where there is none for these very weights."""
    weights = weights_of(net) if net else ""
    return next((part for part in shipped().values() if part["weights"] == weights), None)


@cache
def shipped() -> dict[str, dict[str, Any]]:
    """Return the shipped answers, by network."""
    parts: dict[str, dict[str, Any]] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return parts


def opening(part: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return what a network says of the first photo as the page opens: (label, probability), best first."""
    row = part["photos"][next(iter(PHOTOS))][part["stitches"].index(part["opening"])]
    pairs = list(zip(row[::2], row[1::2], strict=True))
    return [(part["classes"][str(index)], share / UNIT) for index, share in pairs[:5]]


def make() -> Mapping[Path, bytes]:
    """Return the file of answers, computed anew."""
    import snnet

    parts = {name: part_of(snnet.load(name)) for name in NETWORKS}
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return {ANSWERS: (text + "\n").encode()}


def part_of(net: "StitchedNetwork") -> dict[str, Any]:
    """Return what the file says of a network."""
    from snnet.catalogue.figures import figures_of
    from snnet.evaluation.provenance import routes

    names = [stitch.name for stitch in net.stitches]
    photos = {photo: rows(net, photo, names) for photo in PHOTOS}
    indices = {index for table in photos.values() for row in table for index in row[::2]}
    return {
        "weights": weights_of(figures_of(net, routes(net))),
        "opening": opening_stitch(net),
        "holds": holds(net, photos[next(iter(PHOTOS))]),
        "stitches": names,
        "classes": {str(index): net.label_set.titles[index] for index in sorted(indices)},
        "photos": photos,
    }


def rows(net: "StitchedNetwork", photo: str, names: list[str]) -> list[list[int]]:
    """Return what these stitches say of an example, a row each."""
    from snnet.photos.decode import decode

    from . import answers

    image = decode(FOLDER / photo)
    stitches = [net.stitch(name) for name in names]
    images = {transform: transform(image)[None] for transform in {net.transform(one) for one in stitches}}
    by_name = {row["stitch"]: row for row in answers.sweep(net, images, stitches, MOST)}
    return [_row(by_name[name]["probabilities"]) for name in names]


def _row(probabilities: Mapping[str, float]) -> list[int]:
    best = [pair for place, pair in enumerate(probabilities.items()) if place < 5 or pair[1] >= LEAST]
    return [number for index, share in best for number in (int(index), round(UNIT * share))]


def holds(net: "StitchedNetwork", table: Sequence[list[int]]) -> str:
    """Return from which budget on a photo's answer stays, in the words of static/photo/answers.js.

    `table` is a row a stitch of the network. Where the stitch of the first budget says something else
    than the costliest, the words say so.
    """
    costs = [net.cost(stitch).gmacs for stitch in net.stitches]
    values = [figure.top1 if (figure := net.accuracy(stitch)) else None for stitch in net.stitches]
    bought = sorted(frontier.front(costs, values), key=costs.__getitem__)
    tops = [table[place][0] for place in bought]
    first = len(tops) - 1
    while first and tops[first - 1] == tops[-1]:
        first -= 1
    start = f"from {frontier.Ladder(costs).figure(costs[bought[first]], 2)} GMACs on"
    opening_top = table[[stitch.name for stitch in net.stitches].index(opening_stitch(net))][0]
    if opening_top != tops[-1]:
        return f"at this budget; {start} {net.label_set.titles[tops[-1]]}"
    return f"{start} for good" if first else "and at every budget"


def opening_stitch(net: "StitchedNetwork") -> str:
    """Return the stitch of the page's first budget, by the rule of `put` in static/network/network.js."""
    from snnet.evaluation import accuracy

    anchors = {stitch.name for stitch in net.stitches if stitch.is_anchor}
    front = [row for row in accuracy.table(net) if row["on_front"] and row["name"] not in anchors]
    name: str = sorted(front, key=lambda row: row["gmacs"])[len(front) // 2]["name"]
    return name


def agree(old: bytes, new: bytes) -> bool:
    """True where two files of answers say the same, but for the last digits of another processor."""
    olds, news = json.loads(old), json.loads(new)
    if olds.keys() != news.keys():
        return False
    for network, now in news.items():
        then = olds[network]
        if any(then.get(key) != now[key] for key in ("weights", "opening", "holds", "stitches")):
            return False
        if list(then["photos"]) != list(now["photos"]):
            return False
        for photo, table in now["photos"].items():
            if not all(map(rows_agree, then["photos"][photo], table)):
                return False
    return True


def rows_agree(one: list[int], other: list[int]) -> bool:
    """True where two rows have the same five best classes, ties aside, with the same probabilities."""
    first, second = _shares(one), _shares(other)
    return all(
        abs(first.get(index, 0) - second.get(index, 0)) <= TOLERANCE * UNIT
        for index in {*one[:10:2], *other[:10:2]}
    )


def _shares(row: list[int]) -> dict[int, int]:
    return dict(zip(row[::2], row[1::2], strict=True))
