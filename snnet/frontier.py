"""Pareto front, choice by budget, and the count against the zoo. Pure Python.

A point is a cost and a value; lower cost and higher value are better. A value of None or NaN is not known.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, log
from numbers import Real

BEATS_DEFINITION = (
    "Of the zoo models inside the network's range of GMACs, how many are matched or beaten: some stitch "
    "costs no more GMACs and has at least their top-1. A model published at two image sizes counts at each."
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
    """`beaten` of the `total` zoo models between `low` and `high` GMACs, as `BEATS_DEFINITION` says."""

    beaten: int
    total: int
    low: float
    high: float


def beats(
    costs: Sequence[float],
    values: Sequence[float | None],
    zoo_costs: Sequence[float],
    zoo_values: Sequence[float | None],
) -> Beats:
    """Count as `BEATS_DEFINITION` says, in O((n + m) log n); unknown values count on neither side."""
    ladder = _front(costs, values)
    if not ladder:
        return Beats(0, 0, 0.0, 0.0)
    steps = [cost for cost, _, _ in ladder]
    # The front starts at the cheapest known stitch; the costliest need not be on it.
    low, high = steps[0], max(cost for cost, _, _ in _points(costs, values))
    inside = [(cost, value) for cost, value, _ in _points(zoo_costs, zoo_values) if low <= cost <= high]
    beaten = sum(ladder[bisect_right(steps, cost) - 1][1] >= value for cost, value in inside)
    return Beats(beaten, len(inside), low, high)
