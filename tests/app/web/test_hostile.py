"""Hostile requests to the app as it is served: nothing but its own files, no one else's photo, no failure."""

import json
import logging
import math
import os
import socket
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.app.web.asking import ask, form, photo_form, post, upload
from tests.serving import serving_gate

ROOT = Path(__file__).resolve().parents[3]
FILE = "/gradio_api/file="


@pytest.fixture(scope="module")
def app(service):
    """(address, gate) of an app."""
    with serving_gate(service) as served:
        yield served


@pytest.fixture(scope="module")
def address(app):
    return app[0]


@pytest.fixture(autouse=True)
def nothing_fails(caplog):
    """No request may make the server fail: it answers each with a sentence."""
    with caplog.at_level(logging.INFO):
        yield
    ours = [record for record in caplog.records if record.name.startswith(("snnet.", "uvicorn"))]
    failed = [record for record in ours if record.levelno >= logging.ERROR]
    assert not failed, [record.getMessage() for record in failed]


BODIES = [
    b"",
    b"null",
    b"[]",
    b"5",
    b'"a"',
    b"{",
    b"\xff\xfe",
    b"NaN",
    b"{}",
    b'{"data": 5}',
    b'{"data": {"a": 1}}',
]
BODIES += [b'{"data": [], "session_hash": {"a": 1}}', b'{"data": [], "fn_index": "x"}']
BODIES += [b'{"data": [], "fn_index": 99}', b'{"data": [], "fn_index": 0, "session_hash": "a"}']
BODIES += [
    b'{"data": [], "event_data": {"a": 1}, "trigger_id": 10000000000000000000000}',
    b"[" * 99 + b"]" * 99,
]
BODIES += [b'{"data": [' + b"1e999," * 100 + b"1]}", b'{"data": "' + b"x" * 900_000 + b'"}']


def secrets(home):
    """Files of this machine that are nobody's business, by what leads to them."""
    names = [
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/self/cmdline",
        "/proc/self/maps",
        str(home / "results"),
    ]
    names += [
        str(ROOT / name) for name in ("app.py", "app/page.py", "pyproject.toml", "assets", ".git/config")
    ]
    names += ["app.py", "app/main.py", "./app.py", "~/.bashrc", ".", "..", "/", "", "/dev/zero", "/dev/stdin"]
    return names


def spellings(path):
    """Yield a path as attackers spell it."""
    yield quote(path)
    yield quote(path, safe="")
    yield quote(quote(path, safe=""), safe="")
    yield "".join(f"%{byte:02x}" for byte in path.encode())
    for up in (
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%252f",
        "..%c0%af",
        "%c0%ae%c0%ae/",
        "..\\",
        "..%5c",
    ):
        yield up * 12 + quote(path.lstrip("/"))
    static = quote(str(ROOT / "app" / "static"))
    yield f"{static}/../../{quote(path.lstrip('/'))}"
    yield f"{static}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e{quote(path)}"
    yield f"{static}/explorer.js%00{quote(path)}"
    for scheme in ("file://", "file:", "//", "///", "http://127.0.0.1/", "%00"):
        yield scheme + quote(path)


