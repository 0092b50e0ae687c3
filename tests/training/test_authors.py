"""The recipes of the published networks against what their authors' code does, read anew for this table."""

from dataclasses import fields
from fnmatch import fnmatch

import pytest

from snnet.catalogue import published
from snnet.paths import ASSETS
from snnet.training import plan as plans
from snnet.training.authors import SETTINGS
from snnet.training.optimiser import learning_rates, parameter_groups
from snnet.training.plan import Plan
from snnet.training.recipes import RECIPES, Recipe
from tests.networks import tiny

IMAGENET = 1_281_167  # photos to train on
SWIN = {"lr_scaling": "all", "anchor_lr": 0.1, "warmup_place": "before", "pace": "step", "clip": 5.0}
DEIT3 = {
    "batch_size": 64,
    "optimizer": "lamb",
    "lr": 3e-5,
    "lr_scaling": "none",
    "weight_decay": 0.02,
    "min_lr": 1e-5,
    "distillation": "none",
    "crop_mode": "padded",
    "auto_augment": "3a",
    "color_jitter": 0.3,
    "erase": 0.0,
    "mixup": 0.0,
    "cutmix": 1.0,
    "sampling": "gmacs",
    "group_gmacs": 1.0,
    "drop_path_rule": "even",
}
RESNET = {
    "epochs": 30,
    "optimizer": "sgd",
    "lr": 0.05,
    "lr_scaling": "none",
    "anchor_lr": 0.1,
    "weight_decay": 2e-5,
    "warmup_epochs": 5,
    "warmup_lr": 1e-5,
    "min_lr": 0.0,
    "pace": "epoch",
    "repeats": 1,
    "mixup": 0.0,
    "cutmix": 0.0,
    "interpolation": "random",
}
# Settings that tell the authors' recipes apart; the others are those of all.
EXPECTED = {
    "deit": {"lr": 5e-5, "lr_scaling": "lr", "anchor_lr": 1.0, "repeats": 3, "drop_path": "0.1", "clip": 0.0},
    "swin": SWIN | {"lr": 5e-4, "warmup_lr": 5e-7, "min_lr": 5e-6, "drop_path": "0.2", "repeats": 1},
    "levit": {
        "epochs": 100,
        "lr": 5e-5,
        "lr_scaling": "lr",
        "weight_decay": 0.025,
        "clip": 0.01,
        "clip_mode": "agc",
        "repeats": 3,
        "heads": "apart",
        "drop_path": "0",
    },
    "resnet18_resnet50": RESNET | {"drop_path": "0"},
    "resnet18_swin_ti": RESNET | {"drop_path": "0,0.1"},
    "deit3_s_b": DEIT3 | {"drop_path": "0.05,0.15"},
    "deit3_s_l": DEIT3 | {"drop_path": "0.05,0.4"},
    "deit3_b_l": DEIT3 | {"drop_path": "0.15,0.4"},
}
ALL = {"ema": 0.0, "precision": "float16", "draw_by": "process", "draws": 1, "start_photos": 100, "seed": 0}
# what no authors' program has: ours alone, and left at what it is unless said
OURS = {"steps", "image_size", "groups", "seed"}


def on_imagenet(name: str, processes: int = 8) -> Plan:
    stitch = tiny().stitches[0]
    return Plan(RECIPES[name].recipe, ((stitch,),), IMAGENET, processes)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recipe_is_what_the_authors_did_and_every_setting_has_its_source(name):
    known = RECIPES[name]
    for setting, value in (ALL | EXPECTED[name]).items():
        assert getattr(known.recipe, setting) == value, setting
    for setting in fields(Recipe):
        if setting.name not in known.sources:  # nothing of theirs, or without effect beside the others
            assert getattr(known.recipe, setting.name) == setting.default, setting.name
    unsaid = {setting.name for setting in fields(Recipe)} - known.sources.keys() - OURS
    assert unsaid <= {
        *("group_gmacs", "heads", "clip_mode", "lr_batch", "eps", "drop_path_rule", "crop_scale"),
        *("teacher", "temperature", "distillation"),
    }
    assert all(
        ": " in source or source.startswith(("timm", "params", "train")) for source in known.sources.values()
    )


