"""The drawing of the way through the network follows the budget."""

import math

import pytest

from tests.browser.test_page import drag

pytestmark = pytest.mark.browser

LIT = "[...document.querySelectorAll('#sn-rows rect[data-place].is-lit')].map((r) => r.dataset.place)"


def expected(stitch):
    """Return the places of a stitch's stem, blocks and head, as the drawing numbers them."""
    places = set()
    for number, leg in enumerate(stitch.legs):
        first = 0 if number == 0 else leg.start + 1
        places |= {f"{leg.anchor} {place}" for place in range(first, leg.stop + 1)}
    return places


def to_budget(page, gmacs):
    page.fill("#sn-gmacs", f"{math.ceil(1000 * gmacs) / 1000:.3f}")
    page.press("#sn-gmacs", "Enter")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_route_of_the_chosen_stitch_is_lit(visit, service, width, scheme):
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    net = service.net
    on_front = [net.stitch(row["name"]) for row in service.frontier()["stitches"] if row["on_front"]]
    for stitch in on_front:
        to_budget(page, net.cost(stitch).gmacs)
        assert page.evaluate("explorer.state.chosen.name") == stitch.name
        head = f"{stitch.legs[-1].anchor} {len(net.anchors[stitch.legs[-1].anchor].parts()) - 1}"
        assert set(page.evaluate(LIT)) == expected(stitch) | {head}
        said = page.inner_text("#sn-way")
        assert said.endswith(f"= {net.cost(stitch).gmacs:.3f} GMACs at {stitch.image_size} px")
        assert page.locator("#sn-rows .joint").count() == len(stitch.layers)
        for name in stitch.layers:
            back, front = net.layers[name].weight.shape[:2]
            assert page.locator("#sn-rows .shape").text_content() == f"1×1 conv {front} → {back}"
    box = page.locator(".sn-route").bounding_box()
    assert box["x"] + box["width"] <= width


def test_the_labels_plate_holds_its_text(visit):
    page = visit()
    page.evaluate("document.querySelector('#sn-rows').scrollIntoView()")
    for text, plate in zip(
        page.locator("#sn-rows .shape").all(), page.locator("#sn-rows .plate").all(), strict=True
    ):
        inner, outer = text.bounding_box(), plate.bounding_box()
        assert outer["x"] <= inner["x"]
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]


def test_every_block_tells_its_gmacs(visit, service):
    page = visit()
    drawn = service.network()["drawing"]
    size = str(page.evaluate("explorer.state.chosen.image_size"))
    for anchor, place in ((0, 1), (2, 7), (1, len(drawn["anchors"][1]["macs"][size]) - 1)):
        page.hover(f"[data-place='{anchor} {place}']")
        said = page.inner_text("#sn-tip")
        macs = drawn["anchors"][anchor]["macs"][size][place]
        assert f"{macs / 1e9:.{4 if macs < 5e6 else 3}f} GMACs at {size} px" in said
        assert drawn["anchors"][anchor]["name"] in said
    page.mouse.move(5, 5)
    assert page.locator("#sn-tip").is_hidden()


def test_keys_read_the_blocks(visit):
    page = visit()
    page.focus("#sn-rows")
    page.keyboard.press("ArrowRight")
    assert "lite0 stem" in page.inner_text("#sn-tip")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    assert "lite1 block 1" in page.inner_text("#sn-tip")
    page.keyboard.press("Escape")
    assert page.locator("#sn-tip").is_hidden()


def test_it_follows_a_drag(visit):
    page = visit()
    page.evaluate(
        """() => { window.ways = new Set(); new MutationObserver(() =>
            ways.add(document.querySelector('#sn-rows .way').getAttribute('d'))
        ).observe(document.querySelector('#sn-rows .way'), {attributeFilter: ['d']}); }"""
    )
    drag(page, seconds=1)
    assert page.evaluate("ways.size") >= 3
