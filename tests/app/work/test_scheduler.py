"""Who is next, who is dropped, and where the line ends: with work that is no network's."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from app.busy import Busy
from app.work import scheduler as scheduling
from app.work.scheduler import FIRST, SWEEP, Left, Scheduler, Task, Visitor
from tests.refusals.sites import refusal


class Day:
    """A scheduler that begins when all have come, and what was done in which order."""

    def __init__(self, cores=1):
        self.scheduler = Scheduler(cores)
        self._start, self.scheduler._start_threads = self.scheduler._start_threads, lambda: None
        self.order = []

    def begin(self):
        self.scheduler._start_threads = self._start
        self._start()

    def task(self, name, kind=FIRST, visitor="", steps=1, seconds=0.0):
        def begin():
            for _ in range(steps):
                self.order.append(name)
                time.sleep(seconds)
                yield
            return name

        who = visitor if isinstance(visitor, Visitor) else Visitor("here", visitor or name)
        return self.scheduler.submit(Task(kind, begin, who))

    def run(self, *tasks):
        self.begin()
        wait([task.future for task in tasks], 30)
        return self.order


@pytest.fixture
def day():
    day = Day()
    yield day
    day.begin()
    day.scheduler.close()


def test_work_gives_its_answer_or_what_went_wrong(day):
    def wrong():
        raise ValueError("no photo")
        yield

    good, bad = day.task("good"), day.scheduler.submit(Task(FIRST, wrong))
    day.run(good, bad)
    assert good.result() == "good"
    with pytest.raises(ValueError, match="no photo"):
        bad.result()
    assert day.task("next").result() == "next"  # what went wrong stops nobody


def test_first_answers_go_before_sweeps(day, monkeypatch):
    monkeypatch.setitem(scheduling.SLICE_S, SWEEP, 0.0)
    sweep = day.task("sweep", SWEEP, steps=6, seconds=0.01)
    firsts = [day.task("first", visitor=str(k), seconds=0.01) for k in range(3)]
    order = day.run(sweep, *firsts)
    assert order[0] == "first"
    assert order[:6].count("first") == 3


def test_sweeps_keep_a_quarter_of_the_machine_beside_any_number_of_first_answers(day, monkeypatch):
    monkeypatch.setitem(scheduling.SLICE_S, SWEEP, 0.0)
    sweep = day.task("sweep", SWEEP, steps=10, seconds=0.01)
    firsts = [day.task("first", visitor=str(k), seconds=0.01) for k in range(60)]
    order = day.run(sweep, *firsts)
    until_done = order[: len(order) - order[::-1].index("sweep")]
    share = 10 / len(until_done)
    assert 0.15 < share < 0.4, order


def test_nobody_gets_ahead_by_asking_more(day):
    greedy = [day.task("greedy", visitor="greedy", seconds=0.002) for _ in range(50)]
    modest = [day.task(name, seconds=0.002) for name in ("a", "b")]
    order = day.run(*greedy, *modest)
    assert {"a", "b"} <= set(order[:5])


def test_nor_by_many_names_from_one_address(day):
    many = [day.task("many", visitor=Visitor("one", str(k)), seconds=0.002) for k in range(50)]
    alone = day.task("alone", visitor=Visitor("other"), seconds=0.002)
    order = day.run(*many, alone)
    assert "alone" in order[:4]


def test_a_sweep_that_has_begun_is_ended_before_the_next_begins(day, monkeypatch):
    monkeypatch.setitem(scheduling.SLICE_S, SWEEP, 0.0)
    sweeps = [day.task(name, SWEEP, steps=4) for name in "abc"]
    assert "".join(day.run(*sweeps)) == "aaaabbbbcccc"


def test_but_a_long_one_makes_room_and_goes_on_later(day, monkeypatch):
    monkeypatch.setitem(scheduling.SLICE_S, SWEEP, 0.0)
    monkeypatch.setattr(scheduling, "QUANTUM_S", 0.05)
    left = list(range(20))

    def long():
        while left:
            day.order.append("long")
            left.pop()
            time.sleep(0.01)
            yield
        return "long"

    task = day.scheduler.submit(Task(SWEEP, long, Visitor("here", "long")))
    short = day.task("short", SWEEP)
    order = day.run(task, short)
    assert task.result() == "long"
    assert order.count("long") == 20
    assert 0 < order.index("short") < 19


def test_who_was_away_has_no_claim_to_what_others_had(day, monkeypatch):
    """First answers had the machine for long; a sweep that comes alone must not keep them off it after."""
    monkeypatch.setitem(scheduling.SLICE_S, SWEEP, 0.0)
    day.run(*(day.task("early", seconds=0.05) for _ in range(4)))
    sweep = day.task("sweep", SWEEP, steps=40, seconds=0.01)
    time.sleep(0.05)
    day.order.clear()
    first = day.task("first", visitor="other")
    day.run(sweep, first)
    assert day.order.index("first") < 8


def test_who_left_is_dropped_at_once_and_holds_nothing(day, monkeypatch):
    monkeypatch.setitem(scheduling.SLICE_S, SWEEP, 0.0)
    closed = threading.Event()

    def endless():
        try:
            while True:
                time.sleep(0.005)
                yield
        finally:
            closed.set()

    running = day.scheduler.submit(Task(SWEEP, endless))
    waiting = day.task("waiting", SWEEP)
    day.begin()
    time.sleep(0.05)
    running.drop()
    assert waiting.result() == "waiting"
    with pytest.raises(Left):
        running.result()
    assert closed.is_set()


def test_work_that_nobody_asks_about_pauses_and_goes_on_when_somebody_does(day):
    steps = []

    def begin():
        for k in range(3):
            steps.append(k)
            yield
        return "done"

    task = day.scheduler.submit(Task(SWEEP, begin, attended_until=time.monotonic()))
    other = day.task("other", SWEEP)
    day.run(other)
    assert not steps
    assert not task.future.done()
    day.scheduler.attend(task, 30)
    assert task.result() == "done"


def test_after_a_while_it_is_given_up(day, monkeypatch):
    monkeypatch.setattr(scheduling, "PATIENCE_S", 0.0)
    task = day.task("nobody's", SWEEP)
    day.scheduler.attend(task, -1)
    day.run(day.task("other"))
    with pytest.raises(Left):
        task.future.result(10)


def test_the_place_is_how_many_go_before(day):
    tasks = [day.task(f"{k}", SWEEP) for k in range(4)]
    assert [day.scheduler.place(task) for task in tasks] == [0, 1, 2, 3]
    tasks[1].drop()
    assert day.scheduler.place(tasks[3]) == 2
    day.run(tasks[0], *tasks[2:])
    assert [day.scheduler.place(task) for task in tasks] == [0] * 4


@refusal("app/work/scheduler.py: Busy(")
def test_past_its_end_the_line_says_busy_with_the_place_and_a_time(refused, day, monkeypatch):
    monkeypatch.setattr(scheduling, "MOST", 3)
    tasks = [day.task(f"{k}") for k in range(3)]
    with refused() as told:
        day.task("one more")
    seconds = re.search(r"busy, 3 are waiting: ask again in (\d+) s", told.sentence)[1]
    assert 1 <= int(seconds) <= 60
    sweep = day.task("a sweep has its own line", SWEEP)
    day.run(*tasks, sweep)
    day.run(day.task("one more, again"))
    assert day.task("later").result() == "later"


def test_closing_answers_who_waits_for_a_first_answer_and_drops_sweeps(day):
    first, sweep = day.task("first", seconds=0.05), day.task("sweep", SWEEP, steps=9, seconds=0.05)
    day.begin()
    day.scheduler.close(10)
    assert first.result() == "first"
    with pytest.raises(Left):
        sweep.result()
    with pytest.raises(Busy):
        day.task("late")
    assert not day.scheduler.is_alive


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_everybody_is_answered_whoever_asks_what(cores):
    scheduler = Scheduler(cores)

    def ask(k):
        def begin():
            for _ in range(k % 4):
                yield
            return k

        kind = SWEEP if k % 3 else FIRST
        return scheduler.submit(Task(kind, begin, Visitor(str(k % 5), str(k % 7)))).result()

    with ThreadPoolExecutor(32) as visitors:
        assert list(visitors.map(ask, range(400))) == list(range(400))
    scheduler.close()


def test_alone_it_has_all_cores_beside_others_one(monkeypatch):
    used = []
    monkeypatch.setattr(scheduling.machine, "use_cores", used.append)
    monkeypatch.setattr(scheduling, "AT_ONCE", 1)
    day = Day(cores=4)
    tasks = [day.task(f"{k}") for k in range(3)]
    day.run(*tasks)
    assert used == [1, 1, 4]  # two that others wait behind, and the last
    day.scheduler.close()
