"""What a training run does: its settings, and the authors' recipes for the published networks.

`RECIPES[name]` is the recipe that `python -m snnet train name` uses unless told otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any, Literal, get_args, get_origin, get_type_hints

from snnet.training import authors

Sampling = Literal["uniform", "gmacs"]
Drawer = Literal["run", "process"]
Scaling = Literal["none", "lr", "all"]
Pace = Literal["step", "epoch", "late"]
WarmupPlace = Literal["within", "before"]
ClipMode = Literal["norm", "agc"]
DropPathRule = Literal["rising", "even"]
Heads = Literal["mean", "apart"]
CropMode = Literal["resized", "padded"]
Interpolation = Literal["evaluation", "random", "bilinear", "bicubic"]
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
    draw_by: Drawer = _setting(
        "run", "whether all processes train the same stitches, or each process its own"
    )
    groups: int = _setting(10, "ranges of GMACs of equal width, with sampling gmacs", 1)
    group_gmacs: float = _setting(
        0.0,
        "instead of groups: a new one begins this far above the first stitch of the one before; 0: not",
        0,
    )
    image_size: int = _setting(0, "px; 0: the network's default size, -1: all its sizes", -1)

    optimizer: str = _setting("adamw", "as timm names them")
    eps: float = _setting(0.0, "of the optimiser; 0: its own", 0)
    lr: float = _setting(5e-5, "of the stitching layers at its highest", 0)
    lr_scaling: Scaling = _setting(
        "none", "lr times all processes' photos a step / lr_batch, or all of lr, warmup_lr and min_lr"
    )
    lr_batch: int = _setting(512, "photos a step that lr is for, with lr_scaling", 1)
    anchor_lr: float = _setting(1.0, "the anchors' learning rate as a share of lr; 0 freezes them", 0)
    weight_decay: float = _setting(0.05, "of weights; norms and biases have none", 0)
    momentum: float = _setting(0.9, "of SGD and its like")
    schedule: str = _setting("cosine", "as timm names them")
    pace: Pace = _setting(
        "step", "when lr changes: each step, each epoch, or an epoch late; under ten epochs each step"
    )
    warmup_epochs: float = _setting(5, "over which lr rises from warmup_lr", 0)
    warmup_place: WarmupPlace = _setting("within", "whether warm-up is the schedule's beginning or before it")
    warmup_lr: float = _setting(1e-7, "where lr begins", 0)
    min_lr: float = _setting(1e-6, "where lr ends", 0)
    clip: float = _setting(0.0, "largest norm of the gradients; 0: none", 0)
    clip_mode: ClipMode = _setting(
        "norm", "of all together, or agc: of each unit's, as a share of its weights'"
    )
    ema: float = _setting(0.0, "decay of the moving average that is kept as result; 0: none", 0, 1)
    precision: Precision = _setting("float32", "of forward and backward pass")
    drop_path: str = _setting(
        "", "share of residual branches left out in anchors that move, of all or each: 0.05,0.4; '': timm's"
    )
    drop_path_rule: DropPathRule = _setting("rising", "from 0 to drop_path with depth as in timm, or even")
    heads: Heads = _setting(
        "mean", "two heads of an anchor: their mean learns, or one the labels and one the teacher"
    )

    teacher: str = _setting(
        "largest", "largest (anchor), anchors (their mean), or a timm name with pretrained weights"
    )
    distillation: Distillation = _setting("hard", "on the teacher's class, on its probabilities, or none")
    alpha: float = _setting(0.5, "weight of the teacher's loss; the labels have the rest", 0, 1)
    temperature: float = _setting(1.0, "of soft distillation")

    crop_mode: CropMode = _setting(
        "resized", "a part of any size, resized; or the short side resized, 4 px added, and cut"
    )
    crop_scale: float = _setting(0.08, "smallest share of a photo that a resized crop covers", 0, 1)
    interpolation: Interpolation = _setting("evaluation", "of crops; as evaluation has it, or")
    flip: float = _setting(0.5, "probability of a mirrored photo", 0, 1)
    color_jitter: float = _setting(0.4, "timm's; without effect beside auto_augment")
    auto_augment: str = _setting("rand-m9-mstd0.5-inc1", "timm's name of a policy; '' for none")
    erase: float = _setting(0.25, "probability that a box of a photo is noise", 0, 1)
    mixup: float = _setting(0.8, "alpha; 0: none", 0)
    cutmix: float = _setting(1.0, "alpha; 0: none", 0)
    smoothing: float = _setting(0.1, "of the labels", 0, 1)
    repeats: int = _setting(
        1,
        "times that a photo comes in a row, differently cut; an epoch stays as long and takes fewer photos",
        1,
    )

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
        if self.crop_mode == "padded" and self.interpolation == "random":
            raise ValueError("interpolation random goes with crop_mode resized: choose bilinear or bicubic")
        if self.heads == "apart" and self.distillation == "none":
            raise ValueError("heads apart need a teacher for the second: choose distillation hard or soft")
        self.drop_path_rates(len(self.drop_path.split(",")))

    def drop_path_rates(self, anchors: int) -> tuple[float, ...] | None:
        """Return the share of residual branches to leave out by anchor; None: as timm makes the models.

        Raises ValueError for what is no share, and for another number of them than one or that of anchors.
        """
        if not self.drop_path:
            return None
        try:
            rates = tuple(float(rate) for rate in self.drop_path.split(","))
        except ValueError:
            rates = (inf,)
        if not all(0 <= rate < 1 for rate in rates):
            raise ValueError(
                f"drop_path {self.drop_path!r} is no number from 0 to below 1, nor such numbers with commas"
            )
        if len(rates) not in (1, anchors):
            raise ValueError(f"drop_path {self.drop_path!r} has {len(rates)} numbers for {anchors} anchors")
        return rates * anchors if len(rates) == 1 else rates

    def with_settings(self, settings: Mapping[str, Any]) -> "Recipe":
        """Return the recipe with some settings changed; ValueError names one that there is not."""
        names = [setting.name for setting in fields(self)]
        if strange := [name for name in settings if name not in names]:
            raise ValueError(f"no setting {strange[0]!r}: a recipe has {', '.join(names)}")
        return replace(self, **settings)


Whose = Literal["the authors'", "ours, after the authors'", "ours"]


@dataclass(frozen=True)
class KnownRecipe:
    """A recipe with what is known of it: whose it is, its command, hardware and hours, the score to expect.

    `sources` tells by setting where its authors have it, none for ours; `differences` are what runs otherwise
    here, whatever the settings.
    """

    recipe: Recipe
    whose: Whose
    command: str
    hardware: str
    hours: str
    score: str
    source: str
    sources: Mapping[str, str] = field(default_factory=dict)
    differences: tuple[str, ...] = ()

    def describe(self, recipe: Recipe | None = None) -> str:
        """Return it in lines for people; of a recipe that began with it, with what was changed."""
        words = ("whose", "command", "hardware", "hours", "score", "source")
        lines = [f"{name:<9} {getattr(self, name)}" for name in words]
        if recipe and (changed := self._changed(recipe)):
            lines[0] += f", but for {', '.join(changed)}"
        return "\n".join([*lines, *(f"{'differs':<9} {words}" for words in self.differences)])

    def _changed(self, recipe: Recipe) -> list[str]:
        return [s.name for s in fields(Recipe) if getattr(recipe, s.name) != getattr(self.recipe, s.name)]

    def settings(self, recipe: Recipe) -> str:
        """Return a recipe that began with this one in lines, each setting with where its authors have it."""
        lines = []
        for name in (setting.name for setting in fields(recipe)):
            source = "as you set it" if name in self._changed(recipe) else self.sources.get(name, "")
            lines.append(f"{name:<14} {getattr(recipe, name)!s:<22} {source}".rstrip())
        return "\n".join(lines)


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


def _authors(name: str, paper: str, score: str, whose: Whose = "the authors'") -> KnownRecipe:
    settings = authors.SETTINGS[name]
    options = f"train {name} --data ILSVRC2012/train --out {name}-trained"
    return KnownRecipe(
        Recipe(**{key: value for key, (value, _) in settings.items()}),
        whose,
        f"accelerate launch --num_processes 8 -m snnet {options}",
        "8 GPUs",
        "not stated by the authors",
        score,
        f"{paper}; {authors.V2 if name.startswith('deit3') else authors.V1}",
        {key: source for key, (_, source) in settings.items()},
        authors.DIFFERENCES[name],
    )


_V1 = "SN-Net (Pan, Cai and Zhuang, CVPR 2023)"
_V2 = "SN-Netv2 (Pan et al., ECCV 2024)"
_AFTER: Whose = "ours, after the authors'"

# Scores are the authors' own on ImageNet-1k's validation photos, lowest to highest of their stitches.
RECIPES: Mapping[str, KnownRecipe] = {
    "lite": KnownRecipe(
        _LITE,
        "ours",
        "python -m snnet train lite --own-norms --data train-classes.parquet --out lite-trained",
        "2 CPU cores",
        "half an hour",
        "top-1 67.8–74.9 % on 1,000 validation photos of 20 classes at 224 px (docs/lite)",
        "this project",
    ),
    "deit": _authors("deit", _V1, "top-1 70.6–82.0 %"),
    "swin": _authors("swin", _V1, "top-1 79.5–84.2 %"),
    "levit": _authors("levit", _V1, "top-1 79.4–81.2 %"),
    "resnet18_resnet50": _authors("resnet18_resnet50", _V1, "top-1 68.3–77.5 %", _AFTER),
    "resnet18_swin_ti": _authors("resnet18_swin_ti", _V1, "top-1 68.7–81.2 %", _AFTER),
    "deit3_s_b": _authors("deit3_s_b", _V2, "no table was published"),
    "deit3_s_l": _authors("deit3_s_l", _V2, "top-1 77.8–87.0 %"),
    "deit3_b_l": _authors("deit3_b_l", _V2, "no table was published"),
}