class TestFiles:
    def test_the_pages_own_files_are_served(self, address):
        from app.page import _files

        shipped = [path for place in _files() for path in ([place] if place.is_file() else place.glob("*.*"))]
        for path in shipped:
            status, body, _ = ask(address, "GET", FILE + quote(str(path)))
            assert (status, body) == (200, path.read_bytes())

    @pytest.mark.parametrize(
        "below", [FILE, "/gradio_api/file/", "/file=", "/assets/", "/static/", "/svelte/", "/"]
    )
    def test_no_other_file_is(self, address, below, tmp_path):
        results = tmp_path / "results"
        results.write_text("private")
        for path in secrets(tmp_path) if below == FILE else ["/etc/passwd", str(ROOT / "app.py"), "app.py"]:
            for spelling in spellings(path):
                if below + spelling == "/":
                    continue
                status, body, _ = ask(address, "GET", below + spelling)
                assert status in (0, 400, 403, 404), (status, below + spelling)
                for word in (b"root:", b"private", b"PATH=", b"import ", b"[tool."):
                    assert word not in body, below + spelling

    def test_no_range_of_a_file_is_too_much(self, address):
        from app.page import _files

        path = FILE + quote(str(_files()[1]))
        whole = len(ask(address, "GET", path)[1])
        ranges = [
            "bytes=0-9",
            "bytes=5-2",
            "bytes=-1",
            "bytes=a-b",
            "bytes=99999999999-",
            "bytes=0-99999999999",
        ]
        ranges += [
            "bytes=" + "0-,0-,".join(["0-1"] * 500),
            "bytes=" + ",".join(f"{n}-" for n in range(500)),
            "x",
        ]
        for one in ranges:
            status, body, _ = ask(address, "GET", path, headers={"Range": one})
            assert status in (200, 206, 400, 416), one[:40]
            assert len(body) <= whole + 100_000

    def test_an_upload_is_read_back_by_nobody(self, app):
        address, gate = app
        mine = upload(address, b"GIF89a private", "me.gif")
        for spelling in [*spellings(mine), *spellings(str(gate.uploads.folder))]:
            status, body, _ = ask(address, "GET", FILE + spelling)
            assert status in (0, 400, 403, 404), spelling
            assert b"private" not in body

    def test_a_link_in_a_served_folder_leads_nowhere(self, app, tmp_path):
        address, gate = app
        (tmp_path / "secret.txt").write_text("private")
        link = gate.uploads.folder / "link.txt"
        link.symlink_to(tmp_path / "secret.txt")
        status, body, _ = ask(address, "GET", FILE + quote(str(link)))
        assert status == 404
        assert b"private" not in body

    def test_another_apps_saved_view_is_not_read(self, address):
        views = Path(os.environ["GRADIO_TEMP_DIR"]) / "deep_links" / "AAAAAAAAAAA"
        views.mkdir(parents=True, exist_ok=True)
        (views / "state.json").write_text('[{"id": 1, "type": "private"}]')
        for path in (
            "/?deep_link=AAAAAAAAAAA",
            "/config?deep_link=AAAAAAAAAAA",
            "/?page=nonsense",
            "/?page=%00",
        ):
            status, body, _ = ask(address, "GET", path)
            assert status == 200
            assert b"private" not in body
        (views / "state.json").unlink()

    def test_another_hosts_file_is_not_fetched(self, address):
        for url in (
            "http://example.org/a.jpg",
            "https://example.org/a.jpg",
            "HTTP://127.0.0.1:1/",
            "ftp://a/b",
        ):
            for below in (FILE, "/gradio_api/proxy=", "/proxy="):
                for spelling in (url, quote(url, safe="")):
                    assert ask(address, "GET", below + spelling)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/stream/a/b/1/playlist.m3u8",
        "/gradio_api/stream/a/b/1/playlist-file",
        "/gradio_api/custom_component/a/client/component/../../routes.py",
        "/gradio_api/custom_component/a%0Aforged/client/component/x",
        "/gradio_api/deep_link?session_hash=a",
        "/gradio_api/runs",
        "/gradio_api/upload_progress?upload_id=a",
        "/gradio_api/user",
        "/gradio_api/token",
        "/gradio_api/login_check",
        "/gradio_api/dev/reload",
        "/gradio_api/mcp/",
        "/monitoring",
        "/monitoring/summary",
        "/monitoring/x",
        "/logout",
        "/login",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/pwa_icon/100000",
        "/pwa_icon/-1",
    ],
)
def test_what_the_page_needs_not_is_not_there(address, path):
    for method in ("GET", "POST", "PUT", "DELETE", "TRACE"):
        status, body, _ = ask(address, method, path, b"" if method == "POST" else None)
        assert status in (400, 404, 405)
        assert json.loads(body)["error"]


