"""What the chart draws of Python's rows, trace by trace: by the page's own module, without a page."""

import json

import pytest

from app import one_file
from app.figures import chart
from snnet import frontier
from snnet.catalogue.figures import figures_of
from snnet.tables import published_results, zoo

pytestmark = pytest.mark.browser

MODULE = "chart/traces.js"


@pytest.fixture(scope="module")
def draw(browser):
    """Give a function that returns the traces of a network's layer, or those without a network."""
    page = browser.new_page()
    imports = json.dumps({"imports": one_file.bundle(MODULE)})
    page.set_content(f'<script type="importmap">{imports}</script>')
    figure = chart.zoo_figure("a network")

    def draw(layer=None, **view):
        layer = layer or {"stitches": [], "originals": [], "hides": None}
        rows = sorted(layer["stitches"], key=lambda row: row["gmacs"])
        state = {
            "zoo": figure["zoo"],
            "curves": figure["curves"],
            "shown": [*range(len(zoo.models()))],
            "stitches": rows,
            "originals": layer["originals"],
            "hides": layer["hides"],
            "picked": None,
            "x": "gmacs",
            "set": "top1",
            "setName": "ImageNet-1k",
        }
        # through JSON, as what is undefined says nothing
        text = page.evaluate(
            f"async (state) => JSON.stringify((await import('explorer/{MODULE}')).traces(state))",
            json.loads(json.dumps(state | view, allow_nan=False)),
        )
        return json.loads(text)

    yield draw
    page.close()


def of(traces, kind):
    return [trace for trace in traces if trace["meta"]["kind"] == kind]


def points(traces, kind):
    marks = [trace for trace in of(traces, kind) if "markers" in trace["mode"]]
    return [point for trace in marks for point in zip(trace["x"], trace["y"], strict=True)]


def test_the_whole_zoo_and_every_published_stitch_is_drawn(draw):
    traces = draw()
    assert sorted(points(traces, "zoo")) == sorted((m.gmacs, m.top1) for m in zoo.models())
    assert len(points(traces, "zoo")) >= 1400
    published = sorted(
        (s.gmacs, s.top1) for curve in published_results.curves().values() for s in curve.stitches
    )
    assert sorted(points(traces, "curve")) == published


def test_the_zoo_points_to_its_rows_and_each_family_has_a_colour(draw):
    columns = chart.zoo_figure("a network")["zoo"]["columns"]
    members = of(draw(), "zoo")
    seen = [row for trace in members for row in trace["customdata"]]
    assert sorted(seen) == list(range(len(zoo.models())))
    for trace in members:
        assert trace["x"] == [columns["gmacs"][row] for row in trace["customdata"]]
        assert trace["y"] == [columns["top1"][row] for row in trace["customdata"]]
        for row, text in zip(trace["customdata"], trace["text"], strict=True):
            assert text.startswith(f"<b>{columns['name'][row]}</b>")
    assert {trace["name"] for trace in members} == set(zoo.families())
    assert len({trace["meta"]["colour"] for trace in members}) == len(zoo.families())


def test_every_stitch_is_drawn_where_it_stands(draw, service):
    rows = service.frontier()["stitches"]
    drawn = points(draw(service.network()), "stitch")
    assert sorted(drawn) == sorted((r["gmacs"], r["top1"]) for r in rows)


def test_sources_look_different_and_bars_are_the_intervals(draw, service):
    layer = service.network()
    looks = {}
    by_name = {row["name"]: row for row in layer["stitches"]}
    for trace in of(draw(layer), "stitch"):
        looks.setdefault(trace["name"], set()).add(trace["marker"]["symbol"])
        bars = trace["error_y"]
        for name, above, below in zip(trace["customdata"], bars["array"], bars["arrayminus"], strict=True):
            row = by_name[name]
            assert row["source"] == trace["name"]
            assert [row["top1"] - below, row["top1"] + above] == pytest.approx(row["interval"])
    assert looks["estimated"] == {"circle-open"}
    assert len({frozenset(symbols) for symbols in looks.values()}) == len(looks)


def test_figures_of_some_classes_say_so_and_look_like_no_others(draw, service):
    layer = dict(service.network())
    words = "measured on 20 of 1,000 classes"
    partial = {"source": "partial", "classes": 20, "origin": words}
    layer["stitches"] = [row | partial for row in layer["stitches"]]
    marks = of(draw(layer), "stitch")
    assert {trace["marker"]["symbol"] for trace in marks} == {"square-open"}
    assert all(words in text for trace in marks for text in trace["text"])


