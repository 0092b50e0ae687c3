"""Where the modules of the flat library went; their old names work for one release, with a warning."""

import warnings
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# by the old name under `snnet`: the files that hold now what it held
HOMES: dict[str, tuple[str, ...]] = {
    "accuracy": ("evaluation.accuracy", "evaluation.intervals"),
    "anchors": ("network.anchor", "network.adapters"),
    "batches": ("photos.batches",),
    "classes": ("photos.classes",),
    "cli": ("commands.main",),
    "cost": ("network.counting", "frontier"),
    "curves": ("tables.published_results",),
    "data": ("photos.photo_set", "photos.transform", "photos.batches"),
    "download": ("weights.sources", "weights.transfer"),
    "evaluate": ("evaluation.evaluate", "evaluation.provenance"),
    "fingerprints": ("photos.fingerprints",),
    "folder": ("catalogue.saved",),
    "hub_photos": ("photos.hub",),
    "layers": ("network.layers",),
    "least_squares": ("network.least_squares",),
    "lite": ("weights.originals",),
    "make": ("catalogue.build", "network.start", "weights.originals"),
    "memory": ("commands.malloc",),
    "norms": ("network.own_norms", "network.match_norms"),
    "parquet": ("photos.parquet",),
    "plots": ("commands.plots",),
    "processes": ("evaluation.distributed",),
    "published": ("catalogue.published",),
    "recipes": ("training.recipes",),
    "results": ("evaluation.results", "evaluation.store", "evaluation.provenance"),
    "train": ("training.run", "training.plan", "training.teacher", "training.optimiser"),
    "training_log": ("training.log",),
    "truth": ("photos.ground_truth",),
    "walk": ("network.sweep",),
    "zoo": ("tables.zoo",),
}


class _Loader:
    """Fills a module of an old name: what is asked of it comes from the new files."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python to make the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Warn, and look names up where they are now."""
        old = module.__name__.removeprefix("snnet.")
        homes = [f"snnet.{home}" for home in HOMES[old]]
        # 2: importlib's own frames don't count, so that the warning is of the line that imports
        warnings.warn(f"snnet.{old} is now {', '.join(homes)}", DeprecationWarning, stacklevel=2)

        def look_up(name: str) -> Any:
            for home in homes if not name.startswith("__") else ():
                if hasattr(there := import_module(home), name):
                    return getattr(there, name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__dict__["__getattr__"] = look_up


def find_spec(name: str) -> ModuleSpec | None:
    """Return how to import a module of an old name; None for any other."""
    return ModuleSpec(name, _Loader()) if name.removeprefix("snnet.") in HOMES else None  # type: ignore[arg-type]
