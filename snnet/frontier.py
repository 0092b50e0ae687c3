"""Pareto front, choice by budget, and the count against the zoo. Pure Python.

A point is a cost and a value; lower cost and higher value are better. A value of None or NaN is not known.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, log
from numbers import Real

BEATS_DEFINITION = (
    "A zoo result is one model at one image size, within the network's range of GMACs; it is beaten where "
    "some stitch costs no more GMACs and has at least its top-1."
)


def _points(costs: Sequence[float], values: Sequence[float | None]) -> list[tuple[float, float, int]]:
    """Return (cost, value, index) of every point whose value is known."""
    pairs = enumerate(zip(costs, values, strict=True))
    return [(cost, value, i) for i, (cost, value) in pairs if value is not None and not isnan(value)]


def _front(costs: Sequence[float], values: Sequence[float | None]) -> list[tuple[float, float, int]]:
    points: list[tuple[float, float, int]] = []
    for point in sorted(_points(costs, values), key=lambda p: (p[0], -p[1], p[2])):
        if not points or point[1] > points[-1][1]:
            points.append(point)
    return points


def front(costs: Sequence[float], values: Sequence[float | None]) -> list[int]:
    """Return the indices of the Pareto front by ascending cost; values rise strictly along it.

    Ties: of equal costs the higher value is kept, of equal points the first. Unknown values are never on it.
    """
    return [i for _, _, i in _front(costs, values)]


def area(costs: Sequence[float], values: Sequence[float | None]) -> float:
    """Return the area under the front over ln(cost), from the lowest of `costs` to the highest.

    At each cost the front has the best value within it. Where nothing known is affordable, at the left, its
    first value stands in, so that areas of different values at the same costs can be subtracted. Raises
    ValueError if no value is known.
    """
    steps = [(cost, value) for cost, value, _ in _front(costs, values)]
    if not steps:
        raise ValueError("no value is known: there is no front to take the area of")
    starts = [min(costs), *(cost for cost, _ in steps[1:]), max(costs)]
    return sum(
        value * log(end / start) for (_, value), start, end in zip(steps, starts, starts[1:], strict=False)
    )


def best_within(
    costs: Sequence[float], values: Sequence[float | None], budget: float, *, unit: str = "GMACs"
) -> int:
    """Return the index of the highest value within the budget; ties go to the cheaper, then first.

    Where no affordable point has a known value: the costliest of them, then first. Raises ValueError, naming
    the smallest cost, for a budget below it, NaN, or anything but a number.
    """
    if not costs:
        raise ValueError(f"there is no stitch to choose within {budget!r} {unit}")
    lowest = min(costs)
    smallest = f"{lowest:.3f}"
    if float(smallest) < lowest:  # rounded up, so that the budget named can be used as it stands
        smallest = f"{lowest + 0.0005:.3f}"
    # bool is a number to Python; a budget that is not equal to itself is NaN
    if not isinstance(budget, Real) or isinstance(budget, bool) or budget != budget:
        raise ValueError(f"budget {budget!r} is not a number: the smallest stitch takes {smallest} {unit}")
    if budget < lowest:
        raise ValueError(f"budget {budget} {unit} is below the smallest stitch ({smallest} {unit})")
    affordable = [(-value, cost, i) for cost, value, i in _points(costs, values) if cost <= budget]
    if affordable:
        return min(affordable)[2]
    return -max((cost, -i) for i, cost in enumerate(costs) if cost <= budget)[1]


@dataclass(frozen=True)
class Beats:
    """`beaten` of the `total` zoo results between `low` and `high` GMACs, as `BEATS_DEFINITION` says.

    Of the same total, `at_low` and `at_high` would be beaten if every stitch had the low or the high end of
    its interval: None where there are no intervals. `by_anchors` are beaten by anchors alone, at face value.
    """

    beaten: int
    total: int
    low: float
    high: float
    at_low: int | None
    at_high: int | None
    by_anchors: int


def beats(
    costs: Sequence[float],
    values: Sequence[float | None],
    zoo_costs: Sequence[float],
    zoo_values: Sequence[float | None],
    are_anchors: Sequence[bool],
    intervals: Sequence[Sequence[float] | None] | None = None,
) -> Beats:
    """Count as `BEATS_DEFINITION` says, in O((n + m) log n); unknown values count on neither side."""
    ends = [None] * len(values) if intervals is None else intervals
    has_ends = intervals is not None
    points = _points(costs, values)
    if not points:
        return Beats(0, 0, 0.0, 0.0, 0 if has_ends else None, 0 if has_ends else None, 0)
    low, high = min(cost for cost, _, _ in points), max(cost for cost, _, _ in points)
    inside = [(cost, value) for cost, value, _ in _points(zoo_costs, zoo_values) if low <= cost <= high]

    def beaten(by: Sequence[float | None]) -> int:
        others = [None if value is None else other for value, other in zip(values, by, strict=True)]
        return _beaten(_front(costs, others), inside)

    at_low, at_high = ([pair[end] if pair else None for pair in ends] for end in (0, 1))
    anchors = [value if is_one else None for value, is_one in zip(values, are_anchors, strict=True)]
    return Beats(
        beaten(values),
        len(inside),
        low,
        high,
        beaten(at_low) if has_ends else None,
        beaten(at_high) if has_ends else None,
        beaten(anchors),
    )


def _beaten(ladder: Sequence[tuple[float, float, int]], inside: Sequence[tuple[float, float]]) -> int:
    """Return how many (cost, value) have a step of the ladder that costs no more and is at least as high."""
    steps = [cost for cost, _, _ in ladder]
    places = [(bisect_right(steps, cost) - 1, value) for cost, value in inside]
    return sum(place >= 0 and ladder[place][1] >= value for place, value in places)
