"""From `python app.py` to the first page, to a network's figures, and to the answer to a first photo.

    python benchmarks/start_up.py [--runs 5]

The first run warms the disk and is not counted. Goal: a first page within 10 s on two cores.
"""

import time

from gradio_client import Client, handle_file
from serving import example, parser_of, serve, spread


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    pages, figures, answers = [], [], []
    for run in range(runs + 1):
        begun = time.perf_counter()
        with serve() as app:
            client = Client(app.url, verbose=False)
            client.predict(api_name="/frontier")
            shown = time.perf_counter() - begun
            client.predict(handle_file(str(example())), 0.6, api_name="/classify")
            answered = time.perf_counter() - begun
        if run:
            pages.append(app.first_page_s)
            figures.append(shown)
            answers.append(answered)
    print(f"first page served:       {spread(pages, 's')}")
    print(f"a network's figures:     {spread(figures, 's')}")
    print(f"a photo's answer:        {spread(answers, 's')}")


if __name__ == "__main__":
    main()
