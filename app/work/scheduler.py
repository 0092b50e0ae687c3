"""One line for all work on photos, and who of those in it is next.

*First answers go before sweeps*, which keep a quarter of the machine: each kind has a clock that runs slower
the more of the machine it is due, and the kind whose clock is behind goes next. *Nobody gets ahead by asking
more*: within a kind, the visitor goes next who has had least. (Fair queueing by virtual time, Demers, Keshav
and Shenker 1989.) *Who left is dropped*, between two steps of the work. *The line has an end*: past it,
`Busy`.

Knows no network and no Gradio. Work is a generator of steps, each some milliseconds; what it returns is the
answer.
"""

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from math import ceil, inf
from typing import Any

from ..busy import Busy
from . import machine

FIRST, SWEEP = "first", "sweep"
DUE = {FIRST: 3.0, SWEEP: 1.0}  # parts of the machine, where both kinds wait
MOST = 256  # in line, of each kind
SLICE_S = {FIRST: 0.25, SWEEP: 0.1}  # of steps at once: what a first answer waits for a sweep at most
QUANTUM_S = 5.0  # of a sweep's work, after which others who wait for theirs go on
AT_ONCE = 8  # workers at most: each may hold a photo, and more would wait for Python
PATIENCE_S = 60.0  # that work stays in line while nobody asks about it

Steps = Generator[None, None, Any]


@dataclass(frozen=True)
class Visitor:
    """Who asks: an address, and of the visitors behind it (a proxy's are all) a name that the page gave."""

    address: str = ""
    name: str = ""


class Left(RuntimeError):
    """Nobody waits for this work any more."""

    def __init__(self) -> None:
        super().__init__("nobody waits for this answer any more")


@dataclass(eq=False)
class Task:
    """One piece of a visitor's work. `begin` may be called again, to go on with what is left."""

    kind: str
    begin: Callable[[], Steps]
    visitor: Visitor = Visitor()
    future: "Future[Any]" = field(default_factory=Future)
    attended_until: float = inf  # on the monotonic clock: later it pauses, and after a while is dropped
    is_dropped: bool = False
    took_s: float = 0.0
    number: int = 0  # in the order of their coming
    _steps: Steps | None = None
    _since_s: float = 0.0  # of work since it was opened

    def result(self) -> Any:
        """Wait for the answer and return it, or raise what went wrong."""
        return self.future.result()

    def drop(self) -> None:
        """Say that nobody waits for it any more."""
        self.is_dropped = True

    @property
    def is_attended(self) -> bool:
        """True while somebody waits for it."""
        return not self.is_dropped and time.monotonic() < self.attended_until

    @property
    def is_open(self) -> bool:
        """True once it has begun and holds memory."""
        return self._steps is not None

    def advance(self, slice_s: float) -> bool:
        """Take steps for so long, at least one; True when there is an end, whichever."""
        start = time.monotonic()
        try:
            self._steps = self._steps or self.begin()
            while self.is_attended:
                next(self._steps)
                if time.monotonic() - start > slice_s:
                    break
        except StopIteration as end:
            self.close()
            self.future.set_result(end.value)
        except BaseException as error:  # whatever it is, who waits must hear of it
            self.close()
            self.future.set_exception(error)
        took = time.monotonic() - start
        self.took_s += took
        self._since_s += took
        return self.future.done()

    def give_up(self) -> None:
        """End it without an answer."""
        self.close()
        if not self.future.done():
            self.future.set_exception(Left())

    def close(self) -> None:
        """Give back the memory of what has begun; it may begin again."""
        steps, self._steps, self._since_s = self._steps, None, 0.0
        if steps is not None:
            steps.close()


class _Clocks:
    """Virtual time of those who share something: who was away doesn't come back with a claim to it."""

    def __init__(self) -> None:
        self._times: dict[Any, float] = {}

    def time(self, name: Any) -> float:
        return self._times.get(name, 0.0)

    def join(self, name: Any, here: "set[Any]") -> None:
        """Have one who comes begin where the last of those here is; alone, where the first ever was."""
        if name in here:
            return
        begin = min(map(self.time, here)) if here else max(self._times.values(), default=0.0)
        begin = max(begin, self.time(name))
        self._times = {one: time for one, time in self._times.items() if one in here} | {name: begin}

    def charge(self, name: Any, amount: float) -> None:
        self._times[name] = self.time(name) + amount


def _address(task: Task) -> tuple[str, str]:
    return task.kind, task.visitor.address


def _visitor(task: Task) -> tuple[str, Visitor]:
    return task.kind, task.visitor


