"""Refusals of the page: how it is started, what it is asked, what it measures."""

import argparse
import asyncio
import re
import socket

import pytest

from app import main as command
from app.measuring.jobs import _settings
from app.measuring.loopback import check_sender
from app.measuring.loopback import refusal as why_not
from app.questions import Questions
from app.service import Service
from app.web.uploads import Uploads
from tests.refusals.sites import refusal
from tests.serving import free_port


def options(*words) -> argparse.Namespace:
    return command._parser("app.py").parse_args(words)


@refusal("app/main.py: is no path", "app/main.py: leave one out", "app/main.py: ValueError(sentence)")
def test_options_that_do_not_go_together(refused, monkeypatch):
    with refused("is no path") as told:
        command._root_path("/a b")
    path = re.search(r"one like (\S+),", told.sentence)[1]
    assert command._root_path(path) == path

    class Reached(Exception):
        """The options are sound: the network would be loaded now."""

    def service(*settings):
        raise Reached

    monkeypatch.setattr("app.service.Service", service)
    with refused("one out") as told:
        command._serve(options("--backend", "--root-path", path))
    for rest in (("--backend",), ("--root-path", path)):
        with pytest.raises(Reached):
            command._serve(options(*rest))
    with refused("(sentence)") as told:
        command._serve(options("--backend", "--host", "0.0.0.0"))
    for host in re.search(r"it goes with (.*) alone", told.sentence)[1].replace(" or ", ", ").split(", "):
        with pytest.raises(Reached):
            command._serve(options("--backend", "--host", host))
    for words, environment in ((("--share",), {}), ((), {"GRADIO_SHARE": "1"}), ((), {"SPACE_ID": "a/b"})):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with refused("(sentence)") as told:
            command._serve(options("--backend", *words))
        assert "out" in told.sentence
        for name in environment:
            monkeypatch.delenv(name)
        assert why_not(None, False, {}) is None


@refusal("app/main.py: can't serve on", "app/main.py: no free port")
def test_places_to_serve_at(refused):
    port = free_port()
    with refused("serve on") as told:
        command._free_port(port, "192.0.2.1")  # of an example, nobody's
    assert "--host" in told.sentence
    assert command._free_port(port, "127.0.0.1") == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        with refused("no free") as told:
            command._free_port(port, "127.0.0.1", tries=1)
        assert "name another by --port" in told.sentence
        another = free_port()
        assert command._free_port(another, "127.0.0.1", tries=1) == another


@refusal("app/web/uploads.py: name a size above 0")
def test_room_for_uploads(refused, tmp_path):
    for size in (0, -1, float("nan")):
        with refused():
            Uploads(most_gb=size, parent=tmp_path)
    Uploads(most_gb=0.001, parent=tmp_path).close()


@refusal(
    "app/measuring/jobs.py: No path is given",
    "app/measuring/jobs.py: is a data set of the hub",
    "app/measuring/jobs.py: can't be drawn",
    "app/measuring/jobs.py: precision {precision!r} is none of",
    "app/measuring/jobs.py: write the path out",
)
def test_what_can_be_measured(refused, tmp_path):
    def settings(**values):
        return _settings({"path": str(tmp_path)} | values)

    for nothing in (" ", None, ""):
        with refused("No path"):
            settings(path=nothing)
    with refused("hub") as told:
        settings(path="hf://datasets/owner/name")
    assert "python -m snnet evaluate" in told.sentence
    for limit in ("many", "0", "-3", "1.5"):
        with refused("drawn"):
            settings(limit=limit)
    assert settings(limit="1")["limit"] == 1
    assert settings(limit="")["limit"] is None
    with refused("precision") as told:
        settings(precision="int8")
    for precision in told.sentence.partition("is none of ")[2].split(", "):
        assert settings(precision=precision)["precision"] == precision
    with refused("write the path") as told:
        settings(path="~nobody-of-this-name/photos")
    assert settings(path=str(tmp_path))["path"] == str(tmp_path)


@refusal(
    "app/measuring/loopback.py: what a proxy passes on",
    "app/measuring/loopback.py: open it there",
    "app/measuring/loopback.py: is another",
)
def test_who_may_measure(refused):
    with refused("proxy"):
        check_sender({"host": "127.0.0.1:7860", "x-forwarded-for": "10.0.0.1"})
    with refused("open it there") as told:
        check_sender({"host": "explorer.example:7860"})
    for name in re.search(r"the page at (.*), not at", told.sentence)[1].replace(" or ", ", ").split(", "):
        check_sender({"host": f"[{name}]:7860" if ":" in name else f"{name}:7860"})
    with refused("another") as told:
        check_sender({"host": "127.0.0.1:7860", "origin": "http://evil.example"})
    host = re.search(r"open http://(.*)/", told.sentence)[1]
    check_sender({"host": host, "origin": f"http://{host}"})


@refusal("app/questions.py: no question")
def test_a_question_that_there_is_not(refused, monkeypatch):
    sentences = []
    monkeypatch.setattr("app.questions.outcome.refuse", sentences.append)
    questions = Questions(Service("lite"), None)
    answer = asyncio.run(questions.answer({"question": "nonsense"}, None))
    with refused():
        raise sentences[0]
    assert answer["error"] == str(sentences[0])
    names = answer["error"].partition("there are ")[2].split(", ")
    assert "backdrop" in names
    assert "zoo" in asyncio.run(questions.answer({"question": "backdrop"}, None))
