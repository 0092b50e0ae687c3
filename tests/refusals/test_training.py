"""Refusals of recipes, plans and runs."""

import re
from dataclasses import fields
from typing import get_args, get_type_hints

import timm
import torch

from snnet.evaluation.evaluate import EvaluationOptions
from snnet.network import least_squares
from snnet.network.layers import LayerOptions
from snnet.network.network import Network
from snnet.photos.photo_set import open_photos
from snnet.training import plan, regularisation
from snnet.training.recipes import Recipe
from snnet.training.teacher import Teacher
from tests.networks import tiny
from tests.photos.sets import folder
from tests.refusals.sites import refusal

SYNSETS = ("n01440764", "n01443537")


@refusal(
    "snnet/training/recipes.py: is not above 0",
    "snnet/training/recipes.py: give the length of the run",
    "snnet/training/recipes.py: leaves nothing to learn from",
    "snnet/training/recipes.py: choose bilinear or bicubic",
    "snnet/training/recipes.py: choose distillation hard or soft",
    "snnet/training/recipes.py: is no number from 0 to below 1",
    "snnet/training/recipes.py: numbers for {anchors} anchors",
    "snnet/training/recipes.py: a recipe has",
    "snnet/training/recipes.py: {value!r} is none of",
    "snnet/training/recipes.py: {value!r} is not a number",
    "snnet/training/recipes.py: {name} {value} is {where}",
)
def test_settings_of_a_recipe(refused):
    with refused("above 0"):
        Recipe(temperature=0)
    assert Recipe(temperature=0.1)
    with refused("length"):
        Recipe(epochs=0, steps=0)
    assert Recipe(epochs=0, steps=1)
    with refused("learn from"):
        Recipe(distillation="none", alpha=1)
    assert Recipe(distillation="none", alpha=0)
    with refused("bilinear"):
        Recipe(crop_mode="padded", interpolation="random")
    for interpolation in ("bilinear", "bicubic"):
        assert Recipe(crop_mode="padded", interpolation=interpolation)
    with refused("hard or soft"):
        Recipe(heads="apart", distillation="none", alpha=0)
    for distillation in ("hard", "soft"):
        assert Recipe(heads="apart", distillation=distillation)
    for rates in ("1", "-0.1", "many", "0.1;0.2"):
        with refused("below 1"):
            Recipe(drop_path=rates)
    recipe = Recipe(drop_path="0.05,0.4")
    with refused("anchors") as told:
        recipe.drop_path_rates(3)
    assert "2 numbers for 3 anchors" in told.sentence
    assert len(recipe.drop_path_rates(2)) == 2
    with refused("a recipe has") as told:
        Recipe().with_settings({"learning_rate": 1})
    names = told.sentence.partition("a recipe has ")[2].split(", ")
    assert names == [setting.name for setting in fields(Recipe)]
    hints = get_type_hints(Recipe)
    with refused("none of") as told:
        Recipe(distillation="firm")
    assert told.sentence.partition("is none of ")[2].split(", ") == [*get_args(hints["distillation"])]
    for value in ("0.1", True, float("nan"), None):
        with refused("not a number"):
            Recipe(lr=value)
    with refused("{where}") as told:
        Recipe(flip=1.5)
    least, most = re.search(r"outside (\S+) to (\S+)", told.sentence).groups()
    assert Recipe(flip=float(least)) != Recipe(flip=float(most))


@refusal(
    "snnet/training/plan.py: has stitches at",
    "snnet/training/plan.py: is odd",
    "snnet/training/plan.py: or learn from the teacher alone",
)
def test_plans_that_do_not_go_with_the_network(refused, tmp_path):
    net, recipe = tiny(), Recipe(steps=2, batch_size=2, teacher="largest")
    photos = open_photos(
        folder(tmp_path / "classes", [f"{name}/{k}.png" for name in SYNSETS for k in range(2)])
    )
    with refused("stitches at") as told:
        plan.plan(net, photos, recipe.with_settings({"image_size": 224}))
    for size in re.search(r"at ([\d, ]+) px", told.sentence)[1].split(", "):
        assert plan.plan(net, photos, recipe.with_settings({"image_size": int(size)}))
    with refused("odd"):
        plan.plan(net, photos, recipe.with_settings({"batch_size": 3}))
    assert plan.plan(net, photos, recipe.with_settings({"batch_size": 4}))
    assert plan.plan(net, photos, recipe.with_settings({"batch_size": 3, "mixup": 0, "cutmix": 0}))
    flat = open_photos(folder(tmp_path / "flat", ["a.png", "b.png"]))
    with refused("teacher alone") as told:
        plan.plan(net, flat, recipe)
    assert "--alpha 1" in told.sentence
    assert plan.plan(net, flat, recipe.with_settings({"alpha": 1}))
    assert plan.plan(net, photos, recipe)


@refusal(
    "snnet/training/regularisation.py: give 0 for this anchor",
    "snnet/training/regularisation.py: {net.name}: {error}",
    "snnet/training/regularisation.py: choose heads mean",
)
def test_what_anchors_can_not_do(refused):
    net, recipe = tiny(), Recipe(steps=2)

    def prepare(**settings):
        regularisation.prepare(net, recipe.with_settings(settings))()
        return True

    with refused("{error}"):
        prepare(drop_path="0.1,0.1,0.1")
    assert prepare(drop_path="0.1,0.1")
    with refused("heads mean"):
        prepare(heads="apart")
    assert prepare(heads="mean")
    net.anchors[0].recipe = ("vgg11", {})  # timm's of no residual branches
    with refused("this anchor"):
        prepare(drop_path="0.1")
    assert prepare(drop_path="0,0.1")


@refusal("snnet/training/regularisation.py: leave drop_path out")
def test_norms_of_their_own_and_branches_left_out(refused):
    net = tiny()
    own = Network("own", "", net.anchors, net.stitches, net.transforms, LayerOptions(own_norms=True))
    with refused():
        regularisation.prepare(own, Recipe(steps=2, drop_path="0.1"))
    regularisation.prepare(own, Recipe(steps=2))()


@refusal("snnet/training/teacher.py: take a teacher of the same classes")
def test_a_teacher_of_other_classes(refused, monkeypatch):
    net = tiny()
    monkeypatch.setattr(
        "snnet.weights.originals.timm_model",
        lambda name: timm.create_model("test_vit", num_classes=10 if name == "other" else 1000),
    )
    with refused() as told:
        Teacher(net, Recipe(steps=2, teacher="other"))
    assert "--teacher largest" in told.sentence
    assert Teacher(net, Recipe(steps=2, teacher="largest"))
    assert Teacher(net, Recipe(steps=2, teacher="same"))


@refusal(
    "snnet/network/least_squares.py: no photo to start",
    "snnet/network/least_squares.py: _not_finite(",
    "snnet/evaluation/evaluate.py: precision {self.precision!r} is none of",
)
def test_layers_from_photos(refused):
    net = tiny()
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with refused("no photo"):
        least_squares.start(net, [])
    assert least_squares.start(net, [images]) == 4
    norm = next(
        module for module in net.anchors[0].model.modules() if isinstance(module, torch.nn.BatchNorm2d)
    )
    before = norm.weight.detach().clone()
    norm.weight.data.fill_(float("nan"))
    with refused("not_finite") as told:
        least_squares.start(net, [images])
    assert told.sentence.startswith("small")
    norm.weight.data.copy_(before)
    assert least_squares.start(net, [images]) == 4
    with refused("precision") as told:
        EvaluationOptions(precision="int8")
    for precision in told.sentence.partition("is none of ")[2].split(", "):
        assert EvaluationOptions(precision=precision)