class Scheduler:
    """Does the work of all visitors in a few threads. `cores` are those of the machine unless given."""

    def __init__(self, cores: int | None = None) -> None:
        self.cores = cores or machine.cores()
        self.workers = min(self.cores, AT_ONCE)
        self._changed = threading.Condition()
        self._line: list[Task] = []  # in the order of their coming
        self._under_way: set[Task] = set()
        self._kinds, self._addresses, self._visitors = _Clocks(), _Clocks(), _Clocks()
        self._usual_s = dict.fromkeys(DUE, 0.1)  # of a kind's work, as the last ones were
        self._threads: list[threading.Thread] = []
        self._numbers = count()
        self._is_closed = False

    def describe(self) -> str:
        """Return the sentence that the app says of it at its start."""
        answers = "1 answer" if self.workers == 1 else f"{self.workers} answers"
        return f"{self.cores} core{'s' * (self.cores != 1)}: {answers} at once, {MOST} may wait"

    # -------------------------------------------------------------------------------- those who ask

    def submit(self, task: Task) -> Task:
        """Put work in line; raises Busy past the line's end, or while the app stops."""
        with self._changed:
            self._sweep_out()
            waiting = [other for other in self._line if other.kind == task.kind]
            if len(waiting) >= MOST or self._is_closed:
                seconds = ceil(len(waiting) * self._usual_s[task.kind] / self.workers)
                raise Busy(len(waiting), min(60, max(1, seconds)))
            present = [*self._line, *self._under_way]
            self._kinds.join(task.kind, {other.kind for other in present})
            for clocks, who in ((self._addresses, _address), (self._visitors, _visitor)):
                clocks.join(who(task), {who(other) for other in present})
            task.number = next(self._numbers)
            self._line.append(task)
            self._start_threads()
            self._changed.notify()
        return task

    def attend(self, task: Task, seconds: float) -> None:
        """Say that somebody waits for work that pauses otherwise, for so long."""
        with self._changed:
            task.attended_until = time.monotonic() + seconds
            self._changed.notify()

    def place(self, task: Task) -> int:
        """Return how many of its kind go before: 0 for work that has begun, or is done."""
        with self._changed:
            if task not in self._line or task.is_open:
                return 0
            mine = self._order(task)
            return sum(self._order(other) < mine for other in self._line if other.is_attended)

    @property
    def is_alive(self) -> bool:
        """False once it has been closed."""
        return not self._is_closed

    def close(self, seconds: float = 8.0) -> None:
        """Take no more work; first answers in line are given, within so long, and sweeps dropped."""
        with self._changed:
            self._is_closed = True
            for task in [task for task in self._line if task.kind != FIRST]:
                self._line.remove(task)
                task.give_up()
            for task in self._under_way:
                if task.kind != FIRST:
                    task.drop()
            self._changed.notify_all()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        with self._changed:
            for task in self._line:
                task.give_up()
            self._line.clear()

    # ------------------------------------------------------------------------------ those who work

    def _start_threads(self) -> None:
        while len(self._threads) < self.workers:
            thread = threading.Thread(target=self._work, name=f"work-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while (task := self._next()) is None:
                    if self._is_closed:
                        return
                    self._changed.wait(PATIENCE_S if self._line else None)
                    self._sweep_out()
                self._line.remove(task)
                self._under_way.add(task)
                # alone it may have the whole machine; beside others each has a core, which is faster in all
                is_alone = len(self._under_way) == 1 and not any(other.is_attended for other in self._line)
            machine.use_cores(self.cores if is_alone else 1)
            before = task.took_s
            is_done = task.advance(SLICE_S[task.kind])
            with self._changed:
                self._charge(task, task.took_s - before)
                self._under_way.remove(task)
                if is_done:
                    self._usual_s[task.kind] += 0.1 * (task.took_s - self._usual_s[task.kind])
                else:
                    self._put_back(task)
                self._changed.notify()

    def _charge(self, task: Task, seconds: float) -> None:
        self._kinds.charge(task.kind, seconds / DUE[task.kind])
        self._addresses.charge(_address(task), seconds)
        self._visitors.charge(_visitor(task), seconds)

    def _put_back(self, task: Task) -> None:
        others_wait = any(other.kind == task.kind and other.is_attended for other in self._line)
        if not task.is_attended or (task._since_s > QUANTUM_S and others_wait):
            task.close()
        self._line.append(task)

    def _next(self) -> Task | None:
        """Return the work that is next; None where nobody waits for any."""
        for task in [task for task in self._line if task.is_dropped]:
            self._line.remove(task)
            task.give_up()
        return min((task for task in self._line if task.is_attended), key=self._order, default=None)

    def _order(self, task: Task) -> tuple[Any, ...]:
        # What has begun is ended before more is begun, for it holds memory.
        kind = (self._kinds.time(task.kind), task.kind != FIRST)
        fair = (self._addresses.time(_address(task)), self._visitors.time(_visitor(task)))
        return (*kind, not task.is_open, *fair, task.number)

    def _sweep_out(self) -> None:
        long_ago = time.monotonic() - PATIENCE_S
        for task in [task for task in self._line if task.attended_until < long_ago]:
            self._line.remove(task)
            task.give_up()
