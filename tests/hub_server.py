"""A data set's hub on this machine: as much of the hub's API as reading Parquet files asks."""

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40


@dataclass
class Hub:
    """One data set; `token` gates its files, `fail` answers ranges of files with a status."""

    url: str = ""
    repository: str = "owner/birds"
    files: dict = field(default_factory=dict)  # name -> bytes
    revisions: tuple = ("main", COMMIT)
    card: dict | None = None  # what the data set's README has at its head
    token: str | None = None
    fail: int | None = None
    asked: list = field(default_factory=list)  # (path, Authorization) of every request
    ranges: list = field(default_factory=list)  # (name, first, end) of every range sent

    @property
    def sent(self):
        """Bytes of files that were sent."""
        return sum(end - first for _, first, end in self.ranges)


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_):
        pass

    def do_GET(self):
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        token = self.headers.get("Authorization")
        hub.asked.append((path, token))
        about = re.fullmatch(rf"/api/datasets/{hub.repository}(?:/revision/(.+))?", path)
        file = re.fullmatch(rf"/datasets/{hub.repository}/resolve/{COMMIT}/(.+)", path)
        if about:
            self.about(about[1] or "main")
        elif not file or file[1] not in hub.files:
            self.refuse(404, "EntryNotFound") if file else self.refuse(401, None)
        elif hub.token and token != f"Bearer {hub.token}":
            self.refuse(403 if token else 401, "GatedRepo")
        elif hub.fail:
            self.refuse(hub.fail, None)
        else:
            self.give(file[1])

    def about(self, revision):
        if revision not in self.hub.revisions:
            return self.refuse(404, "RevisionNotFound")
        siblings = [{"rfilename": name, "size": len(content)} for name, content in self.hub.files.items()]
        info = {"id": self.hub.repository, "sha": COMMIT, "siblings": siblings, "cardData": self.hub.card}
        self.answer(200, json.dumps(info).encode())

    def give(self, name):
        content = self.hub.files[name]
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        part = content[first : last + 1]
        self.hub.ranges.append((name, first, first + len(part)))
        self.answer(206, part, {"Content-Range": f"bytes {first}-{last}/{len(content)}"})

    def refuse(self, status, code):
        self.answer(status, b"{}", {"X-Error-Code": code} if code else {})

    def answer(self, status, content, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(handler=Handler):
    """Give a `Hub` on a free port of this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
