"""Opens the running app in Chromium, for the benchmarks and screenshots."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.browser.conftest import CHROMIUM, FLAGS


@contextmanager
def opened(url: str, **options: object) -> Iterator[Page]:
    """Give the page at `url` in a fresh context with these Playwright options."""
    path = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if path is None:
        raise SystemExit(f"no browser: none of {', '.join(CHROMIUM)} is installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
        page.goto(url)
        yield page
        browser.close()


def ready(page: Page) -> None:
    """Wait until the network is on the chart."""
    page.wait_for_selector(".sn[data-state=ready]", timeout=120_000)
