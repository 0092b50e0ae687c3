"""Pareto front, choice by budget, and the count against the zoo. Pure Python.

A point is a cost and a value; lower cost and higher value are better. A value of None or NaN is not known.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isnan

BEATS_DEFINITION = (
    "Of the zoo models inside the network's range of GMACs, how many are matched or beaten: some stitch "
    "costs no more GMACs and has at least their top-1."
)


def _known(value: float | None) -> bool:
    return value is not None and not isnan(value)


def front(costs: Sequence[float], values: Sequence[float | None]) -> list[int]:
    """Return the indices of the Pareto front by ascending cost; values rise strictly along it.

    Ties: of equal costs the higher value is kept, of equal points the first. Unknown values are never on it.
    """
    known = [i for i, value in enumerate(values) if _known(value)]
    found: list[int] = []
    for i in sorted(known, key=lambda i: (costs[i], -values[i], i)):  # type: ignore[operator]
        if not found or values[i] > values[found[-1]]:  # type: ignore[operator]
            found.append(i)
    return found


def best_within(
    costs: Sequence[float], values: Sequence[float | None], budget: float, *, unit: str = "GMACs"
) -> int:
    """Return the index of the highest value whose cost is within the budget; ties go to the cheaper, then first.

    Where no affordable point has a known value: the costliest of them. Raises ValueError, naming the smallest
    cost, for a budget below it, NaN, or anything but a number.
    """
    smallest = f"{ceil(1000 * min(costs)) / 1000:.3f} {unit}"  # rounded up: it can be used as it stands
    is_number = isinstance(budget, int | float) and not isinstance(budget, bool) and not isnan(budget)
    if not is_number:
        raise ValueError(f"budget {budget!r} is not a number: the smallest stitch takes {smallest}")
    affordable = [i for i, cost in enumerate(costs) if cost <= budget]
    if not affordable:
        raise ValueError(f"budget {budget:g} {unit} is below the smallest stitch ({smallest})")
    known = [i for i in affordable if _known(values[i])]
    if not known:
        return max(affordable, key=lambda i: (costs[i], -i))
    return min(known, key=lambda i: (-values[i], costs[i], i))  # type: ignore[operator]


@dataclass(frozen=True)
class Beats:
    """`beaten` of the `total` zoo models between `low` and `high` GMACs."""

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
    """Count as `BEATS_DEFINITION` says, in O((n + m) log n)."""
    best = front(costs, values)
    if not best:
        return Beats(0, 0, 0.0, 0.0)
    known = [costs[i] for i, value in enumerate(values) if _known(value)]
    low, high = min(known), max(known)
    ladder = [costs[i] for i in best]
    inside = [(c, v) for c, v in zip(zoo_costs, zoo_values, strict=True) if low <= c <= high and _known(v)]
    beaten = sum(values[best[bisect_right(ladder, c) - 1]] >= v for c, v in inside)  # type: ignore[operator]
    return Beats(beaten, len(inside), low, high)
