"""The gate: what every request passes before Gradio sees it, and what every answer passes on its way out."""

import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware

from . import bodies, form, outcome
from .preview import with_preview
from .refusal import Message, Receive, Refusal, Scope, Send, answer
from .routes import COMPONENT, FILE, HEALTH, PAGE, QUESTION, UPLOAD, Route, route_of
from .uploads import Uploads

ACCESS = logging.getLogger("snnet.access")
TROUBLE = logging.getLogger("snnet.web")

MOST_HEADERS = 100
MOST_HEADER_BYTES = 32 * 1024
MOST_ADDRESS_BYTES = 8 * 1024
MOST_AT_ONCE = 500  # requests, streams among them: each may hold a question in memory
STOPPING = "The app is being stopped: ask again in a moment."
RANGE = re.compile(rb"bytes=(?:\d{1,12}-\d{0,12}|-\d{1,12})")
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
# Gradio has the browser look for these two at the host's root, wherever the page lies.
LINKS = (b'href="/manifest.json" />', b'href="manifest.json" /><link rel="icon" href="favicon.ico" />')
BASE = b'<base href="./" />'  # what the page names is below it

App = Callable[[Scope, Receive, Send], Any]


@dataclass
class _Visit:
    """One request under way, and what the log will say of it."""

    method: str
    outcome: outcome.Outcome
    start: float = field(default_factory=time.perf_counter)
    label: str = "-"
    status: int = 0
    bytes: int = 0

    def line(self) -> str:
        """Return it for the log: method, route, status, time, size; nothing that the visitor wrote."""
        question = f" {self.outcome.question}" if self.outcome.question else ""
        ms = 1000 * (time.perf_counter() - self.start)
        return f"{self.method} {self.label}{question} {self.status} {ms:.0f} ms {self.bytes} B"


class Gate:
    """Refuses what the page doesn't need; bounds what is sent; takes uploads; tells how the app is.

    `health` returns "ok" when a photo can be answered, else why not in a word, at once. `files` are those and
    the folders of those that may be read; `endpoints` the names that may be asked.
    """

    def __init__(
        self,
        uploads: Uploads,
        health: Callable[[], str] = lambda: "ok",
        files: Iterable[Path] = (),
        endpoints: Iterable[str] = (),
    ) -> None:
        self.uploads = uploads
        self.is_stopping = False
        self.running = 0  # requests whose answers somebody waits for
        self._at_once = 0
        self._health = health
        self._files = [path.resolve() for path in files]
        self._endpoints = frozenset(endpoints)

    def around(self, app: App) -> App:
        """Return the app behind this gate."""

        async def behind(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._pass(app, scope, receive, send)
            elif scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})  # the page has none
            else:
                await app(scope, receive, send)

        return behind

    async def _pass(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "OPTIONS") else "-"
        visit = _Visit(method, outcome.begin())
        way_out = _WayOut(visit, send, self)
        is_awaited = False
        self._at_once += 1
        try:
            route, path = self._route(scope)
            visit.label = route.label
            way_out.route, way_out.root = route, _root(scope)
            is_awaited = not route.is_stream
            self.running += is_awaited
            await self._answer(app, (scope, path), route, receive, way_out.send)
        except Refusal as refusal:
            if not visit.status:
                await answer(way_out.send, refusal.status, {"error": str(refusal)}, refusal.headers)
        except ConnectionError:
            visit.status = visit.status or 499  # the visitor left, as nginx notes it
        except Exception as error:
            if visit.status and way_out.route and way_out.route.is_result:
                # Gradio begins to answer before it looks whether there is such a session.
                return await way_out.send({"type": "http.response.body", "body": b""})
            at = _place(error)
            TROUBLE.error("%s at %s failed: %s in %s", visit.method, visit.label, type(error).__name__, at)
            TROUBLE.debug("in full", exc_info=error)
            if visit.status:
                raise  # the answer has begun: the connection ends here
            await answer(way_out.send, 500, {"error": "The server could not answer; try again."})
        finally:
            self._at_once -= 1
            self.running -= is_awaited
            ACCESS.info(visit.line())

    def _route(self, scope: Scope) -> tuple[Route, str]:
        """Return a request's route and its path below the app's root; Refusal for what is out of bounds."""
        headers = scope["headers"]
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_ADDRESS_BYTES:
            raise Refusal(414, f"The address has more than {MOST_ADDRESS_BYTES:,} bytes.")
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > MOST_HEADERS or size > MOST_HEADER_BYTES:
            raise Refusal(431, f"The request has more than {MOST_HEADERS} headers, or too long ones.")
        path, root = scope["path"], _root(scope)
        if root and (path == root or path.startswith(f"{root}/")):  # a proxy may leave it there, or not
            path = path[len(root) :] or "/"
        return route_of(path, scope["method"], self._endpoints), path

    async def _answer(
        self, app: App, place: tuple[Scope, str], route: Route, receive: Receive, send: Send
    ) -> None:
        scope, path = place
        if path == HEALTH:
            word = "stopping" if self.is_stopping else self._health()
            return await answer(send, 200 if word == "ok" else 503, {"status": word})
        if self.is_stopping and not route.is_result:
            raise Refusal(503, STOPPING, Retry_After="10")
        if self._at_once > MOST_AT_ONCE:
            raise Refusal(503, "Too many ask at once: ask again in a moment.", Retry_After="5")
        if route.is_bare:
            scope["query_string"] = b""  # Gradio would look views up by it that others left on disk
        scope["headers"] = _checked(scope["headers"])
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        bodies.check_headers(route, headers)
        if path.startswith(FILE):
            self._check_file(path.removeprefix(FILE))
        if route.body == UPLOAD:
            body = bodies.pieces(route, receive)
            photo = await form.take(headers["content-type"], body, self.uploads)
            return await answer(send, 200, [photo])
        if route.body == QUESTION:
            receive = bodies.again(await bodies.question(route, receive), receive)
        try:
            await app(scope, receive, send)
        except KeyError:
            if not path.startswith(COMPONENT):
                raise
            raise Refusal(404, "No part of the page has this number.") from None

    def _check_file(self, name: str) -> None:
        """Raise Refusal for all but the page's own files: not even its sender reads an upload back."""
        try:
            path = Path(name).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            path = None
        if path is None or not any(path.is_relative_to(home) for home in self._files) or not path.is_file():
            raise Refusal(404, "There is no such file here.")


