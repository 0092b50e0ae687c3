"""The page as a visitor meets it, in a real browser."""

import statistics
import time
from pathlib import Path

import pytest

from snnet.tables import zoo
from tests.browser.visits import visiting
from tests.serving import serving_page

pytestmark = pytest.mark.browser

RING = "document.querySelector('#sn-ring').style.transform"


def grip(page):
    """Press the slider's thumb a quarter along; return what moves it to a share of the slider."""
    box = page.locator("#sn-slider").bounding_box()

    def to(share):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)

    to(0.25)
    page.mouse.down()
    return to


def drag(page, seconds=1.5):
    """Drag the slider's thumb from a quarter to three quarters and back; return the ring's moves a second."""
    to = grip(page)
    before = page.evaluate("window.explorer.state.moves")
    begun = time.perf_counter()
    step = 0
    while time.perf_counter() - begun < seconds:
        step += 1
        to(0.25 + 0.5 * abs((step / 60) % 2 - 1))
    elapsed = time.perf_counter() - begun
    moves = page.evaluate("window.explorer.state.moves") - before
    page.mouse.up()
    return moves / elapsed


def answered(page):
    """Wait until nothing is being asked; return the names of the five classes."""
    page.wait_for_selector(".sn[data-answered]")
    page.wait_for_selector("#sn-answer[aria-busy=false]")
    return page.locator("#sn-bars .name").all_inner_texts()


def without_sweep(page):
    """Let only the chosen stitch answer."""

    def judge(route):
        if "begin_sweep" in (route.request.post_data or ""):
            route.fulfill(json={"error": "Not now."})
        else:
            route.continue_()

    page.route("**/component_server/**", judge)


def to_the_largest_budget(page):
    page.focus("#sn-slider")
    page.keyboard.press("End")


