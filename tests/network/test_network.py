import copy
import threading

import pytest
import torch

from snnet.evaluation.accuracy import Accuracy
from snnet.stitches.stitch import Joint, joined
from tests.networks import CLASSES, SIZES, tiny


@pytest.fixture(scope="module")
def net():
    return tiny()


@torch.inference_mode()
def test_an_anchor_alone_is_the_bare_timm_model(net):
    for stitch in net.stitches:
        if stitch.is_anchor:
            images = torch.randn(2, 3, stitch.image_size, stitch.image_size)
            assert torch.equal(net(images, stitch), net.anchors[stitch.anchors[0]].model(images))


@torch.inference_mode()
def test_a_stitch_is_front_layer_back_run_by_hand(net):
    stitch = net.stitches[5]
    front, back = (net.anchors[a].model for a in stitch.anchors)
    images = torch.randn(2, 3, 64, 64)
    x = front.bn1(front.conv_stem(images))
    for block in [b for stage in front.blocks for b in stage][: stitch.legs[0].stop]:
        x = block(x)
    x = net.layers[stitch.layers[0]](x)
    for block in [b for stage in back.blocks for b in stage][stitch.legs[1].start :]:
        x = block(x)
    expected = back.forward_head(back.bn2(back.conv_head(x)))
    assert torch.equal(net(images, stitch), expected)


def test_every_stitch_runs_in_both_modes(net):
    for train in (False, True):
        trained = copy.deepcopy(net).train(train)
        for stitch in net.stitches:
            logits = trained(torch.randn(2, 3, stitch.image_size, stitch.image_size), stitch)
            assert logits.shape == (2, CLASSES)
            assert logits.isfinite().all()


@torch.inference_mode()
def test_an_images_logits_do_not_depend_on_its_batch(net):
    images = torch.randn(5, 3, 64, 64)
    order = torch.tensor([3, 1, 4, 0, 2])
    for stitch in net.stitches[:6]:
        whole = net(images, stitch)
        torch.testing.assert_close(net(images[order], stitch), whole[order], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(net(images[2:3], stitch), whole[2:3], rtol=1e-4, atol=1e-4)


def test_threads_with_different_stitches_get_what_each_would_get_alone(net):
    stitches = [s for s in net.stitches if s.image_size == SIZES[0]]
    images = torch.randn(2, 3, SIZES[0], SIZES[0])
    with torch.inference_mode():
        alone = [net(images, stitch) for stitch in stitches]
    wrong = []

    def visit(number):
        with torch.inference_mode():
            for turn in range(10):
                which = (number + turn) % len(stitches)
                if not torch.equal(net(images, stitches[which]), alone[which]):
                    wrong.append(stitches[which].name)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_foreign_stitch_is_refused(net):
    foreign = joined([Joint(0, 2, 1, 2)], ["x", "y"], [a.depths for a in net.anchors], 64)
    with pytest.raises(ValueError, match=r"tiny has no stitch 'x\.1\.0~y\.1\.1@64'"):
        net(torch.zeros(1, 3, 64, 64), foreign)
    with pytest.raises(ValueError, match="no stitch 'nonsense'"):
        net.stitch("nonsense")


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64)])
def test_images_of_another_shape_are_refused(net, shape):
    with pytest.raises(ValueError, match=r"\(batch, 3, height, width\)"):
        net(torch.zeros(shape), net.stitches[0])


def test_layers_fit_their_joints(net):
    for layer, joints in net.joints.items():
        widths = {
            tuple(net.anchors[a].features(torch.zeros(1, 3, 64, 64), [k])[k].shape[1] for a, k in ends)
            for ends in [((j.front, j.leave), (j.back, j.enter)) for j in joints]
        }
        assert widths == {tuple(net.layers[layer].weight.shape[1::-1])}


@pytest.fixture(scope="module")
def measured():
    net = tiny()
    costs = sorted(net.stitches, key=lambda s: net.cost(s).gmacs)
    tops = {s.name: 50 + 10 * (k % 7) / 7 for k, s in enumerate(costs)}
    net.accuracies = {n: Accuracy(t, (t - 1, t + 1), "measured", "made up") for n, t in tops.items()}
    return net


class TestSelect:
    def test_is_the_most_accurate_within_the_budget(self, measured):
        for budget in [measured.cost(s).gmacs for s in measured.stitches]:
            chosen = measured.select(gmacs=budget)
            affordable = [s for s in measured.stitches if measured.cost(s).gmacs <= budget]
            assert chosen in affordable
            assert measured.accuracy(chosen).top1 == max(measured.accuracy(s).top1 for s in affordable)

    def test_above_the_largest_is_the_best(self, measured):
        best = max(measured.accuracy(s).top1 for s in measured.stitches)
        assert measured.accuracy(measured.select(gmacs=0.1)).top1 == best
        assert measured.accuracy(measured.select(params_m=10)).top1 == best

    @pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), 1e-6, "abc", True])
    def test_no_budget_names_the_smallest(self, measured, budget):
        smallest = min(measured.cost(s).gmacs for s in measured.stitches)
        with pytest.raises(ValueError, match="smallest stitch") as error:
            measured.select(gmacs=budget)
        assert f"{smallest:.3g}"[:4] in str(error.value)

    def test_unmeasured_is_the_costliest(self):
        net = tiny()
        chosen = net.select(gmacs=0.1, silent=True)
        assert net.cost(chosen).gmacs == max(net.cost(s).gmacs for s in net.stitches)
        assert net.accuracy(chosen) is None

    def test_takes_one_budget(self):
        with pytest.raises(TypeError, match="one budget"):
            tiny().select()
        with pytest.raises(TypeError, match="one budget"):
            tiny().select(gmacs=1, params_m=1)


def test_ownership_counts_ways_once_for_all_sizes(net):
    assert net.ways == len(net.stitches) / len(SIZES)
    assert net.total_params_m == pytest.approx(sum(p.numel() for p in net.parameters()) / 1e6)
    at_one_size = [s for s in net.stitches if s.image_size == SIZES[0]]
    assert net.apart_params_m == pytest.approx(sum(net.cost(s).params_m for s in at_one_size))
