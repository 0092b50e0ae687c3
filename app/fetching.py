"""One fetch of weights at a time for the whole app, however many visitors wait for it. Knows no Gradio."""

import threading
import time
from collections.abc import Callable
from math import inf
from typing import Any

from snnet.catalogue.entries import Entry
from snnet.weights import licences
from snnet.weights.files import WeightsError
from snnet.weights.transfer import Progress

from .discretion import OPEN, Discretion
from .jobs import Job, Stop

PATIENCE_S = 30.0  # without a question how far it is, after which nobody waits for a fetch any more


class Fetcher:
    """Fetches in a background thread; `progress` is asked by those who wait.

    `elsewhere` are entries that need no fetch, for their weights were named; `discretion` says what failed.
    """

    def __init__(self, *elsewhere: Entry, discretion: Discretion = OPEN) -> None:
        self._elsewhere, self._discretion = elsewhere, discretion
        self._lock = threading.Lock()
        self._newest: Job | None = None
        self._jobs: dict[str, Job] = {}  # the newest of every entry

    def is_here(self, entry: Entry) -> bool:
        """True if nothing would have to be fetched."""
        return entry in self._elsewhere or entry.is_here()

    def start(self, entry: Entry, run: Callable[[Progress], None] | None = None) -> None:
        """Begin to fetch an entry's weights, or join who does; ValueError while another one is fetched.

        `run` fetches in place of `entry.fetch`, for somebody who does not ask how far it is.
        """
        with self._lock:
            if (job := self._newest) and job.is_running:
                if job is self._jobs.get(entry.name):
                    job.last_question = time.monotonic()
                    return
                share = f" ({100 * job.done / job.total:.0f} %)" if job.total else ""
                raise ValueError(
                    f"{job.title} is being fetched{share}: fetch {entry.title} when that is done"
                )
            job = Job(title=entry.title, patience_s=inf if run else PATIENCE_S)
            self._newest = self._jobs[entry.name] = job

        def work() -> str:
            (run or entry.fetch)(job.note)
            return ""

        def excuse(error: Exception) -> str:
            if isinstance(error, Stop):
                return ""
            if not isinstance(error, WeightsError):
                reason = f"{type(error).__name__}: {error}"
                error = WeightsError(f"{entry.title} can't be fetched ({reason}): try again")
            return self._discretion.sentence(
                error, f"{entry.title} can't be fetched at the moment: try again later."
            )

        job.start(work, excuse)

    def size(self, entry: Entry) -> dict[str, Any]:
        """Return {"here", "bytes" that a fetch would bring, "progress" of one that runs or is done}.

        And "licence", a phrase: that of the anchors' weights, or the model's.

        Asks the server if they are not here; raises WeightsError, naming file and address, if none answers.
        """
        is_here = self.is_here(entry)
        if is_here or self.is_running(entry):
            answer: dict[str, Any] = {"here": is_here, "bytes": None, "progress": self.progress(entry)}
        else:
            answer = {"here": False, "bytes": entry.size(), "progress": None}
        return answer | {"licence": licences.together(entry.licences().values())}

    def fetch(self, entry: Entry) -> dict[str, Any]:
        """Begin to fetch what is not here, or join who does; return `progress`.

        Raises ValueError while another one is fetched.
        """
        if not self.is_here(entry):
            self.start(entry)
        return self.progress(entry)

    def progress(self, entry: Entry) -> dict[str, Any]:
        """Return {"state", "done", "total" in bytes, "sentence"}; a fetch that nobody asks about is stopped.

        `state` is "running", "done", "failed" (the sentence says why) or "stopped".
        """
        if not self.is_here(entry) and (job := self._jobs.get(entry.name)):
            return job.progress()
        state = "done" if self.is_here(entry) else "stopped"
        return {"state": state, "done": 0, "total": 0, "sentence": ""}

    def wait(self, entry: Entry) -> Job | None:
        """Return the newest fetch of an entry once it has ended; None without one."""
        job = self._jobs.get(entry.name)
        if job:
            job.ended.wait()
        return job

    def is_running(self, entry: Entry) -> bool:
        """True while this entry is being fetched."""
        job = self._jobs.get(entry.name)
        return job is not None and job.is_running
