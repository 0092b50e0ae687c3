"""What the page asks for: classify a photo, sweep it, the frontier, the catalogue. Knows no Gradio.

A network is loaded once, when it is first asked for; whoever asks meanwhile waits. Which network is asked
is an argument of every call, and nothing else is shared between calls, so any number of visitors may ask at
once.
"""

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import chain
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from snnet.catalogue import entries, lite

from . import answers, zoo_models
from .fetching import Fetcher
from .figures import chart
from .figures.route import drawing

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.evaluation.results import Result
    from snnet.evaluation.store import Store
    from snnet.stitches.stitch import Stitch
    from snnet.weights.transfer import Progress

PHOTOS_AT_ONCE = 2  # each runs on all cores: more would only wait for each other and hold memory
NETWORKS_AT_ONCE = 2  # in memory, beside the one that the app started with: the largest take 1.6 GB each
BEGIN_S = 5.0  # within which `start` follows the first page


class Service:
    """Answers for the networks of the catalogue, and for the one that the app was started with.

    `network` is a name or a folder, `weights` the authors' file for it where that lies elsewhere. In all
    calls a network goes by its name, "" being the one that the app was started with.

    Raises ValueError at once for a network that there is not, WeightsError for a damaged folder.
    """

    def __init__(self, network: str, weights: Path | None = None) -> None:
        self.entry = entries.entry(network)
        self._entries = {entry.name: entry for entry in entries.entries()}
        self.name, self.title = self.entry.name, self.entry.title
        if self._entries.get(self.name) not in (self.entry, None):  # a folder with a name of the catalogue
            self.name, self.title = f"{self.name} ({Path(network).name})", f"{self.title} ({network})"
        self._entries[self.name] = self.entry
        self._typed = network
        if weights is not None and not self.entry.sources:
            raise ValueError(f"{network} holds its own weights: leave --weights out")
        if weights is not None and not weights.is_file():
            raise ValueError(f"--weights {weights} is no file: name the authors' file of {self.title}")
        self._weights = weights
        self._fetcher = Fetcher()
        self._begun = threading.Event()
        self._lock = threading.Lock()
        self._building = threading.Lock()  # two at once would only slow each other, and hold more memory
        self._loaded: OrderedDict[str, Future[StitchedNetwork]] = OrderedDict()  # the longest unused first
        self._summaries: dict[str, dict[str, Any]] = {}
        self._running = threading.BoundedSemaphore(PHOTOS_AT_ONCE)
        self._sweeps = answers.Sweeps()
        self.zoo = zoo_models.ZooPhotos(self._fetcher, self._running)

    def start(self, then: Callable[[str], None] = lambda sentence: None) -> None:
        """Load the network in the background, fetched if it is not here; `then` gets a sentence at the end.

        A fetch tells the terminal its size and draws a bar there.
        """
        if not self.is_here():
            self._fetcher.start(self.entry, run=self._fetch_at_terminal)
        self._begun.set()
        threading.Thread(target=self._start, args=(then,), daemon=True).start()

    def _fetch_at_terminal(self, progress: "Progress") -> None:
        from snnet.weights import transfer

        size_mb = self.entry.size() / 1e6
        print(f"{self.title}: fetching {size_mb:.0f} MB of weights", file=sys.stderr, flush=True)
        with transfer.console_progress(self.entry.name) as draw:

            def both(done: int, total: int) -> None:
                draw(done, total)
                progress(done, total)

            self.entry.fetch(both)

    def _start(self, then: Callable[[str], None]) -> None:
        begun = time.perf_counter()
        fetched = self._fetcher.wait(self.entry)
        try:
            if fetched and fetched["state"] == "failed":
                raise RuntimeError(fetched["sentence"])
            net = self.net
        except Exception as error:
            instead = self.instead()
            then(
                f"{self.title} can't be loaded: {error}"
                + (f"; the page shows {self._entries[instead].title} instead" if instead else "")
            )
            return
        then(f"{self.title}: {net.ways} networks ready after {time.perf_counter() - begun:.1f} s")
        _warm(net, net.stitches)  # the other sizes, behind the first visitor

    # ------------------------------------------------------------------------------- the networks

    @property
    def net(self) -> "StitchedNetwork":
        """The network that the app was started with; waits until it is loaded, or raises what is wrong."""
        return self.network_of("")

    def network_of(self, network: str) -> "StitchedNetwork":
        """Return a network, loaded if it is here; who asks while another loads it waits.

        Raises ValueError for a name that there is not, WeightsError for weights that are not here or damaged.
        """
        name = self._name(network)
        with self._lock:
            loading = self._loaded.get(name)
        if loading is None:
            self._check_here(name)
        with self._lock:
            loading = self._loaded.get(name)
            is_mine = loading is None
            if loading is None:
                loading = self._loaded[name] = Future()
            self._loaded.move_to_end(name)
        if is_mine:
            self._load(name, loading)
        return loading.result()

    def _load(self, name: str, loading: "Future[StitchedNetwork]") -> None:
        import torch

        try:
            with self._building:
                self._forget(NETWORKS_AT_ONCE - (name != self.name))
                net = entries.ready(self._entries[name], self._weights if name == self.name else None)
                net.to(memory_format=torch.channels_last)  # twice as fast on CPUs
                _warm(net, [s for s in net.stitches if s.image_size == net.stitches[0].image_size])
        except Exception as error:  # whatever it is, those who wait must hear of it
            with self._lock:
                del self._loaded[name]  # who asks later tries again
            loading.set_exception(error)
            return
        loading.set_result(net)

    def _forget(self, kept: int) -> None:
        """Give the longest unused networks back but for these; calls under way hold theirs until they end."""
        with self._lock:
            others = [n for n, loading in self._loaded.items() if n != self.name and loading.done()]
            for name in others[: max(0, len(others) - kept)]:
                del self._loaded[name]

    def _name(self, network: Any) -> str:
        if network is None or network == "":
            return self.name
        if isinstance(network, str) and network in self._entries:
            return network
        raise ValueError(f"no network {network!r} on this page: there are {', '.join(self._entries)}")

    def known_name(self, network: Any = "") -> str:
        """Return a network's name, "" being the one of the start; ValueError for a name that there is not."""
        return self._name(network)

    def title_of(self, network: str) -> str:
        """Return what people call a network."""
        name = self._name(network)
        return self.title if name == self.name else self._entries[name].title

    def results_along(self, network: str) -> "list[Result]":
        """Return the results that came with a network."""
        return self._entries[self._name(network)].along()

    def remeasured(self, network: str, store: "Store") -> None:
        """Tell a loaded network the results that a store has by now; others read them as they load."""
        name = self._name(network)
        with self._lock:
            loading = self._loaded.get(name)
        self._summaries.pop(name, None)
        if loading is not None:  # set at once: calls under way see all of the old figures, or the new ones
            loading.result().attach(store, self.results_along(name))

    def is_here(self, network: str = "") -> bool:
        """True if nothing would have to be fetched."""
        name = self._name(network)
        return (name == self.name and self._weights is not None) or self._entries[name].is_here()

    def _check_here(self, name: str) -> None:
        if self.is_here(name):
            return
        if name == self.name:
            self._begun.wait(BEGIN_S)
        entry = self._entries[name]
        fetched = self._fetcher.progress(entry) or {"state": ""}
        if fetched["state"] == "failed":
            raise entries.WeightsError(fetched["sentence"])
        if fetched["state"] == "running":
            raise entries.WeightsError(f"{entry.title} is being fetched: ask again when it is here")
        if not self.is_here(name):
            raise entries.WeightsError(
                f"the weights of {entry.title} are not here: choose it in the page's menu to fetch them"
            )

    def instead(self) -> str | None:
        """Return the network that a page shows where that of the start can't be had; None without one."""
        return lite.NAME if self.name != lite.NAME and self._entries[lite.NAME].is_here() else None

    # ------------------------------------------------------------------------------------ fetching

    def size(self, network: str) -> dict[str, Any]:
        """Return {"bytes": what `fetch` would bring, "progress": how far it is, if it runs or is done}.

        Asks the server; raises WeightsError if none answers.
        """
        name = self._name(network)
        entry = self._entries[name]
        if self.is_here(name) or self._fetcher.is_running(entry):
            return {"bytes": None, "progress": self.progress(name)}
        return {"bytes": entry.size(), "progress": None}

    def fetch(self, network: str) -> dict[str, Any]:
        """Begin to fetch a network's weights, or join who does; return `progress`.

        Raises ValueError while another network is fetched.
        """
        name = self._name(network)
        if not self.is_here(name):
            self._fetcher.start(self._entries[name])
        return self.progress(name)

    def progress(self, network: str) -> dict[str, Any]:
        """Return {"state", "done", "total" in bytes, "sentence"}; a fetch that nobody asks about is stopped.

        `state` is "running", "done", "failed" (the sentence says why) or "stopped".
        """
        name = self._name(network)
        if self.is_here(name):
            return {"state": "done", "done": 0, "total": 0, "sentence": ""}
        stopped = {"state": "stopped", "done": 0, "total": 0, "sentence": ""}
        return self._fetcher.progress(self._entries[name]) or stopped

    def is_fetching(self, network: str) -> bool:
        """True while a network's weights are on their way."""
        return self._fetcher.is_running(self._entries[self._name(network)])

    # --------------------------------------------------------------------------------- the answers

    def classify(self, path: str, gmacs: Any, network: str = "") -> dict[str, Any]:
        """Return the five best classes of a photo, by the stitch that a budget of GMACs buys.

        Raises ValueError (`PhotoError` is one) with a sentence for the visitor.
        """
        from snnet.photos.decode import decode

        net = self.network_of(network)
        stitch = net.select(gmacs=_number(gmacs), silent=True)  # the page says it itself
        with self._running:  # decoding too: a large photo takes hundreds of megabytes meanwhile
            return answers.one(net, stitch, decode(path))

    def sweep(self, path: str, network: str = "") -> list[dict[str, Any]]:
        """Return what every stitch says of a photo; a stitch's latency is that of its own part of the sweep.

        Raises ValueError (`PhotoError` is one) with a sentence for the visitor.
        """
        from snnet.photos.decode import decode

        net = self.network_of(network)
        with self._running:
            rows = {row["stitch"]: row for row in answers.sweep(net, decode(path), net.stitches)}
        return [rows[stitch.name] for stitch in net.stitches]

    def begin_sweep(self, path: str, network: str, first: Sequence[str]) -> dict[str, Any]:
        """Begin to ask all stitches about a photo, those named `first` before the rest.

        Returns {"sweep": its name for `more`, "total": how many stitches will answer}. Raises ValueError with
        a sentence for the visitor.
        """
        from snnet.photos.decode import decode

        net = self.network_of(network)
        ahead = [net.stitch(name) for name in dict.fromkeys(first)]
        behind = [stitch for stitch in net.stitches if stitch not in set(ahead)]
        with self._running:
            photo = decode(path)
        rows = chain.from_iterable(
            answers.sweep(net, photo, group, kept=answers.KEPT) for group in (ahead, behind)
        )
        return {"sweep": self._sweeps.begin(rows, len(net.stitches)), "total": len(net.stitches)}

    def more(self, sweep: str) -> dict[str, Any]:
        """Return the sweep's next {"rows", "left"}, a quarter of a second of them.

        Raises ValueError for a sweep that has ended, or that nobody asked about for a while.
        """
        with self._running:
            found = self._sweeps.more(sweep)
        if found is None:
            raise ValueError("the sweep of this photo was given up: give the photo once more")
        return found

    def end_sweep(self, sweep: str) -> None:
        """Give a sweep up whose photo is no longer shown."""
        self._sweeps.end(sweep)

    def compare_photo(
        self, path: str, model: Any, image_size: Any, stitches: Any, network: str = ""
    ) -> dict[str, Any]:
        """Return what a zoo model says of a photo, and what these stitches say: see `ZooPhotos.run`."""
        return self.zoo.run(path, model, image_size, self.network_of(network), stitches)

    def frontier(self, network: str = "") -> dict[str, Any]:
        """Return every stitch with its cost, its accuracy, and whether it is on the Pareto front."""
        from snnet.evaluation import accuracy

        name = self._name(network)
        return {"network": name, "stitches": accuracy.table(self.network_of(name))}

    def networks(self, network: str = "") -> list[dict[str, Any]]:
        """Return the catalogue; of one network alone if it is named."""
        names = [self._name(network)] if network else self._entries
        return [self._summary(name) for name in names]

    def _summary(self, name: str) -> dict[str, Any]:
        entry = self._entries[name]
        with self._lock:
            loading = self._loaded.get(name)
        net = loading.result() if loading and loading.done() and not loading.exception() else None
        if net is None and not entry.facts() and self.is_here(name):
            if name not in self._summaries:  # a network that has to be loaded for it: once is enough
                self._summaries[name] = entries.summary(entry, self.network_of(name))
            row = self._summaries[name]
        else:
            row = entries.summary(entry, net)
        named = {"title": self.title, "here": self.is_here(name)} if name == self.name else {}
        return row | {"name": name} | named

    def menu(self) -> list[dict[str, Any]]:
        """Return the page's menu: each network's name and title, whether it is here, and who has it."""
        return [
            {
                "name": name,
                "title": self.title if name == self.name else entry.title,
                "here": self.is_here(name),
                "hosts": [urlsplit(source.address).netloc for source in entry.sources],
            }
            for name, entry in self._entries.items()
        ]

    def backdrop(self) -> dict[str, Any]:
        """Return the chart without a network, and the menu: they are there at once."""
        return chart.zoo_figure(self.title) | {"networks": self.menu(), "start": self.name}

    def network(self, network: str = "") -> dict[str, Any]:
        """Return what the chart shows of a network, and what the page says of it."""
        name = self._name(network)
        entry, net = self._entries[name], self.network_of(name)
        is_start = name == self.name
        evaluated = self._typed + (" --weights FILE" if self._weights else "") if is_start else name
        layer = chart.network_layer(
            net, entry.originals(), f"python -m snnet evaluate {evaluated} --data PHOTOS"
        )
        title = self.title if is_start else entry.title
        return layer | {
            "name": name,
            "title": title,
            "networks": self.menu(),
            "drawing": drawing(net),
        }


def _warm(net: "StitchedNetwork", stitches: Sequence["Stitch"]) -> None:
    """Run blank images through the anchors among these: a shape's first run takes ten times the next."""
    import torch

    with torch.inference_mode():
        for stitch in stitches:
            if stitch.is_anchor:
                size = stitch.image_size
                net(torch.zeros(1, 3, size, size).to(memory_format=torch.channels_last), stitch)


def _number(value: Any) -> Any:
    """Return a budget that came as text as a number, none as NaN; the rest as it is: `select` judges."""
    if value is None:
        return nan
    if isinstance(value, str):
        try:
            return float(value.strip().replace(",", "."))
        except ValueError:
            return value
    return value
