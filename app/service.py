"""What the page asks a network for: classify a photo, sweep it, the frontier, the chart. Knows no Gradio.

Which network is asked is an argument of every call, and nothing else is shared between calls, so any number
of visitors may ask at once.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from snnet.catalogue.figures import Figures
from snnet.evaluation import accuracy, against_zoo

from . import answers, examples
from .discretion import OPEN, Discretion
from .figures import chart
from .networks import Networks
from .work import photos
from .work.scheduler import FIRST, SWEEP, Scheduler, Steps, Task, Visitor
from .work.sweeps import Sweeps
from .zoo_models import ZooPhotos

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.stitches.stitch import Stitch

PAGE_S, VIEW_S = 4.0, 10.0  # that loading waits for a first page to ask, and to have what it shows


class Service:
    """Answers for the networks of the app: see `Networks`, whose arguments these are.

    Work on a photo is done by the scheduler's threads, at most `megapixels` of photos at once. Who doesn't
    want to wait for an answer gets its `Task`. `sentence` says of an error what a visitor may read of it.
    """

    def __init__(
        self,
        network: str,
        weights: Path | None = None,
        megapixels: float = photos.MEGAPIXELS,
        discretion: Discretion = OPEN,
    ) -> None:
        self.networks = Networks(network, weights, discretion)
        self.sentence = discretion.sentence
        self.times = answers.Times()
        self._page, self._view = threading.Event(), threading.Event()  # once a page has asked for these
        self.scheduler = Scheduler()
        self.photos = photos.Photos(megapixels)
        self.sweeps = Sweeps(self.scheduler)
        self.zoo = ZooPhotos(self.networks.fetcher, self.photos)
        self._figures: WeakKeyDictionary[Figures, dict[str, dict[str, Any]]] = WeakKeyDictionary()

    def start(self, then: Callable[[str], None] = lambda sentence: None) -> None:
        """Load the network of the start behind the first page, which has its figures without.

        Loading holds Python up for seconds. `then` gets a sentence at the end.
        """

        def first() -> None:
            if self._page.wait(PAGE_S):
                self._view.wait(VIEW_S)

        def after(sentence: str) -> None:
            then(sentence)
            if self.state() == "ok":
                self.time_front()

        self.networks.start(after, first)

    def time_front(self) -> Task:
        """Put in line what tells how long the front's stitches take, warm, on a blank image each."""
        net = self.net
        front = [net.stitch(row["name"]) for row in accuracy.table(net) if row["on_front"]]

        def steps() -> Steps:
            for stitch in front:
                for latency_ms in answers.blank_runs(net, stitch):
                    self.times.add(net, stitch.name, latency_ms)
                    yield

        return self.scheduler.submit(Task(SWEEP, steps))

    @property
    def net(self) -> "StitchedNetwork":
        """The network that the app was started with; waits until it is loaded, or raises what is wrong."""
        return self.networks.network_of()

    def state(self) -> str:
        """Return whether a photo can be answered, in a word and at once: "ok", else why not."""
        return self.networks.state() if self.scheduler.is_alive else "closed"

    def classify(self, path: str, gmacs: Any, network: str = "") -> dict[str, Any]:
        """Return the five best classes of a photo, by the stitch that a budget of GMACs buys.

        Raises ValueError (`PhotoError` is one) with a sentence for the visitor.
        """
        answer: dict[str, Any] = self.classify_task(path, gmacs, network).result()
        return answer

    def classify_task(self, path: str, gmacs: Any, network: str = "", visitor: Visitor = Visitor()) -> Task:
        """Put `classify` in line; Busy where too many wait."""
        net = self.networks.network_of(network)
        stitch = net.select(gmacs=nan if gmacs is None else gmacs, silent=True)  # the page says it itself

        def steps() -> Steps:
            images = self.photos.tensors(path, [net.transform(stitch)])[net.transform(stitch)]
            yield
            answer = answers.one(net, stitch, images)
            self.times.add(net, stitch.name, answer["latency_ms"])
            return self._with_note(path, net, answer)

        return self.scheduler.submit(Task(FIRST, steps, visitor))

    def sweep(self, path: str, network: str = "") -> list[dict[str, Any]]:
        """Return what every stitch says of a photo; a stitch's latency is that of its own part of the sweep.

        Raises ValueError (`PhotoError` is one) with a sentence for the visitor.
        """
        rows: list[dict[str, Any]] = self.sweep_task(path, network).result()
        return rows

    def sweep_task(self, path: str, network: str = "", visitor: Visitor = Visitor()) -> Task:
        """Put `sweep` in line; Busy where too many wait."""
        net = self.networks.network_of(network)
        rows: dict[str, dict[str, Any]] = {}

        def steps() -> Steps:
            missing = [stitch for stitch in net.stitches if stitch.name not in rows]
            for row in self._answers(net, path, [missing]):
                rows[row["stitch"]] = row
                yield
            return [rows[stitch.name] for stitch in net.stitches]

        return self.scheduler.submit(Task(SWEEP, steps, visitor))

    def begin_sweep(
        self, path: str, network: str, first: Sequence[str], visitor: Visitor = Visitor()
    ) -> dict[str, Any]:
        """Begin to ask all stitches about a photo, those named `first` before the rest.

        Returns {"sweep": its name for `sweeps`, "total": how many stitches will answer}. Raises ValueError
        with a sentence for the visitor, Busy where too many wait.
        """
        net = self.networks.network_of(network)
        ahead = list(dict.fromkeys(net.stitch(name).name for name in first))
        behind = [stitch.name for stitch in net.stitches if stitch.name not in set(ahead)]

        def rows(names: Sequence[str]) -> Iterator[dict[str, Any]]:
            missing = set(names)
            groups = [[net.stitch(name) for name in group if name in missing] for group in (ahead, behind)]
            return self._answers(net, path, groups, most=answers.MOST)

        return {"sweep": self.sweeps.begin(rows, [*ahead, *behind], visitor), "total": len(net.stitches)}

    def _answers(
        self, net: "StitchedNetwork", path: str, groups: "Sequence[Sequence[Stitch]]", most: int = 0
    ) -> Iterator[dict[str, Any]]:
        transforms = [net.transform(stitch) for group in groups for stitch in group]
        images = self.photos.tensors(path, transforms)
        rows = chain.from_iterable(answers.sweep(net, images, group, most) for group in groups)
        return (self._with_note(path, net, row) for row in rows)

    def _with_note(self, path: str, net: "StitchedNetwork", row: dict[str, Any]) -> dict[str, Any]:
        """Return an answer with "warm_ms", and the "note" on the photo, if there is one."""
        note = self.photos.note(path)
        row |= {"warm_ms": self.times.median(net, row["stitch"])}
        return row | {"note": note} if note else row

    def compare_photo(
        self, path: str, model: Any, image_size: Any, stitches: Any, network: str = ""
    ) -> dict[str, Any]:
        """Return what a zoo model says of a photo, and what these stitches say: see `ZooPhotos.steps`."""
        answer: dict[str, Any] = self.compare_task(path, model, image_size, stitches, network).result()
        return answer

    def compare_task(
        self,
        path: str,
        model: Any,
        image_size: Any,
        stitches: Any,
        network: str = "",
        visitor: Visitor = Visitor(),
    ) -> Task:
        """Put `compare_photo` in line; Busy where too many wait."""
        begin = self.zoo.steps(path, model, image_size, self.networks.network_of(network), stitches)
        return self.scheduler.submit(Task(SWEEP, begin, visitor))

    def frontier(self, network: str = "") -> dict[str, Any]:
        """Return every stitch with its cost and accuracy, and the count against the zoo."""
        name = self.networks.name_of(network)
        net = self.networks.figures(name)

        def make() -> dict[str, Any]:
            return {"stitches": accuracy.table(net), "zoo": against_zoo.standing(net).as_json()}

        return {"network": name} | self._once(net, "frontier", make)

    def backdrop(self) -> dict[str, Any]:
        """Return the chart without a network, and the menu: they are there at once."""
        self._page.set()
        networks = self.networks
        return chart.zoo_figure(networks.title) | {"networks": networks.menu(), "start": networks.name}

    def network(self, network: str = "") -> dict[str, Any]:
        """Return what the chart shows of a network, and what the page says of it."""
        name = self.networks.name_of(network)
        net = self.networks.figures(name)
        self._view.set()
        command = self.networks.command(name)
        layer = self._once(net, "layer", lambda: chart.network_layer(net, command))
        return layer | {
            "name": name,
            "title": self.networks.title_of(name),
            "networks": self.networks.menu(),
            "drawing": net.drawing,
            "examples": self._once(net, "examples", lambda: examples.answers_of(net)),
        }

    def _once(self, net: Figures, name: str, make: Callable[[], Any]) -> Any:
        """Return what is made of a network's figures, anew once there are others; nobody may change it."""
        parts = self._figures.setdefault(net, {})
        if name not in parts:
            parts[name] = make()
        return parts[name]
