"""Stage mode: a story by keys, an automatic sweep, and nothing that blanks the screen."""

from itertools import pairwise

import pytest

from snnet.tables import zoo
from tests.browser import test_networks

pytestmark = pytest.mark.browser

KINDS = "[...new Set(document.querySelector('#sn-plot').data.filter(t => t.x.length).map(t => t.meta.kind))]"
TITLES = 6
folder, served, own = test_networks.folder, test_networks.served, test_networks.own


def at(page, step):
    page.wait_for_selector(f".sn.is-stage[data-step='{step}']")
    page.wait_for_timeout(500)


def on_stage(visit, **options):
    page = visit(**options)
    page.click("#sn-stage-open")
    at(page, 1)
    return page


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(1920, 1080, "dark"), pytest.param(1280, 720, "light", marks=pytest.mark.slow), (390, 844, "light")],
)
def test_every_step_has_its_idea_and_fits(visit, width, height, scheme):
    page = on_stage(visit, viewport={"width": width, "height": height}, color_scheme=scheme)
    titles = set()
    for step in range(1, TITLES + 1):
        at(page, step)
        title = page.inner_text("#sn-stage-title")
        titles.add(title)
        assert len(title.split()) <= 8
        assert len(page.inner_text("#sn-stage-text")) > 20
        chart = page.locator("#sn-plot").bounding_box()
        assert chart["height"] > 100
        assert chart["x"] + chart["width"] <= width
        if width > 900:
            for part in ("#sn-stage-title", "#sn-plot", ".sn-stage-bar"):
                box = page.locator(part).bounding_box()
                assert box["y"] >= 0
                assert box["y"] + box["height"] <= height
        page.keyboard.press("ArrowRight")
    assert len(titles) == TITLES
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_story_builds_the_chart(visit):
    page = on_stage(visit)
    drawn = []
    for step in range(1, TITLES + 1):
        at(page, step)
        drawn.append(set(page.evaluate(KINDS)))
        page.keyboard.press("PageDown")
    assert drawn[0] == {"stage"}
    assert drawn[1] == {"stage", "zoo"}
    assert drawn[2] == {"stage", "zoo"}
    assert drawn[3] == {"zoo", "stitch"}
    assert drawn[4] == drawn[5] == {"zoo", "stitch", "front"}


def test_keys_walk_and_leave(visit, url):
    page = on_stage(visit)
    for key, step in (
        (" ", 2),
        ("PageDown", 3),
        ("ArrowLeft", 2),
        ("End", 6),
        ("ArrowRight", 6),
        ("Home", 1),
    ):
        page.keyboard.press(key)
        at(page, step)
        assert page.get_attribute(f"[data-to='{step}']", "aria-current") == "step"
    page.keyboard.press("Escape")
    page.wait_for_selector(".sn:not(.is-stage)")
    page.focus("#sn-slider")  # its arrows are its own again
    before = page.evaluate("explorer.state.gmacs")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("explorer.state.gmacs") > before


def test_a_text_field_keeps_its_keys(visit):
    page = on_stage(visit)
    page.keyboard.press("End")
    at(page, 6)
    page.focus("#sn-gmacs")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(200)
    assert page.get_attribute(".sn", "data-step") == "6"


def test_the_budget_sweeps_by_itself_pauses_and_stops(visit):
    page = on_stage(visit)
    page.keyboard.press("End")
    at(page, 6)
    for _ in range(5):  # a busy machine draws it late, never not at all
        before = page.evaluate("explorer.state.gmacs")
        page.wait_for_function("before => explorer.state.gmacs !== before", arg=before)
    page.keyboard.press("p")
    still = page.evaluate("explorer.state.gmacs")
    page.wait_for_timeout(300)
    assert page.evaluate("explorer.state.gmacs") == still
    page.keyboard.press("p")
    page.wait_for_function("before => explorer.state.gmacs !== before", arg=still)
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    still = page.evaluate("explorer.state.gmacs")
    page.wait_for_timeout(300)
    assert page.evaluate("explorer.state.gmacs") == still


