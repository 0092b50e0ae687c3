import pytest

from snnet.evaluation import accuracy, provenance
from snnet.evaluation.accuracy import Accuracy
from snnet.evaluation.intervals import wilson
from tests.evaluation.test_results import result
from tests.networks import tiny


def counted(net, stitch, right, classes, precision="float32", photos="p"):
    per_class = dict.fromkeys(range(classes), (10, right, 10))
    total = 10 * classes
    return result(
        route=provenance.routes(net)[stitch.name],
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
        assert (found.source, found.classes, found.is_comparable) == ("partial", 20, False)
        assert found.origin == "measured on 20 of 1,000 classes"
        assert "three photos" in found.note
        assert "no ImageNet-1k figure" in found.note

    def test_figures_of_all_classes_leave_no_room_for_those_of_a_part(self):
        net = tiny()
        whole, part = net.stitches[:2]
        known = [(whole, counted(net, whole, 5, 1000)), (part, counted(net, part, 9, 20, photos="others"))]
        assert set(accuracy.accuracies(net, known)) == {whole.name}

    def test_figures_of_two_parts_are_not_set_beside_one_another(self):
        net = tiny()
        one, two, three = net.stitches[:3]
        known = [
            (one, counted(net, one, 5, 20)),
            (two, counted(net, two, 9, 5, photos="others")),
            (three, counted(net, three, 6, 20, precision="bfloat16")),  # on the same photos as the first
        ]
        assert set(accuracy.accuracies(net, known)) == {one.name, three.name}

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
