"""Weights behind a small HTTP server of this machine, and networks that are fetched from there."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from snnet.catalogue import entries
from snnet.catalogue.figures import figures_of
from snnet.weights.sources import ReleaseFile, here

CHUNK = 64 * 1024


class Served:
    """Files by name; `bytes_a_second` slows them down, `status` refuses them."""

    def __init__(self, url):
        self.url = url
        self.files = {}
        self.bytes_a_second = None
        self.status = 200
        self.ranges = []  # the Range header of every GET, in order

    def source(self, name):
        return ReleaseFile(f"{self.url}{name}")


@contextmanager
def serving():
    """Give a `Served` on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(with_body=False)

        def do_GET(self):
            served.ranges.append(self.headers.get("Range"))
            self.answer(with_body=True)

        def answer(self, with_body):
            content = served.files.get(self.path.lstrip("/"))
            if content is None or served.status != 200:
                self.send_error(404 if content is None else served.status)
                return
            asked = self.headers.get("Range")
            first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(len(content) - first))
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            for start in range(first, len(content) if with_body else 0, CHUNK):
                chunk = content[start : start + CHUNK]
                try:
                    self.wfile.write(chunk)
                except OSError:  # the visitor is gone
                    return
                if served.bytes_a_second:
                    time.sleep(len(chunk) / served.bytes_a_second)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Served(f"http://127.0.0.1:{server.server_port}/")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


class Far(entries.Entry):
    """A network of a folder whose weights are "fetched" first: what is fetched only has to arrive."""

    calibration = "for tests"

    def __init__(self, name, title, folder, source):
        self.name, self.title, self.sources = name, title, (source,)
        self._folder = folder

    def is_here(self):
        return here(self.sources) is not None

    def figures(self):
        return replace(figures_of(self.build()), name=self.name, title=self.title, file_bytes=2_000_000)

    def build(self, weights=None):
        return entries.entry(str(self._folder)).build()


def levit_checkpoint(file):
    """Write a checkpoint of the LeViT network with the authors' names and shapes; 120 MB."""
    import torch

    from tests.reference.deterministic_weights import fill

    reference = json.loads((Path(__file__).parents[1] / "reference" / "levit.json").read_text())
    state = fill({key: tuple(shape) for key, shape in reference["state_dict"].items()})
    torch.save({"model": state}, file)
