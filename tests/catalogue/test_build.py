"""Networks of one's own: every kind of model that can be cut, every way of stitching, and what is refused."""

from itertools import pairwise

import pytest
import timm
import torch
from PIL import Image

import snnet
from snnet.catalogue import build, joining
from snnet.catalogue.joining import Joining, Side
from snnet.catalogue.stitched_network import StitchedNetwork, UnmeasuredWarning
from snnet.network import counting
from snnet.network.anchor import Point, make_anchor
from snnet.network.sweep import sweep
from snnet.photos.transform import Transform
from snnet.weights.files import WeightsError

SMALL_SWIN = {"embed_dim": 24, "depths": (1, 1, 3, 1), "num_heads": (1, 1, 2, 2)}
SMALL_VIT = {"depth": 3, "embed_dim": 48, "num_heads": 3, "img_size": 64}
FAMILIES = {  # (architecture, options) of front and back, image size in px, ways
    "vit": (("test_vit", {}), ("test_vit3", {}), 160, "paired"),
    "vit with registers": (("test_vit2", {}), ("test_vit4", {}), 160, "unpaired"),
    "deit distilled": (
        ("deit_tiny_patch16_224", SMALL_VIT),
        ("deit_tiny_distilled_patch16_224", SMALL_VIT),
        64,
        "auto",
    ),
    "deit3": (
        ("deit3_small_patch16_224", SMALL_VIT),
        ("deit3_medium_patch16_224", SMALL_VIT | {"depth": 5}),
        64,
        "two-way",
    ),
    "beit": (("beit_base_patch16_224", SMALL_VIT), ("beitv2_base_patch16_224", SMALL_VIT), 64, "auto"),
    "eva": (
        ("eva02_tiny_patch14_224", SMALL_VIT | {"img_size": 56}),
        ("vit_small_patch14_dinov2", SMALL_VIT | {"img_size": 56}),
        56,
        "auto",
    ),
    "swin": (
        ("swin_tiny_patch4_window7_224", SMALL_SWIN),
        ("swin_small_patch4_window7_224", SMALL_SWIN | {"depths": (1, 2, 4, 1)}),
        224,
        "unpaired",
    ),
    "swin v2": (
        ("swinv2_tiny_window8_256", SMALL_SWIN),
        ("swinv2_small_window8_256", SMALL_SWIN | {"depths": (1, 2, 4, 1)}),
        256,
        "paired",
    ),
    "resnet": (("test_resnet", {}), ("resnet14t", {}), 64, "two-way"),
    "resnet bottlenecks": (("resnet26d", {}), ("seresnext26d_32x4d", {}), 64, "paired"),
    "resnext": (("resnext50_32x4d", {}), ("res2net50_26w_4s", {}), 64, "unpaired"),
    "resnest": (("resnest14d", {}), ("resnetv2_50", {}), 64, "unpaired"),
    "regnet": (("regnetx_002", {}), ("regnety_004", {}), 64, "unpaired"),
    "convnext": (("test_convnext", {}), ("convnextv2_atto", {}), 64, "two-way"),
    "efficientnet": (("test_efficientnet", {}), ("mnasnet_small", {}), 64, "paired"),
    "mobilenet": (("mobilenetv2_035", {}), ("mobilenetv3_small_050", {}), 64, "unpaired"),
    "mobilenet v4": (("mobilenetv4_conv_small_050", {}), ("lcnet_035", {}), 64, "two-way"),
    "levit": (("levit_128s", {}), ("levit_conv_128", {}), 224, "unpaired"),
    "cnn to swin": (("resnet18", {}), ("swin_tiny_patch4_window7_224", SMALL_SWIN), 224, "two-way"),
    "cnn to vit": (("resnet26d", {}), ("test_vit", {}), 160, "two-way"),
}


def stitched(family: str, classes: int = 10) -> StitchedNetwork:
    """A network of random weights whose every layer does something."""
    *models, size, ways = FAMILIES[family]
    torch.manual_seed(0)
    anchors = [
        make_anchor(f"m{number}", name, False, options | {"num_classes": classes})
        for number, (name, options) in enumerate(models)
    ]
    stitches = joining.stitches(anchors, size, Joining(ways=ways))
    net = StitchedNetwork(family, family, anchors, stitches, {size: Transform(image_size=size)}).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    for layer in net.layers.values():
        torch.nn.init.normal_(layer.weight, std=layer.weight.shape[1] ** -0.5)
    return net


