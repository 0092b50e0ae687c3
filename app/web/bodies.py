"""The bodies of requests: counted as they come, and refused before more than a bound is held or parsed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping

from .refusal import Message, Receive, Refusal
from .routes import COMPONENT, PLAIN, QUESTION, UPLOAD, Route

BRACKETS = 200  # lists and objects in a question: the page's have a dozen, and depth is bounded with them
LARGEST = {
    UPLOAD: "The photo has more than 100 MB: send a smaller one.",
    QUESTION: "The question has more than 1 MB: photos are uploaded, not asked with.",
    PLAIN: "Nothing is to be sent here.",
}


def check_headers(route: Route, headers: Mapping[str, str]) -> None:
    """Raise Refusal for a body that its headers say to be too large, or of another kind than the route's."""
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refusal(400, "The request's length is no number.")
    if len(length) > 15 or int(length) > route.most_bytes:
        raise Refusal(413, LARGEST[route.body])
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    wants = {UPLOAD: "multipart/form-data", QUESTION: "application/json"}.get(route.body, kind)
    if kind != wants:
        raise Refusal(415, f"Send {wants} here.")


async def pieces(route: Route, receive: Receive) -> AsyncIterator[bytes]:
    """Yield a body in pieces; Refusal once it is too large or slow, ConnectionError if its sender leaves."""
    size, is_more = 0, True
    deadline = time.monotonic() + route.body_s
    while is_more:
        try:
            message = await asyncio.wait_for(receive(), deadline - time.monotonic())
        except TimeoutError:
            raise Refusal(408, f"The request took more than {route.body_s:.0f} s: send it again.") from None
        if message["type"] == "http.disconnect":
            raise ConnectionError("the sender left")
        piece, is_more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size > route.most_bytes:
            raise Refusal(413, LARGEST[route.body])
        if piece:
            yield piece


async def question(route: Route, receive: Receive) -> bytes:
    """Return the whole of a question, once it is sure to be small, flat JSON."""
    body = b"".join([piece async for piece in pieces(route, receive)])
    if body.count(b"[") + body.count(b"{") > BRACKETS:
        raise Refusal(400, f"The question has more than {BRACKETS} lists and objects.")
    if route.label == COMPONENT:
        _check_component(body)
    return body


def _check_component(body: bytes) -> None:
    """Raise Refusal for what Gradio would fail at: it looks the component up by whatever was sent."""
    try:
        content = json.loads(body)
    except ValueError:  # UnicodeDecodeError is one
        content = None
    wants = {"data": object, "component_id": int, "session_hash": str, "fn_name": str}
    if not isinstance(content, dict) or not all(
        isinstance(content.get(name), kind) for name, kind in wants.items()
    ):
        raise Refusal(400, f"A question is a JSON object with {', '.join(wants)}.")


def again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read already, then what comes after it."""
    rest: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return rest.pop() if rest else await receive()

    return receive_again
