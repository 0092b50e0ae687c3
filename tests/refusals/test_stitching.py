"""Refusals on the way from timm's names to a network of one's own."""

import re

import pytest
import timm
import torch

from snnet.catalogue import build, joining, outlines
from snnet.catalogue.joining import Joining, Side
from snnet.network.anchor import Anchor, Point
from snnet.network.network import Network
from snnet.network.sweep import sweep
from snnet.photos.transform import Transform
from snnet.stitches.enumerations import paired_joints, thinned
from snnet.stitches.sections import grid_sections, stage_sections
from snnet.stitches.stitch import Joint, joined, whole
from tests.networks import tiny
from tests.refusals.sites import refusal

VITS = ["test_vit", "test_vit3"]


def random(**options):
    return Joining(pretrained=False, **options)


@refusal(
    "snnet/catalogue/outlines.py: two or more names",
    "snnet/catalogue/outlines.py: stands twice",
    "snnet/catalogue/outlines.py: timm has no model",
)
def test_names_that_make_no_family(refused):
    for few in ("test_vit", ["test_vit"], []):
        with refused("two or more"):
            outlines.outlines(few)
    with refused("twice"):
        outlines.outlines(["test_vit", "test_vit"])
    with refused("no model") as told:
        outlines.outlines(["test_vit", "test_vitt3"])
    near = re.search(r"near it are (.*)", told.sentence)[1].split(", ")
    assert len(outlines.outlines(["test_vit", next(name for name in near if name != "test_vit")])) == 2
    with refused("no model") as told:
        outlines.outlines(["test_vit", "qqqqqqqq"])
    assert "timm.list_models()" in told.sentence
    assert timm.list_models()


@refusal(
    "snnet/catalogue/outlines.py: has no classifier", "snnet/catalogue/outlines.py: the models differ in"
)
def test_models_that_do_not_go_together(refused):
    with refused("classifier") as told:
        outlines.outlines(["vit_small_patch14_dinov2", "vit_base_patch14_dinov2"])
    assert "a tag of it, that has one" in told.sentence
    with refused("differ") as told:
        outlines.outlines(["vit_tiny_patch16_224.augreg_in21k", "vit_small_patch16_224.augreg_in1k"])
    values = re.findall(r"(vit_\S+) (\d+)", told.sentence)
    assert values == [
        ("vit_tiny_patch16_224.augreg_in21k", "21843"),
        ("vit_small_patch16_224.augreg_in1k", "1000"),
    ]
    assert outlines.outlines(
        ["vit_tiny_patch16_224.augreg_in21k_ft_in1k", "vit_small_patch16_224.augreg_in1k"]
    )


@refusal(
    "snnet/catalogue/outlines.py: {name} can't take images",
    "snnet/catalogue/outlines.py: {architecture} can't take images",
)
def test_an_image_size_that_a_model_cannot_take(refused):
    with refused("{name}") as told:
        outlines.outline("test_vit", -16)
    assert "-16 px" in told.sentence
    vit = outlines.outline("test_vit")
    with refused("{architecture}") as told:
        outlines.macs(vit, 100)
    assert "100 px" in told.sentence
    assert outlines.macs(vit, outlines.own_size(vit)) > 0


@refusal(
    "snnet/catalogue/build.py: are among them",
    "snnet/catalogue/joining.py: ways {self.ways!r} is none of",
    "snnet/catalogue/joining.py: is negative",
    "snnet/stitches/enumerations.py: both must be at least 1",
    "snnet/stitches/enumerations.py: give at least 1",
)
def test_settings_that_no_network_has(refused):
    with refused("among") as told:
        build.network(VITS, random(max_stitches=2))
    anchors = int(re.search(r"the (\d+) anchors", told.sentence)[1])
    assert len(build.network(VITS, random(max_stitches=anchors + 1)).stitches) == anchors + 1
    with refused("ways") as told:
        random(ways="sideways")
    for ways in told.sentence.partition(" is none of ")[2].split(", "):
        random(ways=ways)
    with refused("negative"):
        random(low_rank=-1)
    random(low_rank=0)
    sections = stage_sections((4,), (4,))
    for kernel, stride in ((0, 1), (1, 0), (-1, 2)):
        with refused("both"):
            next(paired_joints(0, 1, sections, kernel, stride))
    assert next(paired_joints(0, 1, sections, 1, 1))
    with refused("give at least"):
        thinned([1.0, 2.0], 0)
    assert thinned([1.0, 2.0], 1) == [0]


@refusal("snnet/catalogue/build.py: can't be cut")
def test_a_model_that_is_another_when_cut(refused, monkeypatch):
    adapter = Anchor("test_vit", timm.create_model("test_vit")).adapter
    before = adapter.run_head
    monkeypatch.setattr(adapter, "run_head", lambda *values: before(*values) + 1)
    with refused() as told:
        build.network(VITS, random())
    assert "test_vit" in told.sentence
    monkeypatch.undo()
    assert build.network(VITS, random())


