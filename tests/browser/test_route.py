"""The drawing of the way through the network follows the budget."""

import re

import pytest

from tests.browser.test_page import grip

pytestmark = pytest.mark.browser

LIT = """[...document.querySelectorAll('.sn-route-map [role=group]')].map((row) =>
    [...row.querySelectorAll('.sn-route-block')].map((block) => block.classList.contains('is-on')))"""


def expected(net, stitch):
    """Return for every anchor which of stem, blocks and head run."""
    rows = [[False] * len(anchor.parts()) for anchor in net.anchors]
    rows[stitch.legs[0].anchor][0] = rows[stitch.legs[-1].anchor][-1] = True
    for leg in stitch.legs:
        rows[leg.anchor][1 + leg.start : 1 + leg.stop] = [True] * (leg.stop - leg.start)
    return rows


def to_budget(page, text):
    page.fill("#sn-gmacs", text)
    page.press("#sn-gmacs", "Enter")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_route_of_the_chosen_stitch_is_lit(visit, service, width, scheme):
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    net = service.net
    on_front = [net.stitch(row["name"]) for row in service.frontier()["stitches"] if row["on_front"]]
    height = page.locator(".sn-route").bounding_box()["height"]
    for stitch in on_front:
        to_budget(page, net.printed(stitch)[0])
        assert page.evaluate("explorer.state.chosen.name") == stitch.name
        assert page.evaluate(LIT) == expected(net, stitch)
        said = page.inner_text("#sn-route-said")
        total = re.search(r": ([\d.]+) GMACs at (\d+) px$", said)
        assert net.cost(stitch).gmacs <= float(total[1]) < net.cost(stitch).gmacs + 0.001
        assert int(total[2]) == stitch.image_size
        parts = [float(part) for part in re.findall(r"\(([\d.]+)(?: GMACs)?\)", said)]
        if not stitch.is_anchor:  # as printed, to the last digit
            assert sum(parts) == pytest.approx(float(total[1]), abs=1e-9)
        assert page.locator(".sn-route-joint:not(.is-away)").count() == len(stitch.layers)
        for name in stitch.layers:
            back, front = net.layers[name].weight.shape[:2]
            assert f"stitching layer 1×1 conv {front} → {back}" in said
            label = page.locator(".sn-route-joint:not(.is-away) text").text_content()
            assert label.endswith(f"1×1 conv {front} → {back}")
        assert page.locator(".sn-route").bounding_box()["height"] == height  # nothing shifts
    box = page.locator(".sn-route").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_a_block_tells_its_costs(visit, service):
    page = visit()
    drawn = service.network()["drawing"]
    stitch = service.net.stitch(page.evaluate("explorer.state.chosen.name"))
    at = drawn["sizes"].index(stitch.image_size)
    page.locator(".sn-route").scroll_into_view_if_needed()
    for anchor, place in ((0, 1), (2, 7), (1, len(drawn["anchors"][1]["macs"][at]) - 1)):
        row = page.locator(".sn-route-map [role=group]").nth(anchor)
        row.locator(".sn-route-block").nth(place).hover()
        said = page.inner_text("#sn-route-tip")
        gmacs = drawn["anchors"][anchor]["macs"][at][place] / 1e9
        told = re.search(r"([\d.]+) GMACs at (\d+) px", said)
        assert float(told[1]) == pytest.approx(gmacs, rel=0.06, abs=0.0006)
        assert int(told[2]) == stitch.image_size
        assert said.startswith(drawn["anchors"][anchor]["title"])
        is_run = expected(service.net, stitch)[anchor][place]
        assert ("% of the chosen stitch" in said) == is_run
        assert ("not on the chosen way" in said) != is_run
    page.mouse.move(5, 5)
    assert page.locator("#sn-route-tip").is_hidden()


def test_keys_go_from_block_to_block(visit):
    page = visit()
    assert page.locator(".sn-route-block[tabindex='0']").count() == 1
    page.focus(".sn-route-block[tabindex='0']")
    assert "Lite0, stem" in page.inner_text("#sn-route-tip")
    for key, said in (
        ("ArrowRight", "Lite0, stage 1, block 1 of"),
        ("ArrowUp", "Lite1, stage 1, block 1 of"),
    ):
        page.keyboard.press(key)
        assert said in page.inner_text("#sn-route-tip")
        assert said in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("End")
    assert "Lite1, head" in page.inner_text("#sn-route-tip")
    assert page.locator(".sn-route-block[tabindex='0']").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#sn-route-tip").is_hidden()


def test_it_follows_a_drag_without_being_built_again(visit):
    page = visit()
    page.evaluate(
        """() => { window.ways = new Set(); window.first = document.querySelector('.sn-route-way');
            new MutationObserver(() => ways.add(first.getAttribute('d')))
                .observe(first, {attributeFilter: ['d']}); }"""
    )
    to = grip(page)
    for step in range(1, 21):
        to(0.25 + step / 40)
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    page.mouse.up()
    assert page.evaluate("ways.size") >= 3
    assert page.evaluate("first.isConnected")
