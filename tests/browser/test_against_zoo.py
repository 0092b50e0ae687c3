"""Against the zoo: filters, axes, a model beside the stitches, exports, and what a link restores."""

import csv
import io
import json
import random
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from snnet import frontier
from snnet.evaluation import against_zoo
from snnet.tables import zoo
from tests.browser.weights import serving

pytestmark = pytest.mark.browser

LITE1 = "tf_efficientnet_lite1.in1k"
FAR = "mobilenetv3_small_050.lamb_in1k"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
OWN = """name => new URL(name, [...document.scripts].find(s => s.src.includes('explorer.js')).src).href"""
DRAWN = """kind => document.querySelector('#sn-plot').data
    .filter(t => t.meta.kind === kind && t.visible !== false)
    .map(t => ({x: t.x, y: t.y, customdata: t.customdata, text: t.text}))"""


def module(page, name):
    """Return an expression for one of the page's own modules."""
    return f"(await import({json.dumps(page.evaluate(OWN, name))}))"


def drawn(page, kind):
    page.wait_for_timeout(300)
    return page.evaluate(DRAWN, kind)


def points(page, kind):
    return [point for trace in drawn(page, kind) for point in zip(trace["x"], trace["y"], strict=True)]


def opened(page):
    if not page.locator("#sn-zoo[open]").count():
        page.click("#sn-zoo > summary")
    return page


def count(page):
    page.wait_for_timeout(400)  # what is typed is looked for a moment later
    return int(page.inner_text("#sn-zoo-count").split(" ")[0].replace(",", ""))


def rows_of(service):
    return service.network()["stitches"]


def test_front_and_beats_are_pythons(visit):
    page = visit()
    functions = module(page, "./chart/frontier.js")
    for seed in range(60):
        draw = random.Random(seed)

        def cloud(size, draw=draw):
            costs = [draw.randint(1, 8) / 4 for _ in range(size)]
            return costs, [draw.choice([None, *(float(v) for v in range(1, 9))]) for _ in range(size)]

        mine, theirs = cloud(draw.randint(0, 12)), cloud(draw.randint(0, 30))
        anchors = [draw.random() < 0.4 for _ in mine[0]]
        intervals = [v and [v - draw.randint(0, 3), v + draw.randint(0, 3)] for v in mine[1]]
        more = [anchors, intervals if seed % 3 else None]
        front, beats = page.evaluate(
            f"async ([mine, theirs, more]) => {{ const f = {functions};"
            "return [f.front(...mine), f.beats(...mine, ...theirs, ...more)]; }",
            [mine, theirs, more],
        )
        assert front == frontier.front(*mine)
        assert beats == vars(frontier.beats(*mine, *theirs, *more))


def named(*patterns):
    return lambda m: any(fnmatchcase(m.name.lower(), p) for p in patterns)


