import contextlib
import errno
import hashlib
import io
import os
import random
import re
import shutil
import threading
import time
from collections import namedtuple
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants  # read the user's environment before a test changes it

from snnet.weights import sources as download
from snnet.weights import transfer
from snnet.weights.files import WeightsError
from snnet.weights.sources import HubFile, ReleaseFile, fetch, here, size
from tests.limits import disk, only_read
from tests.refusals.sites import refusal

NAME = "tiny.safetensors"
BODY = random.Random(0).randbytes(400_000)
REPOSITORY = "owner/tiny"


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@dataclass
class Seen:
    """One request: what was asked, and what was sent of the body (bytes)."""

    method: str
    path: str
    range: str | None
    status: int = 0
    sent: int = 0
    authorized: bool = False
    encoding: str | None = None


@dataclass
class Site:
    """A hub and a releases page in one, both with the same one file, which lies on a third server."""

    url: str = ""
    body: bytes = BODY
    hub_etag: str = digest(BODY)
    hub_size: int | None = None
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    ranges: bool = True
    redirects: bool = True
    breaks: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    missing: set[str] = field(default_factory=set)  # "hub", "release"
    seen: list[Seen] = field(default_factory=list)

    def source(self, kind):
        return HubFile(REPOSITORY, NAME) if kind == "hub" else ReleaseFile(f"{self.url}/releases/{NAME}")

    def gets(self):
        return [seen for seen in self.seen if seen.method == "GET" and seen.status != 302]

    def change(self, body):
        self.body, self.hub_etag = body, digest(body)
        self.headers = {"ETag": '"two"'}

    def answer(self, request):
        known = {f"/{REPOSITORY}/resolve/main/{NAME}": "hub", f"/releases/{NAME}": "release", "/cdn": "cdn"}
        kind = known.get(request.path)
        seen = Seen(request.command, request.path, request.headers.get("Range"))
        seen.authorized = "Authorization" in request.headers
        seen.encoding = request.headers.get("Accept-Encoding")
        self.seen.append(seen)
        headers, body, seen.status = dict(self.headers), self.body, 200
        asked = seen.range if self.ranges else None
        if request.headers.get("If-Range", self.headers.get("ETag")) not in self.headers.values():
            asked = None
        if kind == "hub":
            headers["X-Repo-Commit"] = "c" * 40
            headers["X-Linked-ETag"] = f'"{self.hub_etag}"'
            headers["X-Linked-Size"] = str(self.hub_size or len(self.body))
        if not kind or kind in self.missing:
            body, headers, seen.status = b"", {}, 404
        elif kind != "cdn" and self.redirects:
            body, seen.status = b"", 302
            headers["Location"] = f"{self.url.replace('127.0.0.1', 'localhost')}/cdn"
        elif asked:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            seen.status = 206 if start < len(body) else 416
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body = body[start:]
        request.send_response(seen.status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        if request.command == "GET":
            if body and self.breaks:
                body = body[: self.breaks.pop(0)]
            seen.sent = len(body)
            request.wfile.write(body)


@pytest.fixture
def site(tmp_path, monkeypatch):
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.answer(self)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

        def handle(self):
            with contextlib.suppress(ConnectionError):  # the client cancelled
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)  # asks the real hub once a day
    monkeypatch.setattr(transfer, "BACK_OFF_S", 0.0)
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


both = pytest.mark.parametrize("kind", ["hub", "release"])


def part(tmp_path):
    """The one partial file below the caches."""
    return next(tmp_path.rglob("*.part"))


def leftovers(tmp_path):
    """The files below the caches whose name or whose text shows that they are partial."""
    return [file.name for file in tmp_path.rglob("*") if ".part" in file.name]


def stopping(after, error):
    """A progress that raises once so many bytes have come."""

    def progress(done, total):
        if done >= after:
            raise error

    return progress


