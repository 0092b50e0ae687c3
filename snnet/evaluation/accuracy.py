"""What is known of every stitch's top-1, and where it comes from.

*Published*: an anchor at its published size, from timm's table of ImageNet-1k results. *Measured*: on photos
of all classes, as counted. *Estimated*: on photos of a part of the classes, where top-1 itself is no
ImageNet-1k figure, but a difference to a control on the very same photos is worth something: the control's
published top-1 plus that difference. *Partial*: on photos of a part of the classes, as counted, where no
stitch has any of the others; comparable with one another, and with nothing else. A network's accuracies are
all partial or none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from snnet import frontier
from snnet.evaluation.intervals import (
    IMAGENET_CLASSES,
    IMAGENET_PHOTOS,
    interval,
    paired_difference,
    wilson,
)
from snnet.evaluation.results import TORCH, Result
from snnet.frontier import Cost
from snnet.stitches.stitch import Stitch
from snnet.tables import zoo


@dataclass(frozen=True)
class Accuracy:
    """Top-1 in percent with its 95 % interval; `note` tells in a sentence where it is from.

    `photos` names what it was measured on, or its difference to a control. `classes` is how many of
    ImageNet-1k's classes the top-1 is a figure of: all of them unless it is partial; `is_silent` if
    some photos got no finite answer.
    """

    top1: float
    interval: tuple[float, float]
    source: Literal["published", "measured", "estimated", "partial"]
    note: str
    photos: str = ""
    classes: int = IMAGENET_CLASSES
    is_silent: bool = False

    @property
    def is_comparable(self) -> bool:
        """True where it may stand beside others' ImageNet-1k figures; fewer classes are easier."""
        return self.source != "partial"

    @property
    def origin(self) -> str:
        """The source in words that stand beside a figure."""
        if self.is_comparable:
            return self.source
        return f"measured on {self.classes} of {IMAGENET_CLASSES:,} classes"


class HasAccuracies(Protocol):
    """A network that knows how accurate its stitches are, as far as it is asked here: loaded, or its figures.

    `accuracies` holds what is known of each stitch, by name; `reported` is what the authors of these very
    weights report of them.
    """

    @property
    def accuracies(self) -> Mapping[str, Accuracy]: ...

    @property
    def reported(self) -> Mapping[str, Accuracy]: ...

    @property
    def stitches(self) -> tuple[Stitch, ...]: ...

    @property
    def classes(self) -> str:
        """What tells the classes that an answer is one of from others: see `LabelSet.digest`."""
        ...

    def timm_name(self, stitch: Stitch) -> str | None:
        """Return timm's name of the model that a stitch is, unchanged, transform and all; else None."""
        ...

    def model_names(self) -> tuple[str, ...]:
        """Return timm's names of the weights that its anchors carry, or began with."""
        ...

    def cost(self, stitch: Stitch) -> Cost:
        """Return what a stitch costs."""
        ...


def reported(top1: float, source: str) -> Accuracy:
    """Return what the authors of a network's weights measured for one of its stitches, top-1 in percent."""
    return Accuracy(
        top1=top1,
        interval=wilson(top1 / 100 * IMAGENET_PHOTOS, IMAGENET_PHOTOS),
        source="published",
        note=f"{source}: on ImageNet-1k's 50,000 validation photos",
        photos=source,
    )


def timm_row(net: HasAccuracies, stitch: Stitch) -> zoo.ZooModel | None:
    """Return the zoo's row of a stitch that is timm's own model, unchanged, run as timm's table ran it."""
    name = net.timm_name(stitch)
    return next((m for m in zoo.models() if (m.name, m.image_size) == (name, stitch.image_size)), None)


def published(net: HasAccuracies, stitch: Stitch) -> Accuracy | None:
    """Return what the weights' authors report, or timm's own result for an anchor at its size and crop."""
    if stitch.name in net.reported:
        return net.reported[stitch.name]
    row = timm_row(net, stitch)
    if row is None:
        return None
    return Accuracy(
        top1=row.top1,
        interval=wilson(row.top1 / 100 * IMAGENET_PHOTOS, IMAGENET_PHOTOS),
        source="published",
        note=f"timm's result for {row.name} at {row.image_size} px on ImageNet-1k's 50,000 validation photos",
    )


def accuracies(net: HasAccuracies, counts: Sequence[tuple[Stitch, Result]]) -> dict[str, Accuracy]:
    """Return the best-founded accuracy of every stitch that has one: published, measured, then estimated."""
    best: dict[str, Accuracy] = {}
    for stitch in net.stitches:
        if accuracy := published(net, stitch):
            best[stitch.name] = accuracy
    by_run: dict[tuple[str, ...], dict[str, Result]] = {}
    for stitch, result in counts:
        if result.classes == net.classes:  # a share of other classes' is no figure of the chart's
            by_run.setdefault((result.photos, result.precision, result.engine), {})[stitch.name] = result
    # the largest set of photos speaks first; of two precisions the exact one, of two engines our own
    order = sorted(
        by_run.values(),
        key=lambda run: min((-r.total, r.precision != "float32", r.engine != TORCH) for r in run.values()),
    )
    for run in order:
        for stitch in net.stitches:
            if stitch.name in best or stitch.name not in run:
                continue
            result = run[stitch.name]
            if len(result.per_class) == IMAGENET_CLASSES:
                best[stitch.name] = measured(result)
            elif estimate := estimated(net, stitch, run, best):
                best[stitch.name] = estimate
    return best or _partial(order)


