import copy

import pytest
import torch
from torch import nn

from snnet.catalogue import build
from snnet.catalogue.stitched_network import StitchedNetwork
from snnet.evaluation import provenance
from snnet.network import match_norms, own_norms, sweep
from snnet.network.layers import LayerOptions
from snnet.photos.photo_set import open_photos
from tests.networks import tiny


def with_norms(seed: int = 0) -> StitchedNetwork:
    """Return the tiny network with norms of its own behind each layer, as yet equal to the anchors'."""
    plain = tiny(seed)
    net = StitchedNetwork(
        plain.name,
        plain.title,
        list(plain.anchors),
        plain.stitches,
        plain.transforms,
        LayerOptions(own_norms=True),
    )
    net.layers.load_state_dict(plain.layers.state_dict())
    return net.eval()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    from PIL import Image

    place = tmp_path_factory.mktemp("photos")
    generator = torch.Generator().manual_seed(0)
    for number in range(12):
        pixels = torch.randint(0, 256, (70, 80, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(place / f"{number}.png")
    return open_photos(place)


images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def shaken(net: StitchedNetwork) -> StitchedNetwork:
    torch.manual_seed(7)
    with torch.no_grad():
        for p in net.norms.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return net


@torch.no_grad()
def test_at_first_they_change_nothing_but_the_size():
    plain, net = tiny(), with_norms()
    for stitch in net.stitches:
        if stitch.image_size == 64:
            assert torch.equal(net(images, stitch), plain(images, stitch))
        assert net.cost(stitch) == plain.cost(stitch)
    own = sum(p.numel() for p in net.norms.parameters())
    assert net.total_params_m - plain.total_params_m == pytest.approx(own / 1e6)


@torch.no_grad()
def test_each_layer_has_its_own_and_anchors_keep_theirs():
    plain, net = tiny(), with_norms()
    chosen = next(iter(net.layers))
    for p in net.norms[chosen].parameters():
        p.mul_(1.5)
    for stitch in net.stitches:
        if stitch.image_size == 64:
            is_equal = torch.equal(net(images, stitch), plain(images, stitch))
            assert is_equal == (chosen not in stitch.layers), stitch.name


@torch.no_grad()
def test_a_sweep_gives_what_calls_give():
    net = shaken(with_norms())
    for stitch, logits in sweep.sweep(net, images):
        assert torch.equal(logits, net(images, stitch)), stitch.name


@torch.no_grad()
def test_results_follow_the_norms():
    net = with_norms()
    before = provenance.routes(net)
    assert before == provenance.routes(tiny())
    chosen = next(iter(net.layers))
    next(net.norms[chosen].parameters()).mul_(2)
    after = provenance.routes(net)
    for stitch in net.stitches:
        assert (before[stitch.name] != after[stitch.name]) == (chosen in stitch.layers), stitch.name


@torch.no_grad()
def test_a_copy_and_a_cast_keep_them():
    net = shaken(with_norms())
    twin = copy.deepcopy(net)
    stitch = net.stitches[-3]
    assert torch.equal(twin(images[:, :, :48, :48], stitch), net(images[:, :, :48, :48], stitch))
    for p in twin.parameters():
        p.zero_()
    assert net(images, net.stitches[0]).abs().sum() > 0  # the copy shares nothing with it
    half = copy.deepcopy(net).to(torch.float64)
    assert torch.allclose(half(images.double(), stitch).float(), net(images, stitch), atol=1e-3)


@torch.no_grad()
def test_training_mode_moves_no_statistics_from_behind():
    net = with_norms().train()
    assert not any(module.training for module in net.norms.modules())
    assert net.anchors[0].model.training
    net.eval()
    assert not any(module.training for module in net.behind(next(iter(net.layers))).modules())


@torch.no_grad()
def test_matched_norms_have_the_anchors_mean_and_spread():
    net = with_norms()
    match_norms.match(net, images)
    stitch = next(s for s in net.stitches if s.layers and s.image_size == 64)
    back = stitch.anchors[-1]
    found: dict[bool, dict[str, torch.Tensor]] = {}
    for is_own, anchor, run in (
        (False, net.anchors[back], next(s for s in net.stitches if s.is_anchor and s.anchors == (back,))),
        (True, net.behind(stitch.layers[0]), stitch),
    ):
        seen = found.setdefault(is_own, {})
        hooks = [
            module.register_forward_pre_hook(
                lambda norm, inputs, seen=seen, name=f"{base}.{name}": seen.update(
                    {
                        name: nn.functional.batch_norm(
                            inputs[0],
                            norm.running_mean,
                            norm.running_var,
                            norm.weight,
                            norm.bias,
                            False,
                            0,
                            norm.eps,
                        )
                    }
                )
            )
            for base, piece in anchor.pieces()
            for name, module in piece.named_modules()
            if isinstance(module, nn.BatchNorm2d)
        ]
        net(images, run)
        for hook in hooks:
            hook.remove()
    behind = [name for name in found[True] if own_norms.key(name) in net.norms[stitch.layers[0]]]
    assert behind
    close = 0
    for name in behind:
        ours, theirs = found[True][name], found[False][name]
        assert torch.allclose(ours.mean((0, 2, 3)), theirs.mean((0, 2, 3)), atol=1e-3)
        gain = theirs.std((0, 2, 3)) / ours.std((0, 2, 3))
        close += int(((gain - 1).abs() < 1e-2).sum())
    total = sum(len(net.norms[stitch.layers[0]][own_norms.key(name)].weight) for name in behind)
    assert close > 0.9 * total  # but for channels that are all but silent


@torch.no_grad()
@pytest.mark.parametrize(
    "names",
    [("test_efficientnet", "mnasnet_small"), ("test_vit", "test_vit3"), ("test_convnext", "test_convnext2")],
)
def test_own_families_with_norms_come_back_from_a_folder(photos, tmp_path, names):
    net = build.stitch(names, data=photos, pretrained=False, own_norms=True)
    assert net.own_norms
    net.save(tmp_path)
    back = StitchedNetwork.from_folder(tmp_path)
    size = net.stitches[0].image_size
    batch = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    for stitch in net.stitches:
        assert torch.isfinite(net(batch, stitch)).all()
        assert torch.equal(back(batch, back.stitch(stitch.name)), net(batch, stitch)), stitch.name


def test_norms_are_not_matched_on_what_is_not_finite():
    net = with_norms()
    layer = next(iter(net.layers))
    net.layers[layer].bias.data[0] = float("nan")
    with pytest.raises(ValueError, match=rf"behind the stitching layer {layer} is not finite"):
        match_norms.match(net, images)
