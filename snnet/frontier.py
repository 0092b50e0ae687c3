"""Pareto front, budgets and the choice by them, and the count against the zoo. Pure Python.

A point is a cost and a value; lower cost and higher value are better. A value of None or NaN is not known.
"""

import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, inf, isfinite, isnan, log, log10
from numbers import Real
from typing import Any

Budget = Any  # what `number` takes

MOST_TIMES = 100  # the costliest stitch: a budget beyond was meant in another unit
_MOST_DIGITS = 15  # that a float has
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)  # a decimal comma, or thousands?
_FORMATS = {"float32": "f", "float16": "e"}
_SMALLER = {"GMACs": (("MMACs", 1e3), ("MACs", 1e9)), "M parameters": (("parameters", 1e6),)}
BEATS_DEFINITION = (
    "A zoo result is one model at one image size, within the network's range of GMACs; it is beaten where "
    "some stitch costs no more GMACs and has at least its top-1."
)


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates of one image in 10⁹, parameters in 10⁶."""

    gmacs: float
    params_m: float


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


class Ladder:
    """Costs of one network, each of which can be printed so that as a budget it pays for no higher one."""

    def __init__(self, costs: Iterable[float]) -> None:
        self.steps = sorted(set(costs))

    def figure(self, cost: float, digits: int = 3) -> str:
        """Return a cost rounded up to so many decimals, or digits of a small one; more if others fit in."""
        place = bisect_right(self.steps, cost)
        return _up(cost, self.steps[place] if place < len(self.steps) else inf, digits)

    def range(self, digits: int = 2) -> list[str]:
        """Return the lowest and the highest cost as they are printed."""
        return [self.figure(cost, digits) for cost in (self.steps[0], self.steps[-1])]


def _up(cost: float, following: float, digits: int) -> str:
    first = digits if cost >= 0.1 or cost <= 0 else digits - 1 - floor(log10(cost))
    for count in range(first, _MOST_DIGITS):
        text = f"{cost:.{count}f}"
        if float(text) < cost:
            text = f"{cost + 0.75 * 10**-count:.{count}f}"
        if float(text) < following:
            return text
    return repr(cost)


def number(value: Budget) -> float | None:
    """Return a number of any kind as a float, inf for one beyond floats; None for what is none.

    Numbers are Python's, NumPy's, `decimal.Decimal`, scalars of torch, and texts with a decimal point or
    comma; a truth value is none. Raises ValueError for a text that may be read in two ways.
    """
    kind = str(getattr(value, "dtype", "")).rpartition(".")[2]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, str):
        text = value.strip()
        if _EITHER.fullmatch(text):
            whole = text.replace(",", "")
            raise ValueError(f"{value!r} may be {text.replace(',', '.')} or {whole}: write one of them")
        return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not (isinstance(value, Real) or hasattr(value, "as_integer_ratio")):
        return None
    try:
        return _shortest(float(value), _FORMATS.get(kind, "d"))
    except OverflowError:
        return inf if value > 0 else -inf
    except ValueError:  # a signalling NaN
        return None


def _shortest(value: float, form: str) -> float:
    """Return the shortest decimal that is this float of fewer bits: 0.3 of a float32 that is 0.3."""
    if form == "d" or not isfinite(value):
        return value
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        try:
            if struct.unpack(form, struct.pack(form, short))[0] == value:
                return short
        except OverflowError:
            continue
    return value


def read_budget(budget: Budget, costs: Sequence[float], unit: str = "GMACs") -> float:
    """Return a budget for one of these costs as a number.

    Raises ValueError for what is no finite number, below the lowest cost, or more than a hundred times the
    highest, with what to give instead.
    """
    ladder = Ladder(costs)
    lowest, highest = ladder.steps[0], ladder.steps[-1]
    smallest, largest = ladder.range(digits=3)
    words = budget if isinstance(budget, str) else _brief(budget)
    try:
        value = number(budget)
    except ValueError as error:
        raise ValueError(f"budget {error}, in {unit}") from error
    if value is None or value != value:
        text = repr(budget) if isinstance(budget, str) else words
        raise ValueError(f"budget {text} is not a number: the smallest stitch takes {smallest} {unit}")
    if value < lowest:
        raise ValueError(f"budget {words} {unit} is below the smallest stitch ({smallest} {unit})")
    if value > MOST_TIMES * highest:
        readings = _SMALLER.get(unit, ())
        fits = [
            f"{words} {name} are {value / times:g} {unit}"
            for name, times in readings
            if lowest <= value / times <= MOST_TIMES * highest
        ]
        names = " or ".join(name for name, _ in reversed(readings))
        raise ValueError(
            f"budget {words} {unit} is more than {MOST_TIMES} times the costliest stitch ({largest} {unit})"
            + (f": were {names} meant? " if names else ": ")
            + ("; ".join(fits) or f"{largest} {unit} pay for every stitch")
        )
    return value


def _brief(value: Any) -> str:
    try:
        words = str(value)
    except ValueError:  # a whole number of more digits than Python prints
        return "of thousands of digits"
    return words if len(words) <= 40 else f"{words[:37]}…"


def best_within(
    costs: Sequence[float], values: Sequence[float | None], budget: Budget, *, unit: str = "GMACs"
) -> int:
    """Return the index of the highest value within the budget; ties go to the cheaper, then first.

    Where no affordable point has a known value: the costliest of them, then first. `budget` is what
    `number` takes. Raises ValueError, naming the smallest cost, for a budget below it, NaN, or
    anything but a number; and for one beyond a hundred times the largest, asking what was meant.
    """
    if not costs:
        raise ValueError(f"there is no stitch to choose within {budget!r} {unit}")
    within = read_budget(budget, costs, unit)
    affordable = [(-value, cost, i) for cost, value, i in _points(costs, values) if cost <= within]
    if affordable:
        return min(affordable)[2]
    return -max((cost, -i) for i, cost in enumerate(costs) if cost <= within)[1]


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
