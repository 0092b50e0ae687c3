import math

import numpy as np
import pytest

from snnet.evaluation.intervals import IMAGENET_CLASSES, paired_difference, wilson
from snnet.evaluation.intervals import interval as interval_of
from snnet.evaluation.results import Result


def test_wilson_is_the_root_of_its_equation():
    """The ends are the shares p for which the observed one is 1.96 standard errors of p away."""
    for right, total in [(0, 10), (3, 10), (10, 10), (37_423, 50_000)]:
        for end in wilson(right, total):
            share = end / 100
            squared = (right / total - share) ** 2
            assert squared == pytest.approx(1.959964**2 * share * (1 - share) / total, abs=1e-12)


def test_wilson_of_imagenet_is_a_third_of_a_point():
    low, high = wilson(0.7485 * 50_000, 50_000)
    assert low < 74.85 < high
    assert (high - low) / 2 == pytest.approx(0.38, abs=0.01)


class TestPairedDifference:
    def test_equal_answers_differ_by_nothing(self):
        rows = {c: (50, 30 + c) for c in range(5)}
        difference, (low, high) = paired_difference(rows, rows)
        most = wilson(0, sum(photos for photos, _ in rows.values()))[1]
        assert difference == 0.0
        assert (low, high) == (-most, most)  # that none differs here is no certainty

    def test_a_constant_gain_is_no_certainty(self):
        control = {c: (50, 20 + c) for c in range(8)}
        stitch = {c: (n, right + 5) for c, (n, right) in control.items()}
        difference, interval = paired_difference(stitch, control)
        assert difference == pytest.approx(10)
        most = wilson(0, 400)[1]
        assert interval == pytest.approx((10 - most, 10 + most))

    def test_spread_is_that_of_class_means(self):
        rng = np.random.default_rng(1)
        control = dict.fromkeys(range(200), (50, 25))
        stitch = {c: (50, 25 + int(rng.integers(-10, 11))) for c in range(200)}
        gains = np.array([100 * (stitch[c][1] - 25) / 50 for c in control])
        difference, (low, high) = paired_difference(stitch, control)
        assert difference == pytest.approx(gains.mean())
        assert (high - low) / 2 == pytest.approx(1.96 * gains.std() / math.sqrt(200), rel=0.05)

    def test_is_the_same_every_time(self):
        control, stitch = {c: (9, c) for c in range(9)}, {c: (9, 8 - c) for c in range(9)}
        assert paired_difference(stitch, control) == paired_difference(stitch, control)

    def test_other_photos_are_refused(self):
        with pytest.raises(ValueError, match="same photos"):
            paired_difference({1: (50, 3)}, {1: (49, 3)})
        with pytest.raises(ValueError, match="same photos"):
            paired_difference({1: (50, 3)}, {2: (50, 3)})


def of_classes(per_class):
    rows = per_class.values()
    return Result(
        *("route", "photos", "transform", "float32"),
        total=sum(r[0] for r in rows),
        top1=sum(r[1] for r in rows),
        top5=sum(r[2] for r in rows),
        per_class=per_class,
        photos_about="p",
        measured_on="d",
        network="n",
        stitch="s",
    )


class TestInterval:
    def test_of_all_classes_or_a_few_it_is_wilsons(self):
        for classes in (9, IMAGENET_CLASSES):
            result = of_classes(dict.fromkeys(range(classes), (10, 6, 9)))
            assert interval_of(result) == wilson(6 * classes, 10 * classes)
            assert interval_of(result, 5) == wilson(9 * classes, 10 * classes)

    def test_of_some_classes_it_is_as_wide_as_they_differ(self):
        alike = of_classes(dict.fromkeys(range(20), (50, 30, 40)))
        assert interval_of(alike) == wilson(600, 1000)  # a bootstrap of what is alike has no width
        apart = of_classes({c: (50, 50 * (c % 2), 50) for c in range(20)})
        low, high = interval_of(apart)
        # a mean of 20 draws of 0 or 1: 50 ± 1.96 · 50 / √20
        assert low == pytest.approx(50 - 1.96 * 50 / 20**0.5, abs=3)
        assert high == pytest.approx(50 + 1.96 * 50 / 20**0.5, abs=3)
        assert interval_of(apart, 5) == wilson(1000, 1000)
        for right in (0, 50):
            low, high = interval_of(of_classes(dict.fromkeys(range(20), (50, right, right))))
            assert 0 <= low < high <= 100
            assert high - low > 0.3
