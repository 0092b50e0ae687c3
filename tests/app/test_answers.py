"""The answers of all stitches, pulled slice by slice."""

import itertools
import threading

import pytest

from app import answers


def pulled(service, sweep):
    rows, left = [], 1
    while left:
        more = service.more(sweep)
        rows += more["rows"]
        left = more["left"]
    return rows


def test_every_stitch_answers_once_the_named_before_the_rest(service, lion):
    first = [service.net.select(gmacs=budget).name for budget in (0.6, 0.4)]
    begun = service.begin_sweep(str(lion), "", first)
    rows = pulled(service, begun["sweep"])
    assert begun["total"] == len(rows) == len(service.net.stitches)
    assert {row["stitch"] for row in rows[: len(first)]} == set(first)
    assert {row["stitch"] for row in rows} == {stitch.name for stitch in service.net.stitches}


def test_the_answers_are_those_of_the_endpoint_with_more_classes(service, lion):
    rows = {row["stitch"]: row for row in pulled(service, service.begin_sweep(str(lion), "", ())["sweep"])}
    for row in service.sweep(str(lion))[::20]:
        mine = rows[row["stitch"]]
        assert [found["index"] for found in mine["top5"]] == [found["index"] for found in row["top5"]]
        assert len(mine["probabilities"]) == answers.MOST
        for found in row["top5"]:
            index = str(found["index"])
            assert mine["probabilities"][index] == pytest.approx(found["probability"], abs=1e-3)


def test_a_sweep_that_ended_or_never_was_says_so(service, lion):
    begun = service.begin_sweep(str(lion), "", ())
    service.end_sweep(begun["sweep"])
    for name in (begun["sweep"], "unknown"):
        with pytest.raises(ValueError, match="give the photo once more"):
            service.more(name)


def test_unknown_names_are_refused(service, lion):
    with pytest.raises(ValueError, match="has no stitch 'nobody'"):
        service.begin_sweep(str(lion), "", ["nobody"])


class TestSweeps:
    def test_a_slice_ends_in_time_and_has_at_least_one_row(self, monkeypatch):
        monkeypatch.setattr(answers, "SLICE_S", 0.0)
        sweeps = answers.Sweeps()
        name = sweeps.begin(iter([{"n": n} for n in range(3)]), 3)
        assert [sweeps.more(name) for _ in range(3)] == [
            {"rows": [{"n": n}], "left": 2 - n} for n in range(3)
        ]
        assert sweeps.more(name) is None

    def test_the_longest_idle_makes_room(self):
        sweeps = answers.Sweeps()
        first, *others = [sweeps.begin(itertools.repeat({}), 9) for _ in range(answers.AT_ONCE)]
        assert sweeps.more(first)["left"] < 9  # asked again: the second is the longest idle now
        sweeps.begin(iter(()), 0)
        assert sweeps.more(others[0]) is None
        assert sweeps.more(first) is not None

    def test_who_stops_asking_is_given_up(self, monkeypatch):
        sweeps = answers.Sweeps()
        name = sweeps.begin(itertools.repeat({}), 9)
        monkeypatch.setattr(answers, "PATIENCE_S", -1.0)
        sweeps.begin(iter(()), 0)
        assert sweeps.more(name) is None

    def test_asked_twice_at_once_each_row_comes_once(self, monkeypatch):
        monkeypatch.setattr(answers, "SLICE_S", 0.0)
        sweeps = answers.Sweeps()
        name = sweeps.begin(iter([{"n": n} for n in range(200)]), 200)
        came = []

        def pull():
            while found := sweeps.more(name):
                came.extend(row["n"] for row in found["rows"])

        threads = [threading.Thread(target=pull) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(came) == list(range(200))
