"""What a budget may be, and how costs are printed so that a printed one can be spent."""

import random
from decimal import Decimal
from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest
import torch

from snnet import frontier
from snnet import frontier as budgets
from snnet.frontier import Ladder


def costs_of(seed: int) -> list[float]:
    """Draw costs of which some differ by a single multiply-accumulate, and some by none."""
    draw = random.Random(seed)
    costs = [draw.randint(1, 10**9) / 10 ** draw.choice([7, 9, 11]) for _ in range(draw.randint(1, 20))]
    return [*costs, *(cost + 1e-9 for cost in costs[:3]), *costs[:2], *draw.sample([0.2865, 1.005, 4.035], 1)]


@pytest.mark.parametrize("seed", range(100))
def test_a_printed_cost_pays_for_its_stitch_and_for_none_that_costs_more(seed):
    costs = costs_of(seed)
    values = [float(value) for value in random.Random(seed).sample(range(100), len(costs))]
    for digits in (2, 3):
        ladder = Ladder(costs)
        printed = [ladder.figure(cost, digits) for cost in costs]
        for cost, text in zip(costs, printed, strict=True):
            assert cost <= float(text)
            assert not [other for other in costs if cost < other <= float(text)]
            assert float(text) < cost + 1.001 * 10**-digits
        assert len(set(printed)) == len(set(costs))  # no two look alike
        for place in frontier.front(costs, values):
            for budget in (printed[place], printed[place].replace(".", ","), float(printed[place])):
                if len(printed[place].partition(".")[2]) == 3 and isinstance(budget, str) and "," in budget:
                    continue  # may be thousands
                assert frontier.best_within(costs, values, budget) == place


def test_figures_are_as_short_as_they_can_be():
    assert Ladder([0.2936, 0.2961, 0.7]).figure(0.2936) == "0.294"
    assert Ladder([0.2936, 0.29398]).figure(0.2936) == "0.2936"
    assert Ladder([0.29361, 0.29362]).figure(0.29361, 2) == "0.29361"
    assert Ladder([4.5, 8.0]).range() == ["4.50", "8.00"]
    assert Ladder([0.000312, 0.0026]).range() == ["0.00032", "0.0026"]


@pytest.mark.parametrize(
    "half",
    [
        *("0.5", "0,5", " .5 ", ",5", "5e-1", 0.5, Decimal("0.5"), Fraction(1, 2)),
        *(np.float16(0.5), np.float32(0.5), np.float64(0.5), np.array(0.5)),
        *(torch.tensor(0.5), torch.tensor(0.5, dtype=torch.float64), torch.tensor(0.5, dtype=torch.bfloat16)),
    ],
)
def test_numbers_of_any_kind_are_numbers(half):
    assert budgets.number(half) == 0.5
    assert frontier.best_within([0.3, 0.5, 0.7], [1.0, 2.0, 3.0], half) == 1


def test_whole_numbers_too_and_floats_of_fewer_bits_as_they_were_written():
    for two in (2, np.int64(2), np.uint8(2), torch.tensor(2), 2**3 // 4, "2"):
        assert budgets.number(two) == 2.0
    assert budgets.number(np.float32(0.296)) == budgets.number(torch.tensor(0.296)) == 0.296
    assert budgets.number(np.float16(0.3)) == 0.3
    assert budgets.number(np.float32(inf)) == inf


@pytest.mark.parametrize(
    "budget",
    [
        *(
            nan,
            None,
            True,
            False,
            [0.5],
            {},
            1j,
            b"0.5",
            np.bool_(True),
            np.array([0.5]),
            torch.tensor([0.5]),
        ),
        *(torch.tensor(True), Decimal("nan"), Decimal("snan"), np.float32(nan), torch.tensor(nan)),
        *("", "abc", "0x1", "1_0", "1.2.3", "0,5,1", "nan", "inf", "0.5 GMACs", "½"),
    ],
)
def test_what_is_no_number_is_refused(budget):
    with pytest.raises(ValueError, match=r"is not a number: the smallest stitch takes 0\.286 GMACs$"):
        budgets.read_budget(budget, [0.286, 0.9])


@pytest.mark.parametrize("budget", [-1, "-0,5", -inf, Decimal(-3), torch.tensor(-1.0), 0, "0.1"])
def test_what_is_too_little_names_the_smallest(budget):
    with pytest.raises(ValueError, match=r"is below the smallest stitch \(0\.286 GMACs\)$"):
        budgets.read_budget(budget, [0.286, 0.9])


def test_a_text_that_may_be_read_in_two_ways_names_both():
    with pytest.raises(
        ValueError, match=r"^budget '1,500' may be 1\.500 or 1500: write one of them, in GMACs"
    ):
        budgets.read_budget("1,500", [1.0, 4.0])
    assert budgets.read_budget("0,286", [0.286]) == 0.286
    assert budgets.read_budget("1,5", [1.0, 4.0]) == 1.5


@pytest.mark.parametrize(
    ("budget", "hint"),
    [
        (500, "500 MMACs are 0.5 GMACs"),
        ("500", "500 MMACs are 0.5 GMACs"),
        (5 * 10**8, "500000000 MACs are 0.5 GMACs"),
        (1e40, "0.900 GMACs pay for every stitch"),
        pytest.param(10**400, "0.900 GMACs pay for every stitch", id="beyond floats"),
        pytest.param(10**6000, "0.900 GMACs pay for every stitch", id="thousands of digits"),
        (inf, "0.900 GMACs pay for every stitch"),
    ],
)
def test_a_hundred_times_the_costliest_asks_which_unit_was_meant(budget, hint):
    with pytest.raises(ValueError, match=r"100 times the costliest .* were MACs or MMACs meant\?") as error:
        budgets.read_budget(budget, [0.286, 0.9])
    assert str(error.value).endswith(f"? {hint}")
    assert budgets.read_budget(90.0, [0.286, 0.9]) == 90.0


def test_parameters_have_their_own_question():
    with pytest.raises(ValueError, match=r"were parameters meant\? 5300000 parameters are 5\.3 M parameters"):
        budgets.read_budget(5_300_000, [4.6, 9.2], unit="M parameters")