def test_what_is_not_timms_of_a_model_is_said_of_it(draw):
    texts = [text for trace in of(draw(), "zoo") for text in trace["text"]]
    noted = [m for m in zoo.models() if m.note]
    for model in noted:
        (text,) = (t for t in texts if t.startswith(f"<b>{model.name}<") and f" {model.image_size} px" in t)
        assert " ".join(text.split("<br>")[3:]) == model.note
    assert sum(len(text.split("<br>")) > 3 for text in texts) == len(noted)


def test_hover_names_control_and_method(draw, service):
    texts = [
        text for t in of(draw(service.network()), "stitch") if t["name"] == "estimated" for text in t["text"]
    ]
    assert texts
    for text in texts:
        assert "published for lite" in text.replace("<br>", " ")
        assert "resamples whole classes" in text.replace("<br>", " ")


def test_the_front_is_the_front(draw, service):
    layer = service.network()
    rows = layer["stitches"]
    best = frontier.front([r["gmacs"] for r in rows], [r["top1"] for r in rows])
    (line,) = of(draw(layer), "front")
    assert line["x"] == [rows[k]["gmacs"] for k in best]


def test_an_unmeasured_network_stands_on_the_budget_axis(draw):
    from tests.networks import tiny

    layer = chart.network_layer(figures_of(tiny()))
    traces = draw(layer)
    assert points(traces, "stitch") == []
    (rug,) = of(traces, "rug")
    assert sorted(rug["x"]) == sorted(row["gmacs"] for row in layer["stitches"])
    for name, text in zip(rug["customdata"], rug["text"], strict=True):
        assert text.startswith(f"<b>{name}</b>")
        assert "GMACs" in text
        assert "M parameters" in text
        assert "not measured yet" in text


def test_what_is_not_measured_among_what_is_stands_there_too(draw):
    from snnet.evaluation.accuracy import Accuracy
    from tests.networks import tiny

    net = tiny()
    net.accuracies = {
        stitch.name: Accuracy(70.0 + number, (69.0 + number, 71.0 + number), "measured", "on photos")
        for number, stitch in enumerate(net.stitches[:2])
    }
    traces = draw(chart.network_layer(figures_of(net)))
    assert len(points(traces, "stitch")) == 2
    assert len(points(traces, "rug")) == len(net.stitches) - 2


def published(name):
    """Return a published network's layer without its weights: accuracies and costs need none."""
    from tests.app.figures.test_chart import published

    return published(name)


def test_the_published_deit_stands_among_its_originals(draw):
    traces = draw(published("deit"))
    assert len(points(traces, "stitch")) == 71
    assert "deit" not in {trace["meta"]["key"] for trace in of(traces, "curve")}  # it is this very network
    marks = of(traces, "stitch")
    sizes = {t["marker"]["size"] for t in marks if "~" in t["customdata"][0]}
    assert max(sizes) < min(t["marker"]["size"] for t in marks if "~" not in t["customdata"][0])
    (squares,) = of(traces, "original")
    assert squares["text"][0].replace("<br>", " ").replace("<b>", "").replace("</b>", "") == (
        "original deit_tiny_patch16_224.fb_in1k: 72.19 % (timm), after joint training 70.56 % (−1.63 points)"
    )
    assert [round(y, 2) for y in squares["y"]] == [72.19, 79.86, 81.98]


def test_originals_stand_there_though_nothing_is_measured(draw):
    (squares,) = of(draw(published("deit3_s_b")), "original")  # its authors gave no table
    assert len(squares["x"]) == 2
    assert "after joint training not measured yet" in squares["text"][0]


def test_originals_and_curves_are_of_imagenet_and_have_parameters(draw):
    layer = published("deit")
    assert not [t for t in draw(layer, set="real") if t["meta"]["kind"] in ("curve", "original", "joint")]
    traces = draw(layer, x="params")
    assert sorted(points(traces, "stitch")) == sorted((r["params_m"], r["top1"]) for r in layer["stitches"])
    given = [
        s
        for curve in published_results.curves().values()
        if curve.title != "DeiT-Ti/S/B"
        for s in curve.stitches
    ]
    assert sorted(points(traces, "curve")) == sorted(
        (s.params_m, s.top1) for s in given if s.params_m is not None
    )
