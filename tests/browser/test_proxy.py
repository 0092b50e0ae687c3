"""The page behind nginx, by the configuration in docs/hosting.md: HTTPS, below a path of the host."""

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gradio_client import Client, handle_file

from tests.serving import free_port, serving_gate

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
PATH = "/explorer"
UNTRUSTED = ssl._create_unverified_context()


@pytest.fixture(scope="module")
def nginx():
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        reason = "no nginx is installed (apt-get install nginx-light)"
        if os.environ.get("SNNET_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def app(service):
    """The port of an app that knows where its proxy has it."""
    with serving_gate(service, root_path=PATH) as (address, _):
        yield urlsplit(address).port


def documented():
    """Return the configuration that docs/hosting.md shows."""
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    return re.search(r"```nginx\n(.*?)```", text, re.DOTALL)[1]


def replaced(text, **words):
    for word, other in words.values():
        assert word in text
        text = text.replace(word, other)
    return text


@pytest.fixture(scope="module")
def proxy(nginx, app, tmp_path_factory):
    """Two addresses: of the documented server, and of one that passes its path on and redirects nothing."""
    folder = tmp_path_factory.mktemp("nginx")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = [
        "-subj",
        "/CN=localhost",
        "-days",
        "2",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", *subject], check=True, capture_output=True
    )
    ports = free_port(), free_port()
    first = replaced(
        documented(),
        port=("listen 443 ssl", f"listen 127.0.0.1:{ports[0]} ssl"),
        certificate=("/etc/ssl/certs/example.org.pem", str(certificate)),
        key=("/etc/ssl/private/example.org.key", str(key)),
        app=("127.0.0.1:7860", f"127.0.0.1:{app}"),
    )
    second = replaced(
        first,
        port=(f":{ports[0]} ", f":{ports[1]} "),
        location=("location /explorer/ {", "location /explorer {"),
        strip=(f"127.0.0.1:{app}/;", f"127.0.0.1:{app};"),
    )
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary} {first} {second} }}"
    )
    process = subprocess.Popen([nginx, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
    try:
        addresses = [f"https://127.0.0.1:{port}{PATH}" for port in ports]
        for address in addresses:
            wait_for(address, process)
        yield addresses
    finally:
        process.terminate()
        process.wait()


def wait_for(address, process):
    for _ in range(500):
        assert process.poll() is None, "nginx has ended"
        try:
            return ask(address, "GET", f"{PATH}/healthz")
        except OSError:
            time.sleep(0.02)
    raise AssertionError("nginx does not answer")


def ask(address, method, path, body=None, headers=()):
    connection = http.client.HTTPSConnection(urlsplit(address).netloc, timeout=30, context=UNTRUSTED)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text, answer.headers


@pytest.fixture
def opened(browser):
    """Open an address; everything that the page asks must lie below it, and nothing may fail."""
    contexts, wrong = [], []

    def opened(address):
        context = browser.new_context(viewport={"width": 1280, "height": 720}, ignore_https_errors=True)
        contexts.append(context)
        page = context.new_page()
        below = (address.rstrip("/") + "/", "data:", "blob:")
        page.on("request", lambda one: None if (one.url + "/").startswith(below) else wrong.append(one.url))
        page.on("response", lambda one: wrong.append((one.status, one.url)) if one.status >= 400 else None)
        page.on(
            "console",
            lambda one: wrong.append((one.text, one.location)) if one.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def answers(page, photo):
    page.set_input_files("#sn-file", str(photo))
    page.wait_for_selector(".sn[data-answered]", timeout=180_000)
    return "lion" in page.inner_text("#sn-bars")


@pytest.mark.parametrize("slash", ["/", pytest.param("", marks=pytest.mark.slow)])
def test_the_page_answers_a_photo_below_a_path(proxy, opened, slash, lion):
    page = opened(proxy[0] + slash)
    assert page.evaluate("location.pathname") == f"{PATH}/"
    assert page.evaluate("window.gradio_config.root") == proxy[0]
    assert answers(page, lion)


@pytest.mark.parametrize("slash", [pytest.param("/", marks=pytest.mark.slow), ""])
def test_so_it_does_where_the_path_is_passed_on(proxy, opened, slash, lion):
    page = opened(proxy[1] + slash)
    assert answers(page, lion)


def test_its_endpoints_answer_too(proxy, lion):
    client = Client(f"{proxy[0]}/", verbose=False, ssl_verify=False)
    answer = client.predict(handle_file(str(lion)), 0.9, api_name="/classify")
    assert answer["top5"][0]["label"] == "lion"


def test_what_is_too_large_is_told_so_by_nginx_too(proxy):
    length = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(200_000_000)}
    status, body, _ = ask(proxy[0], "POST", f"{PATH}/gradio_api/upload", b"", length)
    assert status == 413
    assert "100 MB" in json.loads(body)["error"]


def test_events_come_as_they_happen(proxy):
    connection = http.client.HTTPSConnection(urlsplit(proxy[0]).netloc, timeout=10, context=UNTRUSTED)
    connection.request("GET", f"{PATH}/gradio_api/heartbeat/abc")
    assert connection.getresponse().readline() == b"data: ALIVE\n"  # and the next one is 15 s away
    connection.close()


def test_nothing_else_of_the_host_is_the_apps(proxy):
    assert ask(proxy[0], "GET", "/config")[0] == 404
    status, body, _ = ask(proxy[0], "GET", f"{PATH}/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    for way in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/gradio_api/file=/etc/passwd"):
        assert ask(proxy[0], "GET", PATH + way)[0] in (400, 404)