class TestQuestions:
    def component(self, address):
        config = json.loads(ask(address, "GET", "/config")[1])
        return next(one["id"] for one in config["components"] if one["type"] == "html")

    def ask(self, address, **other):
        question = {"data": {"question": "size", "network": "lite"}, "component_id": self.component(address)}
        question |= {"session_hash": "abc", "fn_name": "ask"}
        return post(address, "/gradio_api/component_server", question | other)

    def test_the_pages_own_is_answered(self, address):
        status, body, _ = self.ask(address)
        assert (status, json.loads(body)["here"]) == (200, True)

    @pytest.mark.parametrize(
        "name",
        [
            "__init__",
            "__class__",
            "get_config",
            "postprocess",
            "move_resource_to_block_cache",
            "",
            "ask.__globals__",
        ],
    )
    def test_no_other_function_is(self, address, name):
        assert self.ask(address, fn_name=name)[0] == 404

    @pytest.mark.parametrize(
        "other",
        [
            {"component_id": 10**9},
            {"component_id": -1},
            {"component_id": "1"},
            {"component_id": None},
            {"component_id": [1]},
            {"component_id": math.nan},
            {"session_hash": None},
            {"session_hash": {"a": 1}},
            {"fn_name": ["ask"]},
            {"fn_name": None},
        ],
    )
    def test_a_wrong_address_is_one_sentence(self, address, other):
        status, body, _ = self.ask(address, **other)
        assert status in (400, 404)
        assert json.loads(body)["error"]

    @pytest.mark.parametrize(
        "data",
        [
            *(
                None,
                [],
                "size",
                5,
                math.nan,
                {},
                {"question": None},
                {"question": ["size"]},
                {"question": {"a": 1}},
            ),
            *({"question": "__class__"}, {"question": "size"}, {"question": "size", "network": ["lite"]}),
            *({"question": "size", "network": math.inf}, {"question": "size", "network": "x" * 900_000}),
            {"question": "begin_sweep", "image": {"path": "/etc/passwd"}, "network": "", "first": []},
            {"question": "begin_sweep", "image": 5, "network": "", "first": {"a": [None]}},
            {"question": "more", "sweep": ["a"]},
            {"question": "more", "sweep": {"a": 1}},
            {"question": "end_sweep", "sweep": [1]},
            {"question": "zoo_size", "model": {"a": 1}},
            {"question": "zoo_fetch", "model": "../../etc"},
            {
                "question": "compare_photo",
                "image": {"path": "/etc/passwd"},
                "model": 5,
                "image_size": math.nan,
            },
            {"question": "measure", "path": "/etc"},
            {"question": "measured", "network": "", "everything": True},
        ],
    )
    def test_a_wrong_question_is_one_sentence(self, address, data):
        status, body, _ = self.ask(address, data=data)
        assert status == 200
        answer = json.loads(body)
        assert answer is None or "error" in answer
        assert b"Traceback" not in body

    def test_a_form_is_no_question(self, address):
        body, kind = form(('name="data"; filename="a"', b"x" * 1000))
        assert ask(address, "POST", "/gradio_api/component_server", body, kind)[0] == 415


