"""The drawing's data: every family's routes, and parts that add up to what a stitch costs."""

import json

import pytest

import snnet
from snnet.catalogue import published
from snnet.catalogue.drawing import by_resolution, drawing, shape
from snnet.network.layers import Layout, StitchingLayer
from tests.networks import tiny

MAP, TOKENS = Layout("map"), Layout("tokens", 1)


def total(drawn, stitch):
    """Add a route up from the drawing alone, as the page does."""
    at = drawn["sizes"].index(stitch.image_size)
    route = drawn["routes"][stitch.name]
    found = drawn["anchors"][route[0][0]]["macs"][at][0] + drawn["anchors"][route[-1][0]]["macs"][at][-1]
    for piece in route:
        if isinstance(piece, int):
            found += drawn["layers"][piece]["macs"][at]
        else:
            anchor, start, stop = piece
            found += sum(drawn["anchors"][anchor]["macs"][at][1 + start : 1 + stop])
    return found


def check(net):
    drawn = json.loads(json.dumps(drawing(net)))
    assert set(drawn["routes"]) == {stitch.name for stitch in net.stitches}
    for stitch in net.stitches:
        assert total(drawn, stitch) / 1e9 == pytest.approx(net.cost(stitch).gmacs, rel=1e-12)
        legs = [piece for piece in drawn["routes"][stitch.name] if isinstance(piece, list)]
        assert legs == [[leg.anchor, leg.start, leg.stop] for leg in stitch.legs]
    for anchor, row in zip(net.anchors, drawn["anchors"], strict=True):
        assert sum(row["depths"]) == sum(anchor.depths)
        assert len(row["depths"]) == drawn["columns"]
        assert len(row["channels"]) == 1 + sum(anchor.depths)
        assert all(len(macs) == 2 + sum(anchor.depths) for macs in row["macs"])
    return drawn


@pytest.mark.parametrize(
    ("name", "titles", "columns"),
    [
        ("deit", ["DeiT-Ti", "DeiT-S", "DeiT-B"], 2),
        ("swin", ["Swin-Ti", "Swin-S", "Swin-B"], 4),
        ("levit", ["LeViT-192", "LeViT-256"], 3),
        ("resnet18_swin_ti", ["ResNet-18", "Swin-Ti"], 4),
        ("deit3_s_l", ["DeiT3-S", "DeiT3-L"], 1),
        ("deit3_b_l", ["DeiT3-B", "DeiT3-L"], 1),
    ],
)
def test_published_networks(name, titles, columns):
    drawn = check(published.outline(name))
    assert [anchor["title"] for anchor in drawn["anchors"]] == titles
    assert (drawn["columns"], drawn["by"]) == (columns, "stage")
    assert all(anchor["norms"] == ([12] if name == "deit" else []) for anchor in drawn["anchors"])
    assert len(json.dumps(drawn)) < 25_000


def test_every_image_size():
    assert len(check(tiny())["sizes"]) > 1


def test_a_cnn_and_a_transformer_meet_by_resolution(tmp_path):
    from PIL import Image

    for number in range(2):
        Image.new("RGB", (48, 48), (80 * number, 40, 200)).save(tmp_path / f"{number}.png")
    net = snnet.stitch(["resnet18", "deit_tiny_patch16_224"], data=tmp_path, pretrained=False)
    drawn = check(net)
    assert drawn["by"] == "resolution"
    by_name = {anchor["name"]: anchor["depths"] for anchor in drawn["anchors"]}
    assert sorted(sum(depth > 0 for depth in depths) for depths in by_name.values()) == [1, 4]


def test_the_network_that_ships(service):
    check(service.net)
    assert service.network()["drawing"]["anchors"][0]["name"] == "lite0"


def test_columns_by_resolution():
    cnn = [(56, 56), (56, 56), (28, 28), (14, 14), (14, 14), (7, 7)]
    vit = [(14, 14)] * 4
    assert by_resolution([cnn, vit]) == [[1, 1, 2, 1], [0, 0, 3, 0]]


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
