"""Pareto front, choice by budget and the count against the zoo, against brute force on seeded points."""

import random
from math import inf, isnan, log, nan

import pytest

from snnet import frontier


def points(seed: int) -> tuple[list[float], list[float | None]]:
    """Draw a few points on a coarse grid, so that costs and values tie; some values are not known."""
    draw = random.Random(seed)
    size = draw.randint(1, 14)
    costs = [draw.randint(1, 6) / 4 for _ in range(size)]
    return costs, [draw.choice([None, nan, *(float(v) for v in range(1, 9))]) for _ in range(size)]


def known(values: list[float | None]) -> list[int]:
    return [i for i, value in enumerate(values) if value is not None and not isnan(value)]


@pytest.mark.parametrize("seed", range(200))
def test_front_is_every_point_that_no_other_dominates(seed):
    costs, values = points(seed)

    def dominates(j: int, i: int) -> bool:
        if (costs[j], values[j]) == (costs[i], values[i]):
            return j < i  # of equal points the first stands
        return costs[j] <= costs[i] and values[j] >= values[i]

    found = known(values)
    expected = {i for i in found if not any(dominates(j, i) for j in found if j != i)}
    front = frontier.front(costs, values)
    assert set(front) == expected
    assert len(front) == len(expected)
    assert [costs[i] for i in front] == sorted({costs[i] for i in front})
    assert [values[i] for i in front] == sorted({values[i] for i in front})


def test_ties_on_the_front():
    assert frontier.front([1, 1, 1], [5, 7, 7]) == [1]
    assert frontier.front([2, 1], [5, 5]) == [1]
    assert frontier.front([], []) == []
    assert frontier.front([1, 2], [None, nan]) == []


@pytest.mark.parametrize("seed", range(200))
def test_best_within_is_the_best_affordable_point(seed):
    costs, values = points(seed)
    for budget in (0.25, 0.3, 0.5, 0.75, 1, 1.3, 1.5, 2, 20):
        affordable = [i for i, cost in enumerate(costs) if cost <= budget]
        if not affordable:
            with pytest.raises(ValueError, match="below the smallest"):
                frontier.best_within(costs, values, budget)
            continue
        chosen = frontier.best_within(costs, values, budget)
        rated = [i for i in affordable if i in known(values)]
        if rated:
            top = max(values[i] for i in rated)
            cheapest = min(costs[i] for i in rated if values[i] == top)
            assert chosen == next(i for i in rated if values[i] == top and costs[i] == cheapest)
        else:
            most = max(costs[i] for i in affordable)
            assert chosen == next(i for i in affordable if costs[i] == most)


def test_the_area_under_a_front():
    costs = [1, 2, 3, 4, 8]
    assert frontier.area(costs, [70, 72, 71, 75, 74]) == pytest.approx(log(2) * (70 + 72 + 75))
    assert frontier.area(costs, [70, None, None, 75, None]) == pytest.approx(log(2) * (70 + 70 + 75))
    assert frontier.area(costs, [None, None, None, 75, nan]) == pytest.approx(75 * log(8))
    with pytest.raises(ValueError, match="no value is known"):
        frontier.area(costs, [None] * 5)


def test_choices_by_budget():
    costs, values = [0.286, 0.5, 0.5, 0.9], [70.0, 75.0, 75.0, 74.0]
    assert frontier.best_within(costs, values, 0.286) == 0
    assert frontier.best_within(costs, values, 0.5) == 1
    assert frontier.best_within(costs, values, 90) == 1
    assert frontier.best_within(costs, [None] * 4, 0.6) == 1
    assert frontier.best_within(costs, [None, None, nan, None], 90) == 3


def test_a_budget_too_small_names_itself_and_the_smallest():
    with pytest.raises(
        ValueError, match=r"^budget 0\.2 GMACs is below the smallest stitch \(0\.286 GMACs\)$"
    ):
        frontier.best_within([0.5, 0.286], [1.0, 2.0], 0.2)
    with pytest.raises(ValueError, match=r"^budget 3 M parameters is below .* \(4\.653 M parameters\)$"):
        frontier.best_within([4.652008], [1.0], 3, unit="M parameters")
    with pytest.raises(ValueError, match=r"-inf GMACs is below"):
        frontier.best_within([0.5], [1.0], -inf)


@pytest.mark.parametrize("cost", [0.2861, 0.28649, 0.2865, 0.035, 1.005, 4.035, 61.604135936, 0.0001])
def test_the_smallest_that_is_named_can_be_used(cost):
    with pytest.raises(ValueError, match="smallest") as error:
        frontier.best_within([cost], [1.0], 0)
    named = float(str(error.value).rpartition("(")[2].split()[0])
    assert cost <= named < cost + 0.00101
    assert frontier.best_within([cost], [1.0], named) == 0


@pytest.mark.parametrize("budget", [nan, None, "half", True, [0.5]])
def test_a_budget_that_is_no_number_is_refused(budget):
    with pytest.raises(ValueError, match=r"is not a number: the smallest stitch takes 0\.286 GMACs"):
        frontier.best_within([0.286], [1.0], budget)


def test_a_choice_among_nothing_is_refused():
    with pytest.raises(ValueError, match="no stitch"):
        frontier.best_within([], [], 1.0)


@pytest.mark.parametrize("seed", range(200))
def test_beats_is_the_count_by_definition(seed):
    costs, values = points(seed)
    zoo_costs, zoo_values = points(1000 + seed)
    mine, zoo = known(values), known(zoo_values)
    draw = random.Random(2000 + seed)
    are_anchors = [draw.random() < 0.4 for _ in costs]
    intervals = [None if v is None else (v - draw.randint(0, 3), v + draw.randint(0, 3)) for v in values]
    counted = frontier.beats(costs, values, zoo_costs, zoo_values, are_anchors, intervals)
    if not mine:
        assert counted == frontier.Beats(0, 0, 0.0, 0.0, 0, 0, 0)
        return
    low, high = min(costs[i] for i in mine), max(costs[i] for i in mine)
    inside = [j for j in zoo if low <= zoo_costs[j] <= high]

    def beaten(by, members):
        return sum(any(costs[i] <= zoo_costs[j] and by(i) >= zoo_values[j] for i in members) for j in inside)

    face, anchors = beaten(values.__getitem__, mine), [i for i in mine if are_anchors[i]]
    ends = [beaten(lambda i, end=end: intervals[i][end], mine) for end in (0, 1)]
    by_anchors = beaten(values.__getitem__, anchors)
    assert counted == frontier.Beats(face, len(inside), low, high, *ends, by_anchors)
    assert ends[0] <= face <= ends[1]
    assert by_anchors <= face
    without = frontier.beats(costs, values, zoo_costs, zoo_values, are_anchors)
    assert without == frontier.Beats(face, len(inside), low, high, None, None, by_anchors)


def test_points_need_a_value_each():
    with pytest.raises(ValueError, match="shorter"):
        frontier.front([1.0, 2.0], [1.0])
