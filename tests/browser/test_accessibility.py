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


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (390, "dark"),
        (1280, "light"),
        pytest.param(390, "light", marks=pytest.mark.slow),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
    ],
)
def test_no_serious_fault(visit, width, scheme):
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert serious(page) == []
    page.click(".example >> nth=0")
    page.wait_for_selector(".sn[data-swept=true]", timeout=180_000)
    page.wait_for_timeout(400)
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    assert serious(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_on_stage(visit, scheme):
    page = visit(color_scheme=scheme)
    page.click("#sn-stage-open")
    for step in range(1, 7):
        page.wait_for_selector(f".sn.is-stage[data-step='{step}']")
        page.wait_for_timeout(300)
        assert serious(page) == []
        page.keyboard.press("ArrowRight")
