"""The page in one file, opened from disk with the network off."""

import pytest

from app import one_file
from tests.browser.test_accessibility import serious

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(service, tmp_path_factory):
    file = tmp_path_factory.mktemp("file") / "page.html"
    one_file.write(service.networks.figures(), "lite", file)
    return file


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_opens_from_disk_and_follows_the_slider(browser, file, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector(".sn[data-state=ready]", timeout=60_000)
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    assert page.locator("#sn-plot .point").count() > 1400
    seen = set()
    for key in ("Home", "End"):
        page.focus("#sn-slider")
        page.keyboard.press(key)
        words = page.evaluate("explorer.state.chosen.words")
        assert page.inner_text("#sn-chosen").startswith(words)
        assert page.locator("#sn-ring-label").is_visible()
        seen.add(
            (
                page.evaluate("document.querySelector('#sn-ring').style.transform"),
                page.inner_text("#sn-chosen"),
                page.evaluate("document.querySelector('.sn-route-way').getAttribute('d')"),
                page.inner_text("#sn-route-said"),
            )
        )
    assert all(len(set(column)) == 2 for column in zip(*seen, strict=True))
    assert page.locator("#sn-wait").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == []
    assert not [address for address in asked if not address.startswith(("file:", "data:", "blob:"))]
    assert errors == []
    context.close()
