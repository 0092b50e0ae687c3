"""The end of a real app: what is under way is finished, what is new is refused, nothing is left."""

import http.client
import json
import re
import signal
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.app.test_start import on_a_free_port, running
from tests.app.web.asking import ask, photo_form, post, upload


@contextmanager
def app(folder, is_ready=False):
    """Give (address, process) of an app whose uploads lie in a folder."""
    with running(*on_a_free_port(), TMPDIR=str(folder), SNNET_LOG="1") as process:
        address = next(line for line in process.stdout if "SN-Net explorer at" in line).split()[-1]
        if is_ready:
            next(line for line in process.stdout if "networks ready" in line)
        yield address, process


def begin_upload(address, body, fields):
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.putrequest("POST", "/gradio_api/upload")
    for name, value in (fields | {"Content-Length": str(len(body))}).items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(body[:1000])
    return connection


def status_of(address):
    return json.loads(ask(address, "GET", "/healthz")[1])["status"]


@pytest.mark.slow  # starts the app
def test_what_is_under_way_is_finished_and_what_is_new_is_refused(tmp_path, lion):
    with app(tmp_path, is_ready=True) as (address, process):
        body, fields = photo_form(lion.read_bytes(), "lion.jpg")
        image = {"path": upload(address, lion.read_bytes())}
        answers = []

        def keep_asking():
            while not answers or answers[-1] == 200:
                answers.append(post(address, "/gradio_api/run/classify", {"data": [image, 0.5]})[0])

        under_way = begin_upload(address, body, fields)
        visitors = [threading.Thread(target=keep_asking) for _ in range(2)]
        for visitor in visitors:
            visitor.start()
        while len(answers) < 4 or not list(tmp_path.rglob("lion.jpg")):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        while status_of(address) != "stopping":
            time.sleep(0.01)
        status, text, headers = post(address, "/gradio_api/run/networks", {"data": []})
        assert status == 503
        assert headers["retry-after"]
        assert "being stopped" in json.loads(text)["error"]
        under_way.send(body[1000:])
        assert under_way.getresponse().status == 200
        for visitor in visitors:
            visitor.join()
        assert set(answers) <= {200, 503}  # each begun before was given
        assert process.wait(30) == 0
        log = process.stdout.read()
        assert "Traceback" not in log
        assert re.search(
            r"^\d{4}-\d\d-\d\dT\S+ POST /gradio_api/run/classify 200 \d+ ms \d+ B$", log, re.MULTILINE
        )
        assert re.search(r" POST /gradio_api/run/networks 503 ", log)
        assert "lion" not in log
        assert not list(tmp_path.rglob("snnet-uploads-*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_never_ends_does_not_hold_it_up(tmp_path, lion, number):
    with app(tmp_path) as (address, process):  # it is still loading its network
        body, fields = photo_form(lion.read_bytes(), "lion.jpg")
        streams = [begin_upload(address, body, fields)]  # the rest of it never comes
        host = urlsplit(address)
        for path in ("heartbeat/abc", "heartbeat/def"):
            stream = socket.create_connection((host.hostname, host.port))
            stream.sendall(f"GET /gradio_api/{path} HTTP/1.1\r\nHost: {host.netloc}\r\n\r\n".encode())
            assert stream.recv(100)
            streams.append(stream)
        process.send_signal(number)
        assert process.wait(30) in (0, 128 + number)
        assert not list(tmp_path.rglob("snnet-uploads-*"))
        for stream in streams:
            stream.close()


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once_and_the_next_start_sweeps(tmp_path, lion):
    with app(tmp_path) as (address, process):
        body, fields = photo_form(lion.read_bytes(), "lion.jpg")
        connection = begin_upload(address, body, fields)
        while not list(tmp_path.rglob("lion.jpg")):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        while status_of(address) != "stopping":
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 128 + signal.SIGINT
        connection.close()
    assert list(tmp_path.rglob("lion.jpg"))
    with app(tmp_path):
        assert not list(tmp_path.rglob("lion.jpg"))
