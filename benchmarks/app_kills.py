"""The app killed in the middle of sweeps: the next start needs no repair.

    python benchmarks/app_kills.py [--times 20] [--seed 0]

Each time the real app is started, answers a photo, is asked for sweeps of it, and is ended by kill -9 at a
random moment of them. Prints how many starts answered, and whether what the killed one left was swept away.
"""

import asyncio
import contextlib
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx
from load import GMACS, picture
from serving import parser_of, serve
from visitors import Caller, Log, image_of

LONGEST_S = 3.0  # from the sweeps' beginning to the kill


async def visit(url: str, seconds: float, kill) -> list[str]:
    """Have a photo answered, ask for its sweeps, kill the app meanwhile; return what was wrong before."""
    log = Log()
    async with Caller(url, log) as caller:
        path = await caller.upload("photo.jpg", picture(0))
        await caller.run("classify", image_of(path), GMACS, "")
        wrong = list(log.wrong)
        sweeps = [asyncio.create_task(caller.run("sweep", image_of(path))) for _ in range(3)]
        await asyncio.sleep(seconds)
        kill()
        for sweep in sweeps:
            with contextlib.suppress(Exception):  # the connection breaks off
                await sweep
    return wrong


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random_ = random.Random(options.seed)
    good = 0
    for _ in range(options.times):
        with serve() as app:
            while httpx.get(f"{app.url}healthz").status_code != 200:
                time.sleep(0.2)
            good += not asyncio.run(visit(app.url, LONGEST_S * random_.random(), app.process.kill))
    left = len(list(Path(tempfile.gettempdir()).glob("snnet-uploads-*")))
    with serve() as app:
        now = len(list(Path(tempfile.gettempdir()).glob("snnet-uploads-*")))
        httpx.get(app.url)
    print(f"killed {options.times} times in its sweeps, {good} starts answered")
    print(f"folders of uploads left: {left}, after the next start {now}, its own")
    return good != options.times


if __name__ == "__main__":
    sys.exit(main())
