"""A request that is refused before anything of it is read, and how it is answered."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Refusal(Exception):
    """Why a request is not answered: a status, and a sentence for whoever sent it."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


async def answer(send: Send, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
    """Send JSON."""
    body = json.dumps(content).encode()
    fields = {"content-type": "application/json", "content-length": str(len(body))} | (headers or {})
    coded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": coded})
    await send({"type": "http.response.body", "body": body})
