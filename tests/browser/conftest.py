"""A running app and a real browser, one of each for all tests of the page."""

import os
import shutil
from contextlib import contextmanager

import pytest

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


@contextmanager
def visiting(browser, url):
    """Give a function that opens the page in a context of its own and waits until it is ready.

    The page may ask no other host, and its script may not fail.
    """
    contexts, foreign, errors = [], [], []

    def visit(ready=True, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: None if is_own(r.url) else foreign.append(r.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        if ready:
            page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
        return page

    def is_own(address):
        return address.startswith((url, "data:", "blob:"))

    yield visit
    for context in contexts:
        context.close()
    assert not foreign, "the page asked another host"
    assert not errors, "the page's script failed"


@pytest.fixture
def visit(browser, url):
    """Open the page in a context of its own and wait until it is ready; it may ask no other host."""
    with visiting(browser, url) as visit:
        yield visit


@pytest.fixture(scope="class")
def kept_page(browser, url):
    """One page for tests that leave it as they found it."""
    with visiting(browser, url) as visit:
        yield visit()
