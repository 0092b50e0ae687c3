"""`python app.py` as a user starts it: a process of its own."""

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.serving import free_port

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def started(*options, **environment):
    """Give the app's lines as they come; end it afterwards."""
    with running(*options, **environment) as process:
        yield process.stdout


@contextmanager
def running(*options, **environment):
    """Give the app's process; end it afterwards."""
    process = subprocess.Popen(
        [sys.executable, "app.py", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | environment,
    )
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.terminate()
        process.wait()
        process.stdout.close()


def on_a_free_port():
    return "--host", "127.0.0.1", "--port", str(free_port())


def test_a_port_in_use_is_passed_over_and_said_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started("--host", "127.0.0.1", "--port", str(port)) as lines:
            said = next(lines)
            assert said.startswith(f"port {port} is in use: taking ")
            chosen = int(said.split()[-1])
            served = next(line for line in lines if "SN-Net explorer at" in line)
            assert f":{chosen}/" in served
            with urllib.request.urlopen(f"http://127.0.0.1:{chosen}/") as page:
                assert b"SN-Net explorer" in page.read()
            assert "41 networks ready" in next(line for line in lines if "EfficientNet-Lite" in line)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--network", "nonsense"), "app.py: no network 'nonsense': the catalogue has lite"),
        (("--network", "tests"), "app.py: the folder tests holds no network: config.json is missing"),
        (("--weights", "README.md"), "app.py: lite holds its own weights: leave --weights out"),
        (("--network", "levit", "--weights", "gone.pth"), "app.py: --weights gone.pth is no file"),
        (("--network", "levit", "--weights", "README.md"), "app.py: README.md can't be read"),
        (
            ("--host", "256.256.256.256", "--port", "7991"),
            "app.py: can't serve on 256.256.256.256, port 7991 (",
        ),
        (("--port", "70000"), "app.py: no free port from 70000 on"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit(options, sentence):
    done = subprocess.run(
        [sys.executable, "app.py", *options], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert "Traceback" not in done.stderr


def test_a_folder_of_ones_own_is_served(tmp_path):
    from tests.networks import tiny

    tiny().save(tmp_path / "own")
    with started(*on_a_free_port(), "--network", str(tmp_path / "own")) as lines:
        served = next(line for line in lines if "SN-Net explorer at" in line)
        with urllib.request.urlopen(served.split()[-1]) as page:
            assert b"two tiny anchors" in page.read()
        assert "17 networks ready" in next(line for line in lines if "two tiny anchors" in line)


def test_without_a_network_the_terminal_says_what_is_missing_and_what_is_shown(tmp_path):
    with started(
        *on_a_free_port(), "--network", "levit", HF_HUB_OFFLINE="1", TORCH_HOME=str(tmp_path)
    ) as lines:
        said = next(line for line in lines if "can't be loaded" in line)
    assert said.startswith("LeViT-192/256 can't be loaded: levit_192_256_release.pth can't be fetched")
    assert said.endswith("; the page shows its figures, and fetches it when asked\n")


@contextmanager
def proxy():
    """Give the address of a proxy that answers 503 to all, and the requests that it got."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.requestline)
            self.send_response(503)
            self.end_headers()

        do_HEAD = do_POST = do_CONNECT = do_GET

        def log_message(self, *_):
            pass

    requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", requests
        server.shutdown()


@pytest.mark.parametrize(
    ("names", "scheme"),
    [
        (("HTTP_PROXY", "https_proxy", "ALL_PROXY"), "http"),
        pytest.param(("http_proxy", "HTTPS_PROXY"), "http", marks=pytest.mark.slow),
        (("ALL_PROXY",), "socks5"),
        pytest.param(("all_proxy",), "socks", marks=pytest.mark.slow),
    ],
)
def test_a_proxy_in_the_environment(names, scheme):
    with proxy() as (address, requests):
        variables = dict.fromkeys(names, f"{scheme}://{address}") | {"NO_PROXY": "", "no_proxy": ""}
        with started(*on_a_free_port(), **variables) as lines:
            served = next(line for line in lines if "SN-Net explorer at" in line)
            with urllib.request.urlopen(served.split()[-1]) as page:
                assert b"SN-Net explorer" in page.read()
        assert requests == []