class TestFilters:
    @pytest.mark.parametrize(
        ("fill", "choose", "press", "passes"),
        [
            ({"name": "resnet*"}, {}, [], named("resnet*")),
            ({"name": "RESNET?0.*, *lite?.*"}, {}, [], named("resnet?0.*", "*lite?.*")),
            ({"name": "lite0"}, {}, [], named("*lite0*")),
            ({"name": "a.b(["}, {}, [], lambda m: False),
            ({}, {}, ["ResNet", "LeViT"], lambda m: m.family in ("ResNet", "LeViT")),
            ({}, {"size": "224"}, [], lambda m: m.image_size == 224),
            ({}, {"pretraining": "in22k"}, [], lambda m: m.pretraining == "in22k"),
            ({"params-low": "5", "params-high": "7.5"}, {}, [], lambda m: 5 <= m.params_m <= 7.5),
            ({"gmacs-low": "0.4", "gmacs-high": "0.62"}, {}, [], lambda m: 0.4 <= m.gmacs <= 0.62),
            (
                {"name": "*mobile*", "gmacs-high": "1"},
                {"pretraining": "in1k"},
                ["MobileNet"],
                lambda m: (
                    fnmatchcase(m.name, "*mobile*")
                    and m.gmacs <= 1
                    and m.pretraining == "in1k"
                    and m.family == "MobileNet"
                ),
            ),
        ],
    )
    def test_what_is_left_its_front_and_what_is_beaten(self, kept_page, service, fill, choose, press, passes):
        page = opened(kept_page)
        for name, text in fill.items():
            page.fill(f"#sn-zoo-{name}", text)
        for name, key in choose.items():
            page.select_option(f"#sn-zoo-{name}", key)
        for family in press:
            page.click(f"[data-family={family}]")
        left = [m for m in zoo.models() if passes(m)]
        assert count(page) == len(left)
        assert page.inner_text("#sn-zoo-count") == f"{len(left):,} of {len(zoo.models()):,} shown"
        assert sorted(points(page, "zoo")) == sorted((m.gmacs, m.top1) for m in left)
        best = frontier.front([m.gmacs for m in left], [m.top1 for m in left])
        assert points(page, "zoofront") == [(left[k].gmacs, left[k].top1) for k in best]
        rows = rows_of(service)
        others = [m for m in left if m.name not in against_zoo.own_models(service.net)]
        expected = frontier.beats(
            [r["gmacs"] for r in rows],
            [r["top1"] for r in rows],
            [m.gmacs for m in others],
            [m.top1 for m in others],
            [r["is_anchor"] for r in rows],
            [r["interval"] for r in rows],
        )
        said = page.inner_text("#sn-beats")
        if expected.total:
            words = f"Beats {expected.beaten} of {expected.total} of the zoo results that the filters leave"
            assert words in said
            assert f"interval {expected.at_low}, at the high end {expected.at_high}." in said
            assert f"unstitched, beat {expected.by_anchors}." in said
        else:
            assert "the filters leave no zoo model" in said
        page.click("#sn-zoo-reset")
        assert count(page) == len(zoo.models())
        assert "filters" not in page.inner_text("#sn-beats")
        assert page.locator("#sn-zoo-reset").is_disabled()

    def test_without_filters_the_sentence_is_pythons(self, visit, service):
        beats = service.network()["beats"]
        said = visit().inner_text("#sn-beats")
        assert said == f"{beats['sentence']} {beats['definition']}"

    def test_filters_keep_what_is_in_view(self, visit):
        page = opened(visit())
        ranges = "['xaxis', 'yaxis'].flatMap(a => document.querySelector('#sn-plot')._fullLayout[a].range)"
        page.click("[data-view=zoo]")
        page.wait_for_timeout(300)
        before = page.evaluate(ranges)
        page.click("[data-family=ResNet]")
        assert count(page) < len(zoo.models())
        assert page.evaluate(ranges) == before

    def test_a_drag_of_the_budget_redraws_nothing(self, visit):
        page = opened(visit())
        page.fill("#sn-zoo-name", "*net*")
        count(page)
        page.evaluate(
            """document.querySelector('#sn-plot')
                .on('plotly_afterplot', () => (window.plots = (window.plots ?? 0) + 1))"""
        )
        for position in range(0, 401, 5):
            page.evaluate(
                """p => { const s = document.querySelector('#sn-slider'); s.value = p;
                          s.dispatchEvent(new Event('input', {bubbles: true})); }""",
                position,
            )
        page.wait_for_timeout(300)
        assert page.evaluate("window.plots ?? 0") == 0


