"""From `python app.py` to the first page served, and to the network's answer to a first question.

    python benchmarks/start_up.py [--runs 5]

The first run warms the disk and is not counted. Goal: a first page within 10 s on two cores.
"""

import time

from gradio_client import Client
from serving import parser_of, serve, spread


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    pages, answers = [], []
    for run in range(runs + 1):
        begun = time.perf_counter()
        with serve() as app:
            Client(app.url, verbose=False).predict(api_name="/frontier")
            answered = time.perf_counter() - begun
        if run:
            pages.append(app.first_page_s)
            answers.append(answered)
    print(f"first page served:       {spread(pages, 's')}")
    print(f"network loaded, answers: {spread(answers, 's')}")


if __name__ == "__main__":
    main()
