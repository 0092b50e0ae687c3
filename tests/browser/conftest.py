"""A running app and a real browser, one of each for all tests of the page."""

import os
import shutil

import pytest

from tests.browser.visits import visiting

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
]


@pytest.fixture(scope="session")
def browser():
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        reason = f"no browser: none of {', '.join(CHROMIUM)} is installed (apt-get install chromium)"
        if os.environ.get("SNNET_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, url):
    """Open the page in a context of its own and wait until it is ready; it may ask no other host."""
    with visiting(browser, url) as visit:
        yield visit


@pytest.fixture(scope="class")
def kept_page(browser, url):
    """One page for those tests of a class that set all that they look at."""
    with visiting(browser, url) as visit:
        yield visit()