@both
def test_a_file_is_fetched_once(site, tmp_path, kind):
    sources = [site.source(kind)]
    assert here(sources) is None
    steps = []
    file = fetch(sources, lambda *step: steps.append(step))
    assert file.name == NAME
    assert file.read_bytes() == BODY
    assert steps[0] == (0, len(BODY))
    assert steps[-1] == (len(BODY), len(BODY))
    assert steps == sorted(steps)
    assert {seen.encoding for seen in site.gets()} == {"identity"}
    assert leftovers(tmp_path) == []
    site.seen.clear()
    assert fetch(sources) == here(sources) == file
    assert site.seen == []


def test_files_lie_where_other_tools_find_them(site, tmp_path):
    import huggingface_hub
    import torch

    file = fetch([site.source("release")])
    assert file == Path(torch.hub.get_dir(), "checkpoints", NAME)
    file = fetch([site.source("hub")])
    again = huggingface_hub.hf_hub_download(
        REPOSITORY, NAME, cache_dir=tmp_path / "hf" / "hub", local_files_only=True
    )
    assert Path(again) == file


def test_the_cache_of_the_hub_can_be_moved_alone(site, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "moved"))
    assert fetch([site.source("hub")]).is_relative_to(tmp_path / "moved")


@pytest.mark.parametrize("revision", ["v1", "c" * 40])
def test_a_revision_is_asked_for(site, revision):
    with pytest.raises(WeightsError, match=f"resolve/{revision}/{NAME}"):  # the server has but main
        fetch([HubFile(REPOSITORY, NAME, revision)])


def test_small_files_of_the_hub_come_without_a_redirect(site):
    site.redirects = False
    site.breaks = [150_000]
    assert fetch([site.source("hub")]).read_bytes() == BODY


def test_the_token_is_shown_to_the_hub_alone(site, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    fetch([site.source("hub")])
    fetch([site.source("release")])
    assert {(seen.path, seen.authorized) for seen in site.seen} == {
        (f"/{REPOSITORY}/resolve/main/{NAME}", True),
        (f"/releases/{NAME}", False),
        ("/cdn", False),
    }


@both
def test_size_asks_for_heads_alone(site, tmp_path, kind):
    assert size([site.source(kind)]) == len(BODY)
    assert {seen.method for seen in site.seen} == {"HEAD"}
    assert list(tmp_path.rglob(f"*{NAME}*")) == []


@both
def test_a_broken_connection_is_resumed_at_once(site, kind):
    site.breaks = [150_000, 100_000]
    steps = []
    file = fetch([site.source(kind)], lambda *step: steps.append(step))
    assert file.read_bytes() == BODY
    assert [seen.range for seen in site.gets()] == [None, "bytes=150000-", "bytes=250000-"]
    assert sum(seen.sent for seen in site.gets()) == len(BODY)
    assert steps == sorted(steps)


@both
def test_each_break_that_brought_bytes_is_resumed(site, kind):
    site.breaks = [40_000] * 9
    assert fetch([site.source(kind)]).read_bytes() == BODY
    assert len(site.gets()) == 10


@both
def test_a_server_that_brings_no_byte_is_given_up_and_resumed_later(site, tmp_path, kind):
    site.breaks = [100_000] + [0] * 3
    with pytest.raises(WeightsError, match=NAME):
        fetch([site.source(kind)])
    assert site.breaks == []
    assert part(tmp_path).read_bytes() == BODY[:100_000]
    assert here([site.source(kind)]) is None
    site.seen.clear()
    steps = []
    assert fetch([site.source(kind)], lambda *step: steps.append(step)).read_bytes() == BODY
    assert [(seen.range, seen.sent) for seen in site.gets()] == [("bytes=100000-", 300_000)]
    assert steps[0] == (100_000, len(BODY))


@both
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("cancelled"), OSError("stderr is gone")])
def test_what_progress_raises_stops_and_can_be_resumed(site, tmp_path, kind, error):
    with pytest.raises(type(error)) as caught:
        fetch([site.source(kind), site.source(kind)], stopping(100_000, error))
    assert caught.value is error
    kept = part(tmp_path).stat().st_size
    assert 100_000 <= kept < len(BODY)
    site.seen.clear()
    assert fetch([site.source(kind)]).read_bytes() == BODY
    assert [(seen.range, seen.sent) for seen in site.gets()] == [(f"bytes={kept}-", len(BODY) - kept)]
    assert leftovers(tmp_path) == []


