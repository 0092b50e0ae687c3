"""The gate alone, in front of an app that says what it got."""

import asyncio
import json
import logging
import threading

import pytest

from app.busy import Busy
from app.web import outcome
from app.web.bodies import BRACKETS
from app.web.gate import Gate
from app.web.routes import MB, PHOTO_BYTES, Route
from app.web.uploads import Uploads
from tests.app.web.asking import form, photo_form

JSON = {"content-type": "application/json"}


def run(coroutine):
    """Run it in a thread of its own: that of the browser's tests has a loop that runs already."""
    thread = threading.Thread(target=asyncio.run, args=(coroutine,))
    thread.start()
    thread.join()


@pytest.fixture
def uploads(tmp_path):
    uploads = Uploads(1, parent=tmp_path)
    yield uploads
    uploads.close()


@pytest.fixture
def gate(uploads):
    return Gate(uploads, endpoints=["classify"])


class Visitor:
    """Sends requests to an app behind a gate, without a server."""

    def __init__(self, gate, app=None):
        self.taken = 0  # bytes of the body that were read
        self.reached = []  # what the app behind the gate got
        self._app = gate.around(app or self._behind)

    async def _behind(self, scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.reached.append((scope["path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"behind"})

    def send(self, method, path, pieces=(b"",), query=b"", headers=(), root=""):
        """Return (status, body, fields)."""
        pieces = iter(pieces)
        messages = []
        fields = [(name.encode(), value.encode()) for name, value in dict(headers).items()]

        async def receive():
            piece = next(pieces, None)
            if piece is None:
                return {"type": "http.disconnect"}
            self.taken += len(piece)
            return {"type": "http.request", "body": piece, "more_body": True}

        async def receive_last():
            message = await receive()
            if message["type"] == "http.request" and not message["body"]:
                message["more_body"] = False
            return message

        async def send(message):
            messages.append(dict(message))

        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": root}
        run(self._app(scope | {"query_string": query, "headers": fields}, receive_last, send))
        if not messages:
            return 0, b"", {}
        body = b"".join(message.get("body", b"") for message in messages)
        named = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        return messages[0]["status"], body, named


def error(answer):
    return json.loads(answer[1])["error"]


class TestBounds:
    @pytest.mark.parametrize("path", ["/gradio_api/run/classify", "/gradio_api/component_server"])
    def test_a_question_has_a_megabyte(self, gate, path):
        visitor = Visitor(gate)
        answer = visitor.send("POST", path, headers=JSON | {"content-length": str(MB + 1)})
        assert answer[0] == 413
        assert "1 MB" in error(answer)
        assert visitor.taken == 0
        answer = visitor.send("POST", path, [b" " * 65536] * 10_000, headers=JSON)  # no length: counted
        assert answer[0] == 413
        assert visitor.taken <= MB + 65536
        assert not visitor.reached

    def test_a_photo_has_a_hundred(self, gate, uploads):
        visitor = Visitor(gate)
        _, kind = photo_form(b"")
        head = photo_form(b"")[0].removesuffix(b"\r\n--x-boundary-x--\r\n")
        lengthy = {"content-type": kind["Content-Type"], "content-length": str(PHOTO_BYTES + MB)}
        answer = visitor.send("POST", "/gradio_api/upload", headers=lengthy)
        assert answer[0] == 413
        assert "100 MB" in error(answer)
        chunked = {"content-type": kind["Content-Type"]}
        answer = visitor.send("POST", "/gradio_api/upload", [head, *[b"x" * MB] * 200], headers=chunked)
        assert answer[0] == 413
        assert visitor.taken <= PHOTO_BYTES + 2 * MB
        assert uploads.size == 0  # nothing of it stays

    def test_one_photo_at_a_time(self, gate, uploads):
        two = form(('name="files"; filename="a"', b"1"), ('name="files"; filename="b"', b"2"))
        many = form(*[('name="x"', b"1")] * 20)
        other = form(('name="attachment"; filename="a"', b"1"))
        for body, fields in (two, many, other, form(), form(('name="files"', b"no file"))):
            kind = {"content-type": fields["Content-Type"]}
            assert Visitor(gate).send("POST", "/gradio_api/upload", [body, b""], headers=kind)[0] == 400
        half = photo_form(b"x" * 100)[0][:-40]
        assert Visitor(gate).send("POST", "/gradio_api/upload", [half, b""], headers=kind)[0] == 400
        Visitor(gate).send("POST", "/gradio_api/upload", [half], headers=kind)  # its sender left
        assert uploads.size == 0

    def test_a_photo_in_any_pieces_arrives_whole(self, gate, uploads):
        content = bytes(range(256)) * 40 + b"\r\n--x-boundary-\r\n"
        body, fields = photo_form(content)
        for size in (1, 7, 4096, len(body)):
            pieces = [body[at : at + size] for at in range(0, len(body), size)]
            kind = {"content-type": fields["Content-Type"]}
            answer = Visitor(gate).send("POST", "/gradio_api/upload", [*pieces, b""], headers=kind)
            assert answer[0] == 200
            with uploads.reading({"path": json.loads(answer[1])[0]}) as path, open(path, "rb") as file:
                assert file.read() == content

    @pytest.mark.parametrize(
        ("status", "request_"),
        [
            (414, {"path": "/", "query": b"x" * 9000}),
            (414, {"path": "/gradio_api/file=" + "a" * 9000}),
            (431, {"path": "/", "headers": {f"x-{n}": "a" for n in range(120)}}),
            (431, {"path": "/", "headers": {"x-long": "a" * 40_000}}),
            (413, {"path": "/", "headers": {"content-length": "1"}}),
            (400, {"path": "/", "headers": {"content-length": "-1"}}),
            (413, {"path": "/", "headers": {"content-length": "9" * 5000}}),
            (400, {"path": "/", "headers": {"host": "a b"}}),
            (400, {"path": "/", "headers": {"x-forwarded-host": 'x"><script>alert(1)</script>'}}),
        ],
    )
    def test_what_is_out_of_bounds_is_a_sentence(self, gate, status, request_):
        visitor = Visitor(gate)
        answer = visitor.send("GET", **request_)
        assert answer[0] == status
        assert error(answer)
        assert not visitor.reached

    def test_what_never_arrives_is_not_waited_for(self, gate, monkeypatch):
        monkeypatch.setattr(Route, "body_s", 0.05)
        messages = []

        async def receive():
            await asyncio.sleep(3600)

        async def send(message):
            messages.append(message)

        scope = {"type": "http", "method": "POST", "root_path": "", "query_string": b""}
        for path, kind in (
            ("run/classify", "application/json"),
            ("upload", "multipart/form-data; boundary=x"),
        ):
            headers = [(b"content-type", kind.encode())]
            one = scope | {"path": f"/gradio_api/{path}", "headers": headers}
            run(gate.around(None)(one, receive, send))
            assert messages.pop(0)["status"] == 408
            messages.clear()

    def test_so_many_requests_at_once(self, gate, monkeypatch):
        monkeypatch.setattr("app.web.gate.MOST_AT_ONCE", 2)
        statuses = []

        async def app(scope, receive, send):
            await asyncio.sleep(0.05)
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        async def visits():
            scope = {"type": "http", "method": "GET", "root_path": "", "query_string": b"", "headers": []}
            await asyncio.gather(
                *(gate.around(app)(scope | {"path": "/config"}, None, send) for _ in range(5))
            )

        for _ in range(2):  # and those that ended count no more
            run(visits())
        assert sorted(statuses) == [200] * 4 + [503] * 6

    def test_a_query_reaches_no_page(self, gate):
        seen = []

        async def app(scope, receive, send):
            seen.append(scope["query_string"])
            await send({"type": "http.response.start", "status": 200, "headers": []})

        for path in ("/", "/config", "/gradio_api/queue/data"):
            Visitor(gate, app).send("GET", path, query=b"deep_link=another")
        assert seen == [b"", b"", b"deep_link=another"]

    def test_deep_json_is_not_parsed(self, gate):
        for deep in (b"[" * 500_000, b'{"a":' * 100_000, b"[" * (BRACKETS + 1) + b"]" * (BRACKETS + 1)):
            answer = Visitor(gate).send("POST", "/gradio_api/run/classify", [deep, b""], headers=JSON)
            assert answer[0] == 400

    def test_a_question_reaches_the_page_whole(self, gate):
        visitor = Visitor(gate)
        answer = visitor.send("POST", "/gradio_api/run/classify", [b'{"data"', b": [1]}", b""], headers=JSON)
        assert answer[:2] == (200, b"behind")
        assert visitor.reached == [("/gradio_api/run/classify", b'{"data": [1]}')]

    @pytest.mark.parametrize(
        "kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form"]
    )
    def test_what_a_foreign_page_may_post_unasked_is_refused(self, gate, kind):
        visitor = Visitor(gate)
        for path in ("run/classify", "component_server", "queue/join", "cancel"):
            answer = visitor.send("POST", f"/gradio_api/{path}", headers={"content-type": kind})
            assert answer[0] == 415
        assert not visitor.reached


class TestOutcome:
    def gradio(self, error, status=500):
        """An app that answers as Gradio does once an endpoint raised."""

        async def app(scope, receive, send):
            await asyncio.to_thread(outcome.refuse, error)  # endpoints run in threads
            await send(
                {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"9")]}
            )
            await send({"type": "http.response.body", "body": b'{"error":', "more_body": True})
            await send({"type": "http.response.body", "body": b"1}"})

        return app

    @pytest.mark.parametrize("status", [500, 200])
    def test_who_comes_too_late_is_told_when_to_ask_again(self, gate, status):
        visitor = Visitor(gate, self.gradio(Busy(7, 12), status))
        answer = visitor.send("POST", "/gradio_api/run/classify", headers=JSON)
        assert answer[0] == 503
        assert answer[2]["retry-after"] == "12"
        assert json.loads(answer[1]) == {"error": str(Busy(7, 12)), "busy": {"place": 7, "retry_s": 12}}

    @pytest.mark.parametrize(("error", "status"), [(ValueError("no photo"), 422), (OSError("disk"), 500)])
    def test_a_refused_photo_is_not_the_servers_fault(self, gate, error, status):
        answer = Visitor(gate, self.gradio(error)).send("POST", "/gradio_api/run/classify", headers=JSON)
        assert answer[:2] == (status, b'{"error":1}')

    def test_what_is_cut_off_by_the_end_may_be_asked_again(self, gate):
        gate.is_stopping = True
        answer = Visitor(gate, self.gradio(OSError("cut off"))).send("GET", "/gradio_api/queue/data")
        assert answer[0] == 503
        assert answer[2]["retry-after"]

    def test_one_visitors_outcome_is_not_anothers(self, gate):
        async def app(scope, receive, send):
            if scope["query_string"]:
                outcome.refuse(Busy(1, 1))
            await asyncio.sleep(0.01)
            await send({"type": "http.response.start", "status": 200, "headers": []})

        behind = gate.around(app)
        statuses = {}

        async def both():
            async def visit(query):
                async def send(message):
                    statuses.setdefault(query, message.get("status"))

                async def receive():
                    return {"type": "http.request", "body": b"", "more_body": False}

                scope = {
                    "type": "http",
                    "method": "GET",
                    "path": "/gradio_api/queue/data",
                    "root_path": "",
                    "headers": [],
                }
                await behind(scope | {"query_string": query}, receive, send)

            await asyncio.gather(visit(b"busy"), visit(b""))

        run(both())
        assert statuses == {b"busy": 503, b"": 200}

    def test_what_fails_is_one_sentence_and_one_line_of_the_log(self, gate, caplog):
        async def app(scope, receive, send):
            raise KeyError("secret of a visitor")

        with caplog.at_level(logging.INFO):
            answer = Visitor(gate, app).send("GET", "/config")
        assert answer[0] == 500
        assert "secret" not in answer[1].decode()
        failed = [record.getMessage() for record in caplog.records if record.name == "snnet.web"]
        assert len(failed) == 1
        assert "KeyError in test_gate.py" in failed[0]
        assert "secret" not in failed[0]


class TestLog:
    def test_a_line_a_request_without_a_word_of_the_visitor(self, gate, caplog):
        visitor = Visitor(gate)
        with caplog.at_level(logging.INFO, "snnet.access"):
            visitor.send("GET", "/config", query=b"photo=private.jpg")
            visitor.send("GET", "/gradio_api/heartbeat/private")
            visitor.send("GET", "/assets/private/../x.js")
            visitor.send("GET", "/private\r\nforged line")
            visitor.send("PRIVATE", "/config")
            visitor.send("POST", "/gradio_api/run/private", headers=JSON)
            body, kind = photo_form(b"private", "private.jpg")
            visitor.send(
                "POST", "/gradio_api/upload", [body, b""], headers={"content-type": kind["Content-Type"]}
            )
        lines = [record.getMessage() for record in caplog.records]
        assert len(lines) == 7
        assert not any("private" in line.lower() or "\n" in line for line in lines)
        assert lines[0].startswith("GET /config 200 ")
        assert lines[0].endswith(" ms 6 B")
        assert lines[1].startswith("GET /gradio_api/heartbeat/* 200 ")
        assert lines[3].startswith("GET - 404 ")
        assert lines[4].startswith("- /config") or lines[4].startswith("- - 405 ")
        assert lines[6].startswith("POST /gradio_api/upload 200 ")


class TestHealth:
    def test_it_says_in_a_word_how_the_app_is(self, uploads):
        word = "loading"
        visitor = Visitor(Gate(uploads, lambda: word))
        answer = visitor.send("GET", "/healthz")
        assert (answer[0], json.loads(answer[1])) == (503, {"status": "loading"})
        word = "ok"
        answer = visitor.send("GET", "/healthz")
        assert (answer[0], json.loads(answer[1])) == (200, {"status": "ok"})
        assert visitor.send("GET", "/explorer/healthz", root="/explorer")[0] == 200
        assert not visitor.reached

    def test_while_stopping_nothing_new_begins(self, gate):
        gate.is_stopping = True
        visitor = Visitor(gate)
        answer = visitor.send("POST", "/gradio_api/run/classify", headers=JSON)
        assert answer[0] == 503
        assert answer[2]["retry-after"]
        assert json.loads(visitor.send("GET", "/healthz")[1]) == {"status": "stopping"}
        assert not visitor.reached
        visitor.send("GET", "/gradio_api/queue/data")  # brings what was asked before
        assert visitor.reached


class TestPlace:
    HEAD = b'<head><base href="./" /><link rel="manifest" href="/manifest.json" /></head>'

    def page(self):
        async def app(scope, receive, send):
            length = str(len(self.HEAD)).encode()
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
            )
            await send({"type": "http.response.body", "body": self.HEAD})

        return app

    @pytest.mark.parametrize(
        "root", ["/explorer", "https://example.org/explorer", "https://example.org/explorer/"]
    )
    @pytest.mark.parametrize("path", ["/", "/explorer", "/explorer/"])
    def test_below_a_proxys_path_the_page_says_where_it_is(self, gate, root, path):
        status, body, fields = Visitor(gate, self.page()).send("GET", path, root=root)
        assert status == 200
        assert b'<base href="/explorer/" />' in body
        assert b'href="manifest.json"' in body
        assert b'<link rel="icon" href="favicon.ico" />' in body
        assert fields["content-length"] == str(len(body))

    def test_without_a_proxy_it_stays_where_it_is(self, gate):
        _, body, _ = Visitor(gate, self.page()).send("GET", "/")
        assert b'<base href="./" />' in body
