"""Sweeps under way: computed while the page that shows them asks on, and told piece by piece."""

import concurrent.futures
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from secrets import token_urlsafe
from typing import Any

from .scheduler import PATIENCE_S, SWEEP, Left, Scheduler, Steps, Task, Visitor

PIECE_S = 0.25  # between two pieces
WAIT_S = 1.0  # that a question waits for its piece
LINGER_S = 0.8  # after an answer, within which the page asks on: then it has left


class NoSweep(ValueError):
    """The sweep is not here: it was given up, or belongs to an app that has ended since."""

    def __init__(self) -> None:
        super().__init__("the sweep of this photo was given up: give the photo once more")


class _Sweep:
    def __init__(self, rows: Callable[[Sequence[str]], Iterator[dict[str, Any]]], names: Sequence[str]):
        self.rows = rows
        self.names = names
        self.task: Task  # of its work
        self.left = len(names)  # to be told
        self._answers: dict[str, dict[str, Any]] = {}
        self._untold: list[dict[str, Any]] = []
        self._piece: Future[None] = Future()
        self._told_at = 0.0
        self._lock = threading.Lock()

    def steps(self) -> Steps:
        """Compute what is missing: all, or what was left when it had to make room."""
        for row in self.rows([name for name in self.names if name not in self._answers]):
            with self._lock:
                self._answers[row["stitch"]] = row
                self._untold.append(row)
            if time.monotonic() - self._told_at > PIECE_S:
                self.wake()
            yield

    def wake(self) -> None:
        with self._lock:
            if not self._piece.done():
                self._piece.set_result(None)

    def piece(self) -> "Future[None]":
        with self._lock:
            if self._piece.done() and not self._untold and not self.task.future.done():
                self._piece = Future()
            return self._piece

    def take(self) -> list[dict[str, Any]]:
        with self._lock:
            rows, self._untold = self._untold, []
            self.left -= len(rows)
            self._told_at = time.monotonic()
            if not self.task.future.done():
                self._piece = Future()
        return rows


class Sweeps:
    """All sweeps by the names that pages know them by; their work is the scheduler's."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._sweeps: dict[str, _Sweep] = {}
        self._lock = threading.Lock()

    def begin(
        self,
        rows: Callable[[Sequence[str]], Iterator[dict[str, Any]]],
        names: Sequence[str],
        visitor: Visitor = Visitor(),
    ) -> str:
        """Return the name by which `more` goes on; `rows` makes the answers of those it is given by name.

        Raises Busy where too many wait.
        """
        sweep, name = _Sweep(rows, names), token_urlsafe(12)
        sweep.task = Task(SWEEP, sweep.steps, visitor, attended_until=time.monotonic() + WAIT_S + LINGER_S)
        sweep.task.future.add_done_callback(lambda future: sweep.wake())
        self._scheduler.submit(sweep.task)
        with self._lock:
            given_up = [n for n, s in self._sweeps.items() if self._is_over(s)]
            for old in given_up:
                del self._sweeps[old]
            self._sweeps[name] = sweep
        return name

    @staticmethod
    def _is_over(sweep: _Sweep) -> bool:
        return sweep.task.is_dropped or sweep.task.attended_until < time.monotonic() - PATIENCE_S

    def _sweep(self, name: str) -> _Sweep:
        with self._lock:
            sweep = self._sweeps.get(name)
        if sweep is None or (sweep.task.future.done() and isinstance(sweep.task.future.exception(), Left)):
            raise NoSweep
        return sweep

    def piece(self, name: str) -> "Future[None]":
        """Return what is done when `take` has something to tell; who asks is waited for. Raises NoSweep."""
        sweep = self._sweep(name)
        self._scheduler.attend(sweep.task, WAIT_S + LINGER_S)
        return sweep.piece()

    def take(self, name: str) -> dict[str, Any]:
        """Return {"rows": what came since, "left": how many remain, "place": how many sweeps go before}.

        Raises NoSweep, or what went wrong.
        """
        sweep = self._sweep(name)
        self._scheduler.attend(sweep.task, LINGER_S)
        rows = sweep.take()
        if not rows and sweep.task.future.done():
            self.end(name)
            sweep.task.result()
        if not sweep.left:
            self.end(name)
        return {"rows": rows, "left": sweep.left, "place": self._scheduler.place(sweep.task)}

    def more(self, name: str) -> dict[str, Any]:
        """Wait for the next piece, a second at most, and `take` it."""
        concurrent.futures.wait([self.piece(name)], WAIT_S)
        return self.take(name)

    def pause(self, name: str) -> None:
        """Say that the page that asked has left; it may come back within a minute."""
        with suppress(NoSweep):
            self._scheduler.attend(self._sweep(name).task, 0.0)

    def end(self, name: str) -> None:
        """Give a sweep up; nothing happens if it is not there."""
        with self._lock:
            sweep = self._sweeps.pop(name, None)
        if sweep:
            sweep.task.drop()
