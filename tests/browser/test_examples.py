"""The page opens answered: the examples' answers are here before anything is asked."""

import pytest

from app import examples
from tests.browser.test_page import answered, to_the_largest_budget

pytestmark = pytest.mark.browser

ASKS = ("run/classify", "gradio_api/upload", "begin_sweep", "compare_photo")


def questions(page):
    """Gather what the page asks about photos from here on."""
    asked = []

    def note(request):
        sent = f"{request.url} {request.post_data_buffer or b''}"
        asked.extend(ask for ask in ASKS if ask in sent)

    page.on("request", note)
    return asked


def label(photo, stitch):
    part = examples.shipped()["lite"]
    return part["classes"][str(part["photos"][photo][part["stitches"].index(stitch)][0])]


def test_the_first_is_answered_before_the_server_is_asked_anything(browser, url):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.route("**/component_server/**", lambda route: None)  # no question is ever answered
    page.goto(url)
    page.wait_for_selector("#sn-verdict")
    (first, share), *_ = examples.opening(examples.shipped()["lite"])
    assert page.inner_text("#sn-verdict") == f"{first} · {100 * share:.0f} %"
    assert page.inner_text("#sn-holds") == examples.shipped()["lite"]["holds"]
    assert page.locator("#sn-bars li").count() == 5
    page.wait_for_function("document.querySelector('#sn-preview').naturalWidth > 300")
    page.wait_for_function("!!window.explorer?.state")
    page.wait_for_timeout(300)
    assert page.inner_text("#sn-verdict") == f"{first} · {100 * share:.0f} %"
    page.close()


def test_once_the_network_is_there_it_says_the_same_and_nothing_is_asked(visit):
    page = visit(ready=False)
    asked = questions(page)
    page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
    page.wait_for_selector(".sn[data-swept=true]")
    assert page.get_attribute(".sn", "data-answered") == examples.shipped()["lite"]["opening"]
    assert answered(page) == [name for name, _ in examples.opening(examples.shipped()["lite"])]
    page.wait_for_timeout(500)
    assert page.inner_text("#sn-holds") == examples.shipped()["lite"]["holds"]
    assert not asked


def test_every_example_is_answered_at_once_at_every_budget(visit):
    page = visit()
    asked = questions(page)
    assert page.locator(".example").count() == 6
    for place, photo in enumerate(examples.PHOTOS):
        page.click(f".example >> nth={place}")
        for key in ("Home", "End"):
            page.focus("#sn-slider")
            page.keyboard.press(key)
            stitch = page.evaluate("explorer.state.chosen.name")
            assert page.get_attribute(".sn", "data-answered") == stitch
            assert page.inner_text("#sn-verdict").startswith(f"{label(photo, stitch)} · ")
        assert page.get_attribute("#sn-preview", "alt") == examples.PHOTOS[photo].words
        assert page.locator(".example[aria-pressed=true]").count() == 1
    page.wait_for_timeout(300)
    assert not asked


def test_flips_are_marked_and_told(visit):
    page = visit()
    page.click(".example >> nth=1")
    said = page.text_content("#sn-flips")
    assert said == "The answer changes at 0.457 and 0.778 GMACs."
    assert "sn-flips" in page.get_attribute("#sn-slider", "aria-describedby")
    labels = []
    for text in ("0.456", "0.457", "0.777", "0.778"):
        page.fill("#sn-gmacs", text)
        page.keyboard.press("Enter")
        labels.append(page.inner_text("#sn-verdict").split(" · ")[0])
    assert labels == ["balloon", "soccer ball", "soccer ball", "volleyball"]
    thumb = """() => {
        const slider = document.querySelector('#sn-slider'), box = slider.getBoundingClientRect();
        return box.left + 8 + slider.value / 400 * (box.width - 16); }"""
    mark = page.locator("#sn-flips i").last.bounding_box()
    assert mark["x"] + mark["width"] / 2 == pytest.approx(page.evaluate(thumb), abs=2.5)
    page.click(".example >> nth=4")
    assert page.text_content("#sn-flips") == ""
    assert page.locator("#sn-flips i").count() == 0


def test_less_sure_with_more_budget_is_a_sentence(visit):
    page = visit()
    page.click(".example >> nth=5")
    page.focus("#sn-slider")
    page.keyboard.press("Home")
    assert page.inner_text("#sn-surer") == ""
    to_the_largest_budget(page)
    now = page.inner_text("#sn-verdict").split(" · ")[1]
    said = page.inner_text("#sn-surer")
    assert said.startswith("More budget, less sure: 99 % at ")
    assert f", {now} here." in said
    assert said.endswith("The figures do not say why.")


def test_a_photo_of_ones_own_is_asked_about_and_the_link_says_nothing_of_it(visit, lion):
    page = visit()
    page.click(".example >> nth=1")
    page.wait_for_function("location.search.includes('example=volleyball')")
    asked = questions(page)
    page.set_input_files("#sn-file", str(lion))
    assert page.text_content("#sn-flips") == ""
    assert answered(page)[0] == "lion"
    assert "run/classify" in asked
    page.click(".example >> nth=2")
    page.wait_for_function("location.search.includes('example=spaniels')")
    assert page.get_attribute(".sn", "data-swept") == "true"


def test_a_link_opens_its_example(browser, url):
    page = browser.new_page()
    page.goto(f"{url}?example=volleyball&budget=0.9")
    page.wait_for_function(
        "document.querySelector('#sn-verdict')?.textContent.startsWith('volleyball')", timeout=180_000
    )
    assert page.locator("#sn-error").inner_text() == ""
    page.close()


def test_weights_that_have_no_shipped_answers_are_asked(browser, url, service, monkeypatch):
    monkeypatch.setattr(examples, "answers_of", lambda net: None)
    monkeypatch.setattr(service, "_figures", type(service._figures)())
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
    page.wait_for_function("explorer.state.photo.path !== null", timeout=60_000)  # it was uploaded
    page.wait_for_selector(".sn[data-answered]", timeout=60_000)
    assert page.inner_text("#sn-verdict").startswith("suspension bridge · ")
    page.close()
