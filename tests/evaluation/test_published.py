"""A published figure stands only beside a run that is the published one, in weights and in transform."""

import copy
import csv
import json
from dataclasses import replace

import pytest
import timm
import torch

import snnet
from snnet.catalogue import outlines
from snnet.catalogue.stitched_network import StitchedNetwork
from snnet.evaluation import accuracy
from snnet.photos.transform import Transform, published_transforms, transform_of
from snnet.tables import zoo


@pytest.fixture(scope="module")
def loaded():
    return snnet.load("lite")


@pytest.fixture
def lite(loaded):
    return copy.deepcopy(loaded)


def published(net):
    return {s.name for s in net.stitches if (found := accuracy.published(net, s)) and found.source}


def test_every_field_of_the_transform_is_compared(lite):
    assert published(lite) == {"lite0@224", "lite1@240", "lite2@260"}
    own = lite.transforms[224]
    others = {
        "crop": 0.9,
        "interpolation": "bilinear",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "mode": "squash",
    }
    assert own.settings.keys() | {"mode"} == others.keys() | {"image_size"}
    for field, value in others.items():
        lite.transforms[224] = replace(own, **{field: value})
        assert "lite0@224" not in published(lite), field
        lite.attach()
        found = lite.accuracy(lite.stitch("lite0@224"))
        assert found is None or found.source != "published"
    lite.transforms[224] = own
    assert "lite0@224" in published(lite)


@pytest.mark.parametrize("change", ["a value", "half", "bfloat16 and back"])
def test_weights_that_changed_are_not_the_published_ones(lite, change, tmp_path):
    tensor = lite.anchors[0].model.classifier.bias
    if change == "a value":
        tensor.data[0] += 1
    elif change == "half":
        lite.anchors[0].half()
    else:
        lite.anchors[0].bfloat16().float()
    assert published(lite) == {"lite1@240", "lite2@260"}
    if change == "half":
        return
    lite.save(tmp_path)
    loaded = StitchedNetwork.from_folder(tmp_path)
    assert published(loaded) == {"lite1@240", "lite2@260"}
    assert loaded.anchors[1].weights == "tf_efficientnet_lite1.in1k"


def test_anchors_that_an_earlier_version_trained_are_not_either(lite, tmp_path):
    lite.origin = {"method": "joint training", "recipe": {"anchor_lr": 0.1}}
    lite.save(tmp_path)
    plan = json.loads((tmp_path / "config.json").read_text())["snnet"]
    assert plan["anchors"][0]["weights"] == "tf_efficientnet_lite0.in1k"
    assert published(StitchedNetwork.from_folder(tmp_path)) == set()


def test_timms_results_are_at_the_sizes_that_are_taken_to_be_theirs():
    sizes: dict[str, set[int]] = {}
    for model in zoo.models():
        sizes.setdefault(model.name, set()).add(model.image_size)
    for name, results in sizes.items():
        if is_comparable(name):
            theirs = {transform.image_size for transform in published_transforms(config_of(name))}
            assert results <= theirs, name


def test_timms_results_are_with_the_transforms_that_are_taken_to_be_theirs(shared):
    compared = 0
    with (shared / "timm" / "results-imagenet.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            if not is_comparable(row["model"]):
                continue
            theirs = [
                t
                for t in published_transforms(config_of(row["model"]))
                if t.image_size == int(row["img_size"])
            ]
            assert theirs, row["model"]
            assert any(
                abs(t.crop - float(row["crop_pct"])) < 0.001 and t.interpolation == row["interpolation"]
                for t in theirs
            ), row["model"]
            compared += 1
    assert compared > 1400


def is_comparable(name):
    """True but for VOLO's crops beyond 1, which pad: no adapter cuts one."""
    return timm.is_model(name) and config_of(name)["crop_pct"] <= 1


def config_of(name):
    return timm.get_pretrained_cfg(name).to_dict()


def test_a_model_that_timm_squashes_is_squashed_here():
    config = config_of("convnext_base.fb_in22k_ft_in1k_384")
    assert config["crop_mode"] == "squash"
    transform = transform_of(config)
    assert transform.mode == "squash"
    assert "squash" in transform.key
    assert Transform(**transform.settings) == transform


def test_models_of_other_shapes_or_channels_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="takes images of 1 channels and 28 × 28 px"):
        transform_of({"architecture": "mnist", "input_size": (1, 28, 28)})
    with pytest.raises(ValueError, match="squares of three channels"):
        transform_of(config_of("vit_base_patch16_sapiens2.fb"))


def test_a_model_made_with_other_options_is_not_the_published_one(lite):
    lite.anchors[0].recipe = (lite.anchors[0].recipe[0], {"num_classes": 1000, "act_layer": "gelu"})
    assert published(lite) == {"lite1@240", "lite2@260"}
    assert outlines.at_size(lite.anchors[0].model, 288) == {}
    assert torch.is_tensor(lite.anchors[0].model.classifier.bias)
