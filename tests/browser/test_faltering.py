"""The page while its server falters: it says so in one line, waits, and goes on by itself where it was."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from app.service import Service
from app.web.routes import PHOTO_BYTES
from snnet.catalogue import entries
from tests.app.test_start import ROOT
from tests.browser.visits import visiting
from tests.networks import tiny
from tests.serving import free_port, serving_page

pytestmark = pytest.mark.browser

HTML = "<html><body><h1>Bad Gateway</h1>nginx</body></html>"
MODEL = "tf_efficientnet_lite1.in1k"
QUESTIONS = "**/component_server/**"

LINE = "#sn-trouble:visible"
ANSWERED = ".sn[data-answered]"
SWEPT = ".sn[data-swept=true]"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folders = [tmp_path_factory.mktemp("networks") / name for name in ("one", "other")]
    for seed, folder in enumerate(folders):
        tiny(seed).save(folder)
    return folders


@pytest.fixture(scope="module")
def own(folders):
    """The address of an app of small networks."""
    service = Service(str(folders[0]))
    service.networks._entries["other"] = entries.entry(str(folders[1]))
    service.networks.start()
    assert service.net
    with serving_page(service) as address:
        yield address


@pytest.fixture(scope="module")
def open_page(browser, own):
    with visiting(browser, own) as visit:
        yield visit


@pytest.fixture(scope="module")
def kept(open_page):
    return open_page()


@pytest.fixture
def desk(kept):
    """One page, whose tests leave it on the first network and in answers to nothing."""
    yield kept
    kept.unroute_all()
    kept.wait_for_selector("#sn-trouble", state="hidden")


def refused(route):
    route.abort("connectionrefused")


def starting(route):
    route.fulfill(status=502, content_type="text/html", body=HTML)


def slow(route):
    route.fulfill(status=504, content_type="text/html", body=HTML)


def busy(route):
    body = {"error": "Busy.", "busy": {"place": 3, "retry_s": 1.0}}
    route.fulfill(status=503, headers={"Retry-After": "1"}, json=body)


def too_large(route):
    route.fulfill(status=413, content_type="text/html", body=HTML)


SENTENCES = {
    refused: "The server does not answer",
    starting: "The app is starting",
    slow: "The server took too long to answer",
    busy: "The server is busy: place 3",
}


def is_question(*names):
    return lambda request: any(f'"question":"{name}"' in (request.post_data or "") for name in names)


@contextmanager
def faltering(page, trouble, where, judge=lambda request: True):
    """Have requests fail inside, and tell whether the line says why, without a word of a proxy's page."""

    def answer(route):
        trouble(route) if judge(route.request) else route.fallback()

    page.route(where, answer)
    yield
    page.wait_for_selector(LINE)
    assert page.inner_text("#sn-trouble-text") == SENTENCES[trouble]
    assert " again" in page.inner_text("#sn-trouble-next")
    assert "nginx" not in page.inner_text("body")
    assert page.locator("#sn-trouble-go").is_visible() == (trouble is not busy)
    page.unroute(where, answer)


def over(page):
    """Wait until the line says that it is over, or is gone, without a touch."""
    page.wait_for_selector("#sn-trouble.is-back, #sn-trouble[hidden]", state="attached")
    page.wait_for_selector("#sn-error:empty", state="attached")


def hold(page):
    """Keep sweeps waiting in the queue, at its first place."""

    def wait(route):
        route.fulfill(json={"rows": [], "left": 34, "place": 1})

    page.route(
        QUESTIONS, lambda route: wait(route) if is_question("more")(route.request) else route.fallback()
    )


@pytest.mark.parametrize(
    "trouble", [starting, *(pytest.param(one, marks=pytest.mark.slow) for one in (refused, busy))]
)
def test_the_first_question_is_waited_for(browser, own, trouble):
    with visiting(browser, own) as visit:
        page = visit(ready=False, viewport={"width": 390, "height": 844})
        page.goto("about:blank")
        with faltering(page, trouble, QUESTIONS):
            page.goto(own)
            page.wait_for_selector(LINE)
            assert page.locator("#sn-wait").is_visible()
        page.wait_for_selector(".sn[data-state=ready]")
        over(page)