class TestEndpoints:
    @pytest.mark.parametrize("call", ["run", "api"])
    @pytest.mark.parametrize(
        "data",
        [
            *(
                [],
                [None],
                [None, None],
                [5, 5],
                [{}, 0.5],
                [[], 0.5],
                [{"path": None}, 0.5],
                ["/etc/passwd", 0.5],
            ),
            *(
                [{"path": "/etc/passwd"}, math.nan],
                [{"path": ["a"]}, math.inf],
                [{"path": {"path": "a"}}, {}],
            ),
            [{"path": "x" * 900_000}, 0.5],
            [{"path": "http://127.0.0.1:9/a.jpg", "meta": {"_type": "gradio.FileData"}}, 0.5],
            [{"path": "a", "url": "http://127.0.0.1:9/a.jpg", "meta": {"_type": "gradio.FileData"}}, 0.5],
            [
                0.5,
                {"path": "http://127.0.0.1:9/a.jpg", "meta": {"_type": "gradio.FileData"}},
                {"path": "/etc/passwd"},
            ],
            [{"path": "a", "is_stream": True, "meta": {"_type": "gradio.FileData"}}, 0.5, "lite"],
            [1, 2, 3, 4, 5, 6],
        ],
    )
    def test_wrong_arguments_are_refused(self, address, call, data):
        status, body, _ = post(address, f"/gradio_api/{call}/classify", {"data": data})
        assert 400 <= status <= 500
        assert b"top5" not in body
        assert b"Traceback" not in body

    def test_what_lacks_is_one_sentence_and_no_trace_in_the_log(self, address, capfd):
        for data in ([], [{"path": "a"}]):
            status, body, _ = post(address, "/gradio_api/run/classify", {"data": data})
            assert status == 422
            assert "takes more than" in json.loads(body)["error"]
        assert "Traceback" not in capfd.readouterr().err

    def test_a_refused_photo_is_the_senders_and_says_why(self, address):
        image = {"path": upload(address, b"to do: take photos", "notes.jpg")}
        status, body, _ = post(address, "/gradio_api/run/classify", {"data": [image, 0.5]})
        assert status == 422
        assert "notes.jpg" in json.loads(body)["error"]

    @pytest.mark.parametrize(
        "path",
        [
            "run/classify",
            "call/classify",
            "call/v2/classify",
            "queue/join",
            "component_server",
            "cancel",
            "reset",
        ],
    )
    def test_wrong_bodies_are_refused(self, address, path):
        for body in BODIES:
            status, text, _ = post(address, f"/gradio_api/{path}", body)
            assert status in (200, 400, 404, 422, 500), body[:100]
            assert b"Traceback" not in text

    @pytest.mark.parametrize(
        "name", ["nonsense", "__init__", "ask", "predict", "classify%2f..", "a" * 5000, "%00"]
    )
    def test_no_other_name_is_an_endpoint(self, address, name):
        for call in ("run", "api", "call", "call/v2"):
            assert post(address, f"/gradio_api/{call}/{name}", {"data": []})[0] in (404, 405)

    def test_results_go_to_who_asked(self, address):
        for path in ("queue/data?session_hash=another", "queue/data", "call/classify/another"):
            status, body, _ = ask(address, "GET", f"/gradio_api/{path}")
            assert status in (200, 404, 422)
            assert b"top5" not in body


class TestUploads:
    def test_two_visitors_with_the_same_photo_have_two_paths(self, app):
        address, gate = app
        first, second = upload(address, b"the same"), upload(address, b"the same")
        assert Path(first).parent != Path(second).parent
        assert Path(first).parent.parent == gate.uploads.folder

    def test_nothing_is_left_in_a_folder_that_others_share(self, app, lion):
        address, _ = app
        path = upload(address, lion.read_bytes(), "lion.jpg")
        image = {"path": path, "meta": {"_type": "gradio.FileData"}}
        assert post(address, "/gradio_api/run/classify", {"data": [image, 0.5]})[0] == 200
        shared = Path(os.environ["GRADIO_TEMP_DIR"])
        assert not [file for file in shared.rglob("*") if file.is_file()]

    @pytest.mark.parametrize(
        "fields", [{}, {"Content-Type": "multipart/form-data"}, {"Content-Type": "text/plain"}]
    )
    def test_what_is_no_form_is_refused(self, address, fields):
        status, body, _ = ask(address, "POST", "/gradio_api/upload", b"x" * 100, fields)
        assert status in (400, 415)
        assert json.loads(body)["error"]

    def test_a_long_boundary_is_refused(self, address):
        body, fields = form(('name="files"; filename="a"', b"1"), boundary="x" * 5000)
        assert ask(address, "POST", "/gradio_api/upload", body, fields)[0] == 400

    def test_one_that_is_too_large_hears_so_before_it_is_sent(self, app):
        address, gate = app
        before = gate.uploads.size
        _, fields = photo_form(b"")
        fields["Content-Length"] = str(2 * 1024**3)
        status, body, _ = ask(address, "POST", "/gradio_api/upload", b"", fields)
        assert status == 413
        assert "100 MB" in json.loads(body)["error"]
        assert gate.uploads.size == before


def raw(address, text):
    """Return the status line of what is sent as it is."""
    host = urlsplit(address)
    with socket.create_connection((host.hostname, host.port), timeout=30) as connection:
        connection.sendall(text)
        return connection.makefile("rb").readline()


