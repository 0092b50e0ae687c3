"""Moves of the ring a second while the budget is dragged, in Chromium.

    python benchmarks/ring_moves.py [--runs 5]

Real mouse events move the slider's thumb for two seconds; a move counts when the ring has been placed for it
(it stays on a stitch until the budget buys the next).
Frames drawn in the same time stand beside it, since no screen shows more. Goal: 55.
"""

from browser import opened, ready
from serving import parser_of, serve, spread

from tests.browser.test_page import drag

FRAMES = """window.frames_drawn = 0;
    (function frame() { window.frames_drawn += 1; requestAnimationFrame(frame); })();"""


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with serve() as app, opened(app.url, viewport={"width": 1280, "height": 720}) as page:
        ready(page)
        page.evaluate(FRAMES)
        moves, frames = [], []
        drag(page)  # the first finds cold code
        for _ in range(runs):
            before = page.evaluate("[window.frames_drawn, performance.now()]")
            moves.append(drag(page, seconds=2))
            after = page.evaluate("[window.frames_drawn, performance.now()]")
            frames.append(1000 * (after[0] - before[0]) / (after[1] - before[1]))
    print(f"ring moves a second: {spread(moves, 'moves/s', 0)}")
    print(f"frames drawn a second: {spread(frames, 'frames/s', 0)}")


if __name__ == "__main__":
    main()
