"""Layout and endpoints: one HTML component that the browser's script fills, and what it calls."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.media import get_image

from .measuring.jobs import Backend
from .questions import Questions, uploaded
from .service import Service
from .shipped import markup, plotly_js, shipped, text

BACKEND = "measuring/backend"  # the part that only measuring has
PARTS = (  # each has its markup, style and script
    *("photo/answers", "network/route", "zoo/zoo", "zoo/compare"),
    *(BACKEND, "stage/stage", "address"),
)
EXAMPLES = {"lion.jpg": "lion", "cheetah1.jpg": "cheetah", "tower.jpg": "tower", "bus.png": "bus"}

# The page's head does not wait for its scripts; until ours has run, `explorer` is the element of that id.
START = """
const wait = setInterval(() => {
  if (!window.Plotly || !window.explorer?.start) return;
  clearInterval(wait);
  window.explorer.start(element, server.ask);
}, 20);
"""

DAY = 24 * 3600  # s


class _Page(gr.Blocks):
    """Blocks whose endpoints may be asked over plain HTTP without their optional last arguments too."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **keywords: Any) -> Any:
        lacking = block_fn.inputs[len(inputs) :]
        if all(isinstance(block, Api) and block.value is not None for block in lacking):
            inputs = [*inputs, *(block.value for block in lacking)]
        return await super().preprocess_data(block_fn, inputs, *rest, **keywords)


def build(service: Service, backend: Backend | None = None) -> gr.Blocks:
    """Return the page of one service. Everything that it shows is served from this machine.

    With a `backend` it also measures, which only this machine's own page may ask: see `check_sender`.
    """
    examples = [Path(get_image(name)).resolve() for name in EXAMPLES]
    gr.set_static_paths([shipped(), plotly_js().parent, *examples])

    def answer(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ValueError, RuntimeError, OSError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    questions = Questions(service, backend)

    def ask(question: Any, request: gr.Request) -> Any:
        return questions.answer(question, request.headers)

    def classify(image: dict, gmacs: Any, network: str = "") -> dict:
        return answer(lambda: service.classify(uploaded(image), gmacs, network))

    def sweep(image: dict, network: str = "") -> list:
        return answer(lambda: service.sweep(uploaded(image), network))

    def frontier(network: str = "") -> dict:
        return answer(lambda: service.frontier(network))

    def networks(network: str = "") -> list:
        return answer(lambda: service.networks.summaries(network))

    classify.__annotations__["gmacs"] = float  # what the endpoint's description says; a text is answered too

    # Uploads older than a day are swept away once a day.
    with _Page(title="SN-Net explorer", fill_width=True, delete_cache=(DAY, DAY)) as page:
        gr.HTML(
            html_template=_template(examples, service, backend is not None),
            js_on_load=START,
            server_functions=[ask],
            apply_default_css=False,
            elem_id="explorer",
        )
        for endpoint in (classify, sweep, frontier, networks):
            # Not queued: an answer takes some 50 ms, and the service itself bounds how many run at once.
            gr.api(endpoint, api_name=endpoint.__name__, queue=False)
    return page


def launch_options() -> dict[str, Any]:
    """Return what `launch` needs for this page, whoever launches it."""
    return {
        "css_paths": [shipped(f"{name}.css") for name in ("explorer", *PARTS)],
        "head": f'<script src="gradio_api/file={plotly_js()}" defer></script>'
        f'<script src="gradio_api/file={shipped("explorer.js")}" type="module"></script>',
        "favicon_path": shipped("favicon.svg"),
        "footer_links": ["api", "gradio"],
        "run_history": False,
        "ssr_mode": False,
        "max_file_size": "100mb",
        "quiet": True,
    }


def _template(examples: list[Path], service: Service, measures: bool) -> str:
    buttons = ""
    for path, label in zip(examples, EXAMPLES.values(), strict=True):
        image = f'<img src="gradio_api/file={path}" alt="">'
        buttons += f'<button type="button" class="example" aria-label="Example: {label}">{image}</button>'
    parts = [part for part in PARTS if part != BACKEND or measures]
    return markup(service.networks.title, parts, text("explorer.html"), buttons)
