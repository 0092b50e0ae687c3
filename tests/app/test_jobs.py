"""One piece of work in the background: how it ends, and when it should not go on."""

import threading

import pytest

from app.jobs import Job, Stop


def test_what_comes_of_it_is_a_sentence():
    job = Job(title="work")
    job.start(lambda: "all is well", str)
    assert job.ended.wait(10)
    assert job.progress() == {"state": "done", "done": 0, "total": 0, "sentence": "all is well"}


def test_whatever_goes_wrong_is_heard():
    def work():
        raise ZeroDivisionError("by zero")

    job = Job(title="work")
    job.start(work, lambda error: f"no: {error}")
    assert job.ended.wait(10)
    assert (job.state, job.sentence) == ("failed", "no: by zero")


def test_it_stops_at_its_next_note():
    reached, go = threading.Event(), threading.Event()

    def work():
        reached.set()
        assert go.wait(10)
        job.note(3, 9)
        return "never"

    job = Job(title="work")
    job.start(work, lambda error: "stopped it")
    assert reached.wait(10)
    job.stopping = True
    assert job.progress()["state"] == "stopping"
    go.set()
    assert job.ended.wait(10)
    assert job.progress() == {"state": "stopped", "done": 3, "total": 9, "sentence": "stopped it"}


def test_it_stops_where_nobody_asks():
    job = Job(title="work", patience_s=-1.0)
    with pytest.raises(Stop):
        job.check()
    Job(title="work").check()  # without a bound it goes on
