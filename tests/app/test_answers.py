"""The answers of all stitches, pulled slice by slice."""

import pytest
import torch

from app import answers
from snnet.photos.label_set import of_head
from tests.networks import tiny


def pulled(service, sweep):
    rows, left = [], 1
    while left:
        more = service.sweeps.more(sweep)
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
    service.sweeps.end(begun["sweep"])
    for name in (begun["sweep"], "unknown"):
        with pytest.raises(ValueError, match="give the photo once more"):
            service.sweeps.more(name)


def test_unknown_names_are_refused(service, lion):
    with pytest.raises(ValueError, match="has no stitch 'nobody'"):
        service.begin_sweep(str(lion), "", ["nobody"])


@pytest.mark.parametrize(
    ("outputs", "label"),
    [
        (1000, "tench"),
        (21_841, "benthos (n00005787)"),
        (10, "output 1 of 10"),
        (512, "output 1 of 512"),
    ],
)
def test_a_head_of_other_classes_is_not_called_by_imagenets(outputs, label):
    logits = torch.zeros(1, outputs)
    logits[0, 0 if outputs == 1000 else 1] = 9.0
    assert answers.best(logits, of_head(outputs))[0]["label"] == label


def test_an_answer_that_is_not_finite_is_said_and_no_probability():

    from tests.networks import tiny

    net = tiny()
    broken = next(iter(net.layers))
    net.layers[broken].bias.data[0] = float("nan")
    stitch = next(stitch for stitch in net.stitches if broken in stitch.layers)
    images = torch.zeros(1, 3, stitch.image_size, stitch.image_size)
    with pytest.raises(ValueError, match=f"^{stitch.name} gives this photo no finite answer"):
        answers.one(net, stitch, images)
    members = [one for one in net.stitches if one.image_size == stitch.image_size]
    rows = {row["stitch"]: row for row in answers.sweep(net, {net.transform(stitch): images}, members, 24)}
    assert rows[stitch.name]["top5"] == []
    assert "no finite answer" in rows[stitch.name]["error"]
    assert "error" not in rows[members[0].name]
    assert len(rows[members[0].name]["top5"]) == 5


def test_times_are_medians_of_warm_runs_or_nothing():
    net, times = tiny(), answers.Times()
    for latency_ms in (500.0, 12.0, 90.0):
        times.add(net, "a", latency_ms)
        assert times.median(net, "a") is None
    times.add(net, "a", 14.0)
    assert times.median(net, "a") == 14.0  # the first, which was cold, is not counted
    assert times.median(net, "b") is None


def test_the_front_is_timed_before_anybody_asks(service, lion):
    service.time_front().result()
    answer = service.classify(str(lion), 0.5)
    assert answer["warm_ms"] > 0
