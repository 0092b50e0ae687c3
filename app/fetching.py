"""One fetch of weights at a time for the whole app, however many visitors wait for it. Knows no Gradio."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from snnet.catalogue.entries import Entry
from snnet.weights.files import WeightsError
from snnet.weights.transfer import Progress

PATIENCE_S = 30.0  # without a question how far it is, after which nobody waits for a fetch any more


class _Abandoned(Exception):
    """Nobody waits for this fetch any more; what came is kept for the next."""


@dataclass
class _Job:
    entry: Entry
    is_kept: bool  # goes on though nobody asks
    state: str = "running"  # then "done", "failed", or "stopped" where nobody waited
    done: int = 0  # bytes
    total: int = 0  # bytes; 0 until the server has told
    sentence: str = ""
    asked: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)


class Fetcher:
    """Fetches in a background thread; `progress` is asked by those who wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Job | None = None
        self._jobs: dict[str, _Job] = {}  # the newest of every network

    def start(self, entry: Entry, run: Callable[[Progress], None] | None = None) -> None:
        """Begin to fetch an entry's weights, or join who does; ValueError while another one is fetched.

        `run` fetches in place of `entry.fetch`, for somebody who does not ask how far it is.
        """
        with self._lock:
            if job := self._running:
                if job.entry is entry:
                    job.asked = time.monotonic()
                    return
                raise ValueError(
                    f"{job.entry.title} is being fetched{_share(job)}: fetch {entry.title} when that is done"
                )
            job = self._running = self._jobs[entry.name] = _Job(entry, is_kept=run is not None)
        threading.Thread(target=self._run, args=(job, run or entry.fetch), daemon=True).start()

    def progress(self, entry: Entry) -> dict[str, Any] | None:
        """Return {"state", "done", "total" in bytes, "sentence"} of the newest fetch; None without one."""
        job = self._jobs.get(entry.name)
        if job is None:
            return None
        job.asked = time.monotonic()
        return {"state": job.state, "done": job.done, "total": job.total, "sentence": job.sentence}

    def wait(self, entry: Entry) -> dict[str, Any] | None:
        """Return `progress` once the newest fetch has ended."""
        if job := self._jobs.get(entry.name):
            job.ended.wait()
        return self.progress(entry)

    def is_running(self, entry: Entry) -> bool:
        """True while this entry is being fetched."""
        job = self._running
        return job is not None and job.entry is entry

    def _run(self, job: _Job, fetch: Callable[[Progress], None]) -> None:
        def note(done: int, total: int) -> None:
            job.done, job.total = done, total
            if not job.is_kept and time.monotonic() - job.asked > PATIENCE_S:
                raise _Abandoned

        state, sentence = "done", ""
        try:
            fetch(note)
        except _Abandoned:
            state = "stopped"
        except WeightsError as error:
            state, sentence = "failed", str(error)
        except Exception as error:  # whatever it is, those who wait must hear of it
            state = "failed"
            sentence = f"{job.entry.title} can't be fetched ({type(error).__name__}: {error}): try again"
        with self._lock:
            job.state, job.sentence, self._running = state, sentence, None
        job.ended.set()


def _share(job: _Job) -> str:
    return f" ({100 * job.done / job.total:.0f} %)" if job.total else ""
