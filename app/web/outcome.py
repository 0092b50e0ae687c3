"""What came of a request, told by the page's endpoints: Gradio alone answers 500 to whatever they raise."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ..busy import Busy


@dataclass
class Outcome:
    """What the page says of one request."""

    question: str = ""  # which of the page's questions it was
    error: Exception | None = None

    @property
    def status(self) -> int | None:
        """The status that the answer should have; None where Gradio's own is right."""
        if isinstance(self.error, Busy):
            return 503
        return 422 if isinstance(self.error, ValueError) else None

    @property
    def busy(self) -> dict[str, Any] | None:
        """The answer to who came too late: {"error", "busy": {"place", "retry_s"}}; None for all others."""
        return self.error.answer() if isinstance(self.error, Busy) else None


_OUTCOME: ContextVar[Outcome | None] = ContextVar("snnet_outcome", default=None)


def begin() -> Outcome:
    """Return the outcome of the request that begins; the threads that answer it see the same one."""
    outcome = Outcome()
    _OUTCOME.set(outcome)
    return outcome


def refuse(error: Exception) -> None:
    """Tell that the request under way was refused; without one, nothing happens."""
    if outcome := _OUTCOME.get():
        outcome.error = error


def name(question: str) -> None:
    """Tell which of the page's questions the request under way is."""
    if outcome := _OUTCOME.get():
        outcome.question = question
