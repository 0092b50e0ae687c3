"""Resident memory of the app after 10 photos and after 100.

    python benchmarks/memory.py [--photos 100]

Every photo is another file of another shape, with budgets over the whole range. Goals: equal within 5 %, and
under 1,500 MB in all.
"""

import tempfile
from pathlib import Path

from gradio_client import Client, handle_file
from PIL import Image
from serving import example, parser_of, serve


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--photos", type=int, default=100)
    photos = parser.parse_args().photos
    with serve() as app, tempfile.TemporaryDirectory() as folder, Image.open(example()) as lion:
        client = Client(app.url, verbose=False)
        gmacs = [row["gmacs"] for row in client.predict(api_name="/frontier")["stitches"]]
        low, high = min(gmacs), max(gmacs)
        print(f"network loaded:    {app.rss_mb():7.0f} MB")
        for number in range(1, photos + 1):
            file = Path(folder) / f"{number}.jpg"
            lion.convert("RGB").resize((300 + 7 * number, 900 - 5 * number)).save(file)
            budget = low + (high - low) * number / photos
            client.predict(handle_file(str(file)), budget, api_name="/classify")
            if number == 10:
                early = app.rss_mb()
                print(f"after  10 photos:  {early:7.0f} MB")
        late = app.rss_mb()
        print(f"after {photos:>3} photos:  {late:7.0f} MB ({100 * (late / early - 1):+.1f} %)")


if __name__ == "__main__":
    main()