def _partial(runs: "Sequence[Mapping[str, Result]]") -> dict[str, Accuracy]:
    """Return what was counted on the first run's photos: on other classes a top-1 means another thing."""
    best: dict[str, Accuracy] = {}
    photos = {result.photos for run in runs[:1] for result in run.values()}
    for run in runs:
        for name, result in run.items():
            if result.photos in photos:
                best.setdefault(name, measured(result))
    return best


def measured(result: Result) -> Accuracy:
    """Return a result as it was counted."""
    classes = len(result.per_class)
    is_whole = classes >= IMAGENET_CLASSES
    return Accuracy(
        top1=100 * result.top1 / result.total,
        interval=interval(result),
        source="measured" if is_whole else "partial",
        note=f"measured on {result.photos_about}, {result.precision}, {result.measured_on}"
        + ("" if is_whole else f": top-1 on {classes} classes is no ImageNet-1k figure"),
        photos=f"{result.set_about} ({result.precision})",
        classes=classes,
        is_silent=result.silent > 0,
    )


def control_of(net: HasAccuracies, stitch: Stitch, accuracies: Mapping[str, Accuracy]) -> Stitch | None:
    """Return the stitch's back anchor at its published size, if a published accuracy stands there."""
    return next(
        (
            control
            for control in net.stitches
            if control.is_anchor
            and control.anchors[0] == stitch.anchors[-1]
            and control.name in accuracies
            and accuracies[control.name].source == "published"
        ),
        None,
    )


def estimated(
    net: HasAccuracies, stitch: Stitch, run: Mapping[str, Result], accuracies: Mapping[str, Accuracy]
) -> Accuracy | None:
    """Return the control's published top-1 plus the paired difference to it in one run, if both are there."""
    control = control_of(net, stitch, accuracies)
    if control is None or control.name not in run:
        return None
    result, reference = run[stitch.name], run[control.name]
    if reference.silent:  # a difference to what failed is worth nothing
        return None
    difference, (low, high) = paired_difference(
        {c: (n, right) for c, (n, right, _) in result.per_class.items()},
        {c: (n, right) for c, (n, right, _) in reference.per_class.items()},
    )
    base = accuracies[control.name].top1
    return Accuracy(
        top1=base + difference,
        interval=(max(0.0, base + low), min(100.0, base + high)),
        source="estimated",
        note=(
            f"{base:.2f} % published for {control.name}, {difference:+.1f} points against it on "
            f"{result.photos_about} ({result.precision}); the interval resamples whole classes and does not "
            f"cover the step from {len(result.per_class)} classes to {IMAGENET_CLASSES:,}"
        ),
        photos=f"{result.set_about} ({result.precision})",
        is_silent=result.silent > 0,
    )


def line(net: HasAccuracies) -> str:
    """Return the sentences below the chart: which accuracies of this network come from where."""
    by_source: dict[str, list[Accuracy]] = {"published": [], "measured": [], "estimated": [], "partial": []}
    for accuracy in net.accuracies.values():
        by_source[accuracy.source].append(accuracy)
    sentences = []
    reported = len(net.reported)
    if reported:
        authors = _photos(list(net.reported.values()))
        sentences.append(f"{reported} stitches as published by {authors}, for ImageNet-1k.")
    if count := len(by_source["published"]) - reported:
        sentences.append(f"{count} anchors as published by timm for ImageNet-1k.")
    if count := len(by_source["measured"]):
        sentences.append(f"{count} stitches measured on {_photos(by_source['measured'])}.")
    if count := len(by_source["estimated"]):
        photos = _photos(by_source["estimated"])
        sentences.append(
            f"{count} stitches estimated: the published top-1 of a control (the stitch's back anchor at its "
            f"published size) plus the paired difference to that control on {photos}. "
            "The 95 % intervals resample whole classes and do not cover the step from these classes to 1,000."
        )
    if count := len(by_source["partial"]):
        classes = by_source["partial"][0].classes
        sentences.append(
            f"{count} stitches measured on {_photos(by_source['partial'])}. Top-1 on {classes} of "
            f"{IMAGENET_CLASSES:,} classes compares these stitches with one another, and with no other model."
        )
    if count := sum(accuracy.is_silent for accuracy in net.accuracies.values()):
        sentences.append(f"{count} of them gave some photos no finite answer, which counts as a wrong one.")
    if unknown := len(net.stitches) - len(net.accuracies):
        sentences.append(f"{unknown} stitches not measured yet.")
    return " ".join(sentences)


def _photos(accuracies: Sequence[Accuracy]) -> str:
    return ", or ".join(dict.fromkeys(accuracy.photos for accuracy in accuracies))


def table(net: HasAccuracies) -> list[dict[str, Any]]:
    """Return a row a stitch, in the network's order: name, cost, accuracy, and whether it is on the front.

    "origin" says the "source" in words; "classes" is how many of ImageNet-1k's the top-1 is a figure of.
    """
    costs = [net.cost(stitch) for stitch in net.stitches]
    accuracies = [net.accuracies.get(stitch.name) for stitch in net.stitches]
    front = set(frontier.front([c.gmacs for c in costs], [a.top1 if a else None for a in accuracies]))
    return [
        {
            "name": stitch.name,
            "image_size": stitch.image_size,
            "gmacs": cost.gmacs,  # unrounded: as a budget it must buy this very stitch
            "params_m": cost.params_m,
            "top1": round(accuracy.top1, 3) if accuracy else None,
            "interval": [round(end, 3) for end in accuracy.interval] if accuracy else None,
            "source": accuracy.source if accuracy else None,
            "classes": accuracy.classes if accuracy else None,
            "origin": accuracy.origin if accuracy else None,
            "on_front": number in front,
        }
        for number, (stitch, cost, accuracy) in enumerate(zip(net.stitches, costs, accuracies, strict=True))
    ]
