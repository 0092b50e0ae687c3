import pytest
import torch

from snnet import sweep
from snnet.network.sweep import saved
from tests.networks import SIZES, tiny


@pytest.fixture(scope="module")
def net():
    return tiny()


@torch.inference_mode()
def test_a_sweep_equals_a_loop(net):
    for size in SIZES:
        images = torch.randn(3, 3, size, size)
        swept = dict(sweep(net, images))
        assert set(swept) == {stitch for stitch in net.stitches if stitch.image_size == size}
        for stitch, logits in swept.items():
            assert torch.equal(logits, net(images, stitch))


def test_every_shared_beginning_runs_once(net, monkeypatch):
    ran = []
    run = net.run
    monkeypatch.setattr(net, "run", lambda part, x: ran.append(part) or run(part, x))
    stitches = [stitch for stitch in net.stitches if stitch.image_size == 64]
    for _ in sweep(net, torch.randn(1, 3, 64, 64)):
        pass
    prefixes = {stitch.parts[: k + 1] for stitch in stitches for k in range(len(stitch.parts))}
    assert len(ran) == len(prefixes)
    assert len(ran) < sum(len(stitch.parts) for stitch in stitches)


def test_gmacs_executed_are_those_of_the_parts_run(net, monkeypatch):
    stitches = [stitch for stitch in net.stitches if stitch.image_size == 64]
    ran = []
    run = net.run
    monkeypatch.setattr(net, "run", lambda part, x: ran.append(part) or run(part, x))
    list(sweep(net, torch.randn(1, 3, 64, 64)))
    alone, shared = saved(net, stitches)
    assert shared == pytest.approx(sum(net.part_macs[part, 64] for part in ran) / 1e9)
    assert alone == pytest.approx(sum(net.cost(stitch).gmacs for stitch in stitches))


def test_some_stitches_alone(net):
    chosen = [net.stitches[4], net.stitches[1]]
    assert {stitch for stitch, _ in sweep(net, torch.randn(1, 3, 64, 64), chosen)} == set(chosen)


def test_no_stitch_of_this_size(net):
    with pytest.raises(ValueError, match="images of 32 px: it takes 48, 64"):
        list(sweep(net, torch.randn(1, 3, 32, 32)))


def test_the_callers_gradient_mode_is_kept_between_stitches(net):
    for _ in sweep(net, torch.randn(1, 3, 64, 64)):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
