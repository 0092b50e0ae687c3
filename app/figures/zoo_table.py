"""The zoo's table for the browser: a row a model and size, in the order of `zoo.models`."""

from typing import Any

from snnet.catalogue.figures import Figures
from snnet.evaluation import accuracy
from snnet.stitches.stitch import Stitch
from snnet.tables import zoo

# Top-1 on the sets of timm's tables, by the column of `ZooModel`; the first is what stitches are measured on.
SETS = {
    "top1": "ImageNet-1k",
    "real": "ImageNet-ReaL",
    "v2": "ImageNet-V2",
    "sketch": "ImageNet-Sketch",
    "a": "ImageNet-A (200 classes)",
    "r": "ImageNet-R (200 classes)",
}


def table() -> dict[str, Any]:
    """Return the zoo by columns, in `zoo.models`' order; "family" and "pretraining" are places in lists.

    {"columns": {name, family, image_size in px, params_m, gmacs, pretraining, distilled, and each of `SETS`
    in percent, None where timm has no result}, "families", "pretraining": {key: words}, "sets": {key: words},
    "notes": what is not timm's of a model's figures, by its place}
    """
    models = zoo.models()
    families, kinds = list(zoo.families()), list(zoo.PRETRAINING)
    plain = ("name", "image_size", "params_m", "gmacs", *SETS)
    columns = {name: [getattr(model, name) for model in models] for name in plain}
    return {
        "columns": columns
        | {
            "family": [families.index(model.family) for model in models],
            "pretraining": [kinds.index(model.pretraining) for model in models],
            "distilled": [int(model.is_distilled) for model in models],
        },
        "notes": {str(place): model.note for place, model in enumerate(models) if model.note},
        "families": families,
        "pretraining": zoo.PRETRAINING,
        "sets": SETS,
    }


def on_sets(net: Figures, stitch: Stitch) -> dict[str, float | None] | None:
    """Return timm's top-1 of a stitch that is a zoo model unchanged, by `SETS`; None for all others."""
    row = None if stitch.name in net.reported else accuracy.timm_row(net, stitch)
    return None if row is None else {key: getattr(row, key) for key in SETS}
