"""What the page's script asks: one table of questions, each answered by the service or by measuring."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .measuring.jobs import Backend
from .measuring.loopback import check_sender
from .service import Service
from .web import outcome
from .web.uploads import Uploads


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
            "begin_sweep": self._begin_sweep,
            "more": lambda question: service.more(question["sweep"]),
            "end_sweep": lambda question: service.end_sweep(question["sweep"]),
            "zoo_size": lambda question: service.zoo.size(question["model"]),
            "zoo_fetch": lambda question: service.zoo.fetch(question["model"]),
            "zoo_progress": lambda question: service.zoo.progress(question["model"]),
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

    def answer(self, question: Any, headers: Mapping[str, str]) -> Any:
        """Return the answer to {"question": its name, ...}; {"error": a sentence} where there is none.

        An exception would reach the browser as a bare 500, without its sentence.
        """
        try:
            name = question.get("question") if isinstance(question, dict) else None
            if not isinstance(name, str):
                raise ValueError(f"no question {name!r}: there are {', '.join(self._table)}")
            if name in self._measuring:
                outcome.name(name)
                check_sender(headers)
                return self._measuring[name](question)
            if name not in self._table:
                raise ValueError(f"no question {name!r}: there are {', '.join(self._table)}")
            outcome.name(name)
            return self._table[name](question)
        except Exception as error:
            outcome.refuse(error)
            return {"error": str(error)}

    def _network(self, question: dict[str, Any]) -> dict[str, Any]:
        service, name = self._service, question["network"]
        try:
            return service.network(name)
        except Exception as error:
            instead = {}
            if name in ("", service.networks.name):
                instead = {
                    "instead": service.networks.instead(),
                    "fetching": service.networks.is_fetching(name),
                }
            return {"error": str(error)} | instead

    def _begin_sweep(self, question: dict[str, Any]) -> dict[str, Any]:
        with self._uploads.reading(question["image"]) as path:
            return self._service.begin_sweep(path, question["network"], question["first"])

    def _compare_photo(self, question: dict[str, Any]) -> dict[str, Any]:
        there = ""
        try:
            with self._uploads.reading(question["image"]) as path:
                there = path
                return self._service.compare_photo(
                    path, question["model"], question["image_size"], question["stitches"], question["network"]
                )
        except Exception as error:  # a photo that was swept away is uploaded again
            outcome.refuse(error)
            return {"error": str(error), "gone": not Path(there).is_file()}