class TestHosts:
    def test_a_request_may_be_old_or_broken(self, address):
        assert b" 200 " in raw(address, b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 200 " in raw(address, b"GET /healthz HTTP/1.0\r\nHost: localhost\r\nOrigin: null\r\n\r\n")
        assert b" 200 " in raw(address, b"GET /healthz HTTP/1.0\r\nOrigin: null\r\n\r\n")
        for text in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\n\r\n",
            b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 20_000 + b"\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        ):
            try:
                line = raw(address, text)
            except ConnectionError:
                continue
            assert line == b"" or b" 4" in line, text[:60]

    def test_a_body_in_chunks_is_counted(self, address):
        piece = b"%x\r\n%s\r\n" % (65536, b" " * 65536)
        head = b"POST /gradio_api/component_server HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        assert b" 413 " in raw(address, head + b"Transfer-Encoding: chunked\r\n\r\n" + piece * 20)

    @pytest.mark.parametrize(
        "fields",
        [
            {"Host": "a b"},
            {"Host": "evil.example/path"},
            {"Host": 'x"><img src=x onerror=alert(1)>'},
            {"X-Forwarded-Host": "[::1"},
            {"X-Forwarded-Host": "a\\b"},
            {"X-Forwarded-Host": "evil.example:99999999"},
        ],
    )
    def test_a_host_that_is_none_is_refused(self, address, fields):
        assert ask(address, "GET", "/", headers=fields)[0] == 400

    def test_what_only_gradios_own_proxy_may_say_is_not_heard(self, address):
        _, body, _ = ask(address, "GET", "/config", headers={"X-Gradio-Server": "http://evil.example"})
        assert b"evil.example" not in body

    def test_every_answer_is_what_it_says_it_is(self, address):
        for path in ("/", "/config", "/nothing", FILE + "x", "/theme.css"):
            assert ask(address, "GET", path)[2]["x-content-type-options"] == "nosniff"

    def test_it_says_that_it_can_answer(self, address):
        status, body, _ = ask(address, "GET", "/healthz")
        assert (status, json.loads(body)) == (200, {"status": "ok"})


@pytest.fixture(scope="module")
def measuring(service):
    """The address of a page that measures."""
    from app.measuring.jobs import Backend

    with serving_gate(service, Backend(service.networks)) as (address, _):
        yield address


class TestMeasuring:
    """A page that measures: who is not at this machine's own page hears no more than that."""

    def ask(self, address, **fields):
        config = json.loads(ask(address, "GET", "/config")[1])
        component = next(one["id"] for one in config["components"] if one["type"] == "html")
        data = {"question": "measured", "network": "lite", "everything": True}
        question = {"data": data, "component_id": component, "session_hash": "abc", "fn_name": "ask"}
        status, body, _ = post(address, "/gradio_api/component_server", question, **fields)
        return status, json.loads(body)

    def test_its_own_page_may(self, measuring):
        assert "error" not in self.ask(measuring)[1]
        own = urlsplit(measuring).netloc
        assert (
            "error" not in self.ask(measuring, Origin=f"http://{own}", **{"Sec-Fetch-Site": "same-origin"})[1]
        )

    FORGED = (
        *(
            {"Host": host}
            for host in ("evil.example", "127.0.0.1.evil.example", "0x7f.1", "[::2]", "10.0.0.1")
        ),
        *(
            {"Origin": origin}
            for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "file://", "[")
        ),
        *({name: "127.0.0.1"} for name in ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")),
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "127.0.0.1", "X-Forwarded-Proto": "http"},
        {"Forwarded": "for=127.0.0.1;host=127.0.0.1;proto=http"},
        {"Host": "localhost", "X-Forwarded-Host": "evil.example"},
        {"Host": "evil.example", "X-Forwarded-Host": "localhost"},
        {"Host": "evil.example", "Forwarded": "host=localhost", "Origin": "http://evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example", "X-Forwarded-For": "127.0.0.1"},
        {"Host": "localhost", "Origin": "http://localhost", "X-Forwarded-Prefix": "/a"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    )

    @pytest.mark.parametrize("fields", FORGED)
    def test_nobody_else_may(self, measuring, fields):
        status, answer = self.ask(measuring, **fields)
        assert status in (200, 400)
        assert set(answer) == {"error"}
