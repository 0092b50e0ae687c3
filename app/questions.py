"""What the page's script asks: one table of questions, each answered by the service or by measuring."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request

from .busy import Busy
from .measuring.jobs import Backend
from .measuring.loopback import check_sender
from .service import Service
from .waiting import answer, in_thread, is_done, visitor
from .web import outcome
from .web.uploads import Uploads
from .work.scheduler import Left
from .work.sweeps import WAIT_S, NoSweep


class Questions:
    """Answers the questions of one page. Those on measuring exist only with a `backend`."""

    def __init__(self, service: Service, uploads: Uploads, backend: Backend | None = None) -> None:
        self._service, self._uploads = service, uploads
        self._table: dict[str, Callable[[dict[str, Any]], Any]] = {
            "backdrop": lambda question: service.backdrop(),
            "network": self._network,
            "size": lambda question: service.networks.size(question["network"]),
            "fetch": lambda question: service.networks.fetch(question["network"]),
            "progress": lambda question: service.networks.progress(question["network"]),
            "end_sweep": lambda question: service.sweeps.end(question["sweep"]),
            "zoo_size": lambda question: service.zoo.size(question["model"]),
            "zoo_fetch": lambda question: service.zoo.fetch(question["model"]),
            "zoo_progress": lambda question: service.zoo.progress(question["model"]),
        }
        self._waiting: dict[str, Callable[[dict[str, Any], Request], Awaitable[Any]]] = {
            "begin_sweep": self._begin_sweep,
            "more": self._more,
            "compare_photo": self._compare_photo,
        }
        self._measuring: dict[str, Callable[[dict[str, Any]], Any]] = {}
        if backend:
            self._measuring = {
                "measure": backend.start,
                "measure_progress": lambda question: backend.progress(),
                "measure_cancel": lambda question: backend.cancel(),
                "measured": lambda question: backend.table(question["network"], bool(question["everything"])),
            }

    async def answer(self, question: Any, request: Request) -> Any:
        """Return the answer to {"question": its name, ...}; {"error": a sentence} where there is none.

        An exception would reach the browser as a bare 500, without its sentence. Beside it may stand
        {"busy": {"place", "retry_s"}} where too many wait, {"gone": true} where a sweep or photo is not here
        any more.
        """
        try:
            name = question.get("question") if isinstance(question, dict) else None
            names = [*self._table, *self._waiting]
            if not isinstance(name, str) or name not in {*names, *self._measuring}:
                raise ValueError(f"no question {name!r}: there are {', '.join(names)}")
            outcome.name(name)
            if name in self._waiting:
                return await self._waiting[name](question, request)
            if name in self._measuring:
                check_sender(request.headers)
            answer_ = self._table.get(name) or self._measuring[name]
            return await in_thread(partial(answer_, question))
        except Exception as error:
            outcome.refuse(error)
            return self._refusal(error)

    def _network(self, question: dict[str, Any]) -> dict[str, Any]:
        service, name = self._service, question["network"]
        try:
            return service.network(name)
        except Exception as error:
            is_first = name in ("", service.networks.name)
            instead = {"instead": service.networks.instead()} if is_first else {}
            return {"error": service.sentence(error)} | instead

    async def _begin_sweep(self, question: dict[str, Any], request: Request) -> dict[str, Any]:
        with self._uploads.reading(question["image"]) as path:
            begin = self._service.begin_sweep
            return await in_thread(
                partial(begin, path, question["network"], question["first"], visitor(request))
            )

    async def _more(self, question: dict[str, Any], request: Request) -> dict[str, Any]:
        sweeps, name = self._service.sweeps, question["sweep"]
        try:
            await is_done(sweeps.piece(name), request.is_disconnected, WAIT_S)
        except Left:
            sweeps.pause(name)
            return {}
        return sweeps.take(name)

    async def _compare_photo(self, question: dict[str, Any], request: Request) -> dict[str, Any]:
        there = ""
        try:
            with self._uploads.reading(question["image"]) as path:
                there = path
                begin = partial(
                    self._service.compare_task,
                    path,
                    question["model"],
                    question["image_size"],
                    question["stitches"],
                    question["network"],
                    visitor(request),
                )
                result: dict[str, Any] = await answer(begin, request.is_disconnected)
                return result
        except Busy:
            raise
        except Exception as error:  # a photo that was swept away is uploaded again
            outcome.refuse(error)
            return {"error": self._service.sentence(error), "gone": not Path(there).is_file()}

    def _refusal(self, error: Exception) -> dict[str, Any]:
        if isinstance(error, Busy):
            return error.answer()
        more = {"gone": True} if isinstance(error, NoSweep) else {}
        return {"error": self._service.sentence(error)} | more
