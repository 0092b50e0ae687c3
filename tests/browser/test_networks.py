"""The network menu: choosing, fetching, what can't be had, and networks that nothing has measured."""

from contextlib import contextmanager

import pytest

from app.discretion import Discretion
from app.service import Service
from snnet.catalogue.figures import shipped as figures_by_name
from snnet.photos.classes import class_names
from snnet.tables import published_results
from tests.browser.visits import visiting
from tests.browser.weights import Far, levit_checkpoint, serving
from tests.networks import FIRST, tiny
from tests.serving import serving_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks") / "tiny"
    tiny(seed=1).save(folder)
    return folder


@pytest.fixture(scope="module")
def served():
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def own(folder, served, tmp_path_factory):
    """(address, service) of an app started with the folder, with a network that has to be fetched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
        service = Service(str(folder))
        for name in ("far", "farther", "farthest"):
            served.files[f"{name}.pth"] = b"0" * 2_000_000
            service.networks._entries[name] = Far(
                name, f"the {name} network", folder, served.source(f"{name}.pth")
            )
        service.networks.start()
        with serving_page(service) as address:
            yield address, service


@pytest.fixture(scope="module")
def open_page(browser, own):
    with visiting(browser, own[0]) as visit:
        yield visit


@pytest.fixture(scope="module")
def desk(open_page):
    """A page that its tests leave on the network of the start."""
    return open_page()


def shows(page, network):
    page.wait_for_selector(f".sn[data-network={network}]", timeout=180_000)


def answered(page):
    page.wait_for_selector(".sn[data-answered]", timeout=180_000)


def bars(page):
    """Return the names of the classes that the page answers with, of which there are some."""
    names = set(page.locator("#sn-bars .name:visible").all_inner_texts())
    assert names
    return names


class TestUnmeasured:
    def test_stitches_stand_on_the_budget_axis(self, desk, own):
        page = desk
        rug = page.evaluate("""document.querySelector('#sn-plot').data
            .filter(t => t.meta.kind === 'rug').flatMap(t => t.x)""")
        service = own[1]
        assert sorted(rug) == sorted(service.net.cost(stitch).gmacs for stitch in service.net.stitches)
        assert "accuracy unknown" in page.inner_text("#sn-uses")
        assert "python -m snnet evaluate" in page.inner_text("#sn-unmeasured")
        assert "nothing to compare yet" in page.inner_text("#sn-beats")
        assert page.get_attribute("#sn-ring", "hidden") is None  # it has no size of its own

    def test_the_slider_takes_the_costliest_within_the_budget(self, desk, own):
        page, net = desk, own[1].net
        for share in (0, 120, 300, 400):
            page.evaluate(f"""const s = document.querySelector('#sn-slider');
                s.value = {share}; s.dispatchEvent(new Event('input'));""")
            budget = page.evaluate("explorer.state.gmacs")
            chosen = page.evaluate("explorer.state.chosen.gmacs")
            assert chosen == max(c for s in net.stitches if (c := net.cost(s).gmacs) <= budget + 1e-12)

    def test_a_click_on_a_tick_moves_the_slider_there(self, desk, own):
        net = own[1].net
        largest = max(net.stitches, key=lambda stitch: net.cost(stitch).gmacs)
        x, y = desk.evaluate(
            """(gmacs) => {
                const plot = document.querySelector('#sn-plot'), {xaxis, yaxis2} = plot._fullLayout;
                const box = plot.getBoundingClientRect();
                return [box.x + xaxis._offset + xaxis.d2p(gmacs), box.y + yaxis2._offset + yaxis2.d2p(0.5)];
            }""",
            net.cost(largest).gmacs,
        )
        desk.evaluate("document.querySelector('#sn-slider').value = 0")
        desk.evaluate("document.querySelector('#sn-slider').dispatchEvent(new Event('input'))")
        desk.mouse.move(x + 30, y)
        desk.mouse.move(x, y)
        desk.wait_for_selector("#sn-plot .hovertext")
        assert "not measured yet" in desk.locator("#sn-plot .hovertext").first.text_content()
        desk.mouse.click(x, y)
        desk.wait_for_function("name => explorer.state.chosen.name === name", arg=largest.name)

    def test_a_photo_is_classified_with_the_classes_it_knows(self, desk):
        page = desk
        page.click(".example >> nth=0")
        answered(page)
        assert bars(page) <= set(class_names()[:FIRST])


class TestMenu:
    def test_every_network_is_there_and_labelled(self, desk):
        page = desk
        here = page.locator("#sn-network optgroup[label='Here'] option").all_inner_texts()
        assert "EfficientNet-Lite 0/1/2" in here
        assert page.locator("label[for=sn-network]").count() == 1
        away = page.locator("#sn-network optgroup[label^='Figures here'] option").all_inner_texts()
        assert "DeiT-Ti/S/B · 474 MB to fetch" in away
        assert "the farther network · 2.0 MB to fetch" in away

    def test_choosing_switches_everything(self, open_page):
        page = open_page()
        page.click(".example >> nth=0")
        answered(page)
        before = {
            name: page.locator(f"#sn-{name}").text_content()
            for name in ("chosen", "beats", "owns", "line", "verdict")
        }
        page.select_option("#sn-network", "lite")
        shows(page, "lite")
        answered(page)
        for name, text in before.items():
            assert page.locator(f"#sn-{name}").text_content() != text, name
        assert "suspension bridge" in page.inner_text("#sn-bars")
        assert page.locator("#sn-unmeasured").is_hidden()
        assert "zoo results from" in page.inner_text("#sn-beats")
        assert page.get_attribute("#sn-gmacs", "min") == "0.294"  # and the slider's range with it
        assert page.get_attribute("#sn-slider", "aria-valuetext").startswith("0.")
        page.select_option("#sn-network", "tiny")
        shows(page, "tiny")
        assert page.locator("#sn-beats").text_content() == before["beats"]

    def test_two_visitors_do_not_disturb_each_other(self, open_page):
        one, two = open_page(), open_page()
        one.select_option("#sn-network", "lite")
        shows(one, "lite")
        two.click(".example >> nth=0")
        answered(two)
        assert bars(two) <= set(class_names()[:FIRST])
        assert two.evaluate("explorer.state.network") == "tiny"
        one.click(".example >> nth=0")
        answered(one)
        assert "suspension bridge" in one.inner_text("#sn-bars")


class TestFetching:
    def test_figures_come_at_once_and_nothing_is_fetched_unasked(self, desk, served):
        page, before = desk, list(served.ranges)
        page.select_option("#sn-network", "farther")
        shows(page, "farther")
        said = page.inner_text("#sn-fetch-text")
        assert said == "To name what is on a photo, the farther network needs its weights, 2.0 MB, from " + (
            served.url.split("/")[2] + "."
        )
        assert page.inner_text("#sn-fetch-go") == "Fetch 2.0 MB"
        assert page.locator("#sn-bars").is_hidden()
        page.click(".example >> nth=0")
        page.wait_for_selector("#sn-preview:visible")
        assert page.inner_text("#sn-error") == ""
        page.select_option("#sn-network", "tiny")
        shows(page, "tiny")
        assert page.locator("#sn-fetch").is_hidden()
        answered(page)  # with the photo that is there
        assert served.ranges == before

    def test_a_failure_is_a_sentence_and_the_page_stays(self, desk, served):
        page = desk
        served.status = 503
        try:
            page.select_option("#sn-network", "farthest")
            shows(page, "farthest")
            page.click("#sn-fetch-go")
            page.wait_for_selector("#sn-fetch-notice:visible")
            said = page.inner_text("#sn-fetch-notice")
            assert "farthest.pth can't be fetched" in said
            assert "HTTP 503" in said
            assert "--weights" in said
            assert page.locator("#sn-fetch-go").is_visible()  # to try again
            page.select_option("#sn-network", "tiny")
            shows(page, "tiny")
            page.click(".example >> nth=1")
            answered(page)  # and it still works
        finally:
            served.status = 200

    def test_progress_then_the_answer_in_place(self, open_page, served):
        page = open_page()
        served.bytes_a_second = 500_000
        try:
            page.select_option("#sn-network", "far")
            shows(page, "far")
            page.click(".example >> nth=0")
            budget = page.evaluate("explorer.state.gmacs")
            page.click("#sn-fetch-go")
            page.wait_for_function(
                "/of 2.0 MB, .* MB.s, .* left/.test(document.querySelector('#sn-fetch-share').textContent)"
            )
            answered(page)
        finally:
            served.bytes_a_second = None
        assert page.evaluate("explorer.state.gmacs") == budget
        assert page.locator("#sn-fetch").is_hidden()
        assert page.locator("#sn-bars .name").first.inner_text() != ""
        assert page.input_value("#sn-network") == "far"
        here = page.locator("#sn-network optgroup[label='Here'] option").all_inner_texts()
        assert "the far network" in here
        asked = len(served.ranges)
        again = open_page()
        again.select_option("#sn-network", "far")
        shows(again, "far")
        assert again.locator("#sn-fetch").is_hidden()
        assert len(served.ranges) == asked  # it is here now

    def test_a_fetch_can_be_given_up_and_begun_again(self, open_page, served):
        page = open_page()
        served.bytes_a_second = 200_000
        try:
            page.select_option("#sn-network", "farther")
            shows(page, "farther")
            page.focus("#sn-fetch-go")
            page.keyboard.press("Enter")
            page.wait_for_selector("#sn-fetch-progress:visible")
            assert page.evaluate("document.activeElement.id") == "sn-fetch-cancel"
            page.keyboard.press("Escape")
            page.wait_for_selector("#sn-fetch-go:visible")
            assert page.evaluate("document.activeElement.id") == "sn-fetch-go"
            page.keyboard.press("Enter")
            page.wait_for_selector("#sn-fetch-progress:visible")
        finally:
            served.bytes_a_second = None
        page.wait_for_selector("#sn-fetch", state="hidden")


def test_a_dark_phone_has_room_for_menu_and_panel(open_page):
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ink, ground = page.evaluate(
        """() => {
            const style = getComputedStyle(document.querySelector('#sn-network'));
            const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            return [light(style.color), light(style.backgroundColor)];
        }"""
    )
    assert ink - ground > 120
    page.select_option("#sn-network", "deit")
    shows(page, "deit")
    page.locator("#sn-fetch-go").scroll_into_view_if_needed()
    box = page.locator("#sn-fetch").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@contextmanager
def page_of(browser, service):
    """The page of an app of its own for this service."""
    service.networks.start()
    with serving_page(service) as address, visiting(browser, address) as visit:
        yield visit(ready=False)


def test_a_published_network_takes_the_place_of_its_curve(browser, tmp_path_factory):
    file = tmp_path_factory.mktemp("levit") / "levit.pth"
    levit_checkpoint(file)
    with page_of(browser, Service("levit", weights=file)) as page:
        shows(page, "levit")
        drawn = """document.querySelector('#sn-plot').data
            .filter(t => t.meta.kind === 'curve' && t.visible !== false).map(t => t.meta.key)"""
        curves = set(published_results.curves())
        assert set(page.evaluate(drawn)) == curves - {"levit"}
        assert "LeViT-192/256" not in page.locator("#sn-names span:visible").all_inner_texts()
        assert page.inner_text("#sn-joint").startswith(
            "Joint training costs the anchors: LeViT-192 79.9 → 79.6"
        )
        assert page.locator("[data-source=original]").is_visible()
        page.click(".example >> nth=0")
        answered(page)
        assert page.evaluate("document.querySelectorAll('#sn-bars li:not([hidden])').length") == 5
        for part in (".sn-frontier", ".sn-photo"):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= 720
        page.select_option("#sn-network", "lite")
        shows(page, "lite")
        assert set(page.evaluate(drawn)) == curves
        assert page.locator("#sn-joint").is_hidden()


def test_a_start_without_its_weights_shows_its_figures_and_what_was_wrong(browser, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with page_of(browser, Service("levit")) as page:
        shows(page, "levit")
        page.wait_for_selector("#sn-fetch-notice:visible")
        assert "levit_192_256_release.pth can't be fetched" in page.inner_text("#sn-fetch-notice")
        assert "zoo results from 0.67 to 1.14 GMACs" in page.inner_text("#sn-beats")
        page.select_option("#sn-network", "lite")
        shows(page, "lite")
        page.click(".example >> nth=0")
        answered(page)
        assert page.locator("#sn-bars .name").first.inner_text() != ""


def test_a_visitor_of_a_public_host_reads_no_places_of_its_own(browser, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    log = []
    with page_of(browser, Service("levit", discretion=Discretion(log.append))) as page:
        shows(page, "levit")
        page.wait_for_selector("#sn-fetch-notice:visible")
        said = page.inner_text("#sn-fetch-notice")
        assert said == "LeViT-192/256 can't be fetched at the moment: try again later."
        assert "levit_192_256_release.pth can't be fetched" in log[0]
        page.click("#sn-fetch-go")
        page.wait_for_function("() => !document.querySelector('#sn-fetch-notice').hidden")
        assert page.inner_text("#sn-fetch-notice") == said


def test_a_start_that_fetches_shows_its_figures_and_how_far_it_is(browser, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with serving() as served:
        served.files["late.pth"] = b"0" * 2_000_000
        served.bytes_a_second = 100_000
        service = Service("lite")
        late = Far("late", "the late network", folder, served.source("late.pth"))
        service.networks.name, service.networks.title = "late", late.title
        service.networks._entries["late"] = late
        with page_of(browser, service) as page:
            shows(page, "late")
            page.wait_for_function(
                "document.querySelector('#sn-fetch-share')?.textContent.includes('of 2.0 MB')"
            )
            assert page.locator("#sn-plot .point").count() > 1400
            page.click(".example >> nth=0")
            served.bytes_a_second = None
            answered(page)
            assert page.locator("#sn-fetch").is_hidden()


def test_every_network_opens_without_its_weights(browser, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    service = Service("lite")
    with serving_page(service) as address, visiting(browser, address) as visit:
        page = visit()
        for name, figures in figures_by_name().items():
            page.select_option("#sn-network", name)
            shows(page, name)
            assert page.evaluate("explorer.state.stitches.length") == len(figures.stitches)
            drawn = page.evaluate(
                """document.querySelector('#sn-plot').data
                .filter(t => t.meta.kind === 'stitch' || t.meta.kind === 'rug').flatMap(t => t.x).length"""
            )
            assert drawn >= len(figures.stitches)
            assert page.locator("#sn-route-map svg").count() == 1
            assert "networks in" in page.inner_text("#sn-owns")
            is_away = page.locator("#sn-fetch-go").is_visible()
            assert is_away == (name != "lite")
            if is_away:
                assert page.inner_text("#sn-fetch-go") == f"Fetch {figures.file_bytes / 1e6:.0f} MB"


def test_a_title_from_elsewhere_is_text_and_nothing_else(browser, tmp_path):
    title = '<img src=x onerror="pwned=1"><script>pwned=2</script>${window.pwned=3}{{#each x}}`\\@children'
    net = tiny(seed=1)
    net.title = title
    net.save(tmp_path / "tiny")
    with serving_page(Service(str(tmp_path / "tiny"))) as address, visiting(browser, address) as visit:
        page = visit(ready=False)
        page.wait_for_selector("#sn-network option", state="attached", timeout=180_000)
        first = page.eval_on_selector("#sn-network option", "option => option.textContent")
        page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
        menu = page.eval_on_selector_all(
            "#sn-network option", "options => options.map(one => one.textContent)"
        )
        page.wait_for_timeout(200)
        assert page.evaluate("window.pwned") is None
        assert page.locator("img[src=x]").count() == 0
    assert first == title
    assert title in " ".join(menu)
