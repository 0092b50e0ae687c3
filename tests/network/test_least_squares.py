import copy

import pytest
import torch

from snnet.network import least_squares
from tests.networks import tiny


def layers(net):
    return {name: tensor.clone() for name, tensor in net.layers.state_dict().items()}


def pairs(net, images, layer):
    """The features that one layer is to join: X (N, C_front), Y (N, C_back), float64."""
    joint = net.joints[layer][0]
    ends = ((joint.front, joint.leave), (joint.back, joint.enter))
    found = [net.anchors[a].features(images, [k])[k] for a, k in ends]
    return [x.permute(0, 2, 3, 1).flatten(0, 2).double() for x in found]


def test_layers_are_the_least_squares_solution():
    net = tiny()
    images = torch.randn(8, 3, 64, 64)
    assert least_squares.start(net, [images]) == 8
    for name, layer in net.layers.items():
        x, y = pairs(net, images, name)
        ones = torch.nn.functional.pad(x, (0, 1), value=1.0)
        if len(x) <= ones.shape[1]:
            continue  # more unknowns than places: see the minimum-norm test
        best = torch.linalg.lstsq(ones, y, driver="gelsd").solution
        ours = x @ layer.weight[:, :, 0, 0].double().T + layer.bias.double()
        assert (ours - y).square().sum() <= 1.001 * (ones @ best - y).square().sum() + 1e-6


def test_the_batch_size_does_not_matter():
    images = torch.randn(12, 3, 64, 64)
    one, many = tiny(), tiny()
    least_squares.start(one, [images])
    least_squares.start(many, images.split(5))
    for name, tensor in layers(one).items():
        torch.testing.assert_close(layers(many)[name], tensor, rtol=1e-2, atol=1e-3)


def test_the_same_photos_give_the_same_bytes():
    images = torch.randn(6, 3, 64, 64)
    one, two = tiny(), tiny()
    least_squares.start(one, [images])
    least_squares.start(two, [images])
    assert all(torch.equal(layers(two)[name], tensor) for name, tensor in layers(one).items())


def test_twins_are_joined_by_the_identity():
    net = tiny()
    net.anchors[0].model.load_state_dict(copy.deepcopy(net.anchors[0].model.state_dict()))
    point = (0, 4, 0)
    equations = least_squares.NormalEquations(net)
    equations.joints = {"twin": [(point, point)]}
    equations._pairs, equations._points = [(point, point)], [point]
    equations.add(net, torch.randn(16, 3, 64, 64))
    weight, bias = equations.solve("twin")
    torch.testing.assert_close(weight, torch.eye(len(weight), dtype=weight.dtype), atol=1e-6, rtol=0)
    torch.testing.assert_close(bias, torch.zeros_like(bias), atol=1e-6, rtol=0)


def test_one_photo_gives_finite_layers_that_fit_it():
    net = tiny()
    image = torch.randn(1, 3, 64, 64)
    least_squares.start(net, [image])
    for name, layer in net.layers.items():
        assert layer.weight.isfinite().all()
        x, y = pairs(net, image, name)
        ours = x @ layer.weight[:, :, 0, 0].double().T + layer.bias.double()
        assert (ours - y).square().sum() <= (y - y.mean(0)).square().sum() * 1.001 + 1e-9


def test_no_photo_is_refused():
    with pytest.raises(ValueError, match="no photo"):
        least_squares.start(tiny(), [])


@pytest.mark.parametrize("anchor", [0, 1])
def test_features_that_are_not_finite_are_refused_naming_the_joint(anchor):
    net = tiny()
    before = layers(net)
    net.anchors[anchor].model.conv_stem.weight.data[0] = float("nan")
    name = net.anchors[anchor].name
    with pytest.raises(ValueError, match=rf"^{name} gives features that are not finite before its block \d+"):
        least_squares.start(net, [torch.randn(2, 3, 64, 64)])
    assert all(torch.equal(tensor, before[key]) for key, tensor in layers(net).items())