@pytest.fixture(scope="module", params=FAMILIES)
def net(request):
    return stitched(request.param)


def images_for(net: StitchedNetwork, count: int = 3) -> torch.Tensor:
    size = net.stitches[0].image_size
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_twenty_architectures_and_more_are_cut():
    assert len({name for row in FAMILIES.values() for name, _ in row[:2]}) >= 35


@torch.inference_mode()
def test_a_whole_anchor_is_the_bare_model(net):
    images = images_for(net)
    for number, stitch in enumerate(net.stitches[: len(net.anchors)]):
        assert stitch.is_anchor
        assert torch.equal(net(images, stitch), net.anchors[number].model(images))


@torch.inference_mode()
def test_every_stitch_runs_and_neither_batch_nor_order_matters(net):
    images = images_for(net)
    together = {stitch.name: logits for stitch, logits in sweep(net, images)}
    turned = {stitch.name: logits for stitch, logits in sweep(net, images.flip(0))}
    assert len(together) == len(net.stitches)
    for stitch in net.stitches:
        logits = together[stitch.name]
        assert logits.shape == (3, 10)
        assert logits.isfinite().all()
        scale = float(logits.abs().max())
        alone = net(images[1:2], stitch)
        assert torch.allclose(alone[0], logits[1], rtol=1e-3, atol=1e-4 * scale), stitch.name
        assert torch.allclose(turned[stitch.name].flip(0), logits, rtol=1e-3, atol=1e-4 * scale), stitch.name