class TestChart:
    def test_has_its_points(self, visit, service):
        page = visit()
        drawn = page.evaluate(
            """() => Object.fromEntries(['zoo', 'curve', 'stitch'].map((kind) => [kind,
                document.querySelector('#sn-plot').data
                    .filter((t) => t.meta.kind === kind && t.mode.includes('markers'))
                    .reduce((sum, t) => sum + t.x.length, 0)]))"""
        )
        assert drawn["zoo"] == len(zoo.models()) >= 1400
        assert drawn["stitch"] == len(service.net.stitches)
        assert drawn["curve"] == 272
        assert page.locator("#sn-plot .point").count() > 1400

    def test_tells_where_its_figures_come_from(self, visit):
        page = visit()
        page.click("#sn-know summary")
        assert "estimated" in page.inner_text("#sn-line")
        assert "do not cover the step" in page.inner_text("#sn-line")
        assert "is beaten where some stitch" in page.inner_text("#sn-beats")
        assert "22 times" in page.inner_text("#sn-owns")

    def test_views_change_the_axes(self, visit):
        page = visit()
        spans = {}
        for view in ("near", "zoo", "close"):
            page.click(f"[data-view={view}]")
            page.wait_for_timeout(300)
            low, high = page.evaluate("document.querySelector('#sn-plot')._fullLayout.xaxis.range")
            spans[view] = high - low
            assert page.get_attribute(f"[data-view={view}]", "aria-pressed") == "true"
        assert spans["close"] < spans["near"] < spans["zoo"]

    def test_families_have_colours(self, visit):
        page = visit()
        zoo_traces = "document.querySelector('#sn-plot').data.filter(t => t.meta.kind === 'zoo')"
        colours = f"{zoo_traces}.map(t => t.marker.color)"
        assert len(set(page.evaluate(colours))) == 1
        page.click("#sn-families")
        page.wait_for_timeout(500)
        assert len(set(page.evaluate(colours))) == len(zoo.families())

    def test_colours_and_theme_keep_the_view(self, visit):
        page = visit()
        page.click("[data-view=zoo]")
        page.wait_for_timeout(300)
        ranges = "['xaxis', 'yaxis'].flatMap(a => document.querySelector('#sn-plot')._fullLayout[a].range)"
        before = page.evaluate(ranges)
        page.click("#sn-families")
        page.wait_for_timeout(500)
        assert page.evaluate(ranges) == before
        page.evaluate("document.body.classList.toggle('dark')")
        page.wait_for_timeout(500)
        assert page.evaluate(ranges) == before

    @pytest.mark.parametrize("width", [390, 1280])
    def test_names_of_curves_keep_apart_and_on_the_graph(self, visit, width):
        page = visit(viewport={"width": width, "height": 720})
        for view in ("near", "zoo", "close"):
            page.click(f"[data-view={view}]")
            page.wait_for_timeout(300)
            boxes = [name.bounding_box() for name in page.locator("#sn-names span:visible").all()]
            assert boxes
            chart = page.locator(".sn-chart").bounding_box()
            for number, a in enumerate(boxes):
                assert a["x"] >= chart["x"]
                assert a["x"] + a["width"] <= chart["x"] + chart["width"] + 1
                for b in boxes[:number]:
                    beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
                    assert beside or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]

    def test_a_click_on_a_stitch_that_is_beaten_runs_it_and_says_by_which(self, visit):
        page = visit()
        page.click("[data-view=close]")
        page.wait_for_timeout(500)
        name, x, y = page.evaluate(
            """() => {
                const worst = explorer.state.stitches.reduce((a, b) => (b.top1 < a.top1 ? b : a));
                const plot = document.querySelector('#sn-plot'), {xaxis, yaxis} = plot._fullLayout;
                const box = plot.getBoundingClientRect();
                const x = xaxis._offset + xaxis.d2p(worst.gmacs), y = yaxis._offset + yaxis.d2p(worst.top1);
                return [worst.name, box.x + x, box.y + y];
            }"""
        )
        page.mouse.move(x - 20, y)
        page.mouse.move(x, y)
        page.wait_for_timeout(200)
        page.mouse.click(x, y)
        page.wait_for_function("name => explorer.state.chosen.name === name", arg=name)  # it runs
        assert "Not on the front: " in page.inner_text("#sn-chosen")
        assert "is better for no more" in page.inner_text("#sn-chosen")
        page.focus("#sn-slider")
        page.keyboard.press("End")
        assert "is better" not in page.inner_text("#sn-chosen")

    def test_a_click_on_a_stitch_moves_the_slider_there(self, visit, service):
        page = visit()
        page.click("[data-view=close]")
        page.wait_for_timeout(500)
        front = [row for row in service.frontier()["stitches"] if row["on_front"]]
        for row in (front[0], max(front, key=lambda r: r["gmacs"])):
            x, y = page.evaluate(
                """([gmacs, top1]) => {
                    const plot = document.querySelector('#sn-plot'), {xaxis, yaxis} = plot._fullLayout;
                    const box = plot.getBoundingClientRect();
                    const x = xaxis._offset + xaxis.d2p(gmacs), y = yaxis._offset + yaxis.d2p(top1);
                    return [box.x + x, box.y + y];
                }""",
                [row["gmacs"], row["top1"]],
            )
            page.mouse.move(x - 30, y)
            page.mouse.move(x, y)
            page.wait_for_timeout(700)  # two clicks sooner than that would be a double click
            page.mouse.click(x, y)
            page.wait_for_function("name => window.explorer.state.chosen.name === name", arg=row["name"])
            assert page.evaluate("window.explorer.state.gmacs") == pytest.approx(row["gmacs"])
            assert float(page.input_value("#sn-gmacs")) == pytest.approx(row["gmacs"], abs=1e-3)


class TestBudget:
    def test_a_drag_moves_the_ring_and_asks_nothing(self, visit, capsys):
        page = visit()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        rates = [drag(page) for _ in range(3)]
        assert not asked
        with capsys.disabled():
            print(f"\nring moves a second, dragging: {statistics.median(rates):.0f}")
        assert min(rates) > 0
        places = set()
        for position in range(0, 401, 20):
            page.evaluate(
                """p => { const s = document.querySelector('#sn-slider'); s.value = p;
                          s.dispatchEvent(new Event('input', {bubbles: true})); }""",
                position,
            )
            places.add(page.evaluate(RING))
        assert len(places) > 3

    def test_the_choice_is_that_of_select(self, visit, service):
        page = visit()
        low = float(page.get_attribute("#sn-gmacs", "min"))
        high = max(row["gmacs"] for row in service.frontier()["stitches"])
        for share in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1):
            budget = round(low + share * (high - low), 3)
            page.fill("#sn-gmacs", str(budget))
            page.keyboard.press("Enter")
            chosen = page.evaluate("window.explorer.state.chosen.name")
            assert chosen == service.net.select(gmacs=budget).name

    def test_too_little_is_one_sentence_that_names_the_smallest(self, visit, service):
        page = visit()
        chosen = page.evaluate("explorer.state.chosen.name")
        for typed in ("0.1", "-3", ""):
            page.fill("#sn-gmacs", typed)
            page.keyboard.press("Enter")
            said = page.evaluate("document.querySelector('#sn-gmacs').validationMessage")
            assert said == "The smallest stitch takes 0.294 GMACs: give at least that."
            assert page.evaluate("explorer.state.chosen.name") == chosen
        page.fill("#sn-gmacs", "500")
        page.keyboard.press("Enter")
        said = page.evaluate("document.querySelector('#sn-gmacs').validationMessage")
        assert said.endswith("were MACs or MMACs meant? 500 MMACs are 0.5 GMACs.")
        assert page.evaluate("explorer.state.chosen.name") == chosen
        page.fill("#sn-gmacs", "50")  # above the largest: the best
        page.keyboard.press("Enter")
        assert page.evaluate("document.querySelector('#sn-gmacs').checkValidity()")
        assert page.evaluate("explorer.state.chosen.name") == service.net.select(gmacs=50).name

    def test_keys_move_it_and_say_what_was_chosen(self, visit):
        page = visit()
        page.focus("#sn-slider")
        page.keyboard.press("Home")
        first = page.get_attribute("#sn-slider", "aria-valuetext")
        page.keyboard.press("End")
        last = page.get_attribute("#sn-slider", "aria-valuetext")
        assert first != last
        assert "GMACs" in last
        assert "% right (" in last