@pytest.fixture
def follow(visit, url):
    """Open the page by what its address says."""

    def follow(query, **options):
        page = visit(**options)
        page.goto(url + query)
        page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
        page.wait_for_timeout(700)
        return page

    return follow


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("?view=close", marks=pytest.mark.slow),
        "?x=params&scale=linear&set=real&family=Swin&families=1",
    ],
)
def test_leaving_brings_the_page_back(follow, query):
    page = follow(query)
    state = """() => { const p = document.querySelector('#sn-plot'); return JSON.stringify([
        explorer.state.gmacs, p.data.map(t => [t.meta.kind, t.x.length, t.visible]),
        p._fullLayout.xaxis.range, p._fullLayout.yaxis.range, p._fullLayout.width, p._fullLayout.height,
        p._fullLayout.xaxis.title.text, p._fullLayout.yaxis.title.text,
        document.querySelector('#sn-families').getAttribute('aria-pressed'),
        document.querySelector('#sn-zoo-count').textContent, document.querySelector('#sn-beats').textContent,
        document.querySelector('[data-view][aria-pressed=true]').dataset.view]); }"""
    before = page.evaluate(state)
    address = page.url
    page.click("#sn-stage-open")
    for step in range(1, TITLES + 1):
        at(page, step)
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    page.wait_for_timeout(900)
    assert page.evaluate(state) == before
    assert page.url == address


def test_the_address_leads_to_the_step(browser, url):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{url}?stage=4")
    at(page, 4)
    page.keyboard.press("ArrowRight")
    at(page, 5)
    page.wait_for_function("location.search.includes('stage=5')")
    page.reload()
    page.wait_for_selector(".sn.is-stage[data-step='5']", timeout=180_000)
    page.close()


def test_digits_go_to_the_steps_so_numbered(visit):
    page = on_stage(visit)
    for step in (4, 2, TITLES):
        page.keyboard.press(str(step))
        at(page, step)


def test_keys_of_the_speaker(visit):
    page = on_stage(visit)
    dark = "document.body.classList.contains('dark')"
    before = page.evaluate(dark)
    page.keyboard.press("t")
    assert page.evaluate(dark) != before
    page.keyboard.press("b")
    assert page.locator(".sn.is-black").count() == 1
    page.keyboard.press("b")
    assert page.locator(".sn.is-black").count() == 0
    page.keyboard.press("?")
    listed = page.inner_text("#sn-keys")
    assert all(f"{key}:" in listed for key in ("B", "T", "N", "F", "E", "P", "Esc"))
    page.keyboard.press("Escape")  # the list goes first, the stage stays
    assert page.locator("#sn-keys").is_hidden()
    assert page.locator(".sn.is-stage").count() == 1


def test_arrows_on_the_slider_are_its_own_and_pause_the_sweep(visit):
    page = on_stage(visit)
    page.keyboard.press("5")
    at(page, 5)
    page.focus("#sn-slider")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#sn-stage-pause") == "Go on"
    still = page.evaluate("explorer.state.gmacs")
    page.wait_for_timeout(300)
    assert page.evaluate("explorer.state.gmacs") == still
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("explorer.state.gmacs") < still
    at(page, 5)


def test_back_leaves_the_stage_and_not_the_site(visit):
    page = on_stage(visit)
    address = page.url.split("?")[0]
    page.keyboard.press("3")
    at(page, 3)
    page.go_back()
    page.wait_for_selector(".sn:not(.is-stage)")
    assert page.url.startswith(address)
    page.go_forward()
    page.wait_for_selector(".sn.is-stage")
    page.keyboard.press("Escape")
    page.wait_for_selector(".sn:not(.is-stage)")
    page.wait_for_timeout(500)
    assert page.url.startswith(address)
    assert "stage" not in page.url


