"""The networks of the app: loading, holding, forgetting; names, the fetching of weights, the menu.

A network is loaded once, when it is first asked for; whoever asks meanwhile waits. Knows no Gradio.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from snnet.catalogue import entries
from snnet.catalogue.figures import Figures, figures_of
from snnet.weights.files import WeightsError

from .discretion import OPEN, AbsentError, Discretion
from .fetching import Fetcher

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.evaluation.results import Result
    from snnet.evaluation.store import Store
    from snnet.stitches.stitch import Stitch

AT_ONCE = 2  # in memory, beside the one that the app started with: the largest take 1.6 GB each
BEGIN_S = 5.0  # within which `start` follows the first page


class Networks:
    """The networks of the catalogue, and the one that the app was started with.

    `network` is a name or a folder, `weights` the authors' file for it where that lies elsewhere. In all
    calls a network goes by its name, "" being the one that the app was started with. `discretion` has what
    visitors are told of failures.

    Raises ValueError at once for a network that there is not, WeightsError for a damaged folder.
    """

    def __init__(self, network: str, weights: Path | None = None, discretion: Discretion = OPEN) -> None:
        entry = entries.entry(network)
        self._entries = {entry.name: entry for entry in entries.entries()}
        self.name, self.title = entry.name, entry.title
        if self._entries.get(self.name) not in (entry, None):  # a folder with a name of the catalogue
            self.name, self.title = f"{self.name} ({Path(network).name})", f"{self.title} ({network})"
        self._entries[self.name] = entry
        self._typed = network
        if weights is not None:
            entries.check_weights(entry, weights)
        self._weights = weights
        self.fetcher = Fetcher(*([entry] if weights else []), discretion=discretion)
        self._start_signal = threading.Event()
        self._lock = threading.Lock()
        self._building = threading.Lock()  # two at once would only slow each other, and hold more memory
        self._futures: OrderedDict[str, Future[StitchedNetwork]] = OrderedDict()  # the longest unused first
        self._figures: dict[str, Figures] = {}
        self._has_failed = False

    # ----------------------------------------------------------------------------------- the start

    def start(
        self,
        then: Callable[[str], None] = lambda sentence: None,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        """Load the network in the background, fetched if it is not here; `then` gets a sentence at the end.

        `first` returns once loading would hinder nobody. A fetch tells the terminal its size and draws a bar
        there.
        """
        if not self.is_here():
            self.fetcher.start(self.entry(), run=partial(entries.fetch, self.entry()))
        self._start_signal.set()
        threading.Thread(target=self._start, args=(then, first), daemon=True).start()

    def _start(self, then: Callable[[str], None], first: Callable[[], None]) -> None:
        first()
        start = time.perf_counter()
        fetch = self.fetcher.wait(self.entry())
        try:
            if fetch and fetch.state == "failed":
                raise WeightsError(fetch.sentence)
            net = self.network_of()
        except Exception as error:
            self._has_failed = True
            then(f"{self.title} can't be loaded: {error}{self._consolation()}")
            return
        then(f"{self.title}: {net.ways} networks ready after {time.perf_counter() - start:.1f} s")
        _warm(net, net.stitches)  # the other sizes, behind the first visitor

    def _consolation(self) -> str:
        if self.entry().figures():
            return "; the page shows its figures, and fetches it when asked"
        instead = self.instead()
        return f"; the page shows {self.title_of(instead)} instead" if instead else ""

    def state(self) -> str:
        """Return how the network of the start is, in a word and at once: ok, loading, fetching or failed."""
        loading = self._futures.get(self.name)
        if loading and loading.done():  # a failure does not stay there
            return "ok"
        if self.is_fetching(self.name):
            return "fetching"
        return "failed" if self._has_failed else "loading"

    def instead(self) -> str | None:
        """Return what a page shows where the network of the start can't be; None for one that has figures."""
        default = entries.DEFAULT
        has_figures = self.name == default or self.entry().figures()
        return None if has_figures or not self._entries[default].is_here() else default

    # --------------------------------------------------------------------------------------- names

    def name_of(self, network: Any = "") -> str:
        """Return a network's name, "" being the one of the start; ValueError for a name that there is not."""
        if network is None or network == "":
            return self.name
        if isinstance(network, str) and network in self._entries:
            return network
        raise ValueError(f"no network {network!r} on this page: there are {', '.join(self._entries)}")

    def entry(self, network: str = "") -> entries.Entry:
        """Return the catalogue's entry of a network."""
        return self._entries[self.name_of(network)]

    def title_of(self, network: str) -> str:
        """Return what people call a network."""
        return self.title if self.name_of(network) == self.name else self.entry(network).title

    def command(self, network: str) -> str:
        """Return the command that measures a network."""
        name = self.name_of(network)
        if name == self.name:
            name = self._typed + (" --weights FILE" if self._weights else "")
        return f"python -m snnet evaluate {name} --data PHOTOS"

    # ------------------------------------------------------------------------------------- loading

    def network_of(self, network: str = "") -> "StitchedNetwork":
        """Return a network, loaded if it is here; who asks while another loads it waits.

        Raises ValueError for a name that there is not, WeightsError for weights that are not here or damaged.
        """
        name = self.name_of(network)
        if name not in self._futures:
            self._check_here(name)
        with self._lock:
            is_mine = name not in self._futures
            loading = self._futures.setdefault(name, Future())
            self._futures.move_to_end(name)
        if is_mine:
            self._load(name, loading)
        return loading.result()

    def _load(self, name: str, loading: "Future[StitchedNetwork]") -> None:
        import torch

        try:
            with self._building:
                self._forget(AT_ONCE - (name != self.name))
                net = entries.ready(self._entries[name], self._weights if name == self.name else None)
                net.to(memory_format=torch.channels_last)  # twice as fast on CPUs
                _warm(net, [s for s in net.stitches if s.image_size == net.stitches[0].image_size])
        except Exception as error:  # whatever it is, those who wait must hear of it
            with self._lock:
                del self._futures[name]  # who asks later tries again
            loading.set_exception(error)
            return
        loading.set_result(net)

    def _forget(self, most: int) -> None:
        """Give the longest unused networks back but for these; calls under way hold theirs until they end."""
        with self._lock:
            others = [n for n, loading in self._futures.items() if n != self.name and loading.done()]
            for name in others[: max(0, len(others) - most)]:
                del self._futures[name]

    def _check_here(self, name: str) -> None:
        if self.is_here(name):
            return
        if name == self.name:
            self._start_signal.wait(BEGIN_S)
        entry = self._entries[name]
        fetch = self.fetcher.progress(entry)
        if fetch["state"] == "failed":
            raise AbsentError(fetch["sentence"])
        if fetch["state"] == "running":
            raise AbsentError(f"{entry.title} is being fetched: ask again when it is here")
        if not self.is_here(name):
            raise AbsentError(f"the weights of {entry.title} are not here: fetch them on the page")

    # ------------------------------------------------------------------------------------- figures

    def figures(self, network: str = "") -> Figures:
        """Return what is known of a network without its weights: at once for those of the catalogue.

        A user's own is loaded for that, and raises what `network_of` does. Once a network is loaded, its
        accuracies are those that it chooses by.
        """
        name = self.name_of(network)
        entry, ours = self._entries[name], self._figures.get(name)
        with self._lock:
            loading = self._futures.get(name)
        net = loading.result() if loading and loading.done() and not loading.exception() else None
        if net is None and ours is None:
            is_elsewhere = (
                name == self.name and self._weights is not None
            )  # the user's word on whose they are
            ours = None if is_elsewhere else entries.without_weights(entry)
            if ours is None:
                net = self.network_of(name)
        if net is not None and (ours is None or ours.accuracies != net.accuracies):
            base = ours or entry.figures() or figures_of(net)
            ours = replace(base, accuracies=net.accuracies, reported=net.reported)
        assert ours is not None
        self._figures[name] = ours
        return ours

    # ------------------------------------------------------------------------------------ fetching

    def is_here(self, network: str = "") -> bool:
        """True if nothing would have to be fetched."""
        return self.fetcher.is_here(self.entry(network))

    def size(self, network: str) -> dict[str, Any]:
        """Return what a fetch would bring: see `Fetcher.size`."""
        return self.fetcher.size(self.entry(network))

    def fetch(self, network: str) -> dict[str, Any]:
        """Begin to fetch a network's weights, or join who does: see `Fetcher.fetch`."""
        return self.fetcher.fetch(self.entry(network))

    def progress(self, network: str) -> dict[str, Any]:
        """Return how far a network's fetch is: see `Fetcher.progress`."""
        return self.fetcher.progress(self.entry(network))

    def is_fetching(self, network: str) -> bool:
        """True while a network's weights are on their way."""
        return self.fetcher.is_running(self.entry(network))

    # ------------------------------------------------------------------------------------- results

    def bundled(self, network: str) -> "list[Result]":
        """Return the results that came with a network."""
        return self.entry(network).along()

    def refresh(self, network: str, store: "Store") -> None:
        """Tell a loaded network the results that a store has by now; others read them as they load."""
        name = self.name_of(network)
        with self._lock:
            loading = self._futures.get(name)
        self._figures.pop(name, None)
        if loading is not None:  # set at once: calls under way see all of the old figures, or the new ones
            loading.result().attach(store, self.bundled(name))

    # ------------------------------------------------------------------------------------ the list

    def summaries(self, network: str = "") -> list[dict[str, Any]]:
        """Return the catalogue; of one network alone if it is named."""
        return [self._summary(name) for name in ([self.name_of(network)] if network else self._entries)]

    def _summary(self, name: str) -> dict[str, Any]:
        is_here = self.is_here(name)
        ours = self.figures(name) if is_here or self._entries[name].figures() else None
        row = entries.summary(self._entries[name], ours)
        return row | {"name": name, "title": self.title_of(name), "here": is_here}

    def menu(self) -> list[dict[str, Any]]:
        """Return the page's menu: each network's name and title, whether it is here, and who has how much.

        "bytes" is what a fetch brings, but for some kilobytes; None where that is not known.
        """
        return [
            {
                "name": name,
                "title": self.title_of(name),
                "here": self.is_here(name),
                "bytes": ours.file_bytes if (ours := entry.figures()) else None,
                "hosts": [urlsplit(source.address).netloc for source in entry.sources],
            }
            for name, entry in self._entries.items()
        ]


def _warm(net: "StitchedNetwork", stitches: "Iterable[Stitch]") -> None:
    """Run blank images through the anchors among these: a shape's first run takes ten times the next."""
    import torch

    with torch.inference_mode():
        for stitch in stitches:
            if stitch.is_anchor:
                size = stitch.image_size
                net(torch.zeros(1, 3, size, size).to(memory_format=torch.channels_last), stitch)