class TestAxes:
    @pytest.mark.parametrize(
        "key", ["real", "v2", *(pytest.param(key, marks=pytest.mark.slow) for key in ("sketch", "a", "r"))]
    )
    def test_another_test_set(self, visit, service, key):
        page = opened(visit())
        page.select_option("#sn-zoo-set", key)
        with_figure = [m for m in zoo.models() if getattr(m, key) is not None]
        assert count(page) == len(with_figure)
        assert sorted(points(page, "zoo")) == sorted((m.gmacs, getattr(m, key)) for m in with_figure)
        rows = rows_of(service)
        known = [(r["gmacs"], r["sets"][key]) for r in rows if r["sets"]]
        assert sorted(points(page, "stitch")) == sorted(known)
        assert len(points(page, "rug")) == len(rows) - len(known)
        assert drawn(page, "curve") == []
        name = page.locator("#sn-zoo-set option:checked").inner_text()
        title = page.evaluate("document.querySelector('#sn-plot')._fullLayout.yaxis.title.text")
        assert title == f"Photos named right, % on {name}"
        note = page.inner_text("#sn-zoo-note")
        assert f"On {name} {len(known)} of the network's {len(rows)} stitches are timm's own models" in note
        assert "The budget still chooses by top-1 on ImageNet-1k." in note
        assert page.locator("#sn-ring").get_attribute("hidden") is None  # on the rug
        assert "not measured here" in page.inner_text("#sn-ring-label")
        assert not page.evaluate("document.querySelector('#sn-plot').data.some(t => t.error_y)")
        own = against_zoo.own_models(service.net)
        others = [m for m in with_figure if m.name not in own]
        best = frontier.beats(
            *zip(*known, strict=True),
            [m.gmacs for m in others],
            [getattr(m, key) for m in others],
            [True] * len(known),
        )
        said = page.inner_text("#sn-beats")
        assert f"Beats {best.beaten} of {best.total} zoo results" in said
        assert "interval" not in said  # they are of ImageNet-1k
        assert ("200 classes" in said) == (key in ("a", "r"))
        page.select_option("#sn-zoo-set", "top1")
        page.wait_for_timeout(300)
        assert len(points(page, "stitch")) == len(rows)
        assert page.locator("#sn-zoo-note").is_hidden()

    def test_parameters_on_x(self, visit, service):
        page = opened(visit())
        page.select_option("#sn-zoo-x", "params")
        rows = rows_of(service)
        assert sorted(points(page, "stitch")) == sorted((r["params_m"], r["top1"]) for r in rows)
        assert sorted(points(page, "zoo")) == sorted((m.params_m, m.top1) for m in zoo.models())
        best = frontier.front([r["params_m"] for r in rows], [r["top1"] for r in rows])
        assert points(page, "front") == [(rows[k]["params_m"], rows[k]["top1"]) for k in best]
        ring, expected = page.evaluate(
            """() => { const {xaxis} = document.querySelector('#sn-plot')._fullLayout;
                const at = new DOMMatrix(document.querySelector('#sn-ring').style.transform).e;
                return [at, xaxis._offset + xaxis.d2p(explorer.state.chosen.params_m)]; }"""
        )
        assert ring == pytest.approx(expected, abs=0.5)
        page.focus("#sn-slider")
        page.keyboard.press("End")
        assert page.evaluate("explorer.state.chosen.name") == service.net.select(gmacs=10).name
        assert page.evaluate("document.querySelector('#sn-plot')._fullLayout.xaxis.title.text").startswith(
            "Param"
        )
        assert "the budget stays one of GMACs" in page.inner_text("#sn-zoo-note")

    def test_a_click_on_a_stitch_buys_its_gmacs_on_any_axis(self, visit, service):
        page = opened(visit())
        page.select_option("#sn-zoo-x", "params")
        page.fill("#sn-zoo-name", "nothing")  # no zoo point lies nearer to the click
        assert count(page) == 0
        page.click("[data-view=close]")
        page.wait_for_timeout(500)
        best = service.net.select(gmacs=10)
        x, y = place(page, service.net.cost(best).params_m, service.net.accuracy(best).top1)
        click(page, x, y)
        page.wait_for_function("name => explorer.state.chosen.name === name", arg=best.name)
        assert page.evaluate("explorer.state.gmacs") == service.net.cost(best).gmacs

    @pytest.mark.parametrize("x", ["gmacs", "params"])
    @pytest.mark.parametrize("scale", ["log", "linear"])
    def test_views_hold_what_they_say(self, kept_page, x, scale):
        page = opened(kept_page)
        page.select_option("#sn-zoo-x", x)
        page.select_option("#sn-zoo-scale", scale)
        spans = {}
        for view in ("near", "zoo", "close"):
            page.click(f"[data-view={view}]")
            page.wait_for_timeout(300)
            axis = page.evaluate(
                """() => { const {type, range} = document.querySelector('#sn-plot')._fullLayout.xaxis;
                    return {type, range: range.map(v => type === 'log' ? 10 ** v : v)}; }"""
            )
            assert axis["type"] == scale
            low, high = axis["range"]
            spans[view] = high - low
            stitches = page.evaluate(
                f"explorer.state.stitches.map(s => s.{'params_m' if x == 'params' else x})"
            )
            assert low <= min(stitches)
            assert max(stitches) <= high
        assert spans["close"] < spans["near"] < spans["zoo"]


def place(page, x, y):
    return page.evaluate(
        """([x, y]) => {
            const plot = document.querySelector('#sn-plot'), {xaxis, yaxis} = plot._fullLayout;
            const box = plot.getBoundingClientRect();
            return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(y)];
        }""",
        [x, y],
    )


