"""Stitchable neural networks: several pretrained networks in one, chosen anew at every call.

    net = snnet.load("lite")
    stitch = net.select(gmacs=0.5)
    logits = net(images, stitch)

The names below are the public interface; each is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnet.catalogue import load as load
    from snnet.make import stitch as stitch
    from snnet.network import StitchedNetwork as StitchedNetwork
    from snnet.stitches import Stitch as Stitch
    from snnet.walk import sweep as sweep

_HOME = {
    "load": "catalogue",
    "stitch": "make",
    "sweep": "walk",
    "Stitch": "stitches",
    "StitchedNetwork": "network",
}
_ROOMS = (
    *("accuracy", "anchors", "catalogue", "cost", "curves", "data", "download", "evaluate", "folder"),
    *("frontier", "layers", "least_squares", "lite", "make", "network", "norms", "photos", "plots"),
    *("published", "recipes", "results", "stitches", "train", "training_log", "walk", "weights", "zoo"),
)

__all__ = [*_HOME, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"snnet.{_HOME[name]}"), name)
    if name in _ROOMS:
        return import_module(f"snnet.{name}")
    raise AttributeError(f"module 'snnet' has no attribute {name!r}")
