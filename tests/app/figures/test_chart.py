import json

import pytest

from app.figures import chart
from snnet import frontier
from snnet.tables import published_results, zoo


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
    published = sorted(
        (s.gmacs, s.top1) for curve in published_results.curves().values() for s in curve.stitches
    )
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


def test_a_network_without_results_has_its_costs_and_no_points():
    from tests.networks import tiny

    layer = chart.network_layer(tiny())
    assert points(layer["traces"], "stitch") == []
    assert all(row["note"] == "not measured yet" for row in layer["stitches"])
    json.dumps(layer, allow_nan=False)


def test_an_unmeasured_network_stands_on_the_budget_axis():
    from tests.networks import tiny

    layer = chart.network_layer(tiny(), measure="python -m snnet evaluate tiny --data PHOTOS")
    (rug,) = [trace for trace in layer["traces"] if trace["meta"]["kind"] == "rug"]
    assert sorted(rug["x"]) == sorted(row["gmacs"] for row in layer["stitches"])
    for name, text in zip(rug["customdata"], rug["text"], strict=True):
        assert text.startswith(f"<b>{name}</b>")
        assert "GMACs" in text
        assert "M parameters" in text
        assert "not measured yet" in text
    assert "nothing to compare yet" in layer["beats"]["nothing"]
    assert layer["unmeasured"]["command"] == "python -m snnet evaluate tiny --data PHOTOS"
    low, high = layer["view"]["y"]
    assert low < high


def test_what_is_not_measured_among_what_is_stands_there_too():
    from snnet.evaluation.accuracy import Accuracy
    from tests.networks import tiny

    net = tiny()
    known = {
        stitch.name: Accuracy(70.0 + number, (69.0 + number, 71.0 + number), "measured", "on photos")
        for number, stitch in enumerate(net.stitches[:2])
    }
    net.accuracies = known
    layer = chart.network_layer(net)
    assert len(points(layer["traces"], "stitch")) == len(known)
    assert len(points(layer["traces"], "rug")) == len(net.stitches) - len(known)
    assert layer["unmeasured"]["text"].startswith(f"The accuracies of {len(net.stitches) - 2} of")
    json.dumps(layer, allow_nan=False)


def published(name):
    """Return a published network's layer without its weights: accuracies and costs need none."""
    from snnet.catalogue import entries, published

    net = published.outline(name)
    net.reported = published._reported(net)
    net.accuracies = net.reported
    return chart.network_layer(net, entries.entry(name).originals())


def test_the_published_deit_stands_among_its_originals():
    layer = published("deit")
    assert len(points(layer["traces"], "stitch")) == 71
    assert layer["hides"] == "deit"
    marks = [trace for trace in layer["traces"] if trace["meta"]["kind"] == "stitch"]
    sizes = {t["marker"]["size"] for t in marks if "~" in t["customdata"][0]}
    assert max(sizes) < min(t["marker"]["size"] for t in marks if "~" not in t["customdata"][0])
    (squares,) = [trace for trace in layer["traces"] if trace["meta"]["kind"] == "original"]
    said = squares["text"][0].replace("<br>", " ").replace("<b>", "").replace("</b>", "")
    assert said == (
        "original deit_tiny_patch16_224.fb_in1k: 72.19 % (timm), after joint training 70.56 % (−1.63 points)"
    )
    assert [round(y, 2) for y in squares["y"]] == [72.19, 79.86, 81.98]
    sentence = "Joint training costs the anchors: DeiT-Ti 72.2 → 70.6, DeiT-S 79.9 → 79.5, DeiT-B 82.0 → 81.9"
    assert layer["joint"].startswith(sentence)
    assert layer["ownership"]["published"] == ""  # it is this very network
    json.dumps(layer, allow_nan=False)


def test_originals_stand_there_though_nothing_is_measured():
    layer = published("deit3_s_b")  # its authors gave no table
    (squares,) = [trace for trace in layer["traces"] if trace["meta"]["kind"] == "original"]
    assert len(squares["x"]) == 2
    assert "after joint training not measured yet" in squares["text"][0]
    assert (layer["joint"], layer["hides"]) == ("", None)
