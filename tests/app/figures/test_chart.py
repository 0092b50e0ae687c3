import json

from app.figures import chart
from snnet.catalogue.figures import figures_of
from snnet.tables import published_results, zoo


def test_the_whole_zoo_and_every_published_stitch_is_there():
    figure = chart.zoo_figure("a network")
    columns = figure["zoo"]["columns"]
    assert [*zip(columns["gmacs"], columns["top1"], strict=True)] == [(m.gmacs, m.top1) for m in zoo.models()]
    for curve, published in zip(figure["curves"], published_results.curves().values(), strict=True):
        for column in ("gmacs", "top1", "params_m", "index"):
            assert curve[column] == [getattr(stitch, column) for stitch in published.stitches]
        assert curve["anchors"] == [place for place, s in enumerate(published.stitches) if s.is_anchor]
    json.dumps(figure, allow_nan=False)


def test_every_stitch_is_where_it_stands(service):
    layer = service.network()
    rows = service.frontier()["stitches"]
    places = [(row["name"], row["gmacs"], row["top1"]) for row in layer["stitches"]]
    assert places == [(row["name"], row["gmacs"], row["top1"]) for row in rows]
    json.dumps(layer, allow_nan=False)


def test_notes_name_control_and_method(service):
    notes = [row["note"] for row in service.network()["stitches"] if row["source"] == "estimated"]
    assert notes
    for note in notes:
        assert "published for lite" in note
        assert "resamples whole classes" in note


def test_beats_is_counted_one_by_one(service):
    layer = service.network()
    rows = layer["stitches"]
    low, high = min(r["gmacs"] for r in rows), max(r["gmacs"] for r in rows)
    own = {f"tf_efficientnet_lite{number}.in1k" for number in range(3)}
    inside = [m for m in zoo.models() if low <= m.gmacs <= high and m.name not in own]

    def beaten(value, members=rows):
        return sum(any(r["gmacs"] <= m.gmacs and value(r) >= m.top1 for r in members) for m in inside)

    counted = layer["beats"]
    assert set(counted["own"]) == own
    assert (counted["beaten"], counted["total"]) == (beaten(lambda r: r["top1"]), len(inside))
    assert counted["at_low"] == beaten(lambda r: r["interval"][0])
    assert counted["at_high"] == beaten(lambda r: r["interval"][1])
    assert counted["by_anchors"] == beaten(lambda r: r["top1"], [r for r in rows if r["is_anchor"]])
    assert counted["at_low"] < counted["by_anchors"] < counted["beaten"] < counted["at_high"]
    assert f"Beats {counted['beaten']} of {counted['total']} zoo results" in counted["sentence"]
    assert service.frontier()["zoo"] == counted


def test_a_network_without_results_has_its_costs_and_no_points():
    from tests.networks import tiny

    layer = chart.network_layer(figures_of(tiny()))
    assert all(row["top1"] is None for row in layer["stitches"])
    assert all(row["note"] == "not measured yet" for row in layer["stitches"])
    json.dumps(layer, allow_nan=False)


def test_an_unmeasured_network_stands_on_the_budget_axis():
    from tests.networks import tiny

    layer = chart.network_layer(figures_of(tiny()), measure="python -m snnet evaluate tiny --data PHOTOS")
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
    layer = chart.network_layer(figures_of(net))
    assert {row["name"] for row in layer["stitches"] if row["top1"] is not None} == set(known)
    assert layer["unmeasured"]["text"].startswith(f"The accuracies of {len(net.stitches) - 2} of")
    json.dumps(layer, allow_nan=False)


def published(name):
    """Return a published network's layer without its weights: accuracies and costs need none."""
    from snnet.catalogue import families, published

    net = published.outline(name)
    net.reported = families.reported(net)
    net.accuracies = net.reported
    return chart.network_layer(figures_of(net))


def test_the_published_deit_stands_among_its_originals():
    layer = published("deit")
    assert sum(row["top1"] is not None for row in layer["stitches"]) == 71
    assert layer["hides"] == "deit"
    rows = layer["originals"]
    assert rows[0]["name"] == "deit_tiny_patch16_224.fb_in1k"
    assert [round(row["before"], 2) for row in rows] == [72.19, 79.86, 81.98]
    assert round(rows[0]["after"], 2) == 70.56
    sentence = "Joint training costs the anchors: DeiT-Ti 72.2 → 70.6, DeiT-S 79.9 → 79.5, DeiT-B 82.0 → 81.9"
    assert layer["joint"].startswith(sentence)
    assert layer["ownership"]["published"] == ""  # it is this very network
    json.dumps(layer, allow_nan=False)


def test_originals_stand_there_though_nothing_is_measured():
    layer = published("deit3_s_b")  # its authors gave no table
    assert [row["after"] for row in layer["originals"]] == [None, None]
    assert (layer["joint"], layer["hides"]) == ("", None)
