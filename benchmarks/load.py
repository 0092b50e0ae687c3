"""What many visitors at once get, each answer compared with the one computed alone.

    python benchmarks/load.py [--visitors 1 4 16 50] [--seconds 120] [--only answers visits ...]

Starts the real app. *answers*: so many callers ask for one answer after another, photo by photo, beside the
same asked of fifteen lines of Gradio around a bare timm model (`plain_app.py`), one after the other in one
run, quiet and beside a process that wants every core. *visits*: visitors with a photo and budgets of their
own classify, sweep, drag and change the network, while the page's data is asked for. *leaving*: callers of
/sweep hang up. *crowd*: 500 at once. *pixels*: 50 PNGs of 63 and 50 JPEGs of 100 megapixels at once.
Exit code 1 if any answer was wrong, or none but a polite refusal.
"""

import asyncio
import io
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from PIL import Image
from serving import ROOT, Served, free_port, parser_of, serve
from visitors import Caller, Log, Truth, component_of, image_of, visit

GMACS = 0.4  # of a single answer: Lite0's own cost
PARTS = ("answers", "visits", "leaving", "crowd", "pixels")


def picture(seed: int, size: tuple[int, int] = (500, 375)) -> bytes:
    """Return a JPEG of coloured patches: what it shows doesn't matter here."""
    random_ = random.Random(seed)
    small = Image.frombytes("RGB", (16, 12), random_.randbytes(16 * 12 * 3))
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def _spin() -> None:
    while True:
        pass


