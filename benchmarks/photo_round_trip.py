"""A photo's way from upload to its five classes over HTTP, against the bare network call.

    python benchmarks/photo_round_trip.py [--runs 30]

Both in this order for each budget: upload and /classify through the running app, with the network call's own
time taken from its answer. Goal: under 60 ms on top of the call.
"""

import statistics
import time

from gradio_client import Client, handle_file
from serving import example, parser_of, serve, spread


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    photo = handle_file(str(example()))
    with serve() as app:
        client = Client(app.url, verbose=False)
        for gmacs in (0.4, 0.6, 0.99):
            client.predict(photo, gmacs, api_name="/classify")  # warm
            whole, bare = [], []
            for _ in range(runs):
                begun = time.perf_counter()
                answer = client.predict(photo, gmacs, api_name="/classify")
                whole.append(1e3 * (time.perf_counter() - begun))
                bare.append(answer["latency_ms"])
            on_top = [a - b for a, b in zip(whole, bare, strict=True)]
            ratio = statistics.median(whole) / statistics.median(bare)
            print(f"{answer['stitch']}: over HTTP {spread(whole, 'ms')}, network call {spread(bare, 'ms')}")
            print(f"    on top of the call: {spread(on_top, 'ms')}, {ratio:.1f} times the call")


if __name__ == "__main__":
    main()
