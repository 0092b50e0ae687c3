import math

import numpy as np
import pytest

from snnet.evaluation import accuracy, results
from snnet.evaluation.accuracy import Accuracy, paired_difference, wilson
from tests.evaluation.test_results import result
from tests.networks import tiny


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
        assert paired_difference(rows, rows) == (0.0, (0.0, 0.0))

    def test_a_constant_gain_has_no_spread(self):
        control = {c: (50, 20 + c) for c in range(8)}
        stitch = {c: (n, right + 5) for c, (n, right) in control.items()}
        difference, interval = paired_difference(stitch, control)
        assert difference == pytest.approx(10)
        assert interval == pytest.approx((10, 10))

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


def counted(net, stitch, right, classes, precision="float32", photos="p"):
    per_class = dict.fromkeys(range(classes), (10, right, 10))
    total = 10 * classes
    return result(
        route=results.routes(net)[stitch.name],
        transform=net.transform(stitch).key,
        precision=precision,
        photos=photos,
        per_class=per_class,
        total=total,
        top1=right * classes,
        top5=total,
    )


class TestSources:
    def published(self, monkeypatch, net):
        """Let each anchor be published at 64 px: 70 and 80 %."""

        def row(net, stitch):
            if stitch.is_anchor and stitch.image_size == 64:
                top1 = (70.0, 80.0)[stitch.anchors[0]]
                return Accuracy(top1, (top1 - 1, top1 + 1), "published", "a table")
            return None

        monkeypatch.setattr(accuracy, "published", row)

    def test_an_estimate_is_the_controls_top1_plus_the_paired_difference(self, monkeypatch):
        net = tiny()
        self.published(monkeypatch, net)
        stitch = next(s for s in net.stitches if not s.is_anchor and s.image_size == 48)
        control = net.stitches[1]
        known = [(stitch, counted(net, stitch, 6, 20)), (control, counted(net, control, 7, 20))]
        found = accuracy.accuracies(net, known)
        assert found[control.name].source == "published"
        assert found[stitch.name].source == "estimated"
        assert found[stitch.name].top1 == pytest.approx(80 - 10)
        assert control.name in found[stitch.name].note
        assert "20 classes to 1,000" in found[stitch.name].note

    def test_an_anchor_away_from_its_size_is_its_own_control(self, monkeypatch):
        net = tiny()
        self.published(monkeypatch, net)
        small = next(s for s in net.stitches if s.name == "small@48")
        known = [(small, counted(net, small, 4, 20)), (net.stitches[0], counted(net, net.stitches[0], 5, 20))]
        found = accuracy.accuracies(net, known)[small.name]
        assert (found.source, found.top1) == ("estimated", pytest.approx(70 - 10))

    def test_no_estimate_without_its_control_on_the_same_photos_and_precision(self, monkeypatch):
        net = tiny()
        self.published(monkeypatch, net)
        stitch, control = next(s for s in net.stitches if not s.is_anchor), net.stitches[1]
        mine = counted(net, stitch, 6, 20)
        for other in (
            counted(net, control, 7, 20, precision="bfloat16"),
            counted(net, control, 7, 20, photos="others"),
        ):
            assert stitch.name not in accuracy.accuracies(net, [(stitch, mine), (control, other)])

    def test_photos_of_all_classes_are_a_measurement(self, monkeypatch):
        net = tiny()
        self.published(monkeypatch, net)
        stitch = next(s for s in net.stitches if not s.is_anchor)
        found = accuracy.accuracies(net, [(stitch, counted(net, stitch, 6, 1000))])[stitch.name]
        assert (found.source, found.top1) == ("measured", pytest.approx(60))
        assert found.interval == pytest.approx(wilson(6000, 10_000))

    def test_without_any_published_anchor_a_measurement_says_on_what(self):
        net = tiny()
        stitch = net.stitches[4]
        found = accuracy.accuracies(net, [(stitch, counted(net, stitch, 6, 20))])[stitch.name]
        assert found.source == "measured"
        assert "three photos" in found.note

    def test_float32_speaks_before_bfloat16(self):
        net = tiny()
        stitch = net.stitches[0]
        known = [
            (stitch, counted(net, stitch, 3, 20, precision="bfloat16")),
            (stitch, counted(net, stitch, 6, 20)),
        ]
        assert accuracy.accuracies(net, known)[stitch.name].top1 == pytest.approx(60)


def test_the_table_marks_the_front_and_leaves_the_unmeasured_open():
    net = tiny()
    best = net.stitches[4]
    net.accuracies = {best.name: Accuracy(60.0, (59.0, 61.0), "measured", "a note", "photos of mine")}
    rows = accuracy.table(net)
    assert [row["name"] for row in rows] == [stitch.name for stitch in net.stitches]
    assert [row["name"] for row in rows if row["on_front"]] == [best.name]
    assert all(row["top1"] is None and row["interval"] is None for row in rows if row["name"] != best.name)
    assert "1 stitches measured on photos of mine." in accuracy.line(net)
    assert f"{len(net.stitches) - 1} stitches not measured yet" in accuracy.line(net)


def of_classes(per_class):
    from snnet.evaluation.results import Result

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
        for classes in (9, accuracy.IMAGENET_CLASSES):
            result = of_classes(dict.fromkeys(range(classes), (10, 6, 9)))
            assert accuracy.interval(result) == accuracy.wilson(6 * classes, 10 * classes)
            assert accuracy.interval(result, 5) == accuracy.wilson(9 * classes, 10 * classes)

    def test_of_some_classes_it_is_as_wide_as_they_differ(self):
        alike = of_classes(dict.fromkeys(range(20), (50, 30, 40)))
        assert accuracy.interval(alike) == pytest.approx((60, 60))
        apart = of_classes({c: (50, 50 * (c % 2), 50) for c in range(20)})
        low, high = accuracy.interval(apart)
        # a mean of 20 draws of 0 or 1: 50 ± 1.96 · 50 / √20
        assert low == pytest.approx(50 - 1.96 * 50 / 20**0.5, abs=3)
        assert high == pytest.approx(50 + 1.96 * 50 / 20**0.5, abs=3)
        assert accuracy.interval(apart, 5) == (100, 100)