@contextmanager
def busy_machine(is_busy: bool) -> Iterator[None]:
    """Have another process want each core, as a neighbour does."""
    processes = [
        multiprocessing.Process(target=_spin, daemon=True) for _ in range(is_busy * (os.cpu_count() or 1))
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


@contextmanager
def plain() -> Iterator[str]:
    """Serve the plain app, as its author would: with torch's own settings."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_NUM_THREADS")}
    process = subprocess.Popen(
        [sys.executable, "benchmarks/plain_app.py", str(port)],
        cwd=ROOT,
        env=environment | {"GRADIO_ANALYTICS_ENABLED": "False"},
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        while True:
            assert process.poll() is None, "the plain app ended"
            try:
                httpx.get(url, timeout=30)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


async def answers(url: str, callers: int, seconds: float, photos: list[bytes], *more: object) -> Log:
    """Have callers ask for one answer after the other, no photo twice in a long while."""
    log = Log()
    async with Caller(url, Log()) as first:
        gate = asyncio.Semaphore(8)

        async def put(k: int) -> str:
            async with gate:
                return await first.upload(f"{k}.jpg", photos[k])

        paths = await asyncio.gather(*(put(k) for k in range(len(photos))))
    turns = iter(range(10**9))
    end = time.monotonic() + seconds

    async def call() -> None:
        async with Caller(url, log) as caller:
            await caller.run("classify", image_of(paths[next(turns) % len(paths)]), *more)
            while time.monotonic() < end:
                await caller.run("classify", image_of(paths[next(turns) % len(paths)]), *more)

    await asyncio.gather(*(call() for _ in range(callers)))
    return log


def line(title: str, log: Log, kind: str, seconds: float) -> str:
    """Return a line of figures on one kind of question."""
    p50, p95, p99 = (1e3 * log.share(kind, share) for share in (0.5, 0.95, 0.99))
    count = len(log.seconds[kind])
    return (
        f"{title:<34} {count / seconds:7.1f}/s   p50 {p50:7.0f}   p95 {p95:7.0f}   p99 {p99:7.0f} ms   "
        f"{log.polite} polite, {len(log.wrong)} wrong"
    )


def measure_answers(app: Served, visitors: list[int], seconds: float) -> dict[str, float]:
    """Print single answers of the app and of the plain one, in turns; return ratios of throughput."""
    photos = [picture(k) for k in range(320)]  # more than the app keeps tensors of: each is decoded anew
    ratios, quiet_p50 = {}, {}
    with plain() as other:
        for is_busy in (False, True):
            with busy_machine(is_busy):
                for callers in visitors:
                    logs = {}
                    for name, url, more in (("app", app.url, (GMACS, "")), ("plain", other, ())):
                        logs[name] = asyncio.run(answers(url, callers, seconds, photos, *more))
                        title = f"{'busy' if is_busy else 'quiet'}, {callers} callers, {name}"
                        print(line(title, logs[name], "answer", seconds), flush=True)
                        if logs[name].wrong:
                            print("   ", logs[name].wrong[0])
                    mine, theirs = (len(logs[name].seconds["answer"]) for name in ("app", "plain"))
                    key = f"{callers}{' busy' * is_busy}"
                    ratios[key] = mine / theirs
                    quiet_p50.setdefault(callers, logs["app"].share("answer", 0.5))
                    against = logs["app"].share("answer", 0.5) / quiet_p50[callers]
                    print(
                        f"    throughput {ratios[key]:.2f} of the plain app's; p50 {against:.2f} of quiet",
                        flush=True,
                    )
    return ratios


async def _visits(
    app: Served, count: int, seconds: float, photos: dict[str, bytes], networks: list[str], truth: Truth
):
    log, page, memory = Log(), Log(), []
    begun = time.monotonic()
    end = begun + seconds
    component = await component_of(app.url)

    async def look() -> None:
        async with Caller(app.url, page) as caller:
            while time.monotonic() < end:
                await caller.ask(component, "backdrop")
                await caller.ask(component, "network", network=networks[0])
                memory.append((time.monotonic() - begun, app.rss_mb()))
                await asyncio.sleep(1)

    visits = (visit(app.url, photos, networks, truth, log, end) for _ in range(count))
    await asyncio.gather(look(), *visits)
    return log, page, memory


def measure_visits(app: Served, visitors: list[int], seconds: float, networks: list[str]) -> bool:
    """Print what visitors with everything that the page does got; return whether all of it was right."""
    is_right = True
    photos = {f"{k}.jpg": picture(k, (1000, 750)) for k in range(max(visitors))}
    truth = Truth(photos)
    for count in visitors:
        log, page, memory = asyncio.run(_visits(app, count, seconds, photos, networks, truth))
        for kind in ("answer", "whole sweep"):
            print(line(f"{count} visitors, {kind}", log, kind, seconds), flush=True)
        print(f"    sweeps begun {log.sweeps_begun}, whole {log.sweeps_done}; ", end="")
        slowest = max(max(page.seconds[kind], default=0.0) for kind in ("backdrop", "network"))
        print(f"page's data {1e3 * slowest:.0f} ms at most; ", end="")
        first = max((mb for t, mb in memory if t < seconds / 2), default=0.0)
        second = max((mb for t, mb in memory if t >= seconds / 2), default=0.0)
        print(f"memory {first:.0f} MB in the first half, {second:.0f} MB in the second")
        for wrong in [*dict.fromkeys(log.wrong), *dict.fromkeys(page.wrong)][:5]:
            print("    wrong:", wrong)
        is_right &= not log.wrong and not page.wrong and log.sweeps_done == log.sweeps_begun
    return is_right


def measure_leaving(app: Served, count: int = 45) -> None:
    """Print how long the server works on for callers who hung up, and what a newcomer waits."""

    async def leave() -> tuple[float, float]:
        async with Caller(app.url, Log()) as caller:
            path = await caller.upload("photo.jpg", picture(0, (1000, 750)))
            callers = [Caller(app.url, Log()) for _ in range(count)]
            tasks = [asyncio.create_task(one.run("sweep", image_of(path))) for one in callers]
            await asyncio.sleep(1.5)
            for task in tasks:
                task.cancel()
            for one in callers:
                await one.http.aclose()
            process = psutil.Process(app.process.pid)
            begun = time.perf_counter()
            await caller.run("classify", image_of(path), GMACS, "")
            answer_s = time.perf_counter() - begun
            while True:  # until the server rests
                before = sum(process.cpu_times()[:2])
                await asyncio.sleep(0.2)
                if sum(process.cpu_times()[:2]) - before < 0.05:
                    return answer_s, time.perf_counter() - begun - 0.2

    answer_s, rest_s = asyncio.run(leave())
    print(f"{count} callers of /sweep hang up: an answer after {answer_s:.2f} s, rest after {rest_s:.2f} s")


def measure_crowd(app: Served, count: int) -> bool:
    """Print what so many at once get; return whether all were answered or politely refused."""

    async def crowd() -> tuple[int, int, list[str], float]:
        async with Caller(app.url, Log()) as caller:
            path = await caller.upload("photo.jpg", picture(1))
        limits = httpx.Limits(max_connections=None)
        body = {"data": [image_of(path), GMACS, ""]}
        async with httpx.AsyncClient(base_url=app.url, timeout=120, limits=limits) as http:
            begun = time.perf_counter()
            calls = (http.post("gradio_api/run/classify", json=body) for _ in range(count))
            results = await asyncio.gather(*calls, return_exceptions=True)
            took = time.perf_counter() - begun
        good = sum(isinstance(r, httpx.Response) and r.status_code == 200 for r in results)
        polite = sum(
            isinstance(r, httpx.Response) and r.status_code == 503 and "retry-after" in r.headers
            for r in results
        )
        others = [
            str(r) for r in results if not (isinstance(r, httpx.Response) and r.status_code in (200, 503))
        ]
        return good, polite, others, took

    good, polite, others, took = asyncio.run(crowd())
    print(f"{count} at once: {good} answered, {polite} refused, {len(others)} otherwise, in {took:.1f} s")
    for other in others[:3]:
        print("    ", other[:200])
    return not others


def large(kind: str, size: tuple[int, int]) -> bytes:
    """Return a picture of many pixels and few bytes."""
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def measure_pixels(app: Served, count: int) -> bool:
    """Print the memory that the largest photos take; return whether all were answered."""
    is_right = True
    for kind, size in (("PNG", (9000, 7000)), ("JPEG", (10000, 10000))):
        content = large(kind, size)
        before, most, log = app.rss_mb(), [0.0], Log()

        async def all_at_once(kind=kind, content=content, most=most, log=log) -> None:
            async def one(k: int) -> None:
                async with Caller(app.url, log) as caller:
                    own = content + bytes([k])  # equal files would be one
                    path = await caller.upload(f"{k}.{kind.lower()}", own)
                    await caller.run("classify", image_of(path), GMACS, "")

            tasks = asyncio.gather(*(one(k) for k in range(count)))
            while not tasks.done():
                most[0] = max(most[0], app.rss_mb())
                await asyncio.sleep(0.02)
            await tasks

        begun = time.perf_counter()
        asyncio.run(all_at_once())
        took = time.perf_counter() - begun
        time.sleep(10)
        after = app.rss_mb()
        what = f"{count} {kind}s of {size[0] * size[1] / 1e6:.0f} megapixels at once"
        print(
            f"{what}: {took:.0f} s, {before:.0f} MB before, {most[0]:.0f} MB at most, {after:.0f} MB ten "
            f"seconds later; {log.polite} polite, {len(log.wrong)} wrong"
        )
        is_right &= not log.wrong
    return is_right


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[1, 4, 16, 50])
    parser.add_argument("--seconds", type=float, default=120.0, help="of each number of visitors")
    parser.add_argument("--crowd", type=int, default=500)
    parser.add_argument("--large", type=int, default=50, help="photos of each kind for *pixels*")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(ROOT / "assets" / "networks" / "lite", Path(folder) / "second"))
        with serve(str(copy)) as app:
            menu = asyncio.run(_names(app.url))
            networks = [menu["start"], "lite"]
            if "answers" in options.only:
                callers = [count for count in options.visitors if count != 4]
                measure_answers(app, callers, min(options.seconds, 25.0))
            right = []
            if "visits" in options.only:
                right.append(measure_visits(app, options.visitors, options.seconds, networks))
            if "leaving" in options.only:
                measure_leaving(app)
            if "crowd" in options.only:
                right.append(measure_crowd(app, options.crowd))
            if "pixels" in options.only:
                right.append(measure_pixels(app, options.large))
    return 0 if all(right) else 1


async def _names(url: str) -> dict:
    async with Caller(url, Log()) as caller:
        component = await component_of(url)
        menu = await caller.ask(component, "backdrop")
        await caller.ask(component, "network", network=menu["start"])
        await caller.ask(component, "network", network="lite")
        print(json.dumps(menu["start"]), flush=True)
        return menu


if __name__ == "__main__":
    sys.exit(main())