def test_a_script_that_was_lost_brings_the_page_again(browser, own):
    with visiting(browser, own) as visit:
        page = visit(ready=False)
        page.goto("about:blank")
        page.route("**/sweep.js", refused)
        page.goto(own)
        page.wait_for_function(
            "document.querySelector('#sn-wait-text')?.textContent.includes('trying again')"
        )
        page.unroute("**/sweep.js", refused)
        page.wait_for_selector(".sn[data-state=ready]")


@pytest.mark.parametrize(
    ("where", "trouble"),
    [
        ("**/gradio_api/upload", refused),
        ("**/run/classify", slow),
        ("**/run/classify", busy),
        ("begin_sweep", busy),
        ("more", starting),
    ],
)
def test_a_photo_is_answered_when_the_server_is_back(desk, lion, where, trouble):
    page = desk
    page.click("[data-view=close]")
    page.focus("#sn-slider")
    page.keyboard.press("End")
    budget = page.evaluate("explorer.state.gmacs")
    url, judge = (where, lambda request: True) if "/" in where else (QUESTIONS, is_question(where))
    with faltering(page, trouble, url, judge):
        page.set_input_files("#sn-file", str(lion))
    page.wait_for_selector(SWEPT)
    over(page)
    assert page.evaluate("explorer.state.gmacs") == budget
    assert page.get_attribute("[data-view=close]", "aria-pressed") == "true"


def test_nobody_waits_for_the_end_of_a_sweep(desk, lion):
    page = desk
    ends = []

    def refuse(route):
        ends.append(1)
        refused(route)

    page.route(QUESTIONS, lambda r: refuse(r) if is_question("end_sweep")(r.request) else r.fallback())
    hold(page)
    for _ in range(2):
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_function("document.querySelector('#sn-swept').textContent.includes('place 1')")
    assert ends
    assert page.locator("#sn-trouble").is_hidden()


def test_a_photo_that_is_too_large_is_a_sentence(desk, lion):
    page = desk
    page.route("**/gradio_api/upload", too_large)
    page.set_input_files("#sn-file", str(lion))
    page.wait_for_function("document.querySelector('#sn-error').textContent")
    assert page.inner_text("#sn-error") == "0.0 MB: the server takes no photo as large; make it smaller."
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    limit = page.evaluate("gradio_config.max_file_size")
    assert limit == PHOTO_BYTES
    page.evaluate("gradio_config.max_file_size = 1024")
    page.set_input_files("#sn-file", str(lion))
    page.wait_for_function("document.querySelector('#sn-error').textContent.includes('up to')")
    assert page.inner_text("#sn-error").endswith("a photo may have up to 0 MB; make it smaller.")
    assert not [url for url in asked if "upload" in url]
    page.evaluate("limit => gradio_config.max_file_size = limit", limit)


def test_a_network_that_is_chosen_comes_by_itself(desk):
    page = desk
    with faltering(page, slow, QUESTIONS, is_question("network")):
        page.select_option("#sn-network", "other")
        page.wait_for_selector(LINE)
        assert page.get_attribute(".sn", "data-network") == "tiny"
    page.wait_for_selector(".sn[data-network=other]")
    over(page)
    # another choice drops what is waited for
    page.route(QUESTIONS, refused)
    page.select_option("#sn-network", "tiny")
    page.wait_for_function("document.querySelector('#sn-wait-text').textContent.includes('tiny')")
    page.select_option("#sn-network", "other")
    page.wait_for_selector("#sn-wait", state="hidden")
    page.unroute_all()
    page.select_option("#sn-network", "tiny")
    page.wait_for_selector(".sn[data-network=tiny]")


def test_the_stage_goes_on_offline_and_the_photo_comes_later(open_page, lion):
    page = open_page(color_scheme="dark")
    page.click("#sn-stage-open")
    page.keyboard.press("End")
    page.wait_for_selector(".sn[data-step='6']")
    page.context.set_offline(True)
    page.keyboard.press("e")
    page.wait_for_selector(LINE)
    assert page.inner_text("#sn-trouble-text") == "This device is offline"
    page.context.set_offline(False)
    page.wait_for_selector(SWEPT)
    over(page)
    assert page.get_attribute(".sn", "data-step") == "6"