@both
def test_a_stop_after_the_last_byte_fetches_no_byte_again(site, kind):
    with pytest.raises(KeyboardInterrupt):
        fetch([site.source(kind)], stopping(len(BODY), KeyboardInterrupt()))
    site.seen.clear()
    steps = []
    assert fetch([site.source(kind)], lambda *step: steps.append(step)).read_bytes() == BODY
    assert site.gets() == []
    assert steps == [(len(BODY), len(BODY))]


@both
def test_a_server_without_ranges_starts_over(site, kind):
    site.ranges = False
    site.breaks = [150_000]
    steps = []
    assert fetch([site.source(kind)], lambda *step: steps.append(step)).read_bytes() == BODY
    assert [seen.sent for seen in site.gets()] == [150_000, len(BODY)]
    assert steps == sorted(steps)
    assert steps[-1] == (len(BODY), len(BODY))


@both
def test_a_server_without_ranges_that_always_breaks_is_given_up(site, kind):
    site.ranges = False
    site.breaks = [150_000] * 9
    with pytest.raises(WeightsError):
        fetch([site.source(kind)])
    assert len(site.gets()) == 1 + transfer.ATTEMPTS


@both
@pytest.mark.parametrize("length", [300_000, 400_000, 90_000])
def test_a_file_that_changed_starts_over(site, kind, length):
    with pytest.raises(KeyboardInterrupt):
        fetch([site.source(kind)], stopping(100_000, KeyboardInterrupt()))
    changed = random.Random(1).randbytes(length)
    site.change(changed)
    assert fetch([site.source(kind)]).read_bytes() == changed


