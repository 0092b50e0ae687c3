"""All that is known of a network without its weights: stitches, costs, accuracies, the drawing. No torch.

Those of the catalogue ship in one file, so that each can be shown at once, with weights here or without.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from snnet.catalogue.families import ONWARD, weights_of
from snnet.evaluation import accuracy, results
from snnet.evaluation.accuracy import Accuracy
from snnet.evaluation.choice import Choice
from snnet.evaluation.provenance import own_results, results_for
from snnet.frontier import Cost
from snnet.optional import optional
from snnet.paths import ASSETS
from snnet.stitches.stitch import Leg, Stitch
from snnet.stitches.words import in_words
from snnet.weights import licences

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.evaluation.results import Result
    from snnet.evaluation.store import Store

FILE = ASSETS / "networks" / "figures.json"
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Figures(Choice):
    """A network without its weights; it is asked as a `StitchedNetwork` is, but runs nothing.

    `drawing` is that of `snnet.catalogue.drawing`, `params` the number of parameters of each stitch by name,
    `total_params` and `size_bytes` are of the whole network, `file_bytes` those of the file to be fetched, 0
    where there is none. `weights` are by anchor those that it carries or began with, `licences` theirs,
    `models` those that the zoo knows it by, `timm` those of each stitch that is timm's own model, all as timm
    names them.
    `classes` tells what its answers are one of; `transforms` (by px) and `routes` (by stitch, none where the
    weights were not here) tell which results are its own. `accuracies` and `reported` are by stitch.
    """

    name: str
    title: str
    stitches: tuple[Stitch, ...]
    drawing: Mapping[str, Any]
    params: Mapping[str, int]
    total_params: int
    size_bytes: int
    classes: str
    transforms: Mapping[int, str]
    models: tuple[str, ...]
    weights: Mapping[str, str]
    licences: Mapping[str, str]
    file_bytes: int = 0
    published_as: str | None = None
    timm: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    accuracies: Mapping[str, Accuracy] = field(default_factory=dict)
    reported: Mapping[str, Accuracy] = field(default_factory=dict)

    @property
    def anchor_names(self) -> tuple[str, ...]:
        """The anchors' short names."""
        return tuple(anchor["name"] for anchor in self.drawing["anchors"])

    @property
    def anchor_titles(self) -> tuple[str, ...]:
        """What people call the anchors."""
        return tuple(anchor["title"] for anchor in self.drawing["anchors"])

    @cached_property
    def words(self) -> dict[str, str]:
        """Every stitch in words, by its name: no two alike."""
        depths = [sum(anchor["depths"]) for anchor in self.drawing["anchors"]]
        return in_words(self.stitches, self.anchor_titles, depths)

    @property
    def originals(self) -> Mapping[str, str]:
        """By anchor, the weights that its authors' joint training began with; none of other networks."""
        return self.weights if self.published_as else _NONE

    @property
    def total_params_m(self) -> float:
        """Parameters of the whole file, in millions."""
        return self.total_params / 1e6

    @property
    def credits(self) -> str:
        """Whose weights it has and under which licences, in a sentence or two."""
        own = licences.credits_of(self.licences)
        return " ".join(words for words in (own, ONWARD if self.published_as else "") if words)

    def timm_name(self, stitch: Stitch) -> str | None:
        """Return timm's name of the model that a stitch is, unchanged, transform and all; else None."""
        return self.timm.get(stitch.name)

    def model_names(self) -> tuple[str, ...]:
        """Return timm's names of the weights that its anchors carry, or began with."""
        return self.models

    @cached_property
    def _costs(self) -> dict[str, Cost]:  # type: ignore[override]
        return {
            stitch.name: Cost(self._macs(stitch) / 1e9, self.params[stitch.name] / 1e6)
            for stitch in self.stitches
        }

    def _macs(self, stitch: Stitch) -> int:
        """Return a stitch's multiply-accumulates: the sum over what it runs."""
        size = self.drawing["sizes"].index(stitch.image_size)
        anchors = [anchor["macs"][size] for anchor in self.drawing["anchors"]]
        first, last = stitch.legs[0].anchor, stitch.legs[-1].anchor
        total: int = anchors[first][0] + anchors[last][-1]
        for piece in self.drawing["routes"][stitch.name]:
            if isinstance(piece, int):
                total += self.drawing["layers"][piece]["macs"][size]
            else:
                anchor, start, stop = piece
                total += sum(anchors[anchor][1 + start : 1 + stop])
        return total

    def facts(self) -> dict[str, Any]:
        """Return the figures of the whole: ways, stitches, [lowest, highest] GMACs, parameters, 10⁶ bytes.

        "printed" are these GMACs as they are printed; "file_mb" is only there where there is a file to fetch.
        """
        gmacs = [cost.gmacs for cost in self._costs.values()]
        facts = {
            "ways": self.ways,
            "stitches": len(self.stitches),
            "gmacs": [min(gmacs), max(gmacs)],
            "printed": list(self.printed_range()),
            "params_m": self.total_params_m,
            "apart_params_m": self.apart_params_m,
            "size_mb": self.size_bytes / 1e6,
        }
        return facts | ({"file_mb": self.file_bytes / 1e6} if self.file_bytes else {})

    def with_results(self, store: "Store | None" = None, bundled: "Sequence[Result]" = ()) -> "Figures":
        """Return these figures with the accuracies that the user's own results add, as far as they are told.

        A network whose routes are not known has none.
        """
        ours = own_results(self.routes, store) if self.routes else []
        if not ours:
            return self
        pairs = results_for(
            self.stitches, self.routes, self.transforms, [*results.shipped(), *bundled, *ours]
        )
        return replace(self, accuracies=accuracy.accuracies(self, pairs))