def test_a_finger_walks_the_story(visit):
    page = on_stage(visit, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    touch = page.context.new_cdp_session(page)
    for ends, step in (((300, 80), 2), ((300, 80), 3), ((80, 300), 2)):
        place = [{"x": ends[0], "y": 120}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": place})
        place = [{"x": ends[1], "y": 126}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": place})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        at(page, step)


def test_a_photo_by_a_key_and_the_answer_follows(visit):
    page = on_stage(visit)
    page.keyboard.press("End")
    at(page, 6)
    page.keyboard.press("e")
    page.wait_for_selector(".sn[data-swept=true]", timeout=180_000)
    page.wait_for_function("document.querySelector('#sn-stage-text').textContent.includes('volleyball')")
    assert page.locator("#sn-bars .name").first.inner_text() in ("balloon", "soccer ball", "volleyball")
    first = page.get_attribute(".sn", "data-answered")
    page.wait_for_function("first => document.querySelector('.sn').dataset.answered !== first", arg=first)


def test_a_lost_connection_blanks_nothing(visit):
    page = on_stage(visit)
    page.keyboard.press("End")
    at(page, 6)
    page.keyboard.press("e")
    page.wait_for_selector(".sn[data-swept=true]", timeout=180_000)
    page.context.set_offline(True)
    for step in range(TITLES, 0, -1):
        at(page, step)
        assert page.locator("#sn-plot .point").count() > 0
        assert page.locator("#sn-stage-title").is_visible()
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    at(page, 6)
    page.keyboard.press("e")  # can't be fetched
    page.wait_for_timeout(600)
    assert page.locator("#sn-bars .name").first.inner_text() != ""
    assert page.locator("#sn-preview").is_visible()
    for toast in page.locator(".toast-wrap, .toast-body").all():
        assert not toast.is_visible()
    page.context.set_offline(False)


def test_motion_that_is_unwelcome_becomes_steps_along_the_front(visit):
    page = on_stage(visit, reduced_motion="reduce")
    bought = page.evaluate("""() => { const found = [];
        for (const s of explorer.state.stitches)
            if (!found.length || s.top1 > found.at(-1).top1) found.push(s);
        return found.map(s => s.gmacs); }""")
    page.keyboard.press("End")
    at(page, 6)
    for place in (1, 2):
        page.wait_for_function("there => explorer.state.gmacs === there", arg=bought[place])


def test_walking_the_story_asks_nothing_and_keeps_points_in_the_graph(visit):
    page = visit()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.click("#sn-stage-open")
    for step in range(1, TITLES + 1):
        at(page, step)
        page.keyboard.press("ArrowRight")
    assert not asked
    clips = page.evaluate("""[...document.querySelectorAll('#sn-plot [clip-path]')]
        .map(e => e.getAttribute('clip-path'))""")
    assert clips
    assert all(clip.startswith(("url('#", 'url("#', "url(#")) for clip in clips), clips[0]


def test_a_reload_on_stage_still_leaves_for_the_view_before(visit, url):
    page = visit()
    page.click("[data-view=near]")
    page.fill("#sn-gmacs", "0.7")
    page.press("#sn-gmacs", "Enter")
    page.click("#sn-stage-open")
    at(page, 1)
    page.keyboard.press("End")
    at(page, 6)
    page.wait_for_function("location.search.includes('stage=6')")
    assert "budget=0.7" in page.url
    assert "view=near" in page.url
    page.reload()
    at(page, 6)
    page.keyboard.press("Escape")
    page.wait_for_selector(".sn:not(.is-stage)")
    page.wait_for_function("!location.search.includes('stage')")
    assert page.evaluate("explorer.state.gmacs") == 0.7
    assert page.get_attribute("[data-view=near]", "aria-pressed") == "true"


def test_parts_do_not_lie_on_each_other_on_a_phone(visit):
    page = on_stage(visit, viewport={"width": 390, "height": 844})
    page.keyboard.press("End")
    at(page, 6)
    parts = ("#sn-plot", "#sn-drop", "#sn-bars", ".sn-stage-bar")
    boxes = [page.locator(part).bounding_box() for part in parts]
    for above, below in pairwise(boxes):
        assert above["y"] + above["height"] <= below["y"]


def test_the_story_is_of_the_whole_zoo_whatever_the_page_shows(follow):
    page = follow("?x=params&scale=linear&set=real&family=Swin&name=swin*&view=close")
    drawn = """() => { const p = document.querySelector('#sn-plot'); return [
        p.data.filter(t => t.meta.kind === 'zoo').reduce((sum, t) => sum + t.x.length, 0),
        p._fullLayout.xaxis.title.text, p._fullLayout.yaxis.title.text, p._fullLayout.width]; }"""
    few = page.evaluate(drawn)
    page.click("#sn-stage-open")
    at(page, 1)
    page.keyboard.press("ArrowRight")
    at(page, 2)
    models, across, up, width = page.evaluate(drawn)
    assert models == len(zoo.models()) > few[0]
    assert across.startswith("Work per photo, billion multiplications")
    assert up == "Photos named right, %"
    assert width == page.evaluate("parseFloat(getComputedStyle(document.querySelector('#sn-plot')).width)")
    assert f"{len({model.name for model in zoo.models()}):,} pretrained models" in page.inner_text(
        "#sn-stage-text"
    )
    page.keyboard.press("Escape")
    page.wait_for_function(
        "before => document.querySelector('#sn-plot').data.filter(t => t.meta.kind === 'zoo')"
        ".reduce((sum, t) => sum + t.x.length, 0) === before",
        arg=few[0],
    )
    assert page.evaluate(drawn)[:3] == few[:3]


def test_a_network_that_nothing_has_measured_has_its_story(browser, own):
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(own[0])
    page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
    errors.clear()
    page.click("#sn-stage-open")
    said = []
    for step in range(1, TITLES + 1):
        at(page, step)
        assert page.locator("#sn-plot .point").count() > 0
        assert page.evaluate("document.querySelector('#sn-plot')._fullLayout.width") > 500
        said.append(page.inner_text("#sn-stage-text"))
        page.keyboard.press("ArrowRight")
    assert "Nothing has measured them yet" in said[2]
    assert "Nothing has measured this network yet" in said[4]
    assert page.locator("#sn-ring-label").is_visible()
    assert errors == []
    context.close()


def test_what_can_not_be_drawn_leaves_the_picture_before_it(visit):
    page = on_stage(visit)
    page.keyboard.press("ArrowRight")
    at(page, 2)
    before = page.evaluate(KINDS)
    page.evaluate("""() => { const { react } = window.Plotly; let fails = 1;
        window.Plotly.react = (...all) => {
            if (fails-- > 0) throw new Error('not drawn');
            return react(...all);
        }; }""")
    page.keyboard.press("End")
    at(page, 6)
    assert page.evaluate(KINDS) == before
    assert page.locator("#sn-plot .point").count() > 1000
    page.keyboard.press("ArrowLeft")
    at(page, 5)
    assert "front" in page.evaluate(KINDS)


def test_the_space_bar_goes_on_after_the_mouse_chose_a_step(visit):
    page = on_stage(visit)
    page.click("[data-to='3']")
    at(page, 3)
    page.keyboard.press(" ")
    at(page, 4)
    page.focus("[data-to='2']")  # by keys it presses, as on every button
    page.keyboard.press(" ")
    at(page, 2)


def test_a_failed_photo_says_so_and_the_next_one_is_answered(visit, lion, tmp_path):
    page = on_stage(visit)
    page.keyboard.press("End")
    at(page, 6)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    page.set_input_files("#sn-file", str(broken))
    page.wait_for_selector("#sn-error:not(:empty)")
    assert page.locator("#sn-error").is_visible()
    assert "That photo got no answer" in page.inner_text("#sn-stage-text")
    assert page.locator("#sn-plot .point").count() > 0
    moved = page.evaluate("explorer.state.gmacs")
    page.wait_for_function("before => explorer.state.gmacs !== before", arg=moved)  # the sweep goes on
    page.set_input_files("#sn-file", str(lion))
    page.wait_for_selector(".sn[data-swept=true]", timeout=180_000)
    page.wait_for_function("document.querySelector('#sn-stage-text').textContent.includes('lion')")
    assert page.inner_text("#sn-error") == ""


def test_gradios_own_notices_do_not_cover_the_stage(visit):
    page = on_stage(visit)
    page.evaluate("""() => { const notice = document.createElement('div');
        notice.className = 'toast-body error'; notice.textContent = 'Connection Lost';
        (document.querySelector('.toast-wrap') ?? document.body).append(notice); }""")
    assert not page.locator(".toast-body").is_visible()
