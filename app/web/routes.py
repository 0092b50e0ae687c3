"""The addresses that the page and its endpoints need; Gradio serves dozens more, which are nobody's here.

What Gradio would do for anyone: fetch other hosts' files, write views to disk, show how often it is asked.
"""

from dataclasses import dataclass

from .refusal import Refusal

MB = 1024 * 1024
PHOTO_BYTES = 100 * MB  # what Gradio's `max_file_size` of the page tells its clients
QUESTION_BYTES = MB
ENVELOPE_BYTES = 64 * 1024  # around a photo: the form's boundaries and headers

UPLOAD, QUESTION, PLAIN = "upload", "question", "plain"  # kinds of bodies: a photo, JSON, none


@dataclass(frozen=True)
class Route:
    """One address: what the log calls it, and what may be sent there."""

    label: str
    methods: tuple[str, ...] = ("GET", "HEAD")
    body: str = PLAIN
    is_stream: bool = False  # open as long as the visitor's page is: nothing of it has to be finished
    is_result: bool = False  # brings what was asked by another request
    is_bare: bool = False  # goes without its query

    @property
    def most_bytes(self) -> int:
        """Return how large a body may be."""
        return {UPLOAD: PHOTO_BYTES + ENVELOPE_BYTES, QUESTION: QUESTION_BYTES, PLAIN: 0}[self.body]

    @property
    def body_s(self) -> float:
        """Return the seconds within which a body must be there."""
        return 600.0 if self.body == UPLOAD else 30.0


_API = "/gradio_api"
_POST = ("POST",)
FILE = f"{_API}/file="
COMPONENT = f"{_API}/component_server"
HEALTH = "/healthz"
PAGE = "/"

_PLAIN = [
    *(PAGE, "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json", "/pwa_icon", HEALTH),
    *(f"{_API}/{name}" for name in ("info", "openapi.json", "app_id", "startup-events", "theme.css")),
]
_QUESTIONS = [f"{_API}/{name}" for name in ("queue/join", "component_server", "cancel", "reset")]
_EXACT = {
    **{path: Route(path, is_bare=path in (PAGE, "/config")) for path in _PLAIN},
    **{path: Route(path, _POST, QUESTION) for path in _QUESTIONS},
    f"{_API}/queue/data": Route(f"{_API}/queue/data", is_result=True),
    f"{_API}/upload": Route(f"{_API}/upload", _POST, UPLOAD),
}
_BELOW = {  # what follows is the visitor's, and not the log's business
    "/assets/": Route("/assets/*"),
    "/static/": Route("/static/*"),
    FILE: Route(f"{FILE}*"),
    f"{_API}/heartbeat/": Route(f"{_API}/heartbeat/*", is_stream=True),
}
_CALLS = ("run", "api", "call", "call/v2")  # by each of these an endpoint of the page can be asked


def route_of(path: str, method: str, endpoints: frozenset[str]) -> Route:
    """Return the route of a path below the app's root; Refusal where there is none, or none by this method.

    `endpoints` are the names of those that the page offers.
    """
    routes = _routes_of(path.removesuffix("/") or path, endpoints)
    if not routes and (below := next((start for start in _BELOW if path.startswith(start)), None)):
        routes = [_BELOW[below]]
    if not routes:
        raise Refusal(404, "There is nothing at this address.")
    for route in routes:
        if method in route.methods:
            return route
    allow = ", ".join(method for route in routes for method in route.methods)
    raise Refusal(405, f"This address takes {allow} only.", Allow=allow)


def _routes_of(path: str, endpoints: frozenset[str]) -> list[Route]:
    if route := _EXACT.get(path):
        return [route]
    for call in _CALLS:
        name, _, event = path.removeprefix(f"{_API}/{call}/").partition("/")
        if not path.startswith(f"{_API}/{call}/") or name not in endpoints:
            continue
        label = f"{_API}/{call}/{name}"
        if not event:
            return [Route(label, _POST, QUESTION)]
        if call.startswith("call") and "/" not in event:
            return [Route(f"{label}/*", is_result=True)]
    return []
