"""Looks for figures of what they don't say: GMACs, transforms and intervals of random models and photo sets.

    python -m benchmarks.audit_figures [--models 50] [--seed 0]

Each model of timm, drawn by the seed, is made without memory at its own image size and counted three ways:
by our rules, by torch's own flop counter with norms and pooling counted by hooks beside it, and by timm's
table. The transform of each model with pretrained weights is held against timm's on a photo of another
shape. Intervals are made of random counts, and of none, all, one class and one photo. What differs, and each
operator that no rule counts, is printed; the last line says how many did. Runs without weights or network.
"""

import argparse
import random
import warnings
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from snnet.evaluation import intervals
from snnet.evaluation.results import Result
from snnet.network import counting
from snnet.photos.transform import transform_of
from snnet.tables import zoo

_TIMES = {"batch": 2, "layer": 5, "group": 5, "rms": 3}  # operations an element of each norm
_FAR = 0.005  # share by which counts may differ: hooks don't see what is pooled by a mean


def main() -> None:
    """Look, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    found = 0
    for words in chain(_counts(draw, options.models), _transforms(draw, options.models), _intervals(draw)):
        print(words, flush=True)
        found += 1
    print(f"{found} differences")


# --------------------------------------------------------------------------------------------- counts


def drawn(draw: random.Random, models: int) -> list[str]:
    """Return so many of timm's models, by name, that take images of three channels."""
    names = [name for name in timm.list_models() if "giant" not in name and "gigantic" not in name]
    return draw.sample(names, min(models, len(names)))


def _counts(draw: random.Random, models: int) -> Iterator[str]:
    by_size = {(m.architecture, m.image_size): m for m in zoo.models()}
    for name in drawn(draw, models):
        try:
            with torch.device("meta"):
                model: Any = timm.create_model(name, pretrained=False).eval()
            _, *side = model.default_cfg["input_size"]
            images = torch.empty(1, model.default_cfg["input_size"][0], *side, device="meta")
            ours, unknown = counted(model, images)
        except Exception as error:
            yield f"{name}: can't be counted ({type(error).__name__}: {' '.join(str(error).split())[:100]})"
            continue
        for words in unknown:
            yield f"{name}: {words}"
        theirs = independent(model, images)
        if abs(ours - theirs) > _FAR * theirs:
            yield f"{name}: {ours / 1e9:.3f} GMACs here, {theirs / 1e9:.3f} by torch's counter and hooks"
        row = by_size.get((name, side[-1]))
        if row and not row.note and abs(ours / 1e9 - row.gmacs) > 0.01 * row.gmacs + 0.006:
            yield f"{name}: {ours / 1e9:.3f} GMACs here, {row.gmacs:.2f} in timm's table"


def counted(model: nn.Module, images: torch.Tensor) -> tuple[int, list[str]]:
    """Return a model's multiply-accumulates by our rules, and what none of them counts."""
    counting._WARNINGS.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        macs, _ = counting.count(counting.on_meta(model), images)
    return macs, [str(w.message) for w in caught if issubclass(w.category, counting.UncountedWarning)]


def independent(model: nn.Module, images: torch.Tensor) -> int:
    """Return them by torch's own counter of products, and hooks on norms and pooling."""
    twin, more = counting.on_meta(model), 0

    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal more
        kind = type(module).__name__.lower()
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            more += _TIMES["batch"] * inputs[0].numel()
        elif isinstance(module, nn.GroupNorm):
            more += _TIMES["group"] * inputs[0].numel()
        elif "rms" in kind:
            more += _TIMES["rms"] * inputs[0].numel()
        elif isinstance(module, nn.LayerNorm):
            more += _TIMES["layer"] * inputs[0].numel()
        elif isinstance(module, nn.AdaptiveAvgPool2d) or kind in ("squeezeexcite", "semodule"):  # pools first
            more += inputs[0].numel()

    for module in twin.modules():
        module.register_forward_hook(hook)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        twin(images)
    return counter.get_total_flops() // 2 + more


# ----------------------------------------------------------------------------------------- transforms


def _transforms(draw: random.Random, models: int) -> Iterator[str]:
    from timm.data import create_transform, resolve_data_config

    pixels = np.random.default_rng(0).integers(0, 255, (75, 110, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels)
    for name in draw.sample(timm.list_pretrained(), models):
        config = timm.get_pretrained_cfg(name).to_dict()
        try:
            ours = transform_of(config)(photo)
        except ValueError as error:
            yield f"{name}: refused, {error}"
            continue
        theirs = create_transform(**resolve_data_config(pretrained_cfg=config))(photo)
        if not torch.equal(ours, theirs):
            yield f"{name}: not timm's transform"


# ------------------------------------------------------------------------------------------ intervals


def _intervals(draw: random.Random, sets: int = 50) -> Iterator[str]:
    kinds = [[(1, 0)], [(1, 1)], [(50, 0)] * 20, [(50, 50)] * 20, [(7, 3)], [(1, 1)] * 9, [(1, 0)] * 1000]
    kinds += [
        [(n := draw.randint(1, 50), draw.randint(0, n)) for _ in range(draw.choice([1, 5, 10, 30, 1000]))]
        for _ in range(sets)
    ]
    for classes in kinds:
        result = result_of(classes)
        low, high = intervals.interval(result)
        share = 100 * result.top1 / result.total
        words = f"{result.top1} of {result.total} in {len(classes)} classes: [{low:.2f}, {high:.2f}]"
        if not 0 <= low <= share + 1e-9 or not share - 1e-9 <= high <= 100:
            yield f"{words} does not hold {share:.2f}"
        if high - low < 1e-9:
            yield f"{words} has no width, though only {result.total} photos were seen"


def result_of(classes: list[tuple[int, int]]) -> Result:
    """Return a result of (photos, right) by class."""
    per_class = {k: (photos, right, right) for k, (photos, right) in enumerate(classes)}
    total, right = (sum(column) for column in zip(*classes, strict=True))
    texts = dict.fromkeys(("route", "photos", "transform", "photos_about", "network", "stitch"), "")
    return Result(
        **texts,
        precision="float32",
        measured_on="",
        total=total,
        top1=right,
        top5=right,
        per_class=per_class,
    )


if __name__ == "__main__":
    main()
