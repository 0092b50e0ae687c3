"""Norms of its own behind a stitching layer, set from photos: each channel has the back anchor's moments."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from snnet.network.anchor import Anchor
from snnet.network.network import Network
from snnet.network.own_norms import is_norm, key
from snnet.network.sweep import together
from snnet.stitches.stitch import Stitch

PHOTOS = 128  # to match moments on: they run as one batch
_MOST = 5.0  # the most by which a spread is raised: a channel that is silent on these photos stays so


@torch.no_grad()
def match(net: Network, images: Tensor) -> None:
    """Set the norms behind every stitching layer so that each channel has the back anchor's mean and spread.

    `images` is (B, 3, S, S), the photos to match on. The norms of a way are set one after the other, each on
    what those before it have become; a layer of several ways is matched on the first of them.

    ValueError names a norm that something not finite reaches.
    """
    ways: dict[str, Stitch] = {}
    for stitch in net.stitches:
        if stitch.layers and stitch.image_size == images.shape[-1]:
            ways.setdefault(stitch.layers[-1], stitch)
    moments = {
        back: _moments(net.anchors[back], images) for back in {way.anchors[-1] for way in ways.values()}
    }
    # ways of few crossings first: those of more run through norms that are set by then
    for crossings in sorted({len(way.layers) for way in ways.values()}):
        some = {layer: way for layer, way in ways.items() if len(way.layers) == crossings}
        with ExitStack() as hooks:
            for layer, way in some.items():
                hooks.enter_context(_before(net.behind(layer), _corrector(layer, moments[way.anchors[-1]])))
            for _ in together(net, images, list(some.values())):
                pass


def _moments(anchor: Anchor, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Return (mean, variance) of every channel behind each norm of an anchor, by the norm's key."""
    moments: dict[str, tuple[Tensor, Tensor]] = {}

    def note(name: str, norm: Any, x: Tensor) -> None:
        moments[name] = _channels(norm, x)
        _check(anchor.name, name, *moments[name])

    with _before(anchor, note):
        x = images
        for part in anchor.parts():
            x = anchor.run(part, x)
    return moments


def _check(behind: str, norm: str, mean: Tensor, variance: Tensor) -> None:
    if not (mean.isfinite().all() and variance.isfinite().all()):
        raise ValueError(
            f"what reaches the norm {norm} behind {behind} is not finite: the weights before it are broken, "
            "fetch or save them again"
        )


def _corrector(layer: str, moments: dict[str, tuple[Tensor, Tensor]]) -> Callable[[str, Any, Tensor], None]:
    def correct(name: str, norm: Any, x: Tensor) -> None:
        mean, variance = _channels(norm, x)
        _check(f"the stitching layer {layer}", name, mean, variance)
        target, spread = moments[name]
        gain = (spread / variance.clamp_min(1e-12)).sqrt().clamp_max(_MOST)
        norm.weight.mul_(gain)
        norm.bias.mul_(gain).add_(target - gain * mean)

    return correct


@contextmanager
def _before(anchor: Anchor, call: Callable[[str, Any, Tensor], None]) -> Iterator[None]:
    """Have `call(its key, norm, its input)` come before each norm that an anchor runs."""

    def hook_of(name: str) -> Callable[[Any, Any], None]:
        return lambda norm, inputs: call(name, norm, inputs[0])

    hooks = [
        norm.register_forward_pre_hook(hook_of(key(f"{base}.{path}" if path else base)))
        for base, module in anchor.pieces()
        for path, norm in module.named_modules()
        if is_norm(norm)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _channels(norm: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return (mean, variance) over photos and places of what a norm makes of x, before its activation."""
    from timm.layers import LayerNorm2d

    if isinstance(norm, _BatchNorm):
        out = F.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps
        )
    else:
        out = type(norm).forward(norm, x)
    channel = 1 if isinstance(norm, _BatchNorm | LayerNorm2d) else out.ndim - 1
    rows = out.movedim(channel, -1).flatten(0, -2)  # (photos · places, C)
    mean = rows.mean(0)
    return mean, (rows - mean).square_().mean(0)  # ten times as fast as torch.var on two axes and more
