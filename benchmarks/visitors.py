"""Visitors who ask a running app over HTTP as the page does, for `load.py`; and what was wrong."""

import asyncio
import itertools
import json
import random
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx

TOLERANCE = 1e-4  # between a probability and that of the answer computed alone
NEAR = 2e-4  # probabilities that may change places


@dataclass
class Log:
    """What visitors saw: seconds by kind of question, refusals that were polite, and all that was wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    polite: int = 0
    wrong: list[str] = field(default_factory=list)
    sweeps_begun: int = 0
    sweeps_done: int = 0

    def share(self, kind: str, share: float) -> float:
        """Return a quantile in seconds, 0 without any."""
        values = sorted(self.seconds[kind])
        return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


class Truth:
    """Answers computed alone, by photo and stitch, and which stitch a budget buys."""

    def __init__(self, photos: dict[str, bytes]) -> None:
        import torch

        import snnet
        from snnet.photos.decode import decode

        self.net = snnet.load("lite")
        self.probabilities: dict[str, dict[str, list[float]]] = {}
        for name, content in photos.items():
            photo, rows = decode(content), {}
            for transform in dict.fromkeys(self.net.transform(s) for s in self.net.stitches):
                members = [s for s in self.net.stitches if self.net.transform(s) == transform]
                with torch.inference_mode():
                    for stitch, logits in snnet.sweep(self.net, transform(photo)[None], members):
                        rows[stitch.name] = logits[0].softmax(0).tolist()
            self.probabilities[name] = rows

    def check(self, photo: str, row: dict[str, Any], gmacs: float | None = None) -> str:
        """Return what is wrong with an answer, "" if nothing is."""
        if gmacs is not None and (bought := self.net.select(gmacs=gmacs, silent=True).name) != row["stitch"]:
            return f"{row['stitch']} answered where {gmacs} GMACs buy {bought}"
        expected = self.probabilities[photo][row["stitch"]]
        best = sorted(range(len(expected)), key=lambda k: -expected[k])[: len(row["top5"])]
        for mine, theirs in zip(row["top5"], best, strict=True):
            where, alone = f"{row['stitch']}: class {mine['index']}", expected[mine["index"]]
            if abs(mine["probability"] - alone) > TOLERANCE:
                return f"{where} has {mine['probability']}, alone {alone}"
            if mine["index"] != theirs and abs(alone - expected[theirs]) > NEAR:
                return f"{where} stands where alone {theirs} does"
        return ""


class Caller:
    """One visitor: a connection, a name, and the questions of the page."""

    numbers = itertools.count()

    def __init__(self, url: str, log: Log) -> None:
        self.log = log
        self.number = next(self.numbers)
        # a browser has six connections to a host; it needs no more here
        headers = {"x-visitor": f"visitor-{self.number}"}
        self.http = httpx.AsyncClient(base_url=url, headers=headers, timeout=120)
        self.session = f"session{self.number}"

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.http.aclose()

    async def timed(self, kind: str, request: Any) -> httpx.Response:
        begun = time.perf_counter()
        answer: httpx.Response = await request
        self.log.seconds[kind].append(time.perf_counter() - begun)
        return answer

    async def upload(self, name: str, content: bytes) -> str:
        files = {"files": (name, content, "image/jpeg")}
        while True:
            answer = await self.timed("upload", self.http.post("gradio_api/upload", files=files))
            if not await self.was_polite(answer):
                return answer.json()[0]

    async def was_polite(self, answer: httpx.Response) -> bool:
        """Wait where the server is busy and says how long; note what is no answer at all."""
        if answer.status_code in (429, 503) and "retry-after" in answer.headers:
            self.log.polite += 1
            await asyncio.sleep(min(5, int(answer.headers["retry-after"])))
            return True
        if answer.status_code != 200:
            self.log.wrong.append(f"status {answer.status_code}: {answer.text[:200]}")
            raise Wrong
        return False

    async def run(self, endpoint: str, *data: Any) -> Any:
        kind = endpoint if endpoint != "classify" else "answer"
        while True:
            request = self.http.post(f"gradio_api/run/{endpoint}", json={"data": data})
            answer = await self.timed(kind, request)
            if not await self.was_polite(answer):
                return answer.json()["data"][0]

    async def ask(self, component: int, question: str, **more: Any) -> Any:
        body = {
            "data": {"question": question, **more},
            "fn_name": "ask",
            "component_id": component,
            "session_hash": self.session,
        }
        while True:
            request = self.http.post("gradio_api/component_server", json=body)
            answer = await self.timed(question, request)
            if await self.was_polite(answer):
                continue
            result = answer.json()
            if isinstance(result, dict) and "busy" in result:
                self.log.polite += 1
                await asyncio.sleep(min(5, result["busy"]["retry_s"]))
                continue
            if isinstance(result, dict) and "error" in result:
                self.log.wrong.append(f"{question}: {result['error']}")
                raise Wrong
            return result


class Wrong(Exception):
    """An answer was none; it stands in the log."""


def image_of(path: str) -> dict[str, Any]:
    """Return an uploaded photo as endpoints take it."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


async def component_of(url: str) -> int:
    """Return the number of the page's component, which answers its questions."""
    async with httpx.AsyncClient(base_url=url, timeout=120) as http:
        page = (await http.get("")).text
    config = json.loads(re.search(r"window\.gradio_config = (\{.*?\});</script>", page, re.DOTALL)[1])  # type: ignore[index]
    return next(one["id"] for one in config["components"] if one["type"] == "html")


async def visit(
    url: str, photos: dict[str, bytes], networks: list[str], truth: Truth, log: Log, end: float
) -> None:
    """One visitor until `end`: a photo of their own, its answer and sweep, a drag, another network, again."""
    component = await component_of(url)
    async with Caller(url, log) as caller:
        random_ = random.Random(caller.number)
        names = sorted(photos)
        name = names[caller.number % len(names)]
        path = await caller.upload(name, photos[name])
        for network in itertools.cycle(networks):
            if time.monotonic() > end:
                return
            try:
                await _look(caller, component, network, name, path, truth, random_)
            except Wrong:
                continue
            except httpx.HTTPError as error:
                log.wrong.append(f"{type(error).__name__}: {error}")


async def _look(
    caller: Caller, component: int, network: str, name: str, path: str, truth: Truth, random_: random.Random
):
    log = caller.log
    await caller.ask(component, "network", network=network)
    budgets = [random_.uniform(0.3, 1.0) for _ in range(6)]
    for gmacs in budgets[:1]:
        row = await caller.run("classify", image_of(path), gmacs, network)
        log.wrong += filter(None, [truth.check(name, row, gmacs)])
    first = [truth.net.select(gmacs=gmacs, silent=True).name for gmacs in budgets]
    begun = await caller.ask(component, "begin_sweep", image={"path": path}, network=network, first=first)
    log.sweeps_begun += 1
    start, rows, left = time.perf_counter(), [], begun["total"]
    while left:
        more = await caller.ask(component, "more", sweep=begun["sweep"])
        rows += more["rows"]
        left = more["left"]
    log.seconds["whole sweep"].append(time.perf_counter() - start)
    log.sweeps_done += len({row["stitch"] for row in rows}) == begun["total"]
    log.wrong += filter(None, (truth.check(name, row) for row in rows))
    for gmacs in budgets[1:]:  # a drag that rests here and there
        row = await caller.run("classify", image_of(path), gmacs, network)
        log.wrong += filter(None, [truth.check(name, row, gmacs)])
        await asyncio.sleep(0.1)
