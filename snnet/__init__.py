"""Stitchable neural networks: several pretrained networks in one, chosen anew at every call.

    net = snnet.load("lite")
    stitch = net.select(gmacs=0.5)
    logits = net(images, stitch)

The names below are the public interface; each is imported when it is first used.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from snnet.catalogue.build import stitch as stitch
    from snnet.catalogue.entries import load as load
    from snnet.catalogue.stitched_network import StitchedNetwork as StitchedNetwork
    from snnet.network.sweep import sweep as sweep
    from snnet.stitches.stitch import Stitch as Stitch

_HOME = {
    "load": "catalogue.entries",
    "stitch": "catalogue.build",
    "sweep": "network.sweep",
    "Stitch": "stitches.stitch",
    "StitchedNetwork": "catalogue.stitched_network",
}
_MODULES = {"frontier": "frontier", "published": "catalogue.published"}

__all__ = [*_HOME, *_MODULES]


class _OldNames:
    """Finds `snnet.data`, `snnet.walk` and the like, which nothing else finds any more."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> "ModuleSpec | None":
        if not name.startswith("snnet.") or name.count(".") > 1:
            return None
        from snnet import deprecated

        return deprecated.find_spec(name)


sys.meta_path.append(_OldNames)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"snnet.{_HOME[name]}"), name)
    if name in _MODULES:
        return import_module(f"snnet.{_MODULES[name]}")
    try:
        return import_module(f"snnet.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"snnet.{name}":
            raise
        raise AttributeError(f"module 'snnet' has no attribute {name!r}") from None
