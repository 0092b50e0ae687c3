"""Timm's models without memory: whether they can be joined, at which size, and in which order of cost."""

import difflib
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import nn

    from snnet.photos.transform import Transform


def outlines(names: Sequence[str]) -> dict[str, "nn.Module"]:
    """Return the models without memory, by name; ValueError for what can't be joined whatever the joints."""
    import timm

    from snnet.network.anchor import Anchor

    if isinstance(names, str) or len(names) < 2:
        raise ValueError(f"{names!r}: two or more names of timm's models are needed")
    if len(set(names)) < len(names):
        raise ValueError(f"{', '.join(names)}: a model stands twice: name each once")
    for name in names:
        if not timm.is_model(name):
            close = difflib.get_close_matches(name.split(".")[0], timm.list_models(), n=3)
            hint = f"near it are {', '.join(close)}" if close else "timm.list_models() names those it has"
            raise ValueError(f"timm has no model {name!r}: {hint}")
    bare = {name: outline(name) for name in names}
    for name, model in bare.items():
        Anchor(name, model)  # says so if it can't be cut
    for name, model in bare.items():
        transform(model, None, None)  # says so if its images are no squares of three channels
        if cast(Any, model).num_classes < 1:
            raise ValueError(f"{name} has no classifier: take a model, or a tag of it, that has one")
    _agree(bare, "classes", lambda model: cast(Any, model).num_classes)
    for key in ("mean", "std"):
        _agree(bare, key, lambda model, key=key: tuple(cast(Any, model).default_cfg[key]))
    return bare


def _agree(models: dict[str, "nn.Module"], what: str, value: Any) -> None:
    values = {name: value(model) for name, model in models.items()}
    if len(set(values.values())) > 1:
        rows = ", ".join(f"{name} {value}" for name, value in values.items())
        raise ValueError(
            f"the models differ in {what} ({rows}): a network has one, so take models that agree"
        )


def outline(name: str, size: int | None = None) -> "nn.Module":
    """Return a model without memory, made for images of this size (px) unless its own will do.

    Raises ValueError if it can't take them.
    """
    import timm
    import torch

    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False).eval()
        options = at_size(model, size) if size else {}
        if not options:
            return model
        try:
            return timm.create_model(name, pretrained=False, **options).eval()
        except Exception as error:  # timm's assertions about patches and windows
            raise ValueError(f"{name} can't take images of {size} px: {error}") from error


def own_size(model: Any) -> int:
    """Return the image size that a model was made for, in px."""
    return model.default_cfg["input_size"][-1]


def at_size(model: Any, size: int) -> dict[str, Any]:
    """Return the options that make a model take images of this size (px): convolutions take any."""
    if (
        size in (None, own_size(model))
        or "img_size" not in inspect.signature(type(model).__init__).parameters
    ):
        return {}
    return {"img_size": size}


def macs(model: "nn.Module", size: int | None = None) -> int:
    """Return a model's multiply-accumulates an image of this size (px); ValueError if it can't take them."""
    import torch

    from snnet.network import counting

    side = size or own_size(model)
    try:
        return counting.count(counting.on_meta(model), torch.empty(1, 3, side, side, device="meta"))[0]
    except (RuntimeError, AssertionError) as error:  # too small for its steps down, or not whole patches
        architecture = cast(Any, model).default_cfg["architecture"]
        raise ValueError(f"{architecture} can't take images of {side} px: {error}") from error


def transform(model: Any, image_size: int | None, crop: float | None) -> "Transform":
    """Return how a model wants its photos prepared, at another size (px) or crop where one is given."""
    from snnet.photos.transform import transform_of

    return transform_of(model.default_cfg, image_size, crop)
