"""Measuring from the page: start, progress, cancel, going on, points on the chart, the store's table."""

import csv
import json
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
import torch
from PIL import Image

from app.measuring.jobs import Backend
from app.service import Service
from snnet.evaluation.counts import Saver
from snnet.evaluation.store import Store
from tests.browser.visits import visiting
from tests.networks import tiny
from tests.serving import serving_page

pytestmark = pytest.mark.browser
SYNSETS = ("n01440764", "n01443537", "n01484850")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos") / "val"
    generator = torch.Generator().manual_seed(0)
    for synset in SYNSETS:
        (folder / synset).mkdir(parents=True)
        for number in range(6):
            pixels = torch.randint(0, 256, (70, 80, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(folder / synset / f"{number}.png")
    return folder


@contextmanager
def measuring(folder):
    tiny(seed=3).save(folder / "tiny")
    service = Service(str(folder / "tiny"))
    backend = Backend(service.networks, Store(folder / "results.sqlite"))
    service.networks.start()
    with serving_page(service, backend) as address:
        yield address, service, backend


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """(address, service, backend) of an app started for measuring, its network not measured yet."""
    with measuring(tmp_path_factory.mktemp("networks")) as own:
        yield own


@pytest.fixture
def measured(browser, tmp_path, photos):
    """(page, backend) of another such app, its network measured."""
    with measuring(tmp_path) as (address, _, backend), visiting(browser, address) as visit:
        backend.start({"path": str(photos)})
        assert backend.wait()["state"] == "done"
        yield visit(), backend


@pytest.fixture
def open_page(browser, own):
    with visiting(browser, own[0]) as visit:
        yield visit


@pytest.fixture
def stepwise(monkeypatch):
    """Let evaluations take three photos at a time, and wait after the first batch until they are let go."""
    add, go = Saver.add, threading.Event()
    monkeypatch.setattr("app.measuring.jobs._batch", lambda net: 3)

    def waits(saver, batch, outputs):
        add(saver, batch, outputs)
        if saver.counts.done.any() or 0 not in batch.indices.tolist():
            assert go.wait(60)

    monkeypatch.setattr(Saver, "add", waits)
    yield go
    go.set()


def ended(page, state):
    page.wait_for_selector(f"#sn-measure[data-state={state}]", timeout=60_000)


def ask(url, data, headers=()):
    """Ask as the page's script does, by plain HTTP."""
    with urllib.request.urlopen(f"{url}config") as answer:
        config = json.load(answer)
    part = next(part for part in config["components"] if part["type"] == "html")
    assert part["props"]["server_fns"] == ["ask"]
    body = {"session_hash": "x", "component_id": part["id"], "fn_name": "ask", "data": data}
    request = urllib.request.Request(
        f"{url}gradio_api/component_server",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"} | dict(headers),
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_without_the_flag_there_is_none_of_it(visit, url):
    page = visit()
    assert page.locator("#sn-measure").count() == 0
    for question in ("measure", "measure_progress", "measure_cancel", "measured"):
        sentence = ask(url, {"question": question, "network": ""})["error"]
        assert sentence.startswith(f"no question {question!r}: there are backdrop, network,")
    assert ask(url, {"question": "progress", "network": ""})["state"] == "done"
    assert ask(url, None)["error"].startswith("no question None")


def test_another_page_may_not_drive_it(own, photos):
    before = own[2].progress()["number"]
    for question in ("measure", "measure_progress", "measure_cancel", "measured"):
        data = {"question": question, "path": str(photos), "network": "", "everything": False}
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            assert "measuring is" in ask(own[0], data, headers)["error"]
    assert own[2].progress()["number"] == before


def test_a_wrong_path_is_a_sentence_and_the_form_stays(open_page):
    page = open_page()
    page.fill("#sn-measure-path", "/nowhere/photos")
    page.click("#sn-measure-go")
    ended(page, "failed")
    assert "/nowhere/photos does not exist" in page.inner_text("#sn-measure-said")
    assert page.input_value("#sn-measure-path") == "/nowhere/photos"
    page.fill("#sn-measure-limit", "-3")
    page.click("#sn-measure-go")
    page.wait_for_function("document.querySelector('#sn-measure-said').textContent.includes('-3')")
    assert page.is_enabled("#sn-measure-go")


def test_start_cancel_go_on_and_the_points_are_measured(open_page, own, photos, stepwise):
    page = open_page()
    gmacs = page.evaluate("explorer.state.gmacs")
    assert page.evaluate("explorer.state.stitches.every(s => s.top1 === null)")
    page.fill("#sn-measure-path", str(photos))
    page.fill("#sn-measure-limit", "")
    page.click("#sn-measure-go")
    page.wait_for_function(
        "document.querySelector('#sn-measure-count').textContent.startsWith('3 of 18 photos')"
    )
    assert "photos/s" in page.inner_text("#sn-measure-count")
    assert "left" in page.inner_text("#sn-measure-count")

    page.reload()  # and the page finds it again
    page.wait_for_selector(".sn[data-state=ready]", timeout=60_000)
    ended(page, "measuring")
    assert page.input_value("#sn-measure-path") == str(photos)
    assert page.is_disabled("#sn-measure-go")
    page.click("#sn-measure-cancel")
    ended(page, "stopping")
    stepwise.set()
    ended(page, "stopped")
    said = page.inner_text("#sn-measure-said")
    assert said.startswith("Cancelled at 6 of 18 photos. Nothing is lost")
    assert page.evaluate("explorer.state.stitches.every(s => s.top1 === null)")

    other = open_page()  # another tab sees it end too
    page.click("#sn-measure-go")
    for each in (page, other):
        ended(each, "done")
        each.wait_for_function("explorer.state.stitches.every(s => s.source === 'partial')", timeout=60_000)
    assert own[2].progress()["first"] == 6  # where it was
    drawn = page.evaluate("""document.querySelector('#sn-plot').data
        .filter(t => t.meta.kind === 'rug').flatMap(t => t.x).length""")
    assert drawn == 0
    assert page.evaluate("explorer.state.gmacs") == gmacs
    assert page.locator("[data-source=partial]").is_visible()
    page.wait_for_function("document.querySelectorAll('#sn-store-rows tr').length === 34")


def test_the_table_sorts_and_downloads(measured):
    page, backend = measured
    expected = backend.table()["rows"]
    assert expected
    page.wait_for_function(f"document.querySelectorAll('#sn-store-rows tr').length === {len(expected)}")
    first = page.locator("#sn-store-rows tr").first.inner_text()
    assert expected[0]["stitch"] in first
    page.click("[data-column=top5]")
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Top-5")
    shares = page.locator("#sn-store-rows td:nth-child(4)").all_inner_texts()
    found = [float(text.split(" %")[0]) for text in shares]
    assert found == sorted((round(row["top5"]["share"], 1) for row in expected), reverse=True)
    with page.expect_download() as download:
        page.click("#sn-store-csv")
    with open(download.value.path(), newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["stitch"]: row["top1_right"] for row in rows} == {
        row["stitch"]: str(row["top1"]["right"]) for row in expected
    }
    assert {row["from"] for row in rows} == {"this machine's store"}
    page.click("[data-store=all]")
    page.wait_for_function("document.querySelector('#sn-store-columns').textContent.includes('Network')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_room_for_it(open_page, scheme):
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("#sn-measure-go", "#sn-measure-path", "#sn-store"):
        box = page.locator(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
