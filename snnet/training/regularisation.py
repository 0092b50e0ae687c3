"""What anchors do in training alone: residual branches left out at random, and two heads that learn apart."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import torch
from torch import nn

from snnet.network.anchor import Anchor
from snnet.network.network import Network
from snnet.training.plan import TrainingError
from snnet.training.recipes import Recipe


def prepare(net: Network, recipe: Recipe) -> Callable[[], None]:
    """Have a network's anchors train as the recipe says; return what makes them as they were.

    Evaluation, tensors and their names stay the same. Raises TrainingError for anchors without what it takes.
    """
    undo = ExitStack()
    try:
        rates = recipe.drop_path_rates(len(net.anchors))
    except ValueError as error:
        raise TrainingError(f"{net.name}: {error}") from error
    if rates is not None:
        if net.own_norms:
            raise TrainingError(
                f"drop_path {recipe.drop_path}: {net.name} has norms of its own behind its layers, in blocks "
                "that share their branches; leave drop_path out"
            )
        for anchor, rate in zip(net.anchors, rates, strict=True):
            _drop_path(anchor, rate, recipe.drop_path_rule == "even", undo)
    if recipe.heads == "apart":
        models = [anchor.model for anchor in net.anchors if hasattr(anchor.model, "set_distilled_training")]
        if not models:
            raise TrainingError(f"heads apart: no anchor of {net.name} has two; choose heads mean")
        for model in models:
            undo.callback(model.set_distilled_training, model.distilled_training)
            model.set_distilled_training(True)
    return undo.close


def _drop_path(anchor: Anchor, rate: float, is_even: bool, undo: ExitStack) -> None:
    """Leave out a share of an anchor's residual branches in training, where timm does."""
    from timm.layers import DropPath

    modules = dict(anchor.model.named_modules())
    for module in modules.values():
        if isinstance(module, DropPath):
            undo.callback(partial(setattr, module, "drop_prob", module.drop_prob))
            module.drop_prob = 0.0
    if not rate:
        return
    shares = _timms(anchor, rate)
    if is_even:  # timm's first block leaves nothing out, and has no module for it
        leaves = {name.rpartition(".")[2] for name in shares}
        shares = {
            f"{name}.{leaf}": rate
            for name, module in modules.items()
            for leaf in leaves
            if hasattr(module, leaf)
        }
    for name, share in shares.items():
        parent, _, leaf = name.rpartition(".")
        _replace(modules[parent], leaf, DropPath(share).train(anchor.training), undo)


def _replace(parent: nn.Module, leaf: str, module: nn.Module, undo: ExitStack) -> None:
    undo.callback(partial(setattr, parent, leaf, getattr(parent, leaf)))
    setattr(parent, leaf, module)


def _timms(anchor: Anchor, rate: float) -> dict[str, float]:
    """Return the share of each residual branch, by its module's name, in timm's model made with this rate."""
    import timm
    from timm.layers import DropPath

    name, options = anchor.recipe
    twin: Any = nn.Module()
    with torch.device("meta"), suppress(TypeError):  # of a model that takes no such option
        twin = timm.create_model(name, pretrained=False, **{**options, "drop_path_rate": rate})
    shares = {key: module.drop_prob for key, module in twin.named_modules() if isinstance(module, DropPath)}
    if not shares:
        raise TrainingError(
            f"drop_path {rate:g}: timm leaves out no residual branches of {name}; give 0 for this anchor"
        )
    return shares