def test_a_model_is_compared_when_the_server_is_less_busy(desk, lion):
    page = desk
    page.set_input_files("#sn-file", str(lion))
    page.wait_for_selector(SWEPT)
    page.click("#sn-zoo summary")
    with faltering(page, busy, QUESTIONS, is_question("compare_photo", "zoo_size")):
        page.fill("#sn-zoo-pick", MODEL)
        page.keyboard.press("Enter")
    page.wait_for_selector(f"#sn-compare[data-ran='{MODEL}']")
    over(page)


def test_try_now_tries_now_and_a_new_photo_begins_anew(desk, lion):
    page = desk
    tries = []
    page.route("**/run/classify", lambda route: (tries.append(1), refused(route)))
    page.set_input_files("#sn-file", str(lion))
    page.wait_for_function("document.querySelector('#sn-trouble-next').textContent.includes('4 s')")
    before = len(tries)
    page.click("#sn-trouble-go")
    page.wait_for_timeout(300)
    assert len(tries) == before + 1
    page.unroute("**/run/classify")
    page.set_input_files("#sn-file", str(lion))
    page.wait_for_selector(ANSWERED)
    page.wait_for_function("document.querySelector('#sn-trouble-text').textContent.includes('again')")
    over(page)


@pytest.mark.parametrize("is_known", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_another_version_of_the_app_answers_under_its_number_or_asks_to_reload(open_page, lion, is_known):
    page = open_page()
    part = page.evaluate("gradio_config.components.find((one) => one.props.server_fns)")
    number = part["id"]
    new = part | {"id": 4711} if is_known else {"id": 1, "props": {}}

    def renumbered(route):
        body = json.loads(route.request.post_data)
        if body["component_id"] != 4711:
            route.fulfill(status=500, body="Internal Server Error")
        else:
            route.continue_(post_data=json.dumps(body | {"component_id": number}))

    page.route(QUESTIONS, renumbered)
    page.route("**/config", lambda route: route.fulfill(json={"components": [new]}))
    page.set_input_files("#sn-file", str(lion))
    if is_known:
        page.wait_for_selector(SWEPT)
        return
    page.wait_for_selector(LINE)
    assert page.inner_text("#sn-trouble-text").startswith("Another version of the app runs now")
    page.unroute(QUESTIONS)
    page.click("#sn-trouble-go")
    page.wait_for_selector(".sn[data-state=ready]")
    page.wait_for_selector("#sn-trouble", state="hidden")


class TestSweep:
    def test_its_place_in_the_queue_is_told(self, desk, lion):
        page = desk
        waits = [{"rows": [], "left": 34, "place": place} for place in (4, 2)]

        def queue(route):
            if not is_question("more")(route.request) or not waits:
                route.fallback()
            elif len(waits) == 2 or page.inner_text("#sn-swept").endswith("place 4"):
                route.fulfill(json=waits.pop(0))
            else:
                route.fulfill(json={"rows": [], "left": 34, "place": 4})

        page.route(QUESTIONS, queue)
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_function(
            "document.querySelector('#sn-swept').textContent === 'Other budgets: waiting, place 4'"
        )
        page.wait_for_selector(SWEPT)
        assert page.inner_text("#sn-swept") == "all 34 stitches have answered"

    def test_one_that_the_server_does_not_know_is_begun_again(self, desk, lion):
        page = desk
        gone, begun = [], []

        def forget(route):
            if is_question("begin_sweep")(route.request):
                begun.append(json.loads(route.request.post_data)["data"]["first"])
            if is_question("more")(route.request) and len(gone) < 2:
                gone.append(1)
                route.fulfill(json={"error": "No such sweep.", "gone": True})
            else:
                route.fallback()

        page.route(QUESTIONS, forget)
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_selector(SWEPT)
        assert len(begun) == 3

    def test_one_that_is_always_given_up_ends_with_its_sentence(self, desk, lion):
        page = desk
        page.route(
            QUESTIONS,
            lambda route: (
                route.fulfill(json={"error": "No such sweep.", "gone": True})
                if is_question("more")(route.request)
                else route.fallback()
            ),
        )
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_function("document.querySelector('#sn-swept').textContent === 'No such sweep.'")

    def test_who_leaves_ends_it(self, desk, lion):
        page = desk
        hold(page)
        page.evaluate(
            """() => {
                const { fetch } = window;
                window.fetch = (url, how) => {
                    if (how?.keepalive) window.outlives = how.body;
                    return fetch(url, how);
                };
            }"""
        )
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_function("document.querySelector('#sn-swept').textContent.includes('place 1')")
        page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
        assert page.evaluate("window.outlives").count('"end_sweep"') == 1


def test_what_each_answer_means(desk):
    means = desk.evaluate(
        """async () => {
            const source = [...document.scripts].find((one) => one.src.endsWith('explorer.js')).src;
            const { meaning } = await import(source.replace('explorer.js', 'connection.js'));
            const later = new Date(Date.now() + 3000).toUTCString();
            return [
                [200, null, {rows: []}], [200, null, undefined], [200, null, {error: 'No.'}],
                [200, null, {error: 'Later.', busy: {place: 2, retry_s: 0.7}}],
                [429, null, undefined], [429, '7', undefined], [503, later, undefined],
                [503, null, undefined],
                [503, null, {error: 'The network is being loaded.'}],
                [500, null, {error: 'No photo.'}], [500, null, undefined], [404, null, {detail: 'Not Found'}],
                [422, null, {detail: [{loc: []}]}], [408, null, undefined], [530, 'soon', undefined],
            ].map((one) => meaning(...one));
        }"""
    )
    assert 1 < means[6]["hindrance"].pop("pause") <= 3
    failed = "The server could not answer (status {}): try again."
    assert means == [
        {"answer": {"rows": []}},
        {"hindrance": {"sentence": "The server does not answer"}},
        {"answer": {"error": "No."}},
        {"hindrance": {"sentence": "The server is busy: place 2", "pause": 0.7, "isBusy": True}},
        {"hindrance": {"sentence": "The server is busy", "pause": None, "isBusy": True}},
        {"hindrance": {"sentence": "The server is busy", "pause": 7, "isBusy": True}},
        {"hindrance": {"sentence": "The server is busy", "isBusy": True}},
        {"hindrance": {"sentence": "The app is starting", "pause": None}},
        {"hindrance": {"sentence": "The network is being loaded", "pause": None}},
        {"answer": {"error": "No photo.", "status": 500}},
        {"answer": {"error": failed.format(500), "status": 500}},
        {"answer": {"detail": "Not Found", "error": "Not Found", "status": 404}},
        {"answer": {"detail": [{"loc": []}], "error": failed.format(422), "status": 422}},
        {"hindrance": {"sentence": "The server took too long to answer", "pause": None}},
        {"hindrance": {"sentence": "The app is starting", "pause": None}},
    ]


@contextmanager
def process(folder, port, uploads):
    """The app as a process of its own, once it is served."""
    app = subprocess.Popen(
        [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port), "--network", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"GRADIO_TEMP_DIR": str(uploads)},
    )
    try:
        assert app.stdout
        next(line for line in app.stdout if "SN-Net explorer at" in line)
        yield
    finally:
        app.kill()
        app.wait()
        if app.stdout:
            app.stdout.close()


@pytest.mark.slow  # starts the app twice
def test_an_app_that_is_killed_and_started_again_answers_without_a_touch(browser, folders, lion, tmp_path):
    port = free_port()
    with visiting(browser, f"http://127.0.0.1:{port}/") as visit:
        with process(folders[0], port, tmp_path / "before"):
            page = visit()
            page.route(
                QUESTIONS,
                lambda route: (
                    route.fulfill(json={"error": "Not yet."})
                    if is_question("begin_sweep")(route.request)
                    else route.fallback()
                ),
            )
            page.set_input_files("#sn-file", str(lion))
            page.wait_for_selector(ANSWERED)
            path = page.evaluate("explorer.state.photo.path")
        page.unroute(QUESTIONS)
        page.focus("#sn-slider")
        page.keyboard.press("End")
        page.wait_for_selector(LINE)
        with process(folders[0], port, tmp_path / "after"):  # the upload is gone
            page.wait_for_selector(SWEPT)
            over(page)
            assert page.evaluate("explorer.state.photo.path") != path
            assert page.evaluate("explorer.state.chosen.name") == page.get_attribute(".sn", "data-answered")
