"""What the page asks a network for: classify a photo, sweep it, the frontier, the chart. Knows no Gradio.

Which network is asked is an argument of every call, and nothing else is shared between calls, so any number
of visitors may ask at once.
"""

import threading
from collections.abc import Sequence
from itertools import chain
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import answers
from .figures import chart
from .figures.route import drawing
from .networks import Networks
from .zoo_models import ZooPhotos

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork

PHOTOS_AT_ONCE = 2  # each runs on all cores: more would only wait for each other and hold memory


class Service:
    """Answers for the networks of the app: see `Networks`, whose arguments these are."""

    def __init__(self, network: str, weights: Path | None = None) -> None:
        self.networks = Networks(network, weights)
        self._running = threading.BoundedSemaphore(PHOTOS_AT_ONCE)
        self._sweeps = answers.Sweeps()
        self.zoo = ZooPhotos(self.networks.fetcher, self._running)

    @property
    def net(self) -> "StitchedNetwork":
        """The network that the app was started with; waits until it is loaded, or raises what is wrong."""
        return self.networks.network_of()

    def classify(self, path: str, gmacs: Any, network: str = "") -> dict[str, Any]:
        """Return the five best classes of a photo, by the stitch that a budget of GMACs buys.

        Raises ValueError (`PhotoError` is one) with a sentence for the visitor.
        """
        from snnet.photos.decode import decode

        net = self.networks.network_of(network)
        stitch = net.select(gmacs=_number(gmacs), silent=True)  # the page says it itself
        with self._running:  # decoding too: a large photo takes hundreds of megabytes meanwhile
            return answers.one(net, stitch, decode(path))

    def sweep(self, path: str, network: str = "") -> list[dict[str, Any]]:
        """Return what every stitch says of a photo; a stitch's latency is that of its own part of the sweep.

        Raises ValueError (`PhotoError` is one) with a sentence for the visitor.
        """
        from snnet.photos.decode import decode

        net = self.networks.network_of(network)
        with self._running:
            rows = {row["stitch"]: row for row in answers.sweep(net, decode(path), net.stitches)}
        return [rows[stitch.name] for stitch in net.stitches]

    def begin_sweep(self, path: str, network: str, first: Sequence[str]) -> dict[str, Any]:
        """Begin to ask all stitches about a photo, those named `first` before the rest.

        Returns {"sweep": its name for `more`, "total": how many stitches will answer}. Raises ValueError with
        a sentence for the visitor.
        """
        from snnet.photos.decode import decode

        net = self.networks.network_of(network)
        ahead = [net.stitch(name) for name in dict.fromkeys(first)]
        behind = [stitch for stitch in net.stitches if stitch not in set(ahead)]
        with self._running:
            photo = decode(path)
        rows = chain.from_iterable(
            answers.sweep(net, photo, group, most=answers.MOST) for group in (ahead, behind)
        )
        return {"sweep": self._sweeps.begin(rows, len(net.stitches)), "total": len(net.stitches)}

    def more(self, sweep: str) -> dict[str, Any]:
        """Return the sweep's next {"rows", "left"}, a quarter of a second of them.

        Raises ValueError for a sweep that has ended, or that nobody asked about for a while.
        """
        with self._running:
            rows = self._sweeps.more(sweep)
        if rows is None:
            raise ValueError("the sweep of this photo was given up: give the photo once more")
        return rows

    def end_sweep(self, sweep: str) -> None:
        """Give a sweep up whose photo is no longer shown."""
        self._sweeps.end(sweep)

    def compare_photo(
        self, path: str, model: Any, image_size: Any, stitches: Any, network: str = ""
    ) -> dict[str, Any]:
        """Return what a zoo model says of a photo, and what these stitches say: see `ZooPhotos.run`."""
        return self.zoo.run(path, model, image_size, self.networks.network_of(network), stitches)

    def frontier(self, network: str = "") -> dict[str, Any]:
        """Return every stitch with its cost, its accuracy, and whether it is on the Pareto front."""
        from snnet.evaluation import accuracy

        name = self.networks.name_of(network)
        return {"network": name, "stitches": accuracy.table(self.networks.network_of(name))}

    def backdrop(self) -> dict[str, Any]:
        """Return the chart without a network, and the menu: they are there at once."""
        networks = self.networks
        return chart.zoo_figure(networks.title) | {"networks": networks.menu(), "start": networks.name}

    def network(self, network: str = "") -> dict[str, Any]:
        """Return what the chart shows of a network, and what the page says of it."""
        name = self.networks.name_of(network)
        net, originals = self.networks.network_of(name), self.networks.entry(name).originals()
        return chart.network_layer(net, originals, self.networks.command(name)) | {
            "name": name,
            "title": self.networks.title_of(name),
            "networks": self.networks.menu(),
            "drawing": drawing(net),
        }


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
