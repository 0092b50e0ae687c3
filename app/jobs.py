"""Work in the background that pages ask about: a fetch of weights, an evaluation. Knows no Gradio."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

ENDS = ("done", "failed", "stopped")


class Stop(Exception):
    """The work was told to stop, or nobody waits for it any more; what came of it stays for the next."""


@dataclass(kw_only=True, eq=False)
class Job:
    """One piece of work; `state` may name its stages before it is one of `ENDS`."""

    title: str
    state: str = "running"
    done: int = 0
    total: int = 0  # 0 until it is known
    sentence: str = ""  # what came of it, or why nothing did
    stopping: bool = False
    patience_s: float = inf  # without a question how far it is, after which nobody waits for it
    last_question: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def is_running(self) -> bool:
        """True until it has come to its end, whichever."""
        return self.state not in ENDS

    def start(self, work: Callable[[], str], excuse: Callable[[Exception], str]) -> None:
        """Do the work in a thread of its own; it returns a sentence, `excuse` the one of what it raises."""
        threading.Thread(target=self._run, args=(work, excuse), daemon=True).start()

    def _run(self, work: Callable[[], str], excuse: Callable[[Exception], str]) -> None:
        try:
            self.sentence, state = work(), "done"
        except Exception as error:  # whatever it is, those who wait must hear of it
            self.sentence, state = excuse(error), "stopped" if isinstance(error, Stop) else "failed"
        self.state = state  # last: who sees the end sees its sentence too
        self.ended.set()

    def check(self) -> None:
        """Raise `Stop` where the work should not go on; the work calls it now and then."""
        if self.stopping or time.monotonic() - self.last_question > self.patience_s:
            raise Stop

    def note(self, done: int, total: int) -> None:
        """Say how far it is; raises `Stop` as `check` does."""
        self.done, self.total = done, total
        self.check()

    def progress(self) -> dict[str, Any]:
        """Return {"state", "done", "total", "sentence"}; to ask is to wait for it."""
        self.last_question = time.monotonic()
        state = "stopping" if self.stopping and self.is_running else self.state
        return {"state": state, "done": self.done, "total": self.total, "sentence": self.sentence}