class TestPhoto:
    def test_a_lion_is_called_lion_at_the_largest_budget(self, visit, lion, service):
        page = visit()
        to_the_largest_budget(page)
        page.set_input_files("#sn-file", str(lion))
        assert answered(page)[0] == "lion"
        assert page.inner_text("#sn-verdict").startswith("lion · ")
        best = service.net.select(gmacs=10)
        assert service.net.words[best.name] in page.inner_text("#sn-chosen")
        assert best.name in page.locator("#sn-details").text_content()

    def test_a_photo_runs_and_keys_run_it_again(self, visit, lion):
        page = visit()
        without_sweep(page)
        to_the_largest_budget(page)
        page.set_input_files("#sn-file", str(lion))
        assert answered(page)[0] == "lion"
        with page.expect_response("**/run/classify"):
            page.focus("#sn-slider")
            page.keyboard.press("Home")
        page.wait_for_function(
            "document.querySelector('.sn').dataset.answered === explorer.state.chosen.name"
        )

    def test_coming_to_rest_runs_it_once(self, visit, lion):
        page = visit()
        without_sweep(page)
        page.set_input_files("#sn-file", str(lion))
        answered(page)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        to = grip(page)
        for share in (0.4, 0.7, 0.3, 0.9, 0.99):  # to another stitch than the one that has answered
            to(share)
            page.wait_for_timeout(150)
        assert not [url for url in asked if url.endswith("classify")]
        with page.expect_response("**/run/classify"):
            page.mouse.up()
        page.wait_for_timeout(1000)
        assert len([url for url in asked if url.endswith("classify")]) == 1

    def test_the_newest_question_wins(self, visit, lion):
        page = visit()
        without_sweep(page)
        page.set_input_files("#sn-file", str(lion))
        answered(page)
        held = []
        page.route("**/run/classify", lambda route: held.append(route) if not held else route.continue_())
        to_the_largest_budget(page)
        while not held:  # until it is asked
            page.wait_for_timeout(50)
        page.keyboard.press("Home")
        page.wait_for_function(
            "document.querySelector('.sn').dataset.answered === explorer.state.chosen.name"
        )
        newest = page.evaluate("document.querySelector('.sn').dataset.answered")
        held[0].abort()
        page.wait_for_timeout(400)
        assert page.evaluate("document.querySelector('.sn').dataset.answered") == newest
        assert page.inner_text("#sn-error") == ""

    def test_pasted_and_dropped_photos_run(self, visit, lion):
        page = visit()
        bytes_ = list(lion.read_bytes())
        for kind in ("paste", "drop"):
            page.evaluate("delete document.querySelector('.sn').dataset.answered")
            page.evaluate(
                """([kind, bytes]) => {
                    const data = new DataTransfer();
                    data.items.add(new File([new Uint8Array(bytes)], 'lion.jpg', {type: 'image/jpeg'}));
                    const target = kind === 'paste' ? document : document.querySelector('#sn-drop');
                    const made = kind === 'paste'
                        ? new ClipboardEvent('paste', {clipboardData: data})
                        : new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
                    target.dispatchEvent(made);
                }""",
                [kind, bytes_],
            )
            assert answered(page)[0] == "lion", kind

    def test_a_webcam_photo_runs(self, visit):
        page = visit()
        page.click("#sn-webcam")
        page.wait_for_function("document.querySelector('#sn-webcam').textContent === 'Take the photo'")
        page.click("#sn-webcam")
        assert len(answered(page)) == 5
        assert page.inner_text("#sn-webcam") == "Camera"

    def test_a_bad_file_is_one_sentence_and_the_page_lives_on(self, visit, lion, tmp_path):
        page = visit()
        (tmp_path / "notes.jpg").write_text("not a photo")
        page.set_input_files("#sn-file", str(tmp_path / "notes.jpg"))
        page.wait_for_function("document.querySelector('#sn-error').textContent")
        sentence = page.inner_text("#sn-error")
        assert "notes.jpg" in sentence
        assert "Traceback" not in sentence
        page.set_input_files("#sn-file", str(lion))
        assert answered(page)[0] == "lion"
        assert page.inner_text("#sn-error") == ""

    def test_no_photo_stands_above_anothers_answer(self, visit, lion, tmp_path):
        page = visit()
        page.set_input_files("#sn-file", str(lion))
        answered(page)
        top = "document.querySelector('#sn-bars').getBoundingClientRect().top"
        before = page.evaluate(top)
        (tmp_path / "notes.jpg").write_text("not a photo")
        page.set_input_files("#sn-file", str(tmp_path / "notes.jpg"))
        page.wait_for_function("document.querySelector('#sn-error').textContent")
        page.wait_for_function("document.querySelector('#sn-stays').textContent.includes('got no answer')")
        assert "lion" not in page.inner_text("#sn-answer")
        assert page.evaluate(top) == before

    def test_a_photo_that_was_swept_away_is_uploaded_again(self, visit, lion):
        page = visit()
        without_sweep(page)
        page.set_input_files("#sn-file", str(lion))
        answered(page)
        Path(page.evaluate("explorer.state.photo.path")).unlink()
        to_the_largest_budget(page)
        page.wait_for_function(
            "document.querySelector('.sn').dataset.answered === explorer.state.chosen.name"
        )
        assert page.inner_text("#sn-error") == ""

    def test_a_photo_dropped_beside_the_box_runs_too(self, visit, lion):
        page = visit()
        prevented = page.evaluate(
            """(bytes) => {
                const data = new DataTransfer();
                data.items.add(new File([new Uint8Array(bytes)], 'lion.jpg', {type: 'image/jpeg'}));
                const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
                return !document.querySelector('.sn-head').dispatchEvent(drop);
            }""",
            list(lion.read_bytes()),
        )
        assert prevented
        assert answered(page)[0] == "lion"

    def test_a_lost_server_is_one_line_and_the_answer_stays(self, visit, lion):
        page = visit()
        without_sweep(page)  # what has answered is not asked again
        page.set_input_files("#sn-file", str(lion))
        before = answered(page)
        page.route("**/run/classify", lambda route: route.abort())
        to_the_largest_budget(page)
        page.wait_for_selector("#sn-trouble")
        assert page.inner_text("#sn-trouble-text") == "The server does not answer"
        assert page.locator("#sn-bars .name").all_inner_texts() == before


