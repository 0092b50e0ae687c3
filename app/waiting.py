"""Waiting for work without a thread, and only as long as who asked is there."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request

from .work.scheduler import Left, Task, Visitor

LOOK_S = 0.25  # between looks whether who asked has left
NAME = "x-visitor"  # a header: the page's own name for itself, for a proxy's visitors share an address
NAME_LENGTH = 64

Answer = TypeVar("Answer")
HasLeft = Callable[[], Awaitable[bool]]  # whether who asked is there no more

# For what may wait for a network that is being loaded, or for another server; enough that the page's own data
# never waits for them.
_threads = ThreadPoolExecutor(64, "questions")


async def in_thread(call: Callable[[], Answer]) -> Answer:
    """Return what a call that may block returns."""
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


def visitor(request: Request) -> Visitor:
    """Return who asks."""
    name = request.headers.get(NAME, "")[:NAME_LENGTH]
    return Visitor(request.client.host if request.client else "", name)


async def is_done(future: "Future[Any]", has_left: HasLeft, seconds: float | None = None) -> bool:
    """Wait for a future and return True, or False after so long; raises Left once who asked has left."""
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    waiter = asyncio.ensure_future(_until(future))
    try:
        while not future.done():
            left = LOOK_S if end is None else min(LOOK_S, end - loop.time())
            if left <= 0:
                return False
            await asyncio.wait([waiter], timeout=left)
            if not future.done() and await has_left():
                raise Left
        return True
    finally:
        waiter.cancel()


async def _until(future: "Future[Any]") -> None:
    """Wait for a future, whatever comes of it; to be cancelled without cancelling it."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(event.set))
    await event.wait()


async def answer(begin: Callable[[], Task], has_left: HasLeft) -> Any:
    """Begin work and return its answer; who leaves meanwhile is waited for no more."""
    task = await in_thread(begin)
    try:
        await is_done(task.future, has_left)
    finally:
        if not task.future.done():
            task.drop()
    return task.result()