@pytest.mark.parametrize(
    ("headers", "range_again"),
    [
        ({"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, "bytes=150000-"),
        ({"ETag": 'W/"weak"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, "bytes=150000-"),
        ({"ETag": 'W/"weak"'}, None),
        ({}, None),
    ],
)
def test_only_what_can_be_told_from_another_file_is_resumed(site, headers, range_again):
    site.headers = headers
    site.breaks = [150_000]
    assert fetch([site.source("release")]).read_bytes() == BODY
    assert [seen.range for seen in site.gets()] == [None, range_again]


def test_a_hash_tells_files_apart_where_the_server_does_not(site):
    site.headers = {}
    site.breaks = [150_000]
    assert fetch([ReleaseFile(site.source("release").url, digest(BODY))]).read_bytes() == BODY
    assert [seen.range for seen in site.gets()] == [None, "bytes=150000-"]


def test_a_range_of_another_file_is_not_taken(site):
    with pytest.raises(KeyboardInterrupt):
        fetch([site.source("release")], stopping(100_000, KeyboardInterrupt()))
    site.body = random.Random(1).randbytes(500_000)  # under the same ETag
    assert fetch([site.source("release")]).read_bytes() == site.body


def test_a_part_of_another_mirror_is_not_taken(site):
    with pytest.raises(KeyboardInterrupt):
        fetch([site.source("release")], stopping(100_000, KeyboardInterrupt()))
    site.body = random.Random(1).randbytes(len(BODY))  # of the same length, under the same ETag
    mirror = ReleaseFile(site.source("release").url.replace("127.0.0.1", "localhost"))
    assert fetch([mirror]).read_bytes() == site.body


def test_a_size_that_the_hub_does_not_name_is_refused(site, tmp_path):
    site.hub_size = len(BODY) + 1
    with pytest.raises(WeightsError, match=r"sends 400,000 bytes and names 400,001"):
        fetch([site.source("hub")])
    assert leftovers(tmp_path) == []
    assert here([site.source("hub")]) is None


def test_a_length_that_lies_is_refused(site):
    site.headers = {"ETag": '"one"', "Content-Length": "400100"}
    with pytest.raises(WeightsError, match=NAME):
        fetch([site.source("release")])
    assert here([site.source("release")]) is None


@both
def test_a_wrong_hash_is_refused(site, tmp_path, kind):
    wrong = "0123456789abcdef" * 4
    site.hub_etag = wrong
    source = HubFile(REPOSITORY, NAME) if kind == "hub" else ReleaseFile(site.source(kind).url, wrong)
    expected = f"{NAME} .*starts with {digest(BODY)[:12]} and not 0123456789ab"
    with pytest.raises(WeightsError, match=expected):
        fetch([source])
    assert leftovers(tmp_path) == []
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and file.stat().st_size]
    assert here([source]) is None


def test_a_file_of_this_name_with_another_hash_is_replaced(site):
    source = ReleaseFile(site.source("release").url, digest(BODY).upper())
    source.target.parent.mkdir(parents=True)
    source.target.write_bytes(b"damaged")
    assert here([source]) is None
    assert fetch([source]) == here([source])
    assert source.target.read_bytes() == BODY


@both
def test_a_full_disk_is_said_before_the_first_byte(site, tmp_path, monkeypatch, kind):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 300_000))
    steps = []
    with pytest.raises(WeightsError, match=r"the disk is full: 0\.4 MB are needed and 0\.3 MB are free"):
        fetch([site.source(kind)], lambda *step: steps.append(step))
    assert steps == []
    assert leftovers(tmp_path) == []


@both
def test_a_disk_that_fills_up_keeps_what_came(site, tmp_path, monkeypatch, kind):
    class Full(io.FileIO):
        """A file that takes 200,000 bytes."""

        def write(self, chunk):
            if self.tell() + len(chunk) > 200_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(chunk)

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "open", Full, raising=False)
        with pytest.raises(WeightsError, match=r"the disk is full: 0\.\d MB are needed and"):
            fetch([site.source(kind)])
    kept = part(tmp_path).stat().st_size
    assert 0 < kept <= 200_000
    site.seen.clear()
    assert fetch([site.source(kind)]).read_bytes() == BODY
    assert [seen.range for seen in site.gets()] == [f"bytes={kept}-"]


def test_a_folder_that_cannot_be_made_is_said(site, tmp_path):
    (tmp_path / "torch").write_text("not a folder")
    with pytest.raises(
        WeightsError, match=r"torch is a file, where a folder is needed\): move.* TORCH_HOME .*--weights FILE"
    ):
        fetch([site.source("release")])


@pytest.mark.parametrize(("missing", "other"), [("hub", "release"), ("release", "hub")])
def test_the_next_mirror_is_asked(site, missing, other):
    site.missing = {missing}
    sources = [site.source(missing), site.source(other)]
    assert size(sources) == len(BODY)
    file = fetch(sources)
    assert file.read_bytes() == BODY
    assert here(sources) == here([site.source(other)]) == file


def test_progress_does_not_fall_from_mirror_to_mirror(site):
    site.breaks = [150_000, 0, 0, 0]
    steps = []
    fetch([site.source("release"), site.source("hub")], lambda *step: steps.append(step))
    assert site.breaks == []
    assert steps == sorted(steps)
    assert steps[-1] == (len(BODY), len(BODY))


