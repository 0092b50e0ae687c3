"""The app as a Space starts it: by its own variables, without secrets; who only looks on costs nothing."""

import os
import time

import psutil
import pytest

from tests.app.test_start import started
from tests.serving import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
WATCHED_S = 4


@pytest.fixture(scope="module")
def space():
    """(address, seconds from the start until the network was ready) of an app on a pretended Space."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.delenv(name, raising=False)
        port = str(free_port())
        begun = time.perf_counter()
        own = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": port, "HF_HUB_OFFLINE": "1"}
        with started(SPACE_ID="someone/explorer", SYSTEM="spaces", **own) as lines:
            assert "networks ready" in next(line for line in lines if "EfficientNet-Lite" in line)
            yield f"http://127.0.0.1:{port}/", time.perf_counter() - begun


def test_it_starts_without_secrets_and_answers(browser, space, capsys):
    address, seconds = space
    with capsys.disabled():
        print(f"\nas a Space, from the start until the network is ready: {seconds:.1f} s")
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
    assert page.locator("#sn-measure").count() == 0  # nothing of the server's own files
    page.click(".example >> nth=0")
    page.wait_for_selector(".sn[data-answered]", timeout=180_000)
    assert "suspension bridge" in page.inner_text("#sn-bars")
    context.close()


def busy(seconds, wait):
    """Return the percentage of a core that the server takes while `wait(ms)` waits."""
    (server,) = (one for one in psutil.Process(os.getpid()).children() if "app.py" in " ".join(one.cmdline()))
    before = sum(server.cpu_times()[:2])
    wait(1000 * seconds)
    return 100 * (sum(server.cpu_times()[:2]) - before) / seconds


def test_who_only_looks_on_asks_nothing(browser, space, capsys):
    address, _ = space
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    alone = busy(WATCHED_S, page.wait_for_timeout)
    page.goto(address)
    page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
    page.wait_for_load_state("networkidle")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    watched = busy(WATCHED_S, page.wait_for_timeout)
    context.close()
    with capsys.disabled():
        print(f"\nof a core, the server takes {alone:.1f} % for nobody, {watched:.1f} % for one who looks on")
    assert not asked
