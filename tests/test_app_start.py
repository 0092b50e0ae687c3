"""`python app.py` as a user starts it: a process of its own."""

import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def started(*options):
    """Give the app's lines as they come; end it afterwards."""
    process = subprocess.Popen(
        [sys.executable, "app.py", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        yield process.stdout
    finally:
        timer.cancel()
        process.terminate()
        process.wait()
        process.stdout.close()


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
        (
            ("--host", "256.256.256.256", "--port", "7991"),
            "app.py: can't serve on 256.256.256.256, port 7991: ",
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
