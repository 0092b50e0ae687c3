"""How a network stands against the zoo: the one count that the page, the commands and the files tell."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from snnet import frontier
from snnet.evaluation import accuracy
from snnet.evaluation.intervals import IMAGENET_CLASSES
from snnet.frontier import Ladder
from snnet.tables import zoo

if TYPE_CHECKING:
    from snnet.evaluation.accuracy import HasAccuracies


@dataclass(frozen=True)
class Standing:
    """The count, `own` names of the network's anchors that it leaves out, and what is to be said of it.

    `definition` says what is counted; `nothing` why there is nothing to count, "" where there is; `range` is
    that of GMACs, as they are printed.
    """

    count: frontier.Beats
    own: tuple[str, ...]
    definition: str
    nothing: str
    range: tuple[str, str]

    @property
    def sentence(self) -> str:
        """The headline: the count at face value, at the ends of the intervals, and by anchors alone."""
        if self.nothing:
            return self.nothing
        count = self.count
        return (
            f"Beats {count.beaten} of {count.total} zoo results from {self.range[0]} to {self.range[1]} "
            f"GMACs, at face value; with every stitch at the low end of its 95 % interval {count.at_low}, "
            f"at the high end {count.at_high}. The anchors alone, unstitched, beat {count.by_anchors}."
        )

    def as_json(self) -> dict[str, Any]:
        """Return all of it by name, the sentence too."""
        words = {"definition": self.definition, "nothing": self.nothing, "sentence": self.sentence}
        return asdict(self.count) | {"own": list(self.own)} | words


def own_models(net: "HasAccuracies") -> tuple[str, ...]:
    """Return the zoo's names of the weights that a network is made of, or began with: its own anchors'."""
    names_of_zoo = {model.name for model in zoo.models()}
    return tuple(sorted({twin for name in net.model_names() for twin in zoo.twins(name)} & names_of_zoo))


def standing(net: "HasAccuracies") -> Standing:
    """Return how many zoo results a network beats, on ImageNet-1k, its own anchors left out of both numbers.

    Figures of a part of the classes are no figures here.
    """
    figures = [net.accuracies.get(stitch.name) for stitch in net.stitches]
    partial = {figure.classes for figure in figures if figure and not figure.is_comparable}
    rows = [] if partial else accuracy.table(net)
    own = own_models(net)
    others = [model for model in zoo.models() if model.name not in own]
    count = frontier.beats(
        [row["gmacs"] for row in rows],
        [row["top1"] for row in rows],
        [model.gmacs for model in others],
        [model.top1 for model in others],
        [stitch.is_anchor for stitch in net.stitches][: len(rows)],
        [row["interval"] for row in rows],
    )
    definition = f"{frontier.BEATS_DEFINITION} The network's own anchors are left out of both numbers."
    if any(row["source"] == "estimated" for row in rows):
        definition += " Estimates count as they stand."
    ladder = Ladder(net.cost(stitch).gmacs for stitch in net.stitches)
    low, high = (ladder.figure(cost, 2) for cost in (count.low, count.high))
    return Standing(count, own, definition, _nothing(count, partial, (low, high)), (low, high))


def _nothing(count: frontier.Beats, partial: set[int], within: tuple[str, str]) -> str:
    if partial:
        return (
            f"There is nothing to compare: top-1 of this network is known on {max(partial)} of "
            f"{IMAGENET_CLASSES:,} classes only, and fewer classes are an easier question than the zoo's."
        )
    if not count.high:
        return "There is nothing to compare yet: no stitch of this network has a known accuracy."
    if not count.total:
        return (
            f"There is nothing to compare: no zoo model lies between {within[0]} and {within[1]} "
            "GMACs, where this network's accuracies are known."
        )
    return ""
