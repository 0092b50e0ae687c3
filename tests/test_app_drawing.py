"""The drawing's data: every family's routes, and parts that add up to what a stitch costs."""

import json

import pytest

import snnet
from app.drawing import drawing, shape
from snnet.layers import Layout, StitchingLayer
from tests.networks import tiny

MAP, TOKENS = Layout("map"), Layout("tokens", 1)


def total(drawn, stitch):
    """Add a route up from the drawing alone, as the page does."""
    size = str(stitch.image_size)
    route = drawn["routes"][stitch.name]
    legs = route["legs"]
    found = sum(drawn["layers"][name]["macs"][size] for name in route["layers"])
    for anchor, start, stop in legs:
        found += sum(drawn["anchors"][anchor]["macs"][size][1 + start : 1 + stop])
    return (
        found
        + drawn["anchors"][legs[0][0]]["macs"][size][0]
        + drawn["anchors"][legs[-1][0]]["macs"][size][-1]
    )


def made(names, folder, **options):
    return snnet.stitch(names, data=folder, pretrained=False, **options)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    for number in range(3):
        Image.new("RGB", (48, 48), (80 * number, 40, 200)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (["test_vit", "test_vit2"], {"ways": "two-way"}),
        (["levit_128s", "levit_192"], {}),
        (["test_convnext", "test_convnext2"], {"low_rank": 4}),
    ],
)
def test_routes_add_up_in_every_family(names, options, photos):
    check(made(names, photos, **options))


def test_routes_add_up_at_every_size():
    check(tiny())


def check(net):
    drawn = json.loads(json.dumps(drawing(net)))
    assert set(drawn["routes"]) == {stitch.name for stitch in net.stitches}
    for stitch in net.stitches:
        assert total(drawn, stitch) / 1e9 == pytest.approx(net.cost(stitch).gmacs, rel=1e-12)
    for anchor, row in zip(net.anchors, drawn["anchors"], strict=True):
        assert tuple(row["stages"]) == anchor.depths
        assert all(len(macs) == 2 + sum(anchor.depths) for macs in row["macs"].values())


def test_the_network_that_ships(service):
    check(service.net)
    assert service.network()["drawing"]["anchors"][0]["name"] == "lite0"


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (StitchingLayer(MAP, MAP, 24, 40), "1×1 conv 24 → 40"),
        (StitchingLayer(TOKENS, TOKENS, 192, 384), "linear 192 → 384"),
        (StitchingLayer(MAP, TOKENS, 64, 96, rank=8), "linear 64 → 96, rank 8"),
    ],
)
def test_a_layer_is_said_as_people_say_it(layer, said):
    assert shape(layer) == said
