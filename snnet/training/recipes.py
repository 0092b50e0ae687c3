"""What a training run does: its settings, and the authors' recipes for the published networks.

`RECIPES[name]` is the recipe that `python -m snnet train name` uses unless told otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any, Literal, get_args, get_origin, get_type_hints

Sampling = Literal["uniform", "gmacs"]
Distillation = Literal["none", "soft", "hard"]
Precision = Literal["float32", "bfloat16", "float16"]


def _setting(default: Any, text: str, least: float = -inf, most: float = inf) -> Any:
    """Return a field with the help that the command shows, and the range of its values."""
    return field(default=default, metadata={"help": text, "range": (least, most)})


@dataclass(frozen=True)
class Recipe:
    """Settings of a training run; each field is an option of `python -m snnet train`.

    Raises ValueError, naming the setting and what is valid, for values that make no run.
    """

    epochs: float = _setting(50, "passes over the photos", 0)
    steps: int = _setting(0, "optimiser steps, instead of epochs; 0: by epochs", 0)
    batch_size: int = _setting(128, "photos a step in each process", 1)
    start_photos: int = _setting(100, "for the least-squares start of a network that has none yet", 0)

    sampling: Sampling = _setting(
        "uniform", "which stitch a step trains: any alike, or first a range of GMACs, then one in it"
    )
    draws: int = _setting(1, "stitches a step, on the same photos: teacher and shared beginnings run once", 1)
    groups: int = _setting(10, "ranges of GMACs of equal width, with sampling gmacs", 1)
    image_size: int = _setting(0, "px; 0: the network's default size, -1: all its sizes", -1)

    optimizer: str = _setting("adamw", "as timm names them")
    lr: float = _setting(5e-5, "of the stitching layers at its highest", 0)
    anchor_lr: float = _setting(1.0, "the anchors' learning rate as a share of lr; 0 freezes them", 0)
    weight_decay: float = _setting(0.05, "of weights; norms and biases have none", 0)
    momentum: float = _setting(0.9, "of SGD and its like")
    schedule: str = _setting("cosine", "as timm names them")
    warmup_epochs: float = _setting(5, "over which lr rises from warmup_lr", 0)
    warmup_lr: float = _setting(1e-7, "where lr begins", 0)
    min_lr: float = _setting(1e-6, "where lr ends", 0)
    clip: float = _setting(0.0, "largest norm of all gradients together; 0: none", 0)
    ema: float = _setting(0.0, "decay of the moving average that is kept as result; 0: none", 0, 1)
    precision: Precision = _setting("float32", "of forward and backward pass")

    teacher: str = _setting(
        "largest", "largest (anchor), anchors (their mean), or a timm name with pretrained weights"
    )
    distillation: Distillation = _setting("hard", "on the teacher's class, on its probabilities, or none")
    alpha: float = _setting(0.5, "weight of the teacher's loss; the labels have the rest", 0, 1)
    temperature: float = _setting(1.0, "of soft distillation")

    crop_scale: float = _setting(0.08, "smallest share of a photo that a crop covers", 0, 1)
    flip: float = _setting(0.5, "probability of a mirrored photo", 0, 1)
    color_jitter: float = _setting(0.4, "timm's; without effect beside auto_augment")
    auto_augment: str = _setting("rand-m9-mstd0.5-inc1", "timm's name of a policy; '' for none")
    erase: float = _setting(0.25, "probability that a box of a photo is noise", 0, 1)
    mixup: float = _setting(0.8, "alpha; 0: none", 0)
    cutmix: float = _setting(1.0, "alpha; 0: none", 0)
    smoothing: float = _setting(0.1, "of the labels", 0, 1)
    repeats: int = _setting(1, "times that a photo comes in a row, differently cut", 1)

    seed: int = _setting(0, "of order, crops, mixing and stitches")

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for setting in fields(self):
            name, value, hint = setting.name, getattr(self, setting.name), hints[setting.name]
            if get_origin(hint) is Literal and value not in get_args(hint):
                raise ValueError(f"{name} {value!r} is none of {', '.join(get_args(hint))}")
            if hint not in (int, float):
                continue
            # bool is a number to Python; what is not equal to itself is NaN
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
                raise ValueError(f"{name} {value!r} is not a number")
            least, most = setting.metadata["range"]
            if not least <= value <= most:
                where = f"below {least}" if most == inf else f"outside {least} to {most}"
                raise ValueError(f"{name} {value} is {where}")
        if not self.temperature > 0:
            raise ValueError(f"temperature {self.temperature} is not above 0")
        if not self.epochs and not self.steps:
            raise ValueError("neither epochs nor steps: give the length of the run")
        if self.distillation == "none" and self.alpha == 1:
            raise ValueError("alpha 1 without distillation leaves nothing to learn from")

    def with_settings(self, settings: Mapping[str, Any]) -> "Recipe":
        """Return the recipe with some settings changed; ValueError names one that there is not."""
        names = [setting.name for setting in fields(self)]
        if strange := [name for name in settings if name not in names]:
            raise ValueError(f"no setting {strange[0]!r}: a recipe has {', '.join(names)}")
        return replace(self, **settings)


@dataclass(frozen=True)
class KnownRecipe:
    """A recipe with what is known of it: the command, its hardware and hours, and the score to expect."""

    recipe: Recipe
    command: str
    hardware: str
    hours: str
    score: str
    source: str

    def describe(self) -> str:
        """Return it in lines for people."""
        return "\n".join(
            f"{name:<9} {getattr(self, name)}" for name in ("command", "hardware", "hours", "score", "source")
        )


_V1 = "SN-Net (Pan, Cai and Zhuang, CVPR 2023)"
_V2 = "SN-Netv2 (Pan et al., ECCV 2024)"
_UNSTATED = "not stated by the authors"
_REGNET = "regnety_160.deit_in1k"  # RegNetY-16GF, DeiT's own teacher

_DEIT = Recipe(
    epochs=50,
    batch_size=128,
    lr=5e-5,
    warmup_lr=1e-7,
    min_lr=1e-6,
    teacher=_REGNET,
    repeats=3,
    ema=0.99996,
)
# A tenth of the layers' learning rate for the anchors, as the authors' configuration has it.
_SWIN = _DEIT.with_settings({"batch_size": 16, "anchor_lr": 0.1, "clip": 5.0, "repeats": 1, "ema": 0.0})
_LEVIT = _DEIT.with_settings({"epochs": 100})
_RESNET = Recipe(
    epochs=30,
    batch_size=128,
    optimizer="sgd",
    lr=0.05,
    weight_decay=2e-5,
    warmup_epochs=3,
    warmup_lr=1e-5,
    min_lr=0.0,
    teacher=_REGNET,
    erase=0.6,
    mixup=0.0,
    cutmix=0.0,
    precision="float16",
)
_DEIT3 = Recipe(
    epochs=50,
    batch_size=64,
    sampling="gmacs",
    optimizer="lamb",
    lr=3e-5,
    weight_decay=0.02,
    warmup_lr=1e-7,
    min_lr=1e-5,
    distillation="none",
    alpha=0.0,
    crop_scale=0.08,
    color_jitter=0.3,
    auto_augment="3a",
    erase=0.0,
    mixup=0.0,
)


# The layers, and norms behind them, alone; the settings were chosen on photos held back from these.
_LITE = Recipe(
    steps=300,
    batch_size=32,
    start_photos=1000,
    draws=10,
    optimizer="adam",
    lr=1e-3,
    anchor_lr=0.0,
    weight_decay=0.0,
    warmup_epochs=1,
    min_lr=1e-5,
    precision="bfloat16",
    teacher="anchors",
    distillation="soft",
    alpha=1.0,
    crop_scale=0.35,
    color_jitter=0.2,
    auto_augment="",
    erase=0.0,
    mixup=0.2,
    cutmix=0.2,
)


def _on_eight(name: str, recipe: Recipe, score: str, source: str) -> KnownRecipe:
    options = f"train {name} --data ILSVRC2012/train --out {name}-trained"
    return KnownRecipe(
        recipe, f"accelerate launch --num_processes 8 -m snnet {options}", "8 GPUs", _UNSTATED, score, source
    )


# Scores are the authors' own on ImageNet-1k's validation photos, lowest to highest of their stitches.
RECIPES: Mapping[str, KnownRecipe] = {
    "lite": KnownRecipe(
        _LITE,
        "python -m snnet train lite --own-norms --data train-classes.parquet --out lite-trained",
        "2 CPU cores",
        "half an hour",
        "top-1 67.8–74.9 % on 1,000 validation photos of 20 classes at 224 px (docs/lite)",
        "this project",
    ),
    "deit": _on_eight("deit", _DEIT, "top-1 70.6–82.0 %", _V1),
    "swin": _on_eight("swin", _SWIN, "top-1 79.5–84.2 %", _V1),
    "levit": _on_eight("levit", _LEVIT, "top-1 79.4–81.2 %", _V1),
    "resnet18_resnet50": _on_eight("resnet18_resnet50", _RESNET, "top-1 68.3–77.5 %", _V1),
    "resnet18_swin_ti": _on_eight("resnet18_swin_ti", _RESNET, "top-1 68.7–81.2 %", _V1),
    "deit3_s_b": _on_eight("deit3_s_b", _DEIT3, "no table was published", _V2),
    "deit3_s_l": _on_eight("deit3_s_l", _DEIT3, "top-1 77.8–87.0 %", _V2),
    "deit3_b_l": _on_eight("deit3_b_l", _DEIT3, "no table was published", _V2),
}
