"""Takes the README's screenshot from the running app, with a lion classified.

    python benchmarks/screenshot.py [--all]

Writes docs/screenshot.png; with --all also the dark page and a phone's, beside it.
"""

from browser import opened, ready
from serving import ROOT, parser_of, serve

VIEWS = {
    "screenshot": {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 1.5},
    "screenshot-dark": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "dark"},
    "screenshot-phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--all", action="store_true", help="also the dark page and a phone's")
    every = parser.parse_args().all
    with serve() as app:
        for name, options in VIEWS.items():
            if name != "screenshot" and not every:
                continue
            with opened(app.url, **options) as page:
                ready(page)
                page.wait_for_timeout(5000)  # the network warms up for a while behind the page
                page.click(".example >> nth=0")
                page.wait_for_selector(".sn[data-answered]")
                page.wait_for_timeout(800)  # the bars grow
                file = ROOT / "docs" / f"{name}.png"
                page.screenshot(path=file, full_page="phone" in name)
                print(f"wrote {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
