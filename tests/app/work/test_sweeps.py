"""Sweeps told piece by piece, to those who ask on."""

import threading
import time

import pytest

from app.work import sweeps as sweeping
from app.work.scheduler import Scheduler
from app.work.sweeps import NoSweep, Sweeps


@pytest.fixture
def sweeps():
    scheduler = Scheduler(2)
    yield Sweeps(scheduler)
    scheduler.close()


def rows(names, seconds=0.0):
    for name in names:
        time.sleep(seconds)
        yield {"stitch": name}


def everything(sweeps, name):
    came, left = [], 1
    while left:
        piece = sweeps.more(name)
        came += [row["stitch"] for row in piece["rows"]]
        left = piece["left"]
    return came


NAMES = [f"s{k}" for k in range(30)]


def test_every_row_comes_once_in_order(sweeps):
    assert everything(sweeps, sweeps.begin(rows, NAMES)) == NAMES


def test_after_its_end_it_is_gone(sweeps):
    name = sweeps.begin(rows, NAMES)
    everything(sweeps, name)
    for unknown in (name, "never was"):
        with pytest.raises(NoSweep, match="give the photo once more"):
            sweeps.more(unknown)


def test_fifty_at_once_all_finish(sweeps):
    """Past a bound, each new one would throw out another that begins anew, and so on for ever."""
    came = {}

    def visit(k):
        came[k] = everything(sweeps, sweeps.begin(lambda names: rows(names, 0.001), NAMES))

    visitors = [threading.Thread(target=visit, args=(k,)) for k in range(50)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert came == dict.fromkeys(range(50), NAMES)


def test_who_waits_is_told_the_place(sweeps):
    slow = [sweeps.begin(lambda names: rows(names, 0.02), NAMES) for _ in range(3)]
    last = sweeps.begin(rows, NAMES)
    assert sweeps.take(last)["place"] >= 1
    for name in slow:
        sweeps.end(name)
    assert everything(sweeps, last) == NAMES


def test_who_asks_no_more_costs_nothing_and_may_come_back(sweeps, monkeypatch):
    monkeypatch.setattr(sweeping, "LINGER_S", 0.05)
    computed = []

    def slow(names):
        for name in names:
            time.sleep(0.01)
            computed.append(name)
            yield {"stitch": name}

    name = sweeps.begin(slow, NAMES)
    sweeps.more(name)
    sweeps.pause(name)
    time.sleep(0.1)
    before = len(computed)
    time.sleep(0.2)
    assert len(computed) == before < len(NAMES)
    assert len(everything(sweeps, name)) > 0
    assert computed == NAMES  # none twice


def test_what_goes_wrong_reaches_who_asks(sweeps):
    def damaged(names):
        yield {"stitch": names[0]}
        raise ValueError("photo.jpg breaks off before its end")

    name = sweeps.begin(damaged, NAMES)
    with pytest.raises(ValueError, match="breaks off"):
        everything(sweeps, name)
    with pytest.raises(NoSweep):
        sweeps.more(name)


def test_asked_twice_at_once_each_row_comes_once(sweeps):
    name = sweeps.begin(lambda names: rows(names, 0.002), [f"{k}" for k in range(200)])
    came = []

    def pull():
        try:
            while True:
                came.extend(row["stitch"] for row in sweeps.more(name)["rows"])
        except NoSweep:
            pass

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came, key=int) == [f"{k}" for k in range(200)]
