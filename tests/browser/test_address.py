"""What a link restores: the view as it was when it was copied."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.browser import test_networks
from tests.browser.test_networks import shows

pytestmark = pytest.mark.browser
folder, served, own = test_networks.folder, test_networks.served, test_networks.own

STATE = """() => ({
    gmacs: explorer.state.gmacs,
    chosen: explorer.state.chosen.name,
    view: document.querySelector('[data-view][aria-pressed=true]').dataset.view,
    families: document.querySelector('#sn-families').getAttribute('aria-pressed'),
    x: explorer.state.x, scale: explorer.state.scale, set: explorer.state.set,
    shown: document.querySelector('#sn-zoo-count').textContent,
})"""


def settled(page):
    page.wait_for_timeout(700)  # the address is written behind the change
    return page.url


def opened(browser, address):
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.goto(address)
    page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
    page.wait_for_timeout(700)
    return page


def test_the_start_is_a_bare_address(visit, url):
    assert settled(visit()) == url


def test_a_link_restores_budget_view_and_colours(visit, browser):
    page = visit()
    page.fill("#sn-gmacs", "0.7")
    page.press("#sn-gmacs", "Enter")
    page.click("[data-view=close]")
    page.click("#sn-families")
    address = settled(page)
    assert "budget=0.7" in address
    other = opened(browser, address)
    assert other.evaluate(STATE) == page.evaluate(STATE)
    assert settled(other) == address
    other.context.close()


@pytest.mark.parametrize(
    "query",
    [
        "x=params&scale=linear&name=resnet*",
        pytest.param("set=real&family=ViT", marks=pytest.mark.slow),
        pytest.param("params=-30&gmacs_range=0.5-4&view=zoo", marks=pytest.mark.slow),
    ],
)
def test_a_link_restores_axes_filters_and_test_set(browser, url, query):
    page = opened(browser, f"{url}?{query}")
    again = opened(browser, settled(page))
    assert again.evaluate(STATE) == page.evaluate(STATE)
    plain = opened(browser, url)
    assert plain.evaluate(STATE) != page.evaluate(STATE)
    for opened_page in (page, again, plain):
        opened_page.context.close()


def test_garbage_is_ignored_and_what_is_not_ours_stays(browser, url):
    query = "budget=abc&view=sky&families=7&x=&scale=%00&set=nope&size=x&params=a,b&stage=&__theme=dark"
    page = opened(browser, f"{url}?{query}")
    state = page.evaluate(STATE)
    page.keyboard.press("Escape")  # an empty step is the first
    plain = opened(browser, url)
    assert {k: v for k, v in state.items() if k != "view"} == {
        k: v for k, v in plain.evaluate(STATE).items() if k != "view"
    }
    assert "__theme=dark" in settled(page)
    assert "sky" not in page.url
    for opened_page in (page, plain):
        opened_page.context.close()


def test_an_unknown_network_is_told_and_the_page_shows_its_own(browser, url):
    page = opened(browser, f"{url}?network=nobody")
    assert "nobody" in page.inner_text("#sn-fetch-notice")
    shows(page, "lite")
    page.context.close()


def test_copying_says_so(visit, browser):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[data-view=zoo]")
    page.click("#sn-link")
    page.wait_for_function("document.querySelector('#sn-link').textContent === 'Link copied'")
    assert page.evaluate("navigator.clipboard.readText()").endswith("?view=zoo")
    page.wait_for_function("document.querySelector('#sn-link').textContent === 'Copy link'")


def test_without_a_clipboard_the_link_can_be_taken_by_hand(visit):
    page = visit()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.click("#sn-link")
    assert page.input_value("#sn-link-text") == page.url


EVERYTHING = {
    "budget": "0.7",
    "example": "cat",
    "view": "near",
    "families": "1",
    "x": "params",
    "scale": "linear",
    "set": "real",
    "name": "swin*",
    "family": "ViT,Swin",
    "size": "224",
    "pretraining": "in1k",
    "params": "5-90",
    "gmacs_range": "0.5-20",
    "zoo_model": "swin_tiny_patch4_window7_224.ms_in1k@224",
    "stage": "2",
}


def test_all_that_is_kept_comes_back(browser, url):
    page = opened(browser, url)
    names = page.evaluate("[...explorer.page.fields.keys()]")
    assert set(names) - {"network"} == set(EVERYTHING)
    page.context.close()
    address = f"{url}?{urlencode(EVERYTHING)}"
    for _ in range(2):  # what is written is what was read, and leads to the same again
        page = opened(browser, address)
        page.wait_for_selector(".sn.is-stage[data-step='2']")
        address = settled(page)
        assert dict(parse_qsl(urlsplit(address).query)) == EVERYTHING
        page.context.close()


def test_a_link_restores_the_network_and_its_budget(browser, own):
    page = opened(browser, own[0])
    page.select_option("#sn-network", "lite")
    shows(page, "lite")
    page.fill("#sn-gmacs", "0.7")
    page.press("#sn-gmacs", "Enter")
    page.click("[data-view=close]")
    address = settled(page)
    assert "network=lite" in address
    asked = []
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    other = context.new_page()
    other.on("request", lambda request: asked.append(request.post_data or ""))
    other.goto(address)
    shows(other, "lite")
    other.wait_for_timeout(700)
    assert other.evaluate(STATE) == page.evaluate(STATE)
    assert other.input_value("#sn-network") == "lite"
    assert not any('"tiny"' in body for body in asked)  # the network of the start is not loaded first
    assert settled(other) == address
    other.select_option("#sn-network", "tiny")
    shows(other, "tiny")
    assert "network" not in settled(other)
    context.close()
    page.context.close()


def test_a_link_to_a_network_that_is_not_here_shows_its_figures(browser, own):
    page = opened(browser, f"{own[0]}?network=farther&view=zoo")
    shows(page, "farther")
    assert page.inner_text("#sn-fetch-go") == "Fetch 2.0 MB"
    assert page.evaluate(STATE)["view"] == "zoo"
    assert "network=farther" in settled(page)
    page.context.close()


def test_panels_of_gradio_keep_their_place_in_the_address(browser, url):
    page = opened(browser, url)
    page.evaluate("history.replaceState(null, '', '?view=api')")  # as Gradio does when its panel opens
    page.click("#sn-families")
    assert "view=api" in settled(page)
    assert "families=1" in page.url
    page.context.close()
