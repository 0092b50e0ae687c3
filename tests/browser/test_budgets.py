"""Costs on the page, printed so that each buys what it stands beside; budgets as people type them."""

import json
import random
import re

import pytest

from app import one_file
from app.figures import chart
from snnet import frontier as budgets
from snnet.catalogue import entries
from tests.browser.visits import visiting
from tests.test_budgets import costs_of

pytestmark = pytest.mark.browser

MODULE = "chart/figures.js"
SHOWN = """() => [document.querySelector('#sn-uses').textContent,
    document.querySelector('#sn-ring-label').textContent,
    document.querySelector('#sn-route-said').textContent.split('): ').at(-1),
    document.querySelector('#sn-slider').getAttribute('aria-valuetext'),
    document.querySelector('#sn-gmacs').value + ' GMACs']"""


@pytest.fixture(scope="module")
def module(browser):
    page = browser.new_page()
    imports = json.dumps({"imports": one_file.bundle(MODULE)})
    page.set_content(f'<script type="importmap">{imports}</script>')
    yield lambda text, *values: page.evaluate(
        f"async (values) => {{ const m = await import('explorer/{MODULE}'); return ({text})(...values); }}",
        list(values),
    )
    page.close()


def test_the_page_prints_as_the_library_does(module):
    for seed in range(50):
        costs = costs_of(seed)
        ours = [budgets.Ladder(costs).figure(cost, digits) for digits in (2, 3) for cost in costs]
        theirs = module(
            "(costs) => [2, 3].flatMap((digits) => costs.map((c) => new m.Ladder(costs).figure(c, digits)))",
            costs,
        )
        assert theirs == ours


def test_the_page_reads_numbers_as_the_library_does(module):
    draw = random.Random(0)
    typed = [
        "0,5",
        " .5",
        ",5",
        "5e-1",
        "1,500",
        "12,345",
        "1.500",
        "",
        "abc",
        "1e400",
        "0x10",
        "1_0",
        "-3",
        "inf",
    ]
    typed += ["".join(draw.choices("0123456789.,e-", k=draw.randint(1, 6))) for _ in range(300)]
    for text in typed:
        theirs = module(
            "(text) => { const n = m.readNumber(text); return Number.isNaN(n) ? null : n; }", text
        )
        try:
            ours = budgets.number(text)
        except ValueError:
            ours = None
        assert theirs == ours, text
        refused = module("(text, costs) => m.refusal(text, new m.Ladder(costs))", text, [0.286, 0.9])
        try:
            budgets.read_budget(text, [0.286, 0.9])
        except ValueError:
            assert refused, text
        else:
            assert refused == "", text


def test_every_printed_cost_of_the_front_buys_its_stitch(browser, url, service):
    net = service.net
    with visiting(browser, url) as visit:
        page = visit()
        for row in service.frontier()["stitches"]:
            if not row["on_front"]:
                continue
            for text in (net.printed(net.stitch(row["name"]))[0], str(row["gmacs"])):
                page.fill("#sn-gmacs", text)
                page.press("#sn-gmacs", "Enter")
                assert page.evaluate("explorer.state.chosen.name") == row["name"]
            for words in page.evaluate(SHOWN):
                for figure in re.findall(r"([\d.]+) GMACs", words):
                    assert net.select(gmacs=figure).name == row["name"], words
        hovers = page.evaluate(
            """() => document.querySelector('#sn-plot').data.filter(({ meta }) => meta.kind === 'stitch')
                .flatMap((t) => (t.customdata ?? []).map((name, place) => [name, t.text[place]]))"""
        )
        on_front = {row["name"] for row in service.frontier()["stitches"] if row["on_front"]}
        seen = {name: re.search(r"([\d.]+) GMACs", text)[1] for name, text in hovers if name in on_front}
        assert seen.keys() == on_front
        assert all(net.select(gmacs=figure).name == name for name, figure in seen.items())


def test_a_comma_is_a_point_wherever_a_budget_is_typed(browser, url, service):
    with visiting(browser, url) as visit:
        page = visit()
        page.fill("#sn-gmacs", "0,5")
        page.press("#sn-gmacs", "Enter")
        assert page.evaluate("explorer.state.gmacs") == 0.5
        assert page.evaluate("explorer.state.chosen.name") == service.net.select(gmacs="0,5").name
        page.evaluate("document.querySelector('#sn-zoo').open = true")
        page.fill("#sn-zoo-gmacs-low", "0,5")
        page.wait_for_function("explorer.state.shown.length < 1556 && explorer.state.shown.length > 0")
        least = page.evaluate(
            "Math.min(...explorer.state.shown.map((row) => explorer.state.zoo.columns.gmacs[row]))"
        )
        assert 0.5 <= least < 0.6
        page.fill("#sn-zoo-gmacs-low", "1,500")
        assert page.evaluate("document.querySelector('#sn-zoo-gmacs-low').validationMessage")
        page.goto(f"{url}?budget=0,5")
        page.wait_for_function("window.explorer?.state?.gmacs === 0.5")
        page.goto(f"{url}?budget=500")
        page.wait_for_function("document.querySelector('#sn-gmacs')?.validationMessage")
        assert page.evaluate("explorer.state.gmacs < 1")
        assert "MMACs" in page.evaluate("document.querySelector('#sn-gmacs').validationMessage")


@pytest.mark.parametrize("name", [entry.name for entry in entries.entries()])
def test_every_position_of_the_slider_prints_a_budget_that_buys_its_stitch(browser, name):
    """The field's text is what the link holds; typed again, or given to the library, it buys the same."""
    net = entries.entry(name).figures()
    rows = chart.network_layer(net)["stitches"]
    page = browser.new_page()
    imports = json.dumps({"imports": one_file.bundle("chart/budget.js")})
    page.set_content(f'<script type="importmap">{imports}</script>')
    shown = page.evaluate(
        """async (rows) => {
            const { bestWithin } = await import('explorer/chart/budget.js');
            const { laddersOf, readNumber } = await import('explorer/chart/figures.js');
            const stitches = rows.sort((a, b) => a.gmacs - b.gmacs), ladder = laddersOf(stitches).gmacs;
            const [low, high] = [stitches[0].gmacs, stitches.at(-1).gmacs];
            return [...Array(401).keys()].map((position) => {
                const gmacs = position === 400 ? high : low * (high / low) ** (position / 400);
                const text = ladder.figure(gmacs);
                return [text, bestWithin(stitches, gmacs).name, bestWithin(stitches, readNumber(text)).name];
            });
        }""",
        rows,
    )
    page.close()
    assert len(shown) == 401
    assert all(chosen == again for _, chosen, again in shown)
    assert all(net.select(gmacs=text, silent=True).name == chosen for text, chosen, _ in shown)
