"""The networks by name, or in a folder: what they are, whether they are here, how to load or fetch them."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet.catalogue import figures
from snnet.catalogue.families import sources_of
from snnet.catalogue.figures import Figures
from snnet.optional import optional
from snnet.paths import ASSETS
from snnet.tables.published_results import family_of
from snnet.weights.files import WeightsError
from snnet.weights.sources import Source
from snnet.weights.transfer import Progress

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.evaluation.results import Result
    from snnet.evaluation.store import Store

NETWORKS = ASSETS / "networks"  # the folders of those that ship
DEFAULT = "lite"  # the network that ships, and that is shown where none is named


class Entry:
    """A network that can be loaded.

    `name` is what users type; `calibration` says how the stitching layers were made; `sources` are mirrors of
    its file of weights, none where nothing needs to be fetched.
    """

    name: str
    title: str
    calibration: str
    sources: tuple[Source, ...] = ()
    is_light = False  # whether its folder leaves the anchors to their originals

    def is_here(self) -> bool:
        """True if nothing would have to be fetched."""
        raise NotImplementedError

    def build(self, weights: Path | None = None) -> "StitchedNetwork":
        """Return the network from what is here; `weights` is the authors' file, kept elsewhere.

        Raises WeightsError for a missing or damaged file.
        """
        raise NotImplementedError

    def untrained(self, own_norms: bool = False) -> "StitchedNetwork | None":
        """Return the network as its training begins, its stitching layers zero; None for one that has begun.

        Raises WeightsError where the anchors' weights can't be had.
        """
        return None

    def untrained_outline(self) -> "StitchedNetwork | None":
        """Return what `untrained` does but without memory or weights; None where that has to be built."""
        return None

    def figures(self) -> Figures | None:
        """Return what ships of it and needs no weights; None of a user's own, or where that is damaged."""
        return None

    def originals(self) -> dict[str, str]:
        """Return by anchor the weights that joint training began with, as timm names them."""
        return {}

    def weights(self) -> tuple[str, ...]:
        """Return the pretrained weights that its anchors carry or began with, as timm names them."""
        return tuple(self.originals().values())

    def licences(self) -> dict[str, str]:
        """Return the licences of `weights`, by timm's name of them."""
        from snnet.weights import licences

        ours = self.figures()
        return dict(ours.licences) if ours else licences.of_each(self.weights())

    def along(self) -> "list[Result]":
        """Return the results that came with the network."""
        return []

    def size(self) -> int:
        """Return the bytes that `fetch` would bring, as the server says; WeightsError if none answers."""
        from snnet.weights import sources

        return sources.size(self.sources)

    def fetch(self, progress: Progress | None = None) -> None:
        """Fetch the file of weights, resumed and checked; WeightsError says in a sentence why not."""
        from snnet.weights import sources

        if self.sources:
            sources.fetch(self.sources, progress)


class PublishedEntry(Entry):
    """One of the authors' own networks."""

    calibration = "joint training by their authors"

    def __init__(self, name: str) -> None:
        self._family = family_of(name)
        self.name, self.title = name, self._family.title
        self.sources = sources_of(self._family)

    def is_here(self) -> bool:
        from snnet.weights import sources

        return sources.here(self.sources) is not None

    def build(self, weights: Path | None = None) -> "StitchedNetwork":
        from snnet.catalogue import published
        from snnet.weights import sources
        from snnet.weights.files import read_checkpoint

        file = weights or sources.here(self.sources)
        addresses = " or ".join(source.address for source in self.sources)
        if file is None:
            raise WeightsError(
                f"the weights of {self.title} are not here: fetch {addresses}, and name the file by --weights"
            )
        remedy = f"fetch it again from {addresses}"
        try:
            net = published.from_state_dict(self.name, read_checkpoint(file, remedy))
        except WeightsError as error:
            raise error if str(file) in str(error) else WeightsError(f"{file}: {error}; {remedy}") from error
        if weights is not None:
            net.trust(weights)
        return net

    def untrained(self, own_norms: bool = False) -> "StitchedNetwork | None":
        from snnet.catalogue import published

        return published.untrained(self.name, rank=self._rank)

    def untrained_outline(self) -> "StitchedNetwork | None":
        from snnet.catalogue import published

        return published.outline(self.name, rank=self._rank)

    @property
    def _rank(self) -> int:
        from snnet.catalogue import published

        return published.LOW_RANK if self._family.is_two_way else 0

    def figures(self) -> Figures | None:
        return figures.shipped().get(self.name)

    def originals(self) -> dict[str, str]:
        return {anchor.name: anchor.original for anchor in self._family.anchors}


class SavedEntry(Entry):
    """A network that `net.save` wrote: in a user's folder, or in one that ships, to be trained anew."""

    def __init__(self, folder: Path, ships: bool = False) -> None:
        from snnet.catalogue import saved

        self._folder, self._ships = folder, ships
        self._plan = saved.read_plan(folder / saved.CONFIG)
        self.name, self.title = self._plan["name"], self._plan["title"]
        self.calibration = self._plan.get("origin", {}).get("method", "as its folder says")
        self.is_light = saved.is_light(self._plan)

    def is_here(self) -> bool:
        from snnet.catalogue import saved

        return saved.is_here(self._plan)

    def build(self, weights: Path | None = None) -> "StitchedNetwork":
        from snnet.catalogue.stitched_network import StitchedNetwork

        return StitchedNetwork.from_folder(self._folder)

    def figures(self) -> Figures | None:
        return figures.shipped().get(self.name) if self._ships else None

    def untrained(self, own_norms: bool = False) -> "StitchedNetwork | None":
        from snnet.catalogue import saved
        from snnet.catalogue.stitched_network import StitchedNetwork

        return saved.read_untrained(self._folder, StitchedNetwork, own_norms) if self._ships else None

    def weights(self) -> tuple[str, ...]:
        if published := self._plan.get("published"):
            return tuple(anchor.original for anchor in family_of(published).anchors)
        return tuple(row["weights"] for row in self._plan["anchors"] if row["weights"])

    def along(self) -> "list[Result]":
        from snnet.catalogue import saved

        return saved.bundled_results(self._folder)


