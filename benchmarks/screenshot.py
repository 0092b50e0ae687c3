"""Takes the README's pictures from the running app, with a photo that every budget has answered.

    python benchmarks/screenshot.py [--all]

Writes docs/drag.webp (the page during a drag through all budgets, animated) and docs/stage.png (a step of
the stage); with --all also the page as it stands, light, dark and on a phone, beside them.
"""

import io

from browser import opened, ready
from PIL import Image
from playwright.sync_api import Page
from serving import ROOT, parser_of, serve

from snnet import files

DESK = {"viewport": {"width": 1280, "height": 900}}
STAGE = {"viewport": {"width": 1280, "height": 720}, "device_scale_factor": 1.5}
VIEWS = {
    "screenshot": DESK,
    "screenshot-dark": DESK | {"color_scheme": "dark"},
    "screenshot-phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
}
FRAMES = 48  # of a drag there and back
FRAME_MS = 90
BUDGET = """share => {
    const slider = document.querySelector('#sn-slider');
    slider.value = String(share * slider.max);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
}"""


def answered(page: Page) -> None:
    """Let every budget answer the second example."""
    ready(page)
    page.wait_for_timeout(5000)  # the network warms up for a while behind the page
    page.click(".example >> nth=1")
    page.wait_for_selector(".sn[data-swept=true]", timeout=120_000)
    page.wait_for_timeout(800)  # the bars grow


def drag(page: Page) -> list[Image.Image]:
    """Return the frames of a drag through all budgets and back."""
    frames = []
    for number in range(FRAMES):
        page.evaluate(BUDGET, 1 - abs(1 - 2 * number / FRAMES))
        page.wait_for_timeout(250)  # bars and blocks take their time
        picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
        frames.append(picture.resize((960, picture.height * 960 // picture.width), Image.Resampling.LANCZOS))
    return frames


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument(
        "--all", action="store_true", help="also the page as it stands: light, dark, on a phone"
    )
    every = parser.parse_args().all
    docs = ROOT / "docs"
    with serve() as app:
        with opened(app.url, **DESK) as page:
            answered(page)
            first, *others = drag(page)
            options = {"duration": FRAME_MS, "loop": 0, "quality": 60, "method": 6}
            with files.whole(docs / "drag.webp") as part:
                first.save(part, "WEBP", save_all=True, append_images=others, **options)
        with opened(f"{app.url}?stage=4", **STAGE) as page:
            page.wait_for_selector(".sn.is-stage", timeout=120_000)
            page.wait_for_timeout(1500)
            files.write_bytes(docs / "stage.png", page.screenshot())
        for name, options in VIEWS.items() if every else ():
            with opened(app.url, **options) as page:
                answered(page)
                files.write_bytes(docs / f"{name}.png", page.screenshot(full_page=True))
    for file in (*sorted(docs.glob("*.png")), docs / "drag.webp"):
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
