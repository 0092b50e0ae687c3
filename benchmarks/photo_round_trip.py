"""A photo's way from upload to its five classes over HTTP, against the network call alone.

    python benchmarks/photo_round_trip.py [--runs 30]

The same two requests that the page sends, upload and /classify, against the time that the answer gives for
its network call; then the same through gradio_client, which adds its own. Goal: under 60 ms on top.
"""

import http.client
import json
import statistics
import time
from pathlib import Path
from urllib.parse import urlsplit

from gradio_client import Client, handle_file
from serving import example, parser_of, serve, spread


class Visitor:
    """Sends what the page's script sends, over one connection."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def post(self, path: str, body: bytes, kind: str) -> object:
        self.connection.request("POST", f"/gradio_api/{path}", body, {"Content-Type": kind})
        return json.loads(self.connection.getresponse().read())

    def classify(self, photo: Path, gmacs: float) -> dict:
        edge = "edge-of-the-photo"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{photo.name}"\r\n\r\n'
        form = head.encode() + photo.read_bytes() + f"\r\n--{edge}--\r\n".encode()
        (path,) = self.post("upload", form, f"multipart/form-data; boundary={edge}")  # type: ignore[misc]
        image = {"path": path, "meta": {"_type": "gradio.FileData"}}
        body = json.dumps({"data": [image, gmacs]}).encode()
        return self.post("run/classify", body, "application/json")["data"][0]  # type: ignore[index]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    with serve() as app:
        visitor, client = Visitor(app.url), Client(app.url, verbose=False)
        asks = {
            "as the page asks": lambda gmacs: visitor.classify(example(), gmacs),
            "by gradio_client": lambda gmacs: client.predict(
                handle_file(str(example())), gmacs, api_name="/classify"
            ),
        }
        for name, ask in asks.items():
            for gmacs in (0.4, 0.6, 0.99):
                ask(gmacs)  # warm
                whole, bare = [], []
                for _ in range(runs):
                    begun = time.perf_counter()
                    answer = ask(gmacs)
                    whole.append(1e3 * (time.perf_counter() - begun))
                    bare.append(answer["latency_ms"])
                on_top = [a - b for a, b in zip(whole, bare, strict=True)]
                ratio = statistics.median(whole) / statistics.median(bare)
                print(
                    f"{answer['stitch']} {name}: {spread(whole, 'ms')}, network call {spread(bare, 'ms')}, "
                    f"on top {spread(on_top, 'ms')}, ratio {ratio:.1f}"
                )


if __name__ == "__main__":
    main()
