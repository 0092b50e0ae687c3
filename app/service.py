"""What the page asks for: classify a photo, sweep it, the frontier, the catalogue. Knows no Gradio.

The network is loaded once, in the background; whoever asks before it is there waits. Nothing else is shared
between calls, so any number of visitors may ask at once.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from math import nan
from typing import TYPE_CHECKING, Any

from app import chart
from snnet import catalogue

if TYPE_CHECKING:
    from PIL.Image import Image

    from snnet.network import StitchedNetwork
    from snnet.stitches import Stitch

PHOTOS_AT_ONCE = 2  # each runs on all cores: more would only wait for each other and hold memory


class Service:
    """Answers for one network of the catalogue.

    Raises ValueError at once for a network that the catalogue does not have.
    """

    def __init__(self, network: str) -> None:
        self.entry = catalogue.entry(network)
        self._loaded: Future[StitchedNetwork] = Future()
        self._running = threading.BoundedSemaphore(PHOTOS_AT_ONCE)

    def start(self, then: Callable[[str], None] = lambda sentence: None) -> None:
        """Load the network in the background; `then` gets one sentence on how it went."""
        threading.Thread(target=self._load, args=(then,), daemon=True).start()

    def _load(self, then: Callable[[str], None]) -> None:
        begun = time.perf_counter()
        try:
            import torch

            net = catalogue.load(self.entry.name)
            net.to(memory_format=torch.channels_last)  # twice as fast on CPUs
            _warm(net, [s for s in net.stitches if s.image_size == net.stitches[0].image_size])
        except Exception as error:  # whatever it is, those who wait must hear of it
            self._loaded.set_exception(error)
            then(f"{self.entry.title} can't be loaded: {error}")
            return
        self._loaded.set_result(net)
        then(f"{net.title}: {net.ways} networks ready after {time.perf_counter() - begun:.1f} s")
        _warm(net, net.stitches)  # the other sizes, behind the first visitor

    @property
    def net(self) -> "StitchedNetwork":
        """The network; waits until it is loaded, raises what kept it from loading."""
        return self._loaded.result()

    def classify(self, path: str, gmacs: Any) -> dict[str, Any]:
        """Return the five best classes of a photo, by the stitch that a budget of GMACs buys.

        Raises ValueError (`PhotoError` is one) with a sentence for the visitor.
        """
        from snnet.photos import decode

        net = self.net
        stitch = net.select(gmacs=_number(gmacs))
        with self._running:  # decoding too: a large photo takes hundreds of megabytes meanwhile
            return self._answer(stitch, decode(path))

    def _answer(self, stitch: "Stitch", photo: "Image") -> dict[str, Any]:
        import torch

        net = self.net
        images = net.transform(stitch)(photo)[None].to(memory_format=torch.channels_last)
        with torch.inference_mode():
            begun = time.perf_counter()
            logits = net(images, stitch)
            latency_ms = 1e3 * (time.perf_counter() - begun)
        return _row(net, stitch, logits, latency_ms)

    def sweep(self, path: str) -> list[dict[str, Any]]:
        """Return what every stitch says of a photo; a stitch's latency is that of its own part of the sweep.

        Raises ValueError (`PhotoError` is one) with a sentence for the visitor.
        """
        import torch

        from snnet.photos import decode
        from snnet.walk import sweep

        net = self.net
        rows = {}
        with self._running:
            photo = decode(path)
            for transform in net.transforms.values():
                images = transform(photo)[None].to(memory_format=torch.channels_last)
                begun = time.perf_counter()
                for stitch, logits in sweep(net, images):
                    rows[stitch.name] = _row(net, stitch, logits, 1e3 * (time.perf_counter() - begun))
                    begun = time.perf_counter()
        return [rows[stitch.name] for stitch in net.stitches]

    def frontier(self) -> dict[str, Any]:
        """Return every stitch with its cost, its accuracy, and whether it is on the Pareto front."""
        from snnet import accuracy

        return {"network": self.net.name, "stitches": accuracy.table(self.net)}

    def networks(self) -> list[dict[str, Any]]:
        """Return the catalogue."""
        loaded = self.net
        return [
            catalogue.summary(entry, loaded if entry.name == loaded.name else None)
            for entry in catalogue.entries()
        ]

    def backdrop(self) -> dict[str, Any]:
        """Return the chart without the network: it is there at once."""
        return chart.zoo_figure(self.entry.title)

    def network(self) -> dict[str, Any]:
        """Return what the chart shows of the network, and what the page says of it."""
        return chart.network_layer(self.net)


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


def _row(net: "StitchedNetwork", stitch: "Stitch", logits: Any, latency_ms: float) -> dict[str, Any]:
    from snnet.data import class_names

    probabilities, indices = logits[0].float().softmax(0).topk(5)
    names = class_names()
    return {
        "stitch": stitch.name,
        "image_size": stitch.image_size,
        "gmacs": net.cost(stitch).gmacs,
        "latency_ms": round(latency_ms, 2),
        "top5": [
            {"index": index, "label": names[index], "probability": probability}
            for index, probability in zip(indices.tolist(), probabilities.tolist(), strict=True)
        ],
    }
