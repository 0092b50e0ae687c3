import copy

import pytest
import timm
import torch
from torch import nn

from snnet.network.anchor import Anchor

ARCHITECTURES = ["test_efficientnet", "mobilenetv2_035", "mnasnet_small", "efficientnet_es"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.inference_mode()
def test_the_parts_in_order_are_the_model(architecture):
    model = timm.create_model(architecture, pretrained=False).eval()
    anchor = Anchor("a", model)
    images = torch.randn(2, 3, 64, 64)
    x = images
    for part in anchor.parts():
        x = anchor.run(part, x)
    assert torch.equal(x, model(images))
    assert sum(anchor.depths) == len(anchor.parts()) - 2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_tensor_has_one_owner(architecture):
    model = timm.create_model(architecture, pretrained=False)
    anchor = Anchor("a", model)
    owned = [id(tensor) for part in anchor.parts() for tensor in anchor.tensors(part).values()]
    assert sorted(owned) == sorted(id(tensor) for tensor in model.state_dict(keep_vars=True).values())


def test_features_are_those_before_each_block():
    anchor = Anchor("a", timm.create_model("test_efficientnet", pretrained=False).eval())
    images = torch.randn(1, 3, 64, 64)
    x = anchor.run(anchor.parts()[0], images)
    features = anchor.features(images, [0, 2, 5])
    assert sorted(features) == [0, 2, 5]
    for index, part in enumerate(anchor.parts()[1:-1]):
        if index in features:
            assert torch.equal(features[index], x)
        x = anchor.run(part, x)
    assert torch.equal(features[5], x)


def test_a_copy_runs_its_own_weights():
    anchor = Anchor("a", timm.create_model("test_efficientnet", pretrained=False).eval())
    twin = copy.deepcopy(anchor)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    images = torch.randn(1, 3, 64, 64)
    block = anchor.parts()[2]
    x = anchor.features(images, [1])[1]
    assert anchor.run(block, x).abs().sum() > 0
    assert all(tensor.abs().sum() == 0 for k, tensor in twin.tensors(block).items() if k.endswith("weight"))
    assert twin.run(block, x).abs().sum() < anchor.run(block, x).abs().sum()


def test_an_unknown_architecture_is_refused_by_name():
    with pytest.raises(ValueError, match=r"Linear can't be cut yet; these can: .*EfficientNet"):
        Anchor("a", nn.Linear(3, 4))


def test_a_tensor_without_an_owner_is_refused():
    model = timm.create_model("test_efficientnet", pretrained=False)
    model.extra = nn.Parameter(torch.zeros(1))
    with pytest.raises(ValueError, match="blocks share extra"):
        Anchor("a", model)