class TestLooks:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_stands_out_in_light_and_dark(self, visit, scheme):
        page = visit(color_scheme=scheme)
        contrast = page.evaluate(
            """() => {
                const luminance = (colour) => {
                    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => {
                        v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const card = luminance(getComputedStyle(document.querySelector('.sn-card')).backgroundColor);
                return ['#sn-line', '#sn-ran', '#sn-chosen', '.sn-facts dt', '.sn-head p'].map((selector) => {
                    const text = luminance(getComputedStyle(document.querySelector(selector)).color);
                    return (Math.max(text, card) + 0.05) / (Math.min(text, card) + 0.05);
                }).concat(card > 0.5 ? 1 : 0);
            }"""
        )
        assert min(contrast[:-1]) >= 4.5
        assert contrast[-1] == (1 if scheme == "light" else 0)

    def test_a_phone_needs_no_sideways_scroll(self, visit, lion):
        page = visit(viewport={"width": 390, "height": 844}, has_touch=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.set_input_files("#sn-file", str(lion))
        assert answered(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for selector in ("#sn-plot", "#sn-slider", "#sn-drop", "#sn-bars"):
            box = page.locator(selector).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390

    @pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
    def test_nothing_shifts_while_the_page_fills(self, browser, url, size):
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.add_init_script(
            # of our own: how Gradio's spinner goes before the page is there is not this page's matter
            """const isOurs = ({node}) => node?.parentElement?.closest('.sn');
            new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
                if (entry.sources.some(isOurs)) window.shifted = (window.shifted ?? 0) + entry.value;
            })).observe({type: 'layout-shift', buffered: true})"""
        )
        page.goto(url)
        page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
        page.wait_for_timeout(500)
        assert page.evaluate("window.shifted ?? 0") < 0.02  # 0.1 is what web.dev calls good
        page.close()

    def test_720_px_show_chart_budget_and_photo(self, visit):
        page = visit()
        for part in (".sn-frontier", ".sn-photo"):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= 720

    def test_two_fingers_zoom_and_a_tap_does_not(self, visit):
        page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        range_of = "[...document.querySelector('#sn-plot')._fullLayout.xaxis.range]"
        before = page.evaluate(range_of)
        box = page.locator("#sn-plot").bounding_box()
        x, y = box["x"] + 180, box["y"] + 120
        for _ in range(2):  # a double tap is no double click
            page.touchscreen.tap(x, y)
        page.wait_for_timeout(500)
        assert page.evaluate(range_of) == before
        touch = page.context.new_cdp_session(page)

        def fingers(kind, apart):
            points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if apart else []})

        fingers("touchStart", 30)
        for apart in (40, 50, 60):
            fingers("touchMove", apart)
        fingers("touchEnd", 0)
        page.wait_for_timeout(400)
        low, high = page.evaluate(range_of)
        assert (high - low) == pytest.approx((before[1] - before[0]) / 2, rel=0.1)
        assert page.locator("[data-view][aria-pressed=true]").count() == 0  # a view of its own
        page.click("[data-view=close]")
        page.wait_for_timeout(300)
        assert page.evaluate(range_of) == pytest.approx(before)

    def test_a_double_click_goes_to_the_named_view(self, visit):
        page = visit()
        range_of = "[...document.querySelector('#sn-plot')._fullLayout.xaxis.range]"
        before = page.evaluate(range_of)
        box = page.locator("#sn-plot").bounding_box()
        page.mouse.move(box["x"] + 300, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 130, steps=4)
        page.mouse.up()
        assert page.evaluate(range_of) != before
        assert page.locator("[data-view][aria-pressed=true]").count() == 0
        page.mouse.dblclick(box["x"] + 300, box["y"] + 100)
        page.wait_for_timeout(600)
        assert page.evaluate(range_of) == pytest.approx(before)
        assert page.get_attribute("[data-view=close]", "aria-pressed") == "true"

    def test_a_finger_on_the_chart_scrolls_the_page(self, visit):
        page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        box = page.locator("#sn-plot").bounding_box()
        touch = page.context.new_cdp_session(page)
        x, y = box["x"] + 150, box["y"] + 200
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for step in range(1, 13):
            points = [{"x": x, "y": y - 12 * step}]
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
            page.wait_for_timeout(16)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_function("scrollY > 50")

    def test_nothing_shifts_when_an_answer_arrives(self, visit, lion):
        page = visit()
        places = """['#sn-plot', '#sn-slider', '#sn-drop', '#sn-bars']
            .map(s => document.querySelector(s).getBoundingClientRect().top)"""
        before = page.evaluate(places)
        page.set_input_files("#sn-file", str(lion))
        answered(page)
        assert page.evaluate(places) == before

    def test_keys_reach_everything(self, visit):
        page = visit()
        wanted = {"sn-slider", "sn-gmacs", "sn-families", "sn-file", "sn-webcam"}
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate("document.activeElement.id || document.activeElement.getAttribute('class')")
            )
        assert wanted <= reached
        assert "example" in reached


def test_a_network_that_cannot_be_loaded_says_so_and_its_figures_stay(browser, monkeypatch, lion):
    from app.service import Service
    from snnet.catalogue import entries

    def damaged(entry, weights=None):
        raise entries.WeightsError("lite.safetensors is missing: fetch the project again")

    monkeypatch.setattr(entries, "ready", damaged)
    service = Service("lite")
    service.networks.start()
    with serving_page(service) as url, visiting(browser, url) as visit:
        page = visit()
        assert page.evaluate("explorer.state.stitches.length") == 166
        page.set_input_files("#sn-file", str(lion))
        page.wait_for_selector("#sn-error:not(:empty)")
        assert page.inner_text("#sn-error") == "lite.safetensors is missing: fetch the project again"


def test_every_question_carries_the_pages_own_name_so_that_the_server_can_be_fair(visit, lion):
    page, names = visit(), set()
    page.on("request", lambda r: r.method == "POST" and names.add(r.headers.get("x-visitor")))
    page.set_input_files("#sn-file", str(lion))
    page.wait_for_function("explorer.state.answers.size > 1", timeout=60_000)
    assert len(names - {None}) == 1
