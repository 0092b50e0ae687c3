"""Small networks with random weights, for tests that need none of the real ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch

from snnet.catalogue.stitched_network import StitchedNetwork
from snnet.network.anchor import Anchor
from snnet.photos.transform import Transform
from snnet.stitches.enumerations import at_sizes, nearest_joints
from snnet.stitches.sections import stage_sections

SIZES = (64, 48)  # px
CLASSES, FIRST = 1000, 10  # ImageNet-1k's, of which the first ten are answered with


def tiny(seed: int = 0) -> StitchedNetwork:
    """Return mnasnet_small (stages of 1, 1, 2, 4, 3, 3, 1 blocks) → mobilenetv2_035 (1, 2, 3, 4, 3, 3, 1)."""
    torch.manual_seed(seed)
    anchors = []
    for name, architecture in (("small", "mnasnet_small"), ("large", "mobilenetv2_035")):
        model = timm.create_model(architecture, pretrained=False, num_classes=FIRST).eval()
        _widen(model)
        for module in model.modules():  # batch norms that do something, so that a swapped one shows
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
        anchors.append(Anchor(name, model))
    depths = [anchor.depths for anchor in anchors]
    names = [anchor.name for anchor in anchors]
    joints = nearest_joints(0, 1, stage_sections(*depths))
    stitches = at_sizes(names, depths, joints, SIZES, anchor_sizes=SIZES[:1] * 2)
    means = (0.5, 0.5, 0.5)
    transforms = {size: Transform(image_size=size, crop=0.875, mean=means, std=means) for size in SIZES}
    net = StitchedNetwork("tiny", "two tiny anchors", anchors, stitches, transforms).eval()
    for layer in net.layers.values():
        torch.nn.init.normal_(layer.weight, std=0.2)
        torch.nn.init.normal_(layer.bias, std=0.1)
    return net


def _widen(model: torch.nn.Module) -> None:
    """Give a model of the first ten classes of ImageNet-1k all of them, the others never the answer."""
    narrow = model.classifier
    with torch.random.fork_rng():
        model.reset_classifier(CLASSES)
    with torch.no_grad():
        model.classifier.weight.zero_()[:FIRST] = narrow.weight
        model.classifier.bias.fill_(-50.0)[:FIRST] = narrow.bias


def change_plan(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write a saved network's plan anew with a change, as a stranger would: without checksums."""
    plan = json.loads((folder / "config.json").read_text())["snnet"]
    del plan["sha256"]
    change(plan)
    (folder / "config.json").write_text(json.dumps({"snnet": plan}))
