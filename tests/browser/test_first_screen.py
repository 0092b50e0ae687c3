"""What is seen without scrolling: photo, answer, chart and slider; and words that explain themselves."""

import pytest

pytestmark = pytest.mark.browser

PARTS = ("#sn-drop", "#sn-verdict", "#sn-plot", "#sn-slider")


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (390, 844), (844, 390)])
def test_photo_answer_chart_and_slider_are_seen_together(visit, size):
    width, height = size
    page = visit(viewport={"width": width, "height": height})
    for part in PARTS:
        box = page.locator(part).bounding_box()
        assert box["width"] > 0, part
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= height + 1, part
        assert box["x"] + box["width"] <= width, part
    assert page.inner_text("#sn-headline") == "One network, 41 speeds"


def test_the_sliders_thumb_stands_under_the_stitch_it_buys(visit, service):
    page = visit()
    for row in [row for row in service.frontier()["stitches"] if row["on_front"]][::3]:
        page.fill("#sn-gmacs", str(row["gmacs"]))
        page.press("#sn-gmacs", "Enter")
        thumb, point = page.evaluate(
            """(gmacs) => {
                const slider = document.querySelector('#sn-slider'), box = slider.getBoundingClientRect();
                const plot = document.querySelector('#sn-plot'), {xaxis} = plot._fullLayout;
                const share = slider.value / slider.max;
                return [box.x + 8 + share * (box.width - 16),
                        plot.getBoundingClientRect().x + xaxis._offset + xaxis.d2p(gmacs)];
            }""",
            row["gmacs"],
        )
        assert thumb == pytest.approx(point, abs=2)
    page.click("[data-view=zoo]")  # where the stitches have too little room, the slider takes the graph's
    page.wait_for_timeout(400)
    assert page.get_attribute("#sn-track", "data-scale") == "own"


def test_the_ring_is_dragged(visit):
    page = visit()
    ring = page.locator("#sn-ring span").bounding_box()
    x, y = ring["x"] + 13, ring["y"] + 13
    before = page.evaluate("explorer.state.gmacs")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y, steps=5)
    page.mouse.up()
    assert page.evaluate("explorer.state.gmacs") > before
    after = page.evaluate("explorer.state.gmacs")
    assert float(page.input_value("#sn-gmacs")) == pytest.approx(after, abs=1e-3)


@pytest.mark.parametrize("how", ["hover", "focus", "tap"])
def test_the_fields_words_explain_themselves(visit, how):
    page = visit(has_touch=how == "tap")
    word = page.locator("[data-term=gmacs]").first
    getattr(word, how)()
    assert "billions of multiplications" in page.inner_text("#sn-term-tip")
    page.keyboard.press("Escape")
    assert page.locator("#sn-term-tip").is_hidden()


def test_the_best_fixed_model_costs_the_same(visit, service):
    from snnet.evaluation import against_zoo
    from snnet.tables import zoo

    page = visit()
    own = against_zoo.own_models(service.net)
    chosen = page.evaluate("explorer.state.chosen.gmacs")
    near = [m for m in zoo.models() if abs(m.gmacs - chosen) <= 0.1 * chosen and m.name not in own]
    best = max(near, key=lambda m: m.top1)
    said = page.inner_text("#sn-rival")
    assert best.name in said
    assert f"{best.top1:.1f} %" in said