def test_every_stitch_trains(net):
    images = images_for(net, count=2)
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    net.train()
    try:
        for stitch in net.stitches[:: max(1, len(net.stitches) // 6)]:
            net.zero_grad()
            net(images, stitch).square().sum().backward()
            used = {part for part in stitch.parts if part.kind == "layer"}
            for part in used:
                assert net.layers[part.layer].weight.grad.abs().sum() > 0
    finally:
        net.eval()
        net.load_state_dict(before)
        net.zero_grad()


def test_costs_add_up_to_a_direct_count(net):
    size = net.stitches[0].image_size
    twin = counting.on_meta(net)
    for stitch in net.stitches:
        if len({net.anchors[k].layout.prefix for k in stitch.anchors}) > 1:
            continue  # standing in for a class token is pooling, which the layers' own count leaves out
        macs, _ = counting.count(
            lambda x, stitch=stitch: twin(x, stitch), torch.empty(1, 3, size, size, device="meta")
        )
        assert net.cost(stitch).gmacs == pytest.approx(macs / 1e9, rel=1e-9), stitch.name
        on_way = {id(t): t for part in stitch.parts for t in net.tensors(part).values()}
        params = sum(t.numel() for t in on_way.values() if isinstance(t, torch.nn.Parameter))
        assert net.cost(stitch).params_m == pytest.approx(params / 1e6)


def test_a_network_comes_back_from_its_folder_with_equal_logits(net, tmp_path):
    net.save(tmp_path / "net")
    again = snnet.load(str(tmp_path / "net"))
    assert not again.training
    assert [stitch.name for stitch in again.stitches] == [stitch.name for stitch in net.stitches]
    images = images_for(net, count=1)
    with torch.inference_mode():
        for stitch in net.stitches[:: max(1, len(net.stitches) // 4)]:
            assert torch.equal(net(images, stitch), again(images, again.stitch(stitch.name)))
            assert net.cost(stitch) == again.cost(again.stitch(stitch.name))


# ------------------------------------------------------------------------------------ snnet.stitch itself


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    generator = torch.Generator().manual_seed(0)
    for number in range(5):
        pixels = torch.randint(0, 256, (90, 120, 3), generator=generator, dtype=torch.uint8).numpy()
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
    return folder


def test_models_are_sorted_by_cost_whatever_their_order(photos):
    one = snnet.stitch(["test_vit3", "test_vit"], data=photos, pretrained=False)
    other = snnet.stitch(["test_vit", "test_vit3"], data=photos, pretrained=False)
    assert one.anchor_names == other.anchor_names == ("test_vit", "test_vit3")
    assert [stitch.name for stitch in one.stitches] == [stitch.name for stitch in other.stitches]
    gmacs = [one.cost(stitch).gmacs for stitch in one.stitches[:2]]
    assert gmacs == sorted(gmacs)
    assert one.origin["photos"] == 5


@pytest.mark.parametrize("limit", [1, 3, 5])
def test_any_number_of_photos_gives_layers_that_fit(photos, limit):
    net = snnet.stitch(["test_vit", "test_vit3"], data=photos, pretrained=False, limit=limit)
    for layer in net.layers.values():
        assert layer.weight.isfinite().all()
        assert layer.weight.abs().sum() > 0


def test_size_and_crop_are_the_costliest_models_own_unless_given(photos):
    net = build.network(["resnet18", "resnet34.a1_in1k"], Joining(pretrained=False))
    config = timm.create_model("resnet34.a1_in1k").default_cfg
    transform = net.transform(net.stitches[0])
    assert (transform.image_size, transform.crop) == (config["input_size"][-1], config["crop_pct"])
    assert transform.interpolation == config["interpolation"]
    net = build.network(["resnet18", "resnet34"], Joining(pretrained=False, image_size=96, crop=0.8))
    assert (net.stitches[0].image_size, net.transform(net.stitches[0]).crop) == (96, 0.8)
    # a transformer made for one size is made for the other
    net = build.network(["test_vit", "test_vit3"], Joining(pretrained=False, image_size=96))
    assert net(torch.randn(1, 3, 96, 96), net.stitches[-1]).shape == (1, 1000)


def test_pretrained_weights_have_the_zoos_accuracy(monkeypatch):
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained, **rest: create(name, **rest))
    net = build.network(["resnet34.a1_in1k", "resnet18.a1_in1k"], Joining())
    assert [anchor.weights for anchor in net.anchors] == ["resnet18.a1_in1k", "resnet34.a1_in1k"]
    net.attach()
    known = net.accuracy(net.stitches[0])
    assert (known.top1, known.source) == (pytest.approx(71.504), "published")
    assert net.accuracy(net.stitches[-1]) is None
    # at another size than the published one there is nothing to quote
    net = build.network(["resnet18.a1_in1k", "resnet34.a1_in1k"], Joining(image_size=160))
    net.attach()
    assert not net.accuracies


def test_random_weights_have_no_published_accuracy(photos):
    from snnet.evaluation import accuracy

    net = build.network(["resnet18", "resnet34"], Joining(pretrained=False))
    net.attach()
    assert not net.accuracies
    costliest = max(net.stitches, key=lambda s: (net.cost(s).gmacs, -net.stitches.index(s)))
    with pytest.warns(UnmeasuredWarning, match="no stitch within this budget has been measured"):
        assert net.select(gmacs=100) == costliest
    assert net.select(gmacs=100, silent=True) == costliest
    assert net.accuracy(costliest) is None
    assert "not measured yet" in accuracy.line(net)


def test_three_anchors_and_every_way(photos):
    names = ["test_vit", "test_vit3", "test_vit4"]
    for ways in ("auto", "paired", "unpaired", "two-way"):
        net = build.network(names, Joining(pretrained=False, ways=ways))
        assert len(net.anchors) == 3
        pairs = {stitch.anchors for stitch in net.stitches if len(stitch.anchors) == 2}
        assert {(0, 1), (1, 2)} <= pairs
        assert {len(s.anchors) for s in net.stitches} == ({1, 2, 3} if ways == "two-way" else {1, 2})


def test_kernel_and_stride_make_the_window():
    def stitches(**window):
        return len(
            build.network(
                ["test_vit", "test_vit3"], Joining(pretrained=False, ways="paired", **window)
            ).stitches
        )

    assert stitches(kernel=1) < stitches(kernel=2) < stitches(kernel=3)
    assert stitches(kernel=2, stride=2) < stitches(kernel=2, stride=1)


def test_a_large_set_is_thinned_evenly():
    full = build.network(["test_vit", "test_vit3"], Joining(pretrained=False, ways="two-way"))
    net = build.network(["test_vit", "test_vit3"], Joining(pretrained=False, ways="two-way", max_stitches=8))
    assert len(net.stitches) == 8 < len(full.stitches)
    assert [stitch.is_anchor for stitch in net.stitches[:3]] == [True, True, False]
    gmacs = sorted(net.cost(stitch).gmacs for stitch in net.stitches[2:])
    every = sorted(full.cost(stitch).gmacs for stitch in full.stitches[2:])
    assert (gmacs[0], gmacs[-1]) == (every[0], every[-1])
    steps = [b - a for a, b in pairwise(gmacs)]
    assert max(steps) < 3 * (every[-1] - every[0]) / 5


def test_a_low_rank_branch_changes_nothing_before_it_is_trained(photos):
    names = ["test_vit", "test_vit3"]
    torch.manual_seed(0)
    plain = snnet.stitch(names, data=photos, pretrained=False)
    torch.manual_seed(0)
    low = snnet.stitch(names, data=photos, pretrained=False, low_rank=4)
    layer = next(iter(low.layers.values()))
    assert (layer.lora_A.shape[0], layer.lora_B.shape[1]) == (4, 4)
    low.load_state_dict(plain.state_dict(), strict=False)
    images = torch.randn(1, 3, 160, 160)
    way = low.stitches[-1]
    assert torch.equal(low(images, way), plain(images, way))
    assert low.cost(way).gmacs == plain.cost(way).gmacs
    with torch.no_grad():
        layer = low.layers[way.layers[0]]
        layer.lora_B.normal_()
        branch = layer.lora_B @ layer.lora_A / 4
        assert torch.allclose(layer.merged(), layer.weight + branch)
    assert not torch.equal(low(images, way), plain(images, way))


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (["resnet18"], {}, "two or more names"),
        ("resnet18", {}, "two or more names"),
        (["resnet18", "resnet18"], {}, "a model stands twice"),
        (["resnet18", "resnet3"], {}, "timm has no model 'resnet3': near it are resnet"),
        (["resnet18", "hrnet_w18_small"], {}, "HighResolutionNet can't be cut yet; these can"),
        (["resnet18", "vit_tiny_patch16_224"], {}, r"differ in mean .*resnet18 \(0.485.*\(0.5, 0.5, 0.5\)"),
        (["resnet18", "resnetv2_50x1_bit.goog_in21k"], {}, "differ in classes .*21843"),
        (["resnet18", "vit_base_patch32_clip_224.openai"], {}, "has no classifier|differ in"),
        (["test_vit", "test_vit3"], {"image_size": 100}, "can't take images of 100 px"),
        (["test_vit", "test_vit3"], {"ways": "sideways"}, "ways 'sideways' is none of auto, paired"),
        (["test_vit", "test_vit3"], {"max_stitches": 2}, "the 2 anchors are among them"),
        (["test_vit", "test_vit3"], {"low_rank": -1}, "negative"),
        (["test_vit", "test_vit3"], {"ways": "paired", "kernel": 0}, "at least 1"),
        (
            ["deit_tiny_patch16_224", "vit_small_patch14_dinov2.lvd142m"],
            {"image_size": 224},
            "no classifier|don't meet",
        ),
    ],
)
def test_what_cannot_be_joined_is_refused_with_the_reason(names, options, words):
    with pytest.raises(ValueError, match=words):
        build.network(names, Joining(pretrained=False, **options))


def test_feature_maps_that_never_meet_are_refused():
    with pytest.raises(ValueError, match=r"deit_tiny_patch16_224 \(14×14\) and .* \(7×7\) don't meet"):
        joining.routes(
            Side(0, "deit_tiny_patch16_224", (12,), [Point((14, 14), 192)] * 13),
            Side(1, "other", (12,), [Point((7, 7), 192)] * 13),
            Joining(),
        )


def test_without_a_network_pretrained_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(
        timm, "create_model", lambda name, **_: (_ for _ in ()).throw(OSError("no route to huggingface.co"))
    )
    with pytest.raises(WeightsError, match=r"pretrained weights of resnet18 .*no route.*--no-pretrained"):
        make_anchor("a", "resnet18", True, {})
