"""The headline count: what it leaves out, and what it refuses to count."""

from pathlib import Path

import pytest

import snnet
from snnet.catalogue import families, published
from snnet.evaluation import accuracy, against_zoo
from snnet.evaluation.accuracy import Accuracy
from snnet.tables import zoo
from tests.networks import tiny

ROOT = Path(__file__).parents[2]


def known(net, source="measured", classes=1000, top1=60.0):
    """Let every stitch of a network have the same figure, five points wide on either side."""
    figure = Accuracy(top1, (top1 - 5, top1 + 5), source, "a note", classes=classes)
    net.accuracies = {stitch.name: figure for stitch in net.stitches}
    return net


class TestParts:
    """Accuracies on a part of the classes are no ImageNet-1k figures: nothing is counted against those."""

    def test_nothing_is_beaten_by_them(self):
        net = known(tiny(), "partial", 20, 99.0)
        standing = against_zoo.standing(net)
        assert (standing.count.beaten, standing.count.total) == (0, 0)
        assert "known on 20 of 1,000 classes only" in standing.sentence
        assert standing.as_json()["nothing"] == standing.sentence

    def test_every_table_says_how_many(self):
        net = known(tiny(), "partial", 20)
        for row in accuracy.table(net):
            expected = ("partial", 20, "measured on 20 of 1,000 classes")
            assert (row["source"], row["classes"], row["origin"]) == expected
        assert "Top-1 on 20 of 1,000 classes compares these stitches with one another" in accuracy.line(net)

    def test_they_still_choose_within_the_network(self):
        net = known(tiny(), "partial", 20)
        best = net.stitches[3]
        net.accuracies = dict(net.accuracies) | {
            best.name: Accuracy(70.0, (60.0, 80.0), "partial", "a note", classes=20)
        }
        assert net.select(gmacs=0.5) is best


class TestOwnAnchors:
    @pytest.mark.parametrize("name", ["deit", "levit", "resnet18_swin_ti"])
    def test_a_published_networks_are_those_that_it_began_with(self, name):
        net = published.outline(name)
        net.accuracies = net.reported = families.reported(net)
        own = against_zoo.own_models(net)
        expected = {
            "deit": {f"deit_{size}_patch16_224.fb_in1k" for size in ("tiny", "small", "base")},
            "levit": {f"levit_{kind}{w}.fb_dist_in1k" for kind in ("", "conv_") for w in (192, 256)},
            "resnet18_swin_ti": {"resnet18.tv_in1k", "swin_tiny_patch4_window7_224.ms_in1k"},
        }
        assert set(own) == expected[name]
        count = against_zoo.standing(net).count
        inside = [m for m in zoo.models() if count.low <= m.gmacs <= count.high]
        assert count.total == len(inside) - sum(m.name in own for m in inside)

    def test_another_networks_results_count_at_every_size(self):
        net = known(snnet.load("lite"), top1=90.0)
        count, own = against_zoo.standing(net).count, against_zoo.own_models(net)
        inside = [m for m in zoo.models() if count.low <= m.gmacs <= count.high and m.name not in own]
        assert count.beaten == count.total == len(inside)
        assert len({m.name for m in inside}) < len(inside)


class TestSentence:
    def test_it_has_every_number(self):
        standing = against_zoo.standing(snnet.load("lite"))
        count = standing.count
        for number in (count.beaten, count.total, count.at_low, count.at_high, count.by_anchors):
            assert f" {number}" in standing.sentence
        assert "own anchors are left out" in standing.definition
        assert "Estimates count as they stand" in standing.definition

    def test_the_pages_have_these_numbers(self):
        models = zoo.models()
        names, sizes = {m.name for m in models}, {m.image_size for m in models}
        readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
        count = f"{len(models):,} results of {len(names):,} timm models at {len(sizes)} image sizes"
        assert count in readme
        lite = " ".join((ROOT / "docs" / "lite" / "README.md").read_text(encoding="utf-8").split())
        assert against_zoo.standing(snnet.load("lite")).sentence in lite

    def test_an_unmeasured_network_has_nothing_to_compare(self):
        assert "nothing to compare yet" in against_zoo.standing(tiny()).sentence