@cache
def _entries() -> dict[str, Entry]:
    from snnet.catalogue import published

    shipped = SavedEntry(NETWORKS / DEFAULT, ships=True)
    return {entry.name: entry for entry in (shipped, *map(PublishedEntry, published.families()))}


def entries() -> tuple[Entry, ...]:
    """Return every network of the catalogue."""
    return tuple(_entries().values())


def entry(name: str) -> Entry:
    """Return the entry of a name, or of a folder that `net.save` wrote.

    Raises ValueError naming the catalogue if there is neither, WeightsError for a folder that is damaged.
    """
    from snnet.catalogue import saved

    if name in _entries():
        return _entries()[name]
    if Path(name).is_dir():
        if saved.is_network(Path(name)):
            return SavedEntry(Path(name))
        raise ValueError(f"the folder {name} holds no network: {saved.CONFIG} is missing")
    raise ValueError(
        f"no network {name!r}: the catalogue has {', '.join(_entries())}; a folder of net.save is taken too"
    )


def load(name: str, *, weights: str | Path | None = None) -> "StitchedNetwork":
    """Return a stitched network in evaluation mode, with all that is known of its stitches' accuracy.

    `name` is one of the catalogue, or a folder that `net.save` wrote. What is not here is fetched, with its
    size said first and a progress bar; `weights` names the authors' file where it lies elsewhere.

    Raises ValueError for an unknown name and WeightsError for a missing or damaged file.
    """
    network = entry(name)
    if weights is not None:
        check_weights(network, Path(weights))
    if weights is None and network.sources and not network.is_here():
        fetch(network)
    return ready(network, None if weights is None else Path(weights))


def check_weights(network: Entry, weights: Path) -> None:
    """Raise ValueError for a file of weights that can't be an entry's, which has its own, or is no file."""
    if not network.sources:
        raise ValueError(f"{network.name} holds its own weights: leave --weights out")
    if not weights.is_file():
        raise ValueError(f"--weights {weights} is no file: name the authors' file of {network.title}")


def ready(network: Entry, weights: Path | None = None) -> "StitchedNetwork":
    """Return an entry's network from what is here, with its accuracies."""
    net = network.build(weights)
    if not net.accuracies:  # a folder's come with it
        net.attach()
    return net


def fetch(network: Entry, progress: Progress | None = None) -> None:
    """Fetch an entry's weights for a person at a terminal: the size first, then a bar, on standard error.

    `progress` is told too how far it is.
    """
    import sys

    from snnet.weights import transfer

    print(f"{network.title}: fetching {network.size() / 1e6:.0f} MB of weights", file=sys.stderr, flush=True)
    with transfer.console_progress(network.name) as draw:

        def note(done: int, total: int) -> None:
            draw(done, total)
            if progress:
                progress(done, total)

        network.fetch(note)


def without_weights(network: Entry, store: "Store | None" = None) -> Figures | None:
    """Return a network's figures as far as no weights are needed, the user's own results among them.

    None of a user's own network, and where results may be of weights that have to be looked at.
    """
    from snnet.evaluation import store as stores

    ours = network.figures()
    if ours is None or ours.routes or len(ours.reported) == len(ours.stitches) or not network.is_here():
        return ours and ours.with_results(store, network.along())
    own = optional((store or stores.Store()).all, [], "this machine's own results are")
    return None if any(result.network == network.name for result in own) else ours


def figures_of(name: str, *, weights: str | Path | None = None) -> Figures:
    """Return what is known of a network, by its name or folder: at once where that needs no weights.

    Otherwise it is loaded, and raises what `load` raises.
    """
    ours = without_weights(entry(name)) if weights is None else None
    return ours or figures.figures_of(load(name, weights=weights))


def summary(network: Entry, ours: Figures | None = None) -> dict[str, Any]:
    """Return what the catalogue says of a network, as JSON; loads it only if it is a user's own and here.

    `ours` are its figures where they are known. `gmacs` and `top1` (percent) are [lowest, highest], "printed"
    the GMACs as they are printed; `source` tells where the accuracies are from; `licences` are by timm's name
    of the anchors' weights; `size_mb` is that of the tensors, `file_mb` that of the authors' file, in 10⁶
    bytes.
    """
    row: dict[str, Any] = {"name": network.name, "title": network.title, "here": network.is_here()}
    row["licences"] = network.licences()
    ours = ours or without_weights(network)
    if ours is None and row["here"]:
        ours = figures.figures_of(ready(network))
    top1 = [accuracy.top1 for accuracy in ours.accuracies.values()] if ours else []
    source = {accuracy.origin for accuracy in ours.accuracies.values()} if ours else set()
    return (
        row
        | (ours.facts() if ours else {})
        | {
            "top1": [min(top1), max(top1)] if top1 else None,
            "source": sorted(source),
            "layers": network.calibration,
        }
    )
