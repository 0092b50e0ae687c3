"""The page's own figures, printed (`-s`): what it weighs, and when it can be read and used."""

import pytest

pytestmark = pytest.mark.browser

LIMIT_MB = 8.0


def test_weight_and_times(browser, url, service):
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    weights = []
    devtools.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    page.goto(url)
    page.wait_for_selector(".sn[data-state=zoo], .sn[data-state=ready]", timeout=180_000)
    zoo = page.evaluate("performance.now()")
    page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
    chart = page.evaluate("performance.now()")
    page.wait_for_load_state("networkidle")
    (paint,) = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)"
    )
    headline = page.evaluate(
        """() => new Promise((resolve) => new PerformanceObserver((list) => {
            resolve(list.getEntries().at(-1).startTime);
        }).observe({type: 'largest-contentful-paint', buffered: true}))"""
    )
    megabytes = sum(weights) / 1e6
    context.close()
    print(
        f"\nfirst paint {paint:.0f} ms, largest {headline:.0f} ms, zoo drawn {zoo:.0f} ms, "
        f"network on the chart {chart:.0f} ms, {megabytes:.2f} MB"
    )
    assert megabytes < LIMIT_MB
