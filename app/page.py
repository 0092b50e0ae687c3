"""Layout and endpoints: one HTML component that the browser's script fills, and what it calls."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.media import get_image
from gradio.utils import get_upload_folder

from .measuring.jobs import Backend
from .measuring.loopback import check_sender
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
  window.explorer.start(element, server);
}, 20);
"""

DAY = 24 * 3600  # s


class _Page(gr.Blocks):
    """Blocks whose endpoints may be asked over plain HTTP without their optional last arguments too."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> Any:
        lacking = block_fn.inputs[len(inputs) :]
        if all(isinstance(block, Api) and block.value is not None for block in lacking):
            inputs = [*inputs, *(block.value for block in lacking)]
        return await super().preprocess_data(block_fn, inputs, *rest, **named)


def build(service: Service, backend: Backend | None = None) -> gr.Blocks:
    """Return the page of one service. Everything that it shows is served from this machine.

    With a `backend` it also measures, which only this machine's own page may ask: see `backend.check_sender`.
    """
    examples = [Path(get_image(name)).resolve() for name in EXAMPLES]
    gr.set_static_paths([shipped(), plotly_js().parent, *examples])

    def answer(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ValueError, RuntimeError, OSError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    def served(call: Callable[[], Any]) -> Any:
        # A server function's exception would reach the browser as a bare 500, without its sentence.
        try:
            return call()
        except Exception as error:
            return {"error": str(error)}

    def backdrop(_: Any) -> dict:
        return service.backdrop()

    def network(asked: Any) -> dict:
        name = _named(asked)
        found = served(lambda: service.network(name))
        if "error" in found and name in ("", service.name):
            found |= {"instead": service.instead(), "fetching": service.is_fetching(name)}
        return found

    def size(asked: Any) -> dict:
        return served(lambda: service.size(_named(asked)))

    def fetch(asked: Any) -> dict:
        return served(lambda: service.fetch(_named(asked)))

    def progress(asked: Any) -> dict:
        return served(lambda: service.progress(_named(asked)))

    def begin_sweep(asked: Any) -> dict:
        return served(
            lambda: service.begin_sweep(_uploaded(asked["image"]), _named(asked), asked.get("first", ()))
        )

    def more(asked: Any) -> dict:
        return served(lambda: service.more(asked["sweep"]))

    def end_sweep(asked: Any) -> None:
        served(lambda: service.end_sweep(asked["sweep"]))

    def zoo_size(asked: Any) -> dict:
        return served(lambda: service.zoo.size(asked["model"]))

    def zoo_fetch(asked: Any) -> dict:
        return served(lambda: service.zoo.fetch(asked["model"]))

    def zoo_progress(asked: Any) -> dict:
        return served(lambda: service.zoo.progress(asked["model"]))

    def compare_photo(asked: Any) -> dict:
        found = served(
            lambda: service.compare_photo(
                _uploaded(asked["image"]),
                asked["model"],
                asked["image_size"],
                asked["stitches"],
                _named(asked),
            )
        )
        if "error" in found:  # a photo that was swept away is uploaded again
            found["gone"] = not served(lambda: {"here": Path(_uploaded(asked["image"])).is_file()}).get(
                "here"
            )
        return found

    def measuring(request: gr.Request, call: Callable[[Backend], dict]) -> dict:
        def checked() -> dict:
            assert backend is not None
            check_sender(request.headers)
            return call(backend)

        return served(checked)

    def measure(asked: Any, request: gr.Request) -> dict:
        return measuring(request, lambda backend: backend.start(asked))

    def measure_progress(_: Any, request: gr.Request) -> dict:
        return measuring(request, lambda backend: backend.progress())

    def measure_cancel(_: Any, request: gr.Request) -> dict:
        return measuring(request, lambda backend: backend.cancel())

    def measured(asked: Any, request: gr.Request) -> dict:
        return measuring(request, lambda backend: backend.table(_named(asked), bool(asked.get("everything"))))

    def classify(image: dict, gmacs: Any, network: str = "") -> dict:
        return answer(lambda: service.classify(_uploaded(image), gmacs, network))

    def sweep(image: dict, network: str = "") -> list:
        return answer(lambda: service.sweep(_uploaded(image), network))

    def frontier(network: str = "") -> dict:
        return answer(lambda: service.frontier(network))

    def networks(network: str = "") -> list:
        return answer(lambda: service.networks(network))

    classify.__annotations__["gmacs"] = float  # what the endpoint's description says; a text is answered too

    # Uploads older than a day are swept away once a day.
    with _Page(title="SN-Net explorer", fill_width=True, delete_cache=(DAY, DAY)) as page:
        gr.HTML(
            html_template=_template(examples, service, backend is not None),
            js_on_load=START,
            server_functions=[
                *(backdrop, network, size, fetch, progress, begin_sweep, more, end_sweep),
                *(zoo_size, zoo_fetch, zoo_progress, compare_photo),
                *((measure, measure_progress, measure_cancel, measured) if backend else ()),
            ],
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


def _uploaded(image: Any) -> str:
    """Return the path of a file that the visitor uploaded; ValueError for any other file of this machine."""
    path = image.get("path") if isinstance(image, dict) else None
    folder = Path(get_upload_folder()).resolve()
    if not isinstance(path, str) or not Path(path).resolve().is_relative_to(folder):
        raise ValueError("No photo was uploaded: send an image file.")
    return path


def _named(asked: Any) -> Any:
    """Return the network that a server function was asked about."""
    return asked.get("network", "") if isinstance(asked, dict) else ""


def _template(examples: list[Path], service: Service, measures: bool) -> str:
    buttons = ""
    for path, label in zip(examples, EXAMPLES.values(), strict=True):
        image = f'<img src="gradio_api/file={path}" alt="">'
        buttons += f'<button type="button" class="example" aria-label="Example: {label}">{image}</button>'
    parts = [part for part in PARTS if part != BACKEND or measures]
    return markup(service.title, parts, text("explorer.html"), buttons)
