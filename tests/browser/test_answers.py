"""Every budget at once: all stitches answer behind the first, and a drag asks nothing more."""

import time

import pytest

from snnet.frontier import Ladder
from tests.browser.test_page import answered, drag

pytestmark = pytest.mark.browser

CHOSEN_IS_SHOWN = "document.querySelector('.sn').dataset.answered === explorer.state.chosen.name"


@pytest.fixture
def swept(visit, lion):
    def swept(**options):
        page = visit(**options)
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_selector(".sn[data-swept=false]")
        page.wait_for_selector(".sn[data-swept=true]", timeout=180_000)
        return page

    return swept


def expected_sentence(page):
    """Work out from the answers themselves from which budget on the leading class stays."""
    bought = page.evaluate(
        """() => {
            const found = [];
            for (const s of explorer.state.stitches)
                if (!found.length || s.top1 > found.at(-1).top1) found.push(s);
            return found.map((s) => [s.gmacs, explorer.state.answers.get(s.name).top5[0].label]);
        }"""
    )
    last = bought[-1][1]
    costs = page.evaluate("explorer.state.stitches.map((s) => s.gmacs)")
    first = len(bought) - 1
    while first and bought[first - 1][1] == last:
        first -= 1
    if first == 0:
        return f"Every budget gives the same answer: {last}."
    if first == len(bought) - 1:
        return f"The answer changes up to the largest budget, which says {last}."
    return f"From {Ladder(costs).figure(bought[first][0], 2)} GMACs on the answer no longer changes: {last}."


@pytest.mark.parametrize("width", [390, 1280])
def test_all_stitches_answer_and_the_sentence_is_theirs(swept, service, width):
    page = swept(viewport={"width": width, "height": 800}, color_scheme="dark" if width < 900 else "light")
    assert page.evaluate("explorer.state.answers.size") == len(service.net.stitches)
    assert f"all {len(service.net.stitches)} stitches" in page.inner_text("#sn-swept")
    assert page.inner_text("#sn-stays") == expected_sentence(page)
    box = page.locator(".sn-answers").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_a_drag_asks_nothing_and_the_answers_follow(swept):
    page = swept()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    before = page.evaluate("explorer.state.updates")
    begun = time.perf_counter()
    drag(page, seconds=1.5)
    elapsed = time.perf_counter() - begun
    updates = (page.evaluate("explorer.state.updates") - before) / elapsed
    print(f"\nprediction updates a second, dragging: {updates:.0f}")
    page.wait_for_timeout(500)
    assert not asked
    assert updates > 0
    assert page.evaluate(CHOSEN_IS_SHOWN)


def test_what_is_shown_is_what_the_server_says(swept, service, lion):
    page = swept()
    page.focus("#sn-slider")
    for key, budget in (("Home", min(service.net.cost(s).gmacs for s in service.net.stitches)), ("End", 90)):
        page.keyboard.press(key)
        assert page.evaluate(CHOSEN_IS_SHOWN)
        told = service.classify(str(lion), budget)["top5"]
        assert page.locator("#sn-bars .name").all_inner_texts() == [row["label"] for row in told]


def test_the_line_stands_at_the_budget(swept):
    page = swept()
    place = """() => {
        const box = (id) => document.querySelector(id).getBoundingClientRect();
        const slider = box('#sn-slider'), line = box('#sn-budget-line');
        const share = Number(document.querySelector('#sn-slider').value) / 400;
        return [line.left + line.width / 2, slider.left + 8 + share * (slider.width - 16)];
    }"""
    page.focus("#sn-slider")
    for key in ("Home", "PageUp", "End"):
        page.keyboard.press(key)
        line, thumb = page.evaluate(place)
        assert line == pytest.approx(thumb, abs=2)


def test_a_new_photo_cancels_what_is_left(visit, lion, cheetah):
    page = visit()
    bodies = []
    page.on("request", lambda request: bodies.append(request.post_data or ""))
    page.set_input_files("#sn-file", str(lion))
    answered(page)
    page.wait_for_function("explorer.state.answers.size > 2")
    page.set_input_files("#sn-file", str(cheetah))
    page.wait_for_selector(".sn[data-swept=false]")
    page.wait_for_selector(".sn[data-swept=true]", timeout=180_000)
    assert answered(page)[0] == "cheetah"
    assert any("end_sweep" in body for body in bodies)
    tops = page.evaluate("[...explorer.state.answers.values()].map((a) => a.top5[0].label)")
    assert "lion" not in tops[:10]


def test_nothing_moves_while_answers_arrive(visit, lion):
    page = visit()
    page.evaluate(
        """() => { window.shifts = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shifts += entry.value;
        }).observe({type: 'layout-shift', buffered: false}); }"""
    )
    page.set_input_files("#sn-file", str(lion))
    page.wait_for_selector(".sn[data-swept=false]")
    page.wait_for_selector(".sn[data-swept=true]", timeout=180_000)
    page.wait_for_timeout(400)
    assert page.evaluate("window.shifts") < 0.01


def test_a_lost_server_is_said_and_the_answers_stay(visit, lion):
    page = visit()
    page.route(
        "**/component_server/**",
        lambda route: route.abort() if '"more"' in (route.request.post_data or "") else route.continue_(),
    )
    page.set_input_files("#sn-file", str(lion))
    assert answered(page)[0] == "lion"
    page.wait_for_selector("#sn-trouble")
    assert page.inner_text("#sn-trouble-text") == "The server does not answer"
    assert page.inner_text("#sn-error") == ""
