"""What axe-core finds: nothing serious, in light and dark, on a desk and on a phone."""

import pytest

pytestmark = pytest.mark.browser

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe


def serious(page):
    """Return axe's serious and critical findings as lines to read."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_serious_fault(visit, scheme, width):
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert serious(page) == []
    page.click(".example >> nth=0")
    page.wait_for_selector(".sn[data-swept=true]", timeout=60_000)
    page.wait_for_timeout(400)
    for closed in page.locator("details:not([open]) > summary:visible").all():
        closed.click()
    assert serious(page) == []
