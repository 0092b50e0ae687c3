import json

import pytest

from app import chart
from snnet import curves, frontier, zoo


def points(traces, kind):
    return [
        (x, y)
        for trace in traces
        if trace["meta"]["kind"] == kind and "markers" in trace["mode"]
        for x, y in zip(trace["x"], trace["y"], strict=True)
    ]


def test_the_whole_zoo_and_every_published_stitch_is_drawn():
    figure = chart.zoo_figure("a network")
    assert sorted(points(figure["traces"], "zoo")) == sorted((m.gmacs, m.top1) for m in zoo.models())
    assert len(points(figure["traces"], "zoo")) >= 1400
    published = sorted((s.gmacs, s.top1) for curve in curves.curves().values() for s in curve.stitches)
    assert sorted(points(figure["traces"], "curve")) == published
    json.dumps(figure, allow_nan=False)


def test_every_stitch_is_drawn_where_it_stands(service):
    layer = service.network()
    rows = service.frontier()["stitches"]
    assert sorted(points(layer["traces"], "stitch")) == sorted((r["gmacs"], r["top1"]) for r in rows)
    json.dumps(layer, allow_nan=False)


def test_sources_look_different_and_bars_are_the_intervals(service):
    layer = service.network()
    looks = {}
    by_name = {row["name"]: row for row in layer["stitches"]}
    for trace in layer["traces"]:
        if trace["meta"]["kind"] != "stitch":
            continue
        looks.setdefault(trace["name"], set()).add(trace["marker"]["symbol"])
        bars = trace["error_y"]
        for name, above, below in zip(trace["customdata"], bars["array"], bars["arrayminus"], strict=True):
            row = by_name[name]
            assert row["source"] == trace["name"]
            assert [row["top1"] - below, row["top1"] + above] == pytest.approx(row["interval"])
    assert looks["estimated"] == {"circle-open"}
    assert len({frozenset(symbols) for symbols in looks.values()}) == len(looks)


def test_hover_names_control_and_method(service):
    layer = service.network()
    for trace in layer["traces"]:
        if trace["name"] == "estimated":
            for text in trace["text"]:
                assert "published for lite" in text.replace("<br>", " ")
                assert "resamples whole classes" in text.replace("<br>", " ")


def test_the_front_is_the_front(service):
    layer = service.network()
    rows = layer["stitches"]
    best = frontier.front([r["gmacs"] for r in rows], [r["top1"] for r in rows])
    (line,) = [trace for trace in layer["traces"] if trace["meta"]["kind"] == "front"]
    assert line["x"] == [rows[k]["gmacs"] for k in best]


def test_beats_is_counted_one_by_one(service):
    layer = service.network()
    rows = layer["stitches"]
    low, high = min(r["gmacs"] for r in rows), max(r["gmacs"] for r in rows)
    inside = [m for m in zoo.models() if low <= m.gmacs <= high]
    beaten = [m for m in inside if any(r["gmacs"] <= m.gmacs and r["top1"] >= m.top1 for r in rows)]
    assert (layer["beats"]["beaten"], layer["beats"]["total"]) == (len(beaten), len(inside))


def test_ownership_is_arithmetic(service):
    said = chart.ownership(service.net)
    assert said["network"].startswith(f"{service.net.ways} networks in 16.7 M parameters (67 MB); apart")
    assert "71 networks in 118.4 M parameters; apart they would take 2,630 M, 22 times" in said["published"]


def test_a_network_without_results_has_its_costs_and_no_points():
    from tests.networks import tiny

    layer = chart.network_layer(tiny())
    assert points(layer["traces"], "stitch") == []
    assert all(row["note"] == "not measured yet" for row in layer["stitches"])
    json.dumps(layer, allow_nan=False)