def figures_of(net: "StitchedNetwork", routes: Mapping[str, str] = _NONE, file_bytes: int = 0) -> Figures:
    """Return what is known of a network that is built, with weights or without.

    `routes` are those of `snnet.evaluation.provenance`, which read every tensor.
    """
    from snnet.catalogue.drawing import drawing

    weights = weights_of(net)
    names = {stitch.name: net.timm_name(stitch) for stitch in net.stitches}
    return Figures(
        name=net.name,
        title=net.title,
        stitches=net.stitches,
        drawing=drawing(net),
        params={stitch.name: round(1e6 * net.cost(stitch).params_m) for stitch in net.stitches},
        total_params=sum(p.numel() for p in net.parameters()),
        size_bytes=sum(t.numel() * t.element_size() for t in net.state_dict().values()),
        classes=net.classes,
        transforms={size: transform.key for size, transform in net.transforms.items()},
        models=net.model_names(),
        weights=weights,
        licences=licences.of_each(weights.values()),
        file_bytes=file_bytes,
        published_as=net.published_as,
        timm={stitch: name for stitch, name in names.items() if name},
        routes=routes,
        accuracies=net.accuracies,
        reported=net.reported,
    )


# --------------------------------------------------------------------------------------- the shipped file


@cache
def shipped() -> dict[str, Figures]:
    """Return the figures of the catalogue's networks, by name.

    None, with a warning, where their file is missing or damaged.
    """
    return optional(_read, {}, "the figures of the networks that are not loaded are")


def _read() -> dict[str, Figures]:
    return {name: from_json(name, row) for name, row in json.loads(FILE.read_bytes()).items()}


def as_text(networks: Sequence[Figures]) -> str:
    """Return the file of these networks' figures: JSON, a line a network."""
    rows = [f"{json.dumps(net.name)}:{_dumps(as_json(net))}" for net in networks]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


_PLAIN = (
    *("title", "total_params", "size_bytes", "file_bytes", "classes", "published_as"),
    *("weights", "licences", "timm"),
)


def as_json(net: Figures) -> dict[str, Any]:
    """Return figures as JSON, by lists in the order of the stitches; see `from_json`."""
    layers: dict[str, None] = {layer: None for stitch in net.stitches for layer in stitch.layers}
    texts: dict[str, int] = {}
    rows = [_accuracy_row(net.accuracies.get(stitch.name), texts) for stitch in net.stitches]
    return {
        **{name: getattr(net, name) for name in _PLAIN},
        "models": list(net.models),
        "transforms": {str(size): key for size, key in net.transforms.items()},
        "layers": list(layers),
        "px": [stitch.image_size for stitch in net.stitches],
        "params": [net.params[stitch.name] for stitch in net.stitches],
        "routes": [net.routes[stitch.name] for stitch in net.stitches] if net.routes else [],
        "texts": list(texts),
        "accuracies": rows,
        "drawing": net.drawing,
    }


def _accuracy_row(figure: Accuracy | None, texts: dict[str, int]) -> list[Any] | None:
    """Return an accuracy as a list, its texts as places among all: many are alike."""
    if figure is None:
        return None
    top1, (low, high), *more = astuple(figure)
    return [
        top1,
        low,
        high,
        *(texts.setdefault(value, len(texts)) if isinstance(value, str) else int(value) for value in more),
    ]


def from_json(name: str, row: Mapping[str, Any]) -> Figures:
    """Return the figures that `as_json` made JSON of; KeyError, ValueError or TypeError for what is none."""
    ways, layers = row["drawing"]["routes"], row["layers"]
    stitches = tuple(
        Stitch(
            name=stitch,
            legs=tuple(Leg(*piece) for piece in way if not isinstance(piece, int)),
            layers=tuple(layers[piece] for piece in way if isinstance(piece, int)),
            image_size=size,
        )
        for (stitch, way), size in zip(ways.items(), row["px"], strict=True)
    )
    names = list(ways)
    accuracies = {
        stitch: _accuracy(values, row["texts"])
        for stitch, values in zip(names, row["accuracies"], strict=True)
        if values is not None
    }
    return Figures(
        **{key: row[key] for key in _PLAIN},
        name=name,
        stitches=stitches,
        drawing=row["drawing"],
        params=dict(zip(names, row["params"], strict=True)),
        transforms={int(size): key for size, key in row["transforms"].items()},
        models=tuple(row["models"]),
        routes=dict(zip(names, row["routes"], strict=True)) if row["routes"] else _NONE,
        accuracies=accuracies,
        reported=accuracies if row["published_as"] else _NONE,
    )


def _accuracy(values: Sequence[Any], texts: Sequence[str]) -> Accuracy:
    top1, low, high, source, note, photos, classes, is_silent = values
    return Accuracy(
        top1,
        (low, high),
        texts[source],
        texts[note],
        texts[photos],
        classes,
        bool(is_silent),
    )
