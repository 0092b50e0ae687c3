"""What the page's script asks: one table of questions, each answered by the service or by measuring."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from .measuring.jobs import Backend
from .measuring.loopback import check_sender
from .service import Service


class Questions:
    """Answers the questions of one page. Those on measuring exist only with a `backend`."""

    def __init__(self, service: Service, backend: Backend | None = None) -> None:
        self._service = service
        self._table: dict[str, Callable[[dict[str, Any]], Any]] = {
            "backdrop": lambda question: service.backdrop(),
            "network": self._network,
            "size": lambda question: service.networks.size(question["network"]),
            "fetch": lambda question: service.networks.fetch(question["network"]),
            "progress": lambda question: service.networks.progress(question["network"]),
            "begin_sweep": lambda question: service.begin_sweep(
                uploaded(question["image"]), question["network"], question["first"]
            ),
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
            if name in self._measuring:
                check_sender(headers)
                return self._measuring[name](question)
            if name not in self._table:
                raise ValueError(f"no question {name!r}: there are {', '.join(self._table)}")
            return self._table[name](question)
        except Exception as error:
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

    def _compare_photo(self, question: dict[str, Any]) -> dict[str, Any]:
        path = ""
        try:
            path = uploaded(question["image"])
            return self._service.compare_photo(
                path, question["model"], question["image_size"], question["stitches"], question["network"]
            )
        except Exception as error:  # a photo that was swept away is uploaded again
            return {"error": str(error), "gone": not Path(path).is_file()}


def uploaded(image: Any) -> str:
    """Return the path of a file that the visitor uploaded; ValueError for any other file of this machine."""
    path = image.get("path") if isinstance(image, dict) else None
    folder = Path(get_upload_folder()).resolve()
    if not isinstance(path, str) or not Path(path).resolve().is_relative_to(folder):
        raise ValueError("No photo was uploaded: send an image file.")
    return path
