"""Layout and endpoints: one HTML component that the browser's script fills, and what it calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import gradio as gr
from fastapi import Request
from gradio.components.api_component import Api
from gradio.context import LocalContext

from . import examples, opening
from .figures import chart
from .measuring.jobs import Backend
from .questions import Questions
from .service import Service
from .shipped import markup, plotly_js, shipped, text
from .waiting import HasLeft, answer, visitor
from .web import outcome
from .web.gate import Gate, settings
from .web.routes import PHOTO_BYTES
from .web.uploads import Uploads
from .work.scheduler import Task

BACKEND = "measuring/backend"  # the part that only measuring has
PARTS = (  # each has its markup, style and script
    *("photo/answers", "network/fetch", "network/route", "zoo/zoo", "zoo/compare"),
    *(BACKEND, "stage/stage", "trouble/trouble", "address"),
)
ENDPOINTS = ("classify", "sweep", "frontier", "networks")

# The page's head does not wait for its scripts; until ours has run, `explorer` is the element of that id. A
# script that was lost on its way comes with the whole page, once the server is back.
START = """
const wait = setInterval(() => {
  if (!window.Plotly || !window.explorer?.start) return;
  clearInterval(wait);
  clearInterval(reload);
  window.explorer.start(element);
}, 20);
const reload = setInterval(async () => {
  if (!window.explorerLacks) return;
  element.querySelector("#sn-wait-text").textContent = "The server does not answer: trying again …";
  const { ok } = await fetch(window.explorerLacks, { method: "HEAD" }).catch(() => ({}));
  if (ok) location.reload();
}, 2000);
"""
LACKS = 'onerror="window.explorerLacks = this.src"'

SESSIONS = 64  # of which Gradio remembers what they sent; the page needs nothing of it


class _Page(gr.Blocks):
    """Blocks whose endpoints may be asked over plain HTTP without their optional last arguments too.

    They get what was sent as it is: what is marked as a file Gradio would copy, or fetch from another host.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **keywords: Any) -> Any:
        lacking = block_fn.inputs[len(inputs) :]
        if all(isinstance(block, Api) and block.value is not None for block in lacking):
            inputs = [*inputs, *(block.value for block in lacking)]
        elif lacking:
            with _sentences():
                raise ValueError(
                    f"{block_fn.api_name} takes more than {len(inputs)} values: see its description"
                )
        return await super().preprocess_data(block_fn, _unmarked(inputs), *rest, **keywords)


def gate(service: Service, uploads: Uploads) -> Gate:
    """Return what requests to the page of a service pass."""
    return Gate(uploads, service.state, _files(), ENDPOINTS)


def build(service: Service, uploads: Uploads, backend: Backend | None = None) -> gr.Blocks:
    """Return the page of one service. Everything that it shows is served from this machine.

    With a `backend` it also measures, which only this machine's own page may ask: see `check_sender`.
    """
    gr.set_static_paths(_files())
    questions = Questions(service, uploads, backend)

    async def ask(question: Any, request: gr.Request) -> Any:
        return await questions.answer(question, _plain(request))

    async def task(begin: Callable[..., Task], image: dict, *more: Any) -> Any:
        request = _plain(LocalContext.request.get())
        with _sentences(service.sentence), uploads.reading(image) as path:
            return await answer(partial(begin, path, *more, visitor=visitor(request)), _has_left(request))

    async def classify(image: dict, gmacs: Any, network: str = "") -> dict:
        return await task(service.classify_task, image, gmacs, network)

    async def sweep(image: dict, network: str = "") -> list:
        return await task(service.sweep_task, image, network)

    def frontier(network: str = "") -> dict:
        with _sentences(service.sentence):
            return service.frontier(network)

    def networks(network: str = "") -> list:
        with _sentences(service.sentence):
            return service.networks.summaries(network)

    classify.__annotations__["gmacs"] = float  # what the endpoint's description says; a text is answered too

    with _Page(title="SN-Net explorer", fill_width=True) as page:
        gr.HTML(
            html_template=_template(service, backend is not None),
            js_on_load=START,
            server_functions=[ask],
            apply_default_css=False,
            elem_id="explorer",
        )
        for endpoint in (classify, sweep, frontier, networks):
            # Not queued, nor bounded in number: the service has its own line, fair to all who ask.
            gr.api(endpoint, api_name=endpoint.__name__, queue=False, concurrency_limit=None)
    return page


def launch_options(gate: Gate) -> dict[str, Any]:
    """Return what `launch` needs for this page behind its gate, whoever launches it."""
    return settings(gate) | {
        "css_paths": [shipped(f"{name}.css") for name in ("explorer", *PARTS)],
        "head": f'<script src="gradio_api/file={plotly_js()}" defer {LACKS}></script>'
        f'<script src="gradio_api/file={shipped("explorer.js")}" type="module" {LACKS}></script>',
        "favicon_path": shipped("favicon.svg"),
        "footer_links": ["api", "gradio"],
        "run_history": False,
        "ssr_mode": False,
        "max_file_size": PHOTO_BYTES,
        "state_session_capacity": SESSIONS,
        "enable_monitoring": False,
        "mcp_server": False,
        "quiet": True,
    }


@contextmanager
def _sentences(sentence: Callable[[Exception], str] = str) -> Iterator[None]:
    """Turn what an endpoint raises into the sentence that its caller gets, and tell it to the gate."""
    try:
        yield
    except (ValueError, RuntimeError, OSError) as error:
        outcome.refuse(error)
        raise gr.Error(sentence(error), print_exception=False) from error


def _plain(request: gr.Request | None) -> Request:
    """Return a request that has all that is asked of it: Gradio's hands on what its own has."""
    return cast(Request, request)


def _has_left(request: Request) -> HasLeft:
    """Return what tells whether the caller of an endpoint is there no more."""
    blocks, event = LocalContext.blocks.get(), LocalContext.event_id.get()
    if blocks is None or event is None:
        return request.is_disconnected

    async def has_left() -> bool:  # by Gradio's own queue the answer comes on another request
        job = blocks._queue.event_ids_to_events.get(event)
        return job is None or not job.alive

    return has_left


def _unmarked(value: Any) -> Any:
    """Return what was sent without the marks by which Gradio tells files."""
    if isinstance(value, dict):
        return {key: _unmarked(part) for key, part in value.items() if key != "meta"}
    return [_unmarked(part) for part in value] if isinstance(value, list) else value


def _files() -> list[Path]:
    """Return the files that anyone may read, and the folders of such."""
    return [shipped(), plotly_js(), examples.FOLDER]


def _template(service: Service, measures: bool) -> str:
    parts = [part for part in PARTS if part != BACKEND or measures]
    figures = service.networks.entry().figures()
    slots = {**chart.head(figures), **opening.slots(examples.answers_of(figures))}
    return markup(service.networks.title, parts, text("explorer.html"), slots)
