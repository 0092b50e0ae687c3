import pytest
import timm
import torch
from timm.layers import RmsNorm
from torch import nn

from snnet.network import counting
from tests.networks import tiny


@pytest.mark.parametrize(
    ("module", "shape", "macs"),
    [
        (nn.Conv2d(4, 6, 3, padding=1), (1, 4, 8, 8), 8 * 8 * 6 * 4 * 9),
        (nn.Conv2d(4, 4, 3, stride=2, groups=4, padding=1), (1, 4, 8, 8), 4 * 4 * 4 * 9),
        (nn.Linear(5, 7), (1, 3, 5), 3 * 5 * 7),
        (nn.BatchNorm2d(4), (1, 4, 8, 8), 2 * 4 * 64),
        (nn.LayerNorm(5), (1, 3, 5), 5 * 15),
        (nn.GroupNorm(2, 4), (1, 4, 8, 8), 5 * 4 * 64),
        (nn.RMSNorm(5), (1, 3, 5), 3 * 15),
        (RmsNorm(5), (1, 3, 5), 3 * 15),
        (nn.AdaptiveAvgPool2d(1), (1, 4, 8, 8), 4 * 64),
        (nn.Sequential(nn.ReLU(), nn.Softmax(-1)), (1, 4), 0),
    ],
)
def test_the_counting_rule(module, shape, macs):
    counted, _ = counting.count(counting.on_meta(module), torch.empty(shape, device="meta"))
    assert counted == macs


class Spectral(nn.Module):
    """Multiplies without a rule: a Fourier transform."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(torch.fft.fft(x).real)


def test_an_operator_without_a_rule_is_named_once_with_its_module_and_share(monkeypatch):
    monkeypatch.setattr(counting, "_WARNINGS", set())
    module = counting.on_meta(nn.Sequential(nn.Linear(8, 8), Spectral()))
    x = torch.empty(2, 8, device="meta")
    words = r"fft_\w+ in Spectral, which writes \d+\.\d%"
    with pytest.warns(counting.UncountedWarning, match=words) as record:
        assert counting.count(module, x)[0] == 2 * 8 * 8
    assert len(record) == 1
    assert counting.count(module, x)[0] == 2 * 8 * 8  # a second warning would be an error


@pytest.mark.parametrize(
    ("architecture", "macs"),
    [
        ("resnet18", 1_819_065_856),
        ("deit_tiny_patch16_224", 1_258_411_200),
        ("swin_tiny_patch4_window7_224", 4_509_194_496),
        ("levit_192", 661_663_808),
    ],
)
def test_published_counts(architecture, macs):
    model = counting.on_meta(timm.create_model(architecture, pretrained=False))
    assert counting.count(model, torch.empty(1, 3, 224, 224, device="meta"))[0] == macs


def test_fused_attention_is_not_counted_silently():
    q = torch.empty(1, 2, 4, 8)
    with pytest.raises(NotImplementedError, match="fused attention"):
        counting.count(lambda x: nn.functional.scaled_dot_product_attention(x, x, x), q)


def test_a_stitch_costs_what_a_direct_count_says():
    net = tiny()
    for stitch in net.stitches:
        images = torch.empty(1, 3, stitch.image_size, stitch.image_size)
        with torch.inference_mode():
            macs, _ = counting.count(lambda x, stitch=stitch: net(x, stitch), images)
        assert net.cost(stitch).gmacs == pytest.approx(macs / 1e9, rel=1e-12)


def test_parameters_are_those_on_the_way():
    net = tiny()
    for stitch in net.stitches:
        net.zero_grad()
        net(torch.randn(1, 3, stitch.image_size, stitch.image_size), stitch).sum().backward()
        used = sum(p.numel() for p in net.parameters() if p.grad is not None)
        assert net.cost(stitch).params_m == pytest.approx(used / 1e6)


def test_on_meta_leaves_the_module_alone():
    module = nn.Conv2d(3, 4, 1)
    assert counting.on_meta(module).weight.is_meta
    assert not module.weight.is_meta


@pytest.mark.parametrize(
    "architecture",
    [
        *(
            "resnet18",
            "resnetv2_50",
            "regnety_002",
            "convnext_atto",
            "efficientnet_b0",
            "mobilenetv3_small_050",
        ),
        *("vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "beit_base_patch16_224", "levit_128s"),
        "eva02_tiny_patch14_224",
    ],
)
def test_our_count_is_that_of_torchs_counter_and_hooks(architecture):
    from benchmarks import audit_figures

    with torch.device("meta"):
        model = timm.create_model(architecture, pretrained=False).eval()
    images = torch.empty(1, 3, *model.default_cfg["input_size"][1:], device="meta")
    ours, unknown = audit_figures.counted(model, images)
    assert not unknown
    assert ours == pytest.approx(audit_figures.independent(model, images), rel=0.002)