def test_only_what_reproduces_the_authors_settings_is_called_theirs():
    whose = {name: known.whose for name, known in RECIPES.items()}
    assert whose["lite"] == "ours"
    assert {name for name in SETTINGS if whose[name] != "the authors'"} == {
        "resnet18_resnet50",
        "resnet18_swin_ti",
    }
    assert all(f"whose     {known.whose}" in known.describe() for known in RECIPES.values())
    assert all(words in RECIPES["swin"].describe() for words in RECIPES["swin"].differences)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_score_to_expect_is_that_of_the_authors_table(name):
    stitches = published.family_of(name).stitches
    top1 = [stitch.top1 for stitch in stitches]
    expected = f"top-1 {min(top1):.1f}–{max(top1):.1f} %" if top1 else "no table was published"
    assert RECIPES[name].score == expected


def test_what_is_written_of_the_recipes_is_what_they_are():
    lines = (ASSETS.parent / "docs" / "training.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    for first, whose, steps, rates, _ in rows:
        patterns = [words.strip("` ") for words in first.split(",")]
        names = [name for name in RECIPES if any(fnmatch(name, pattern) for pattern in patterns)]
        assert names, first
        for name in names:
            assert RECIPES[name].whose == whose, name
            if name in STEPS:
                assert steps == "{:,}, {:,}".format(*STEPS[name])
                share = RECIPES[name].recipe.anchor_lr
                assert [float(rate) for rate in rates.split(",")] == pytest.approx(
                    [RATES[name][0], share * RATES[name][0]]
                )
                assert published.family_of(name).epochs == RECIPES[name].recipe.epochs
    assert len(rows) >= 6


def test_lites_score_is_that_of_its_shipped_table():
    from snnet.evaluation.results import shipped

    ways = [r for r in shipped() if r.stitch.endswith("@224") and "~" in r.stitch]
    top1 = [100 * result.top1 / result.total for result in ways]
    assert f"top-1 {min(top1):.1f}–{max(top1):.1f} % on 1,000 validation photos" in RECIPES["lite"].score


STEPS = {
    "deit": (1251, 62_550),
    "levit": (1251, 125_100),
    "swin": (1251, 62_550),
    "resnet18_resnet50": (1251, 37_530),
    "resnet18_swin_ti": (1251, 37_530),
    "deit3_s_b": (2502, 125_100),
    "deit3_s_l": (2502, 125_100),
    "deit3_b_l": (2502, 125_100),
}
RATES = {  # highest, where warm-up begins, lowest
    "deit": (1e-4, 1e-7, 1e-6),
    "levit": (1e-4, 1e-7, 1e-6),
    "swin": (1e-3, 1e-6, 1e-5),
    "resnet18_resnet50": (0.05, 1e-5, 0.0),
    "resnet18_swin_ti": (0.05, 1e-5, 0.0),
    "deit3_s_b": (3e-5, 1e-7, 1e-5),
    "deit3_s_l": (3e-5, 1e-7, 1e-5),
    "deit3_b_l": (3e-5, 1e-7, 1e-5),
}


@pytest.mark.parametrize("name", STEPS)
def test_an_epoch_is_one_pass_of_steps(name):
    plan = on_imagenet(name)
    assert (plan.steps_an_epoch, plan.steps) == STEPS[name]


@pytest.mark.parametrize("name", RATES)
def test_learning_rates_on_eight_gpus(name):
    plan, (highest, first, lowest) = on_imagenet(name), RATES[name]
    assert plan.rates == pytest.approx((highest, first, lowest))
    at = learning_rates(plan)
    assert at(0) == pytest.approx(first)
    assert max(at(step) for step in range(0, plan.steps, plan.steps_an_epoch)) <= highest * (1 + 1e-9)
    assert at(plan.steps - 1) == pytest.approx(lowest, abs=2e-2 * highest)


@pytest.mark.parametrize(("name", "share"), [("swin", 0.1), ("resnet18_swin_ti", 0.1), ("deit", 1.0)])
def test_anchors_move_at_their_share_of_it(name, share):
    net = tiny()
    groups = parameter_groups(net, RECIPES[name].recipe)
    anchors = {id(p) for p in net.anchors.parameters()}
    assert {group["lr_scale"] for group in groups for p in group["params"] if id(p) in anchors} == {share}
    assert {group["lr_scale"] for group in groups for p in group["params"] if id(p) not in anchors} == {1.0}


@pytest.mark.parametrize("name", ["deit3_s_b", "deit3_s_l", "deit3_b_l"])
def test_deit3_has_thirteen_groups_of_a_gigaflop(name, photos):
    net = published.outline(name)
    assert len(plans.plan(net, photos, RECIPES[name].recipe).groups) == 13
