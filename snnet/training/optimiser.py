"""What moves, and how fast: the optimiser's groups and the schedule of the learning rate."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from snnet.network.network import Network
from snnet.training.plan import Plan
from snnet.training.recipes import Recipe


def parameter_groups(net: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the optimiser's groups: stitching layers and their norms at `lr`, anchors at their share of it.

    Sets `requires_grad`: frozen anchors, and the base of low-rank layers, have none.
    """
    low_rank = {layer.weight for layer in net.layers.values() if layer.rank}
    anchors = {p for anchor in net.anchors for p in anchor.parameters()}
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for p in net.parameters():
        scale = recipe.anchor_lr if p in anchors else 1.0
        p.requires_grad_(bool(scale) and p not in low_rank)
        if p.requires_grad:
            groups.setdefault((scale, p.ndim > 1), []).append(p)
    return [
        {"params": params, "lr_scale": scale, "weight_decay": recipe.weight_decay if decays else 0.0}
        for (scale, decays), params in groups.items()
    ]


def optimizer_of(net: Network, plan: Plan) -> torch.optim.Optimizer:
    """Return timm's optimiser over `parameter_groups`."""
    from timm.optim import create_optimizer_v2

    recipe = plan.recipe
    own: dict[str, Any] = {"eps": recipe.eps} if recipe.eps else {}
    optimizer: torch.optim.Optimizer = create_optimizer_v2(
        parameter_groups(net, recipe),
        recipe.optimizer,
        lr=plan.rates[0],
        weight_decay=recipe.weight_decay,
        momentum=recipe.momentum,
        **own,
    )
    return optimizer


def scheduler_of(optimizer: torch.optim.Optimizer, plan: Plan) -> Any:
    """Return timm's schedule of the learning rate, by steps."""
    from timm.scheduler import create_scheduler_v2

    recipe = plan.recipe
    is_before = recipe.warmup_place == "before"
    _, warmup_lr, min_lr = plan.rates
    scheduler, _ = create_scheduler_v2(
        optimizer,
        recipe.schedule,
        # every step is an epoch to it
        num_epochs=plan.steps - (plan.warmup_steps if is_before else 0),
        warmup_epochs=plan.warmup_steps,
        warmup_prefix=is_before,
        warmup_lr=warmup_lr,
        min_lr=min_lr,
    )
    return scheduler


def learning_rates(plan: Plan) -> Callable[[int], float]:
    """Return what tells the stitching layers' learning rate at a step (from 0)."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=plan.rates[0])
    scheduler = scheduler_of(optimizer, plan)

    def at(step: int) -> float:
        scheduler.step(plan.time(step))
        return float(optimizer.param_groups[0]["lr"])

    return at


def clipped(groups: list[dict[str, Any]], recipe: Recipe) -> float:
    """Clip the gradients of the optimiser's groups in place; return their norm of before."""
    from timm.utils.agc import adaptive_clip_grad

    moving = [p for group in groups for p in group["params"] if p.grad is not None]
    if recipe.clip_mode == "norm":
        return float(nn.utils.clip_grad_norm_(moving, recipe.clip))
    norm = float(nn.utils.get_total_norm([p.grad for p in moving]))
    adaptive_clip_grad(moving, recipe.clip)  # Brock et al., ICML 2021
    return norm