@refusal("snnet/network/adapters.py: can't be cut yet", "snnet/network/anchor.py: because blocks share")
def test_a_model_that_cannot_be_cut(refused):
    with refused("yet") as told:
        Anchor("crossvit", timm.create_model("crossvit_tiny_240"))
    families = told.sentence.partition("these can: ")[2].split(", ")
    assert type(timm.create_model("test_vit")).__name__ in families
    shared = timm.create_model("test_vit")
    shared.extra = torch.nn.Linear(2, 2)
    with refused("share") as told:
        Anchor("odd", shared)
    assert "extra.weight" in told.sentence
    del shared.extra
    assert Anchor("odd", shared)


@refusal("snnet/catalogue/joining.py: don't meet", "snnet/catalogue/joining.py: way between them")
def test_anchors_that_do_not_meet(refused):
    def side(number, depths, *grids):
        return Side(number, f"model{number}", depths, [Point((grid, grid), 8) for grid in grids])

    with refused("meet"):
        joining.routes(side(0, (2,), 8, 8, 8), side(1, (1, 1), 4, 4, 2), random())
    assert joining.routes(side(0, (2,), 8, 8, 8), side(1, (2,), 8, 8, 8), random())
    with refused("way between") as told:
        joining.routes(side(0, (1,), 8, 8), side(1, (1,), 8, 8), random(ways="unpaired"))
    assert "model0 and model1" in told.sentence


@refusal("snnet/stitches/sections.py: stitching stage by stage needs equal numbers")
def test_stages_that_differ_in_number(refused):
    with refused():
        stage_sections((1, 2), (3,))
    assert grid_sections(["a", "a", "b"], ["a", "b"])


@refusal(
    "snnet/network/network.py: two stitches have the same name",
    "snnet/network/network.py: differ in width or resolution",
    "snnet/network/network.py: places before",
)
def test_stitches_that_make_no_network(refused):
    net = tiny()
    names, depths = [a.name for a in net.anchors], [a.depths for a in net.anchors]

    def network(*stitches):
        return Network("odd", "", net.anchors, stitches, net.transforms)

    one = whole(0, names, depths, 64)
    with refused("same name"):
        network(one, one)
    assert network(one, whole(1, names, depths, 64))

    def through(joint, layer):
        return joined((joint,), names, depths, 64, layers=[layer])

    near, _, far, *_ = [joint for stitch in net.stitches for joint in stitch.joints]
    with refused("differ"):
        network(through(near, "one"), through(far, "one"))
    assert network(through(near, "one"), through(far, "other"))
    with refused("places"):
        network(through(Joint(near.front, near.leave, far.back, far.enter), "one"))


@refusal(
    "snnet/network/network.py: images have the shape",
    "snnet/network/priced.py: its first is",
    "snnet/network/priced.py: take one of net.stitches",
    "snnet/network/sweep.py: takes images of",
)
def test_calls_that_fit_no_stitch(refused):
    net = tiny()
    way = net.stitches[0]
    for shape in ((3, 64, 64), (1, 1, 64, 64), (1, 64, 64, 3)):
        with refused("shape"):
            net(torch.zeros(shape), way)
    assert net(torch.zeros(1, 3, 64, 64), way).shape == (1, 1000)
    with refused("its first") as told:
        net.stitch("large@1")
    assert net.stitch(re.search(r"its first is '(.*)'", told.sentence)[1]) == way
    other = build.network(VITS, random()).stitches[0]
    with refused("take one"):
        net.cost(other)
    assert net.cost(net.stitches[-1])
    with refused("takes images") as told:
        next(sweep(net, torch.zeros(1, 3, 32, 32)))
    size = int(told.sentence.rpartition("it takes ")[2].split(", ")[0].split()[0])
    assert next(sweep(net, torch.zeros(1, 3, size, size)))


@refusal("snnet/evaluation/choice.py: takes one budget")
def test_two_budgets_at_once(refused):
    net = tiny()
    for budgets in ({}, {"gmacs": 1, "params_m": 1}):
        with refused():
            net.select(**budgets)
    with pytest.warns(UserWarning, match="measured"):
        assert net.select(gmacs=max(net.cost(stitch).gmacs for stitch in net.stitches))


@refusal(
    "snnet/photos/transform.py: is not a number of pixels",
    "snnet/photos/transform.py: is outside 0 to 1",
    "snnet/photos/transform.py: interpolation {self.interpolation!r} is none of",
    "snnet/photos/transform.py: must be three figures",
)
def test_transforms_that_are_none(refused):
    with refused("pixels"):
        Transform(image_size=0)
    for crop in (0, 1.5, float("nan")):
        with refused("outside"):
            Transform(image_size=64, crop=crop)
    with refused("interpolation") as told:
        Transform(image_size=64, interpolation="cubic")
    for name in told.sentence.partition("is none of ")[2].split(", "):
        Transform(image_size=64, interpolation=name)
    for figures in ({"mean": (0.5,)}, {"std": (0, 1, 1)}):
        with refused("three figures"):
            Transform(image_size=64, **figures)