@pytest.mark.parametrize("call", [fetch, size])
def test_one_sentence_says_what_to_do_when_all_mirrors_fail(site, tmp_path, call):
    site.missing = {"hub", "release"}
    with pytest.raises(WeightsError) as caught:
        call([site.source("hub"), site.source("release")])
    host = site.url.removeprefix("http://")
    assert str(caught.value) == (
        f"{NAME} can't be fetched ({host}: HTTP 404; {host}: HTTP 404): get it from "
        f"{site.url}/{REPOSITORY}/resolve/main/{NAME} or {site.url}/releases/{NAME} and put it at "
        f"{tmp_path / 'torch' / 'hub' / 'checkpoints' / NAME} or name it with --weights FILE"
    )


@both
@pytest.mark.parametrize("call", [fetch, size])
@pytest.mark.parametrize("way", ["refused", "unknown", "forbidden"])
def test_without_a_network_the_sentence_is_the_same(site, monkeypatch, kind, call, way):
    elsewhere = {"refused": "http://127.0.0.1:9", "unknown": "http://host.invalid", "forbidden": site.url}[
        way
    ]
    if way == "forbidden":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", elsewhere)
    monkeypatch.setattr(transfer, "BACK_OFF_S", -1.0)  # raises, as there is nothing to wait for
    source = HubFile(REPOSITORY, NAME) if kind == "hub" else ReleaseFile(f"{elsewhere}/releases/{NAME}")
    with pytest.raises(WeightsError) as caught:
        call([source])
    text = str(caught.value)
    assert text.startswith(f"{NAME} can't be fetched (")
    assert ("HF_HUB_OFFLINE" if way == "forbidden" else "no network") in text
    assert source.address in text
    assert text.endswith("name it with --weights FILE")
    assert "\n" not in text
    assert site.seen == []


@both
def test_two_threads_download_once(site, kind):
    files = []
    second = threading.Thread(target=lambda: files.append(fetch([site.source(kind)])))

    def progress(done, total):
        if done == 0:
            second.start()
            time.sleep(0.3)  # until the second waits

    files.append(fetch([site.source(kind)], progress))
    second.join()
    assert len(files) == 2
    assert files[0] == files[1]
    assert files[0].read_bytes() == BODY
    assert len(site.gets()) == 1


def test_the_bar_starts_where_the_last_call_stopped(site, capsys):
    with pytest.raises(KeyboardInterrupt), transfer.console_progress(NAME) as progress:
        fetch(
            [site.source("release")],
            lambda *step: (progress(*step), stopping(200_000, KeyboardInterrupt())(*step)),
        )
    assert "400k/400k" not in capsys.readouterr().err
    with transfer.console_progress(NAME) as progress:
        fetch([site.source("release")], progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.lstrip("\r").startswith(f"{NAME}:  5") or err.lstrip("\r").startswith(f"{NAME}:  6")
    assert "400k/400k" in err


def test_importing_does_nothing():
    import subprocess
    import sys

    heavy = "[m for m in ('torch', 'httpx', 'huggingface_hub', 'tqdm') if m in sys.modules]"
    code = f"import sys, snnet.weights.sources; sys.exit(', '.join({heavy}) or None)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(download.__file__).parents[2])


@refusal("snnet/weights/sources.py: can't be fetched, as")
@both
def test_a_place_that_takes_no_file_is_said_with_what_moves_it(site, refused, tmp_path, monkeypatch, kind):
    """Not a server's doing: each sentence names the variable, which helps; nothing empty is left."""
    variable = {"hub": "HF_HOME", "release": "TORCH_HOME"}[kind]
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with disk(tmp_path / "small", "size=300k") as place:
        monkeypatch.setenv(variable, str(place))
        with refused() as told:
            fetch([site.source(kind)])
        words = rf"the disk is full: 0\.4 MB are needed and .* make room, or let {variable} name another"
        assert re.search(words, told.sentence), told.sentence
        assert "get it from" in told.sentence
        assert not list(place.rglob("*.part*"))
        with (
            only_read(place),
            pytest.raises(WeightsError, match=f"only be read.*let {variable} name another"),
        ):
            fetch([site.source(kind)])
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert fetch([site.source(kind)]).read_bytes() == BODY