class _WayOut:
    """An answer on its way: counted, and turned into the one that the page's outcome asks for."""

    def __init__(self, visit: _Visit, send: Send, gate: Gate) -> None:
        self.route: Route | None = None
        self.root = ""  # the path that a proxy has the app at
        self._visit, self._send, self._gate = visit, send, gate
        self._is_replaced = False
        self._start: Message | None = None  # of the page, until its body is here

    async def send(self, message: Message) -> None:
        if self._is_replaced:
            return
        if message["type"] == "http.response.start":
            later = self._later(message["status"])
            if later:
                self._is_replaced = True
                content, seconds = later
                await answer(self._start_or_body, 503, content, {"retry-after": str(seconds)})
                return
            if message["status"] == 500 and (status := self._visit.outcome.status):
                message["status"] = status
            if self.route and self.route.label == PAGE:
                self._start = message
                return
        elif self._start:
            start, self._start = self._start, None
            if message.get("body"):
                self._place(start, message)
            await self._start_or_body(start)
        await self._start_or_body(message)

    def _later(self, status: int) -> tuple[dict[str, Any], int] | None:
        """Return what is said instead, and for how many seconds; None where it is an answer."""
        if busy := self._visit.outcome.busy:
            return busy, busy["busy"]["retry_s"]
        if status == 500 and self._gate.is_stopping:  # cut off, as Gradio tells it
            return {"error": STOPPING}, 10
        return None

    def _place(self, start: Message, message: Message) -> None:
        """Write into the page where it lies, for its addresses are relative to that."""
        body = with_preview(message["body"].replace(*LINKS))
        if self.root:
            body = body.replace(BASE, f'<base href="{self.root}/" />'.encode())
        others = [field for field in start["headers"] if field[0].lower() != b"content-length"]
        start["headers"] = [*others, (b"content-length", str(len(body)).encode())]
        message["body"] = body

    async def _start_or_body(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._visit.status = message["status"]
            message["headers"] = [*message.get("headers", []), (b"x-content-type-options", b"nosniff")]
            if self.route and (self.route.is_stream or self.route.is_result):
                message["headers"].append((b"x-accel-buffering", b"no"))  # nginx would hold events back
        elif message["type"] == "http.response.body":
            self._visit.bytes += len(message.get("body", b""))
        await self._send(message)


def _checked(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return a request's headers without those that only Gradio's own server in front may send.

    Raises Refusal for a host that is none: Gradio makes the page's addresses of it.
    """
    for name, value in headers:
        if name in (b"host", b"x-forwarded-host"):
            first = value.decode("latin-1").split(",")[0].strip()
            if not HOST.fullmatch(first):
                raise Refusal(400, "The request's host is no name.")
    dropped = {b"x-gradio-server"}
    if any(name == b"range" and not RANGE.fullmatch(value) for name, value in headers):
        dropped.add(b"range")  # Gradio fails at several at once; the whole is an answer too
    return [(name, value) for name, value in headers if name not in dropped]


def _root(scope: Scope) -> str:
    """Return the path that a proxy has the app at, "" without one; it may be told as an address in full."""
    return urlsplit(scope.get("root_path") or "").path.rstrip("/")


def _place(error: BaseException) -> str:
    """Return the file and line that an error came from."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"


def settings(gate: Gate) -> dict[str, Any]:
    """Return what Gradio's `launch` needs to put the gate in front of its app."""
    return {"app_kwargs": {"middleware": [Middleware(gate.around)], "lifespan": _lifespan}}


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    """Put a host into requests that have none, before all else: Gradio's own middleware fails without."""
    behind = app.middleware_stack

    async def with_host(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not any(name == b"host" for name, _ in scope["headers"]):
            host, port = scope.get("server") or ("localhost", None)
            scope["headers"] = [*scope["headers"], (b"host", f"{host}:{port}".encode())]
        assert behind
        await behind(scope, receive, send)

    app.middleware_stack = with_host
    yield