def click(page, x, y):
    page.mouse.move(x - 30, y)
    page.mouse.move(x, y)
    page.wait_for_timeout(700)  # two clicks sooner than that would be a double click
    page.mouse.click(x, y)


def pick(page, name):
    page.fill("#sn-zoo-pick", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#sn-compare:visible")


def card(page, number):
    return page.locator(f"#sn-compare-cards article >> nth={number}").inner_text()


class TestPicked:
    @pytest.mark.parametrize("name", [LITE1, "efficientnet_b0.ra_in1k", "regnetx_004.pycls_in1k"])
    def test_its_row_beside_the_stitches_of_equal_cost_and_accuracy(self, visit, service, name):
        page = opened(visit())
        pick(page, name)
        model = next(m for m in zoo.models() if m.name == name)
        mine = card(page, 0)
        for text in (name, f"{model.top1:.2f} %", f"{model.gmacs:.2f} GMACs at {model.image_size} px"):
            assert text in mine
        assert f"{model.params_m:.2f} M" in mine
        assert zoo.PRETRAINING[model.pretraining] in mine
        rows = rows_of(service)
        equal_cost = service.net.select(gmacs=model.gmacs).name
        able = [r for r in rows if r["top1"] >= model.top1]
        equal_accuracy = min(able, key=lambda r: (r["gmacs"], -r["top1"])) if able else None
        for number, row in ((1, next(r for r in rows if r["name"] == equal_cost)), (2, equal_accuracy)):
            said = card(page, number)
            if row is None:
                assert said.split("None: ")[1].startswith("the most accurate stitch has")
                continue
            assert row["name"] in said
            assert row["source"] in said
            points_ = row["top1"] - model.top1
            assert (
                points_ == 0 or f"{abs(points_):.2f} points {'more' if points_ > 0 else 'less'} top-1" in said
            )
            share = 1 - row["gmacs"] / model.gmacs
            word, times = ("fewer", 1 / (1 - share)) if share > 0 else ("more", 1 - share)
            assert f"{100 * abs(share):.1f} % {word} GMACs ({times:.2f} ×)" in said
            assert "parameters" in said
        assert points(page, "picked") == [(model.gmacs, model.top1)]

    def test_what_is_too_small_or_too_accurate_is_said(self, visit, service):
        page = opened(visit())
        smallest = min(zoo.models(), key=lambda m: m.gmacs)
        pick(page, smallest.name)
        least = page.get_attribute("#sn-gmacs", "min")
        assert f"None: the smallest stitch takes {least} GMACs" in card(page, 1)
        pick(page, zoo.models()[0].name)
        best = max(row["top1"] for row in rows_of(service))
        assert f"None: the most accurate stitch has {best:.2f} %" in card(page, 2)

    def test_a_click_picks_and_another_takes_it_back(self, visit):
        page = visit()
        page.click("[data-view=zoo]")
        page.wait_for_timeout(500)
        model = max(zoo.models(), key=lambda m: m.gmacs)  # nothing lies near it
        x, y = place(page, model.gmacs, model.top1)
        click(page, x, y)
        page.wait_for_selector("#sn-compare:visible")
        assert model.name in card(page, 0)
        assert page.input_value("#sn-zoo-pick") == f"{model.name} @ {model.image_size} px"
        click(page, x, y)
        page.wait_for_selector("#sn-compare", state="hidden")
        assert points(page, "picked") == []

    def test_escape_and_close_put_it_away(self, visit):
        page = opened(visit())
        pick(page, LITE1)
        page.focus("#sn-compare-close")
        page.keyboard.press("Escape")
        assert page.locator("#sn-compare").is_hidden()
        assert page.evaluate("document.activeElement.id") == "sn-zoo-pick"
        pick(page, LITE1)
        page.click("#sn-compare-close")
        assert page.locator("#sn-compare").is_hidden()
        page.fill("#sn-zoo-pick", "nonsense")
        page.keyboard.press("Enter")
        assert "No such model" in page.evaluate("document.querySelector('#sn-zoo-pick').validationMessage")
        assert page.locator("#sn-compare").is_hidden()

    def test_its_figure_on_the_chosen_set_stands_in_its_row(self, visit):
        page = opened(visit())
        pick(page, LITE1)
        assert "ImageNet-ReaL" not in card(page, 0)
        page.select_option("#sn-zoo-set", "real")
        page.wait_for_timeout(300)
        model = next(m for m in zoo.models() if m.name == LITE1)
        assert f"{model.real:.2f} %" in card(page, 0)


class TestOnThePhoto:
    def test_it_runs_at_once_where_its_weights_are_here(self, visit, lion):
        page = opened(visit())
        pick(page, LITE1)
        page.wait_for_selector(f"#sn-compare[data-ran='{LITE1}']", timeout=180_000)  # on the example
        page.set_input_files("#sn-file", str(lion))
        first = "document.querySelector('#sn-compare-cards ol li')?.textContent ?? ''"
        page.wait_for_function(f"({first}).includes('lion')", timeout=180_000)
        for number in range(3):
            best = page.locator(f"#sn-compare-cards article >> nth={number}").locator("ol li")
            assert best.count() == 5
            assert "lion" in best.first.inner_text()
            assert re.search(r"Ran in \d+\.\d ms", card(page, number))
        assert "converted by ML Illustrated" in page.locator("#sn-credits").text_content()
        assert f"Weights of {LITE1.partition('@')[0]}: apache-2.0." in page.inner_text("#sn-compare-said")

    def test_what_is_not_here_is_offered_with_its_size_then_fetched_and_run(
        self, visit, service, lion, monkeypatch, tmp_path
    ):
        import timm
        import torch

        torch.save(timm.create_model(FAR, pretrained=False).state_dict(), tmp_path / "far.pth")
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        with serving() as served:
            served.files["far.pth"] = (tmp_path / "far.pth").read_bytes()
            service.zoo._entry(FAR).__dict__["sources"] = (served.source("far.pth"),)
            served.status = 503
            page = opened(visit())
            page.set_input_files("#sn-file", str(lion))
            page.wait_for_selector(".sn[data-answered]", timeout=180_000)
            page.click("[data-family=MobileNet]")
            pick(page, FAR)
            page.wait_for_selector("#sn-compare-said.is-error")
            assert "far.pth can't be fetched" in page.inner_text("#sn-compare-said")
            assert f"{served.url}far.pth" in page.inner_text("#sn-compare-said")
            # neither photo nor view is lost
            assert page.locator("#sn-preview").is_visible()
            assert page.get_attribute("[data-family=MobileNet]", "aria-pressed") == "true"
            assert FAR in card(page, 0)
            served.status = 200
            page.click("#sn-compare-go")
            size_mb = len(served.files["far.pth"]) / 1e6
            page.wait_for_function(
                "text => document.querySelector('#sn-compare-go').textContent === text",
                arg=f"Fetch its weights ({size_mb:.1f} MB) and run it",
            )
            assert "Their licence: apache-2.0." in page.inner_text("#sn-compare-said")
            assert served.ranges == []  # nothing is fetched unasked
            page.click("#sn-compare-go")
            page.wait_for_selector(f"#sn-compare[data-ran='{FAR}']", timeout=180_000)
            assert page.locator("#sn-compare-cards article >> nth=0").locator("ol li").count() == 5
            del service.zoo._entry(FAR).__dict__["sources"]

    def test_without_a_network_a_sentence_says_which_file_from_where(
        self, visit, lion, monkeypatch, tmp_path
    ):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        page = opened(visit())
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_selector(".sn[data-answered]", timeout=180_000)
        pick(page, "resnet50.a1_in1k")
        page.wait_for_selector("#sn-compare-said.is-error")
        said = page.inner_text("#sn-compare-said")
        assert "model.safetensors can't be fetched" in said
        assert "https://huggingface.co/timm/resnet50.a1_in1k/resolve/main/model.safetensors" in said
        page.click("#sn-compare-close")
        assert page.locator("#sn-preview").is_visible()

    def test_a_photo_that_was_swept_away_is_uploaded_again(self, visit, lion):
        page = opened(visit())
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_selector(".sn[data-answered]", timeout=180_000)
        Path(page.evaluate("explorer.state.photo.path")).unlink()
        pick(page, LITE1)
        page.wait_for_selector(f"#sn-compare[data-ran='{LITE1}']", timeout=180_000)

    def test_another_photo_and_another_test_set_follow(self, visit):
        page = opened(visit())
        page.click(".example >> nth=0")
        pick(page, LITE1)
        page.wait_for_selector(f"#sn-compare[data-ran='{LITE1}']", timeout=180_000)
        first = page.locator("#sn-compare-cards article >> nth=0").locator("ol li").first
        assert "suspension bridge" in first.inner_text()
        page.select_option("#sn-zoo-set", "real")
        assert "ImageNet-ReaL" in card(page, 0)
        assert "suspension bridge" in first.inner_text()  # what it said of the photo stays
        page.click(".example >> nth=5")
        page.wait_for_function(
            "document.querySelector('#sn-compare-cards ol li')?.textContent.includes('espresso')"
        )


class TestOneFile:
    def test_its_arithmetic_opens(self, visit, service):
        page = visit()
        assert page.locator(".sn-sums .terms").first.is_hidden()
        page.click(".sn-sums summary")
        said = page.inner_text("#sn-owns")
        assert "2,630.3 / 118.4 = 22.2 times" in said
        assert "71 × 300" in said
        assert "3 × 300 + 50 = 950" in said
        assert "21,300 / 950 = 22.4 times" in said
        net = service.net
        own = f"{net.apart_params_m:,.1f} / {net.total_params_m:,.1f}"
        assert own in said


class TestExports:
    def saved(self, page, kind):
        with page.expect_download() as download:
            page.click(f"#sn-zoo-{kind}")
        assert download.value.suggested_filename == f"snnet-lite.{kind}"
        with open(download.value.path(), "rb") as file:
            return file.read()

    def test_csv_is_the_filtered_view(self, visit, service):
        page = opened(visit())
        page.fill("#sn-zoo-name", "levit*")
        left = [m for m in zoo.models() if m.name.startswith("levit")]
        assert count(page) == len(left)
        rows = list(csv.DictReader(io.StringIO(self.saved(page, "csv").decode())))
        mine = [row for row in rows if row["kind"] == "zoo"]
        assert [(r["name"], int(r["image_size"]), float(r["top1"])) for r in mine] == [
            (m.name, m.image_size, m.top1) for m in left
        ]
        stitches = {row["name"]: row for row in rows if row["kind"] in ("stitch", "anchor")}
        for row in rows_of(service):
            found = stitches[row["name"]]
            assert float(found["gmacs"]) == row["gmacs"]
            assert float(found["params_m"]) == row["params_m"]
            assert float(found["top1"]) == row["top1"]
            assert [float(found["interval_low"]), float(found["interval_high"])] == row["interval"]
            assert found["source"] == row["source"]
        assert sum(row["kind"] == "published stitch" for row in rows) == 272

    def test_csv_of_another_set_has_its_column(self, visit, service):
        page = opened(visit())
        page.select_option("#sn-zoo-set", "sketch")
        page.wait_for_timeout(300)
        rows = list(csv.DictReader(io.StringIO(self.saved(page, "csv").decode())))
        first = next(row for row in rows if row["kind"] == "zoo")
        assert float(first["top1_sketch"]) == zoo.models()[0].sketch
        stitches = [row for row in rows if row["kind"] in ("stitch", "anchor")]
        assert sum(row["top1_sketch"] != "" for row in stitches) == 3
        assert not any(row["interval_low"] for row in stitches)
        assert not any(row["kind"] == "published stitch" for row in rows)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_images_are_of_the_chart_on_a_solid_ground(self, visit, scheme):
        from PIL import Image

        page = opened(visit(color_scheme=scheme))
        page.fill("#sn-zoo-name", "*<b>*")  # and are safe from what was typed
        assert count(page) == 0
        page.fill("#sn-zoo-name", "*net*")
        shown = count(page)
        picture = Image.open(io.BytesIO(self.saved(page, "png"))).convert("RGBA")
        assert picture.width >= 2400
        assert picture.height >= 1350
        corner = picture.getpixel((2, 2))
        assert corner[3] == 255
        assert (corner[0] > 200) == (scheme == "light")
        drawing = self.saved(page, "svg").decode()
        assert drawing.startswith("<svg")
        assert f"against {shown:,} of 1,556 results of the timm zoo" in drawing
        assert "Photos named right, %" in drawing
        assert "LeViT-192/256" in drawing  # names of curves, which lie over the chart on the page


class TestKept:
    NAMES = (
        "x",
        "scale",
        "set",
        "name",
        "family",
        "size",
        "pretraining",
        "params",
        "gmacs_range",
        "zoo_model",
    )

    def read(self, page):
        return page.evaluate(
            "names => Object.fromEntries(names.map(n => [n, explorer.page.fields.get(n).read()]))", self.NAMES
        )

    def restore(self, page, values):
        page.evaluate(
            """values => { for (const [name, text] of Object.entries(values))
                explorer.page.fields.get(name).restore(text); }""",
            values,
        )

    def test_all_is_restored(self, visit):
        page = visit()
        assert set(self.read(page).values()) == {None}
        wanted = {
            "x": "params",
            "scale": "linear",
            "set": "real",
            "name": "*net*",
            "family": "ResNet,RegNet",
            "size": "224",
            "pretraining": "in1k",
            "params": "5-30",
            "gmacs_range": "-4.5",
            "zoo_model": f"{LITE1}@240",
        }
        self.restore(page, wanted)
        assert self.read(page) == wanted
        left = [
            m
            for m in zoo.models()
            if "net" in m.name
            and m.family in ("ResNet", "RegNet")
            and (m.image_size, m.pretraining) == (224, "in1k")
            and 5 <= m.params_m <= 30
            and m.gmacs <= 4.5
        ]
        assert count(page) == len(left)
        assert sorted(points(page, "zoo")) == sorted((m.params_m, m.real) for m in left)
        opened(page)
        assert page.input_value("#sn-zoo-name") == "*net*"
        assert page.input_value("#sn-zoo-gmacs-high") == "4.5"
        page.click("#sn-zoo-reset")
        assert {name for name, text in self.read(page).items() if text} == {"zoo_model"}

    @pytest.mark.parametrize(
        "junk", ["", "nonsense", "-", "1-2-3", "<script>", "__proto__", "9" * 500, "%00", "NaN"]
    )
    def test_junk_is_passed_over(self, kept_page, junk):
        page = kept_page
        self.restore(page, {name: junk for name in self.NAMES if name != "name"})
        page.wait_for_timeout(300)
        assert set(self.read(page).values()) == {None}
        self.restore(page, {"name": junk})
        assert len(self.read(page)["name"] or "") <= 200
        self.restore(page, {"name": ""})


class TestLook:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_a_phone_needs_no_sideways_scroll(self, visit, lion, scheme):
        page = visit(color_scheme=scheme, **PHONE)
        page.set_input_files("#sn-file", str(lion))
        opened(page)
        page.select_option("#sn-zoo-set", "real")
        pick(page, LITE1)
        page.wait_for_selector(f"#sn-compare[data-ran='{LITE1}']", timeout=180_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for element in page.locator(
            "#sn-zoo select:visible, #sn-zoo input:visible, #sn-zoo button:visible"
        ).all():
            box = element.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["height"] >= 30

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_texts_stand_out(self, visit, scheme):
        page = opened(visit(color_scheme=scheme))
        page.select_option("#sn-zoo-set", "real")
        page.click("[data-family=ResNet]")
        pick(page, LITE1)
        page.click(".sn-sums summary")
        contrast = page.evaluate(
            """() => {
                const luminance = (colour) => {
                    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => {
                        v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const card = luminance(getComputedStyle(document.querySelector('.sn-card')).backgroundColor);
                return ['#sn-zoo > summary', '#sn-zoo-count', '#sn-zoo-note', '.sn-zoo-row label',
                    '#sn-zoo-set',
                    '#sn-zoo-families small', '#sn-compare h2', '#sn-compare h3', '.sn-compare-rule',
                    '#sn-compare dt', '#sn-compare dd', '.sn-compare-saves li', '#sn-compare-said',
                    '.sn-sums summary', '.sn-sums .of', '.sn-sums .note'].map((selector) => {
                    const text = luminance(getComputedStyle(document.querySelector(selector)).color);
                    return (Math.max(text, card) + 0.05) / (Math.min(text, card) + 0.05);
                });
            }"""
        )
        assert min(contrast) >= 4.5

    def test_every_control_has_a_name(self, visit):
        page = opened(visit())
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('#sn-zoo select, #sn-zoo input, #sn-zoo button')]
                .filter((e) => !e.ariaLabel && !e.labels?.length && !e.textContent.trim()).map((e) => e.id)"""
        )
        assert unnamed == []
