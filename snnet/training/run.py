"""Joint training by distillation, a stitch a step (Pan, Cai and Zhuang, CVPR 2023, section 3.3).

Everything that a step does is a function of the recipe's seed and the step's number: which stitch, which
photos, how they are cut and mixed. A checkpoint therefore holds weights and optimiser alone, and a run that
was killed ends with the weights of one that was not. Distribution over processes is Accelerate's.
"""

import copy
import hashlib
import json
import math
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnet.photos.decode import PhotoError
from snnet.training.log import Log
from snnet.training.recipes import Recipe

if TYPE_CHECKING:
    from snnet.network.network import Network
    from snnet.photos.photo_set import Photos
    from snnet.photos.transform import Transform
    from snnet.stitches.stitch import Stitch

CHECKPOINT = "checkpoint.pt"
CHECKPOINT_EVERY_S = 300.0  # what a kill costs at most
_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TrainingError(ValueError):
    """Says why a run can't begin, or can't go on, and what to do."""


# ---------------------------------------------------------------------------------------------------- plan


@dataclass(frozen=True)
class Plan:
    """What a run will do, before anything runs: pure data, the same in every process.

    `groups` are the stitches to draw from: first a group, any alike, then one of it, any alike. `fetched` is
    the row group of each photo where those come over the network: each epoch shuffles the row groups, and one
    that is fetched is used up before the next; such data sets are shuffled when they are made.
    """

    recipe: Recipe
    groups: tuple[tuple["Stitch", ...], ...]
    photos: int
    processes: int
    fetched: tuple[int, ...] = ()

    @property
    def batch(self) -> int:
        """Photos a step over all processes."""
        return self.recipe.batch_size * self.processes

    @property
    def steps_an_epoch(self) -> int:
        """Whole batches in one pass over the photos."""
        return max(1, self.photos * self.recipe.repeats // self.batch)

    @property
    def steps(self) -> int:
        """Optimiser steps of the run."""
        return self.recipe.steps or max(1, round(self.recipe.epochs * self.steps_an_epoch))

    @property
    def warmup_steps(self) -> int:
        """Steps over which the learning rate rises."""
        return min(round(self.recipe.warmup_epochs * self.steps_an_epoch), self.steps // 2)

    @property
    def stitches(self) -> tuple["Stitch", ...]:
        """Every stitch that is drawn from."""
        return tuple(stitch for group in self.groups for stitch in group)

    def stitch(self, step: int) -> "Stitch":
        """Return the stitch that a step (from 0) trains, the first one of several; see `drawn`."""
        return self.drawn(step)[0]

    def drawn(self, step: int) -> tuple["Stitch", ...]:
        """Return the stitches of a step (from 0): different ones, of one size, the same in every process."""
        draw = random.Random(f"stitch {self.recipe.seed} {step}")
        found = [draw.choice(draw.choice(self.groups))]
        while len(found) < self.recipe.draws:
            size = found[0].image_size
            groups = [[s for s in g if s.image_size == size and s not in found] for g in self.groups]
            if not any(groups):
                break
            found.append(draw.choice(draw.choice([group for group in groups if group])))
        return tuple(found)

    def samples(self, step: int, rank: int) -> list[tuple[int, int]]:
        """Return (running number of the sample, index of the photo) for one process's share of a step.

        With equal seeds, the shares of all processes together are the batch of one process alone.
        """
        epoch, within = divmod(step, self.steps_an_epoch)
        order = self._order(epoch)
        first = within * self.batch + rank * self.recipe.batch_size
        places = range(first, first + self.recipe.batch_size)
        number = step * self.batch + rank * self.recipe.batch_size
        # fewer photos than a batch: they come round again
        return [(number + k, order[p // self.recipe.repeats % self.photos]) for k, p in enumerate(places)]

    def _order(self, epoch: int) -> list[int]:
        if self._kept.get("epoch") != epoch:
            draw = np.random.default_rng([self.recipe.seed, epoch])
            if self.fetched:
                turns = draw.permutation(max(self.fetched) + 1)
                order = np.argsort(turns[np.array(self.fetched)], kind="stable")
            else:
                order = draw.permutation(self.photos)
            self._kept.update(epoch=epoch, order=order.tolist())
        found: list[int] = self._kept["order"]
        return found

    @cached_property
    def _kept(self) -> dict[str, Any]:
        return {}


def plan(net: "Network", photos: "Photos", recipe: Recipe, processes: int = 1) -> Plan:
    """Return what a run will do; TrainingError if this network or these photos don't go with the recipe."""
    size = recipe.image_size or net.stitches[0].image_size
    stitches = [stitch for stitch in net.stitches if size in (-1, stitch.image_size)]
    if not stitches:
        sizes = ", ".join(str(size) for size in sorted({s.image_size for s in net.stitches}))
        raise TrainingError(f"image size {size}: {net.name} has stitches at {sizes} px")
    if not recipe.anchor_lr:
        stitches = [stitch for stitch in stitches if not stitch.is_anchor]  # nothing of theirs would move
    if recipe.alpha < 1 or recipe.distillation == "none":
        _check_labels(net, photos)
    if recipe.batch_size % 2 and (recipe.mixup or recipe.cutmix):
        raise TrainingError(
            f"batch size {recipe.batch_size} is odd: mixup and cutmix pair the photos of a batch"
        )
    groups = [tuple(stitches)] if recipe.sampling == "uniform" else _by_gmacs(net, stitches, recipe.groups)
    fetched = () if photos.local else tuple(photos.row_groups or ())
    return Plan(recipe, tuple(groups), len(photos), processes, fetched)


def _check_labels(net: "Network", photos: "Photos") -> None:
    unknown = sum(label < 0 for label in photos.labels)
    if unknown:
        raise TrainingError(
            f"{photos.describe()}: {unknown} photos have no label; learn from the teacher alone with alpha 1"
        )
    classes = net.anchors[0].model.num_classes
    if max(photos.labels) >= classes:
        raise TrainingError(
            f"{photos.describe()}: label {max(photos.labels)}, and {net.name} has {classes} classes"
        )


def _by_gmacs(net: "Network", stitches: Sequence["Stitch"], groups: int) -> list[tuple["Stitch", ...]]:
    """Return the stitches in ranges of GMACs of equal width, empty ones left out (SN-Netv2, ECCV 2024)."""
    gmacs = [net.cost(stitch).gmacs for stitch in stitches]
    low, width = min(gmacs), (max(gmacs) - min(gmacs)) / groups or 1.0
    found: dict[int, list[Stitch]] = {}
    for stitch, cost in zip(stitches, gmacs, strict=True):
        found.setdefault(min(groups - 1, int((cost - low) / width)), []).append(stitch)
    return [tuple(found[group]) for group in sorted(found)]


# -------------------------------------------------------------------------------------------------- photos


@contextmanager
def seeded(*key: Any) -> Iterator[None]:
    """Have the global generators of Python, NumPy and torch begin at a key inside, and go on as before after.

    timm's augmentation and mixup draw from these three.
    """
    seed = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:4], "big")
    python, numpy = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@dataclass
class _Samples:
    """What a worker holds: sample (number, photo, image size) as (input, label), or the sentence why not."""

    photos: "Photos"
    recipe: Recipe
    transforms: dict[
        int, "Transform"
    ]  # px: what evaluation does, whose mean, std and interpolation hold here

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, key: tuple[int, int, int]) -> tuple[Tensor, int] | str:
        number, index, size = key
        try:
            image, label = self.photos[index]
        except PhotoError as error:
            return str(error)
        with seeded("sample", self.recipe.seed, number):
            return _augmentation(self.recipe, self.transforms[size])(image), label


_MADE: dict[tuple[Recipe, "Transform"], Any] = {}


def _augmentation(recipe: Recipe, transform: "Transform") -> Any:
    from timm.data import create_transform

    if (recipe, transform) not in _MADE:
        _MADE[recipe, transform] = create_transform(
            input_size=(3, transform.image_size, transform.image_size),
            is_training=True,
            scale=(recipe.crop_scale, 1.0),
            hflip=recipe.flip,
            color_jitter=recipe.color_jitter,
            auto_augment=recipe.auto_augment or None,
            interpolation=transform.interpolation,
            mean=transform.mean,
            std=transform.std,
            re_prob=recipe.erase,
            re_mode="pixel",
        )
    return _MADE[recipe, transform]


def _collate(rows: Sequence[tuple[Tensor, int] | str]) -> Any:
    for row in rows:
        if isinstance(row, str):
            return row
    images, labels = zip(*rows, strict=True)
    return torch.stack(images), torch.tensor(labels)


def _loader(plan: Plan, samples: _Samples, first: int, rank: int, workers: int) -> Any:
    """Return an iterable of (images, labels) for the steps from `first` on."""
    from torch.utils.data import DataLoader

    from snnet.photos.batches import worker_options

    keys = [
        [(number, index, plan.stitch(step).image_size) for number, index in plan.samples(step, rank)]
        for step in range(first, min(plan.steps, first + plan.steps_an_epoch))
    ]
    return DataLoader(
        samples,  # type: ignore[arg-type]  # torch's Dataset, by shape
        batch_sampler=keys,
        collate_fn=_collate,
        generator=torch.Generator(),
        **worker_options(workers),
    )


def _batches(plan: Plan, samples: _Samples, first: int, rank: int, workers: int) -> Iterator[tuple[int, Any]]:
    """Yield (step, (images, labels)) from a step on, an epoch's length at a time so that no list grows."""
    step = first
    while step < plan.steps:
        for batch in _loader(plan, samples, step, rank, workers):
            if isinstance(batch, str):
                raise PhotoError(batch)
            yield step, batch
            step += 1


# ------------------------------------------------------------------------------------------------- teacher


class Teacher:
    """What the stitches are to say: the largest anchor, the mean of all anchors, or another timm model.

    Raises TrainingError for a model of other classes, WeightsError where its weights can't be had.
    """

    def __init__(self, net: "Network", recipe: Recipe) -> None:
        self._scale: tuple[Tensor, Tensor] | None = None
        if recipe.teacher in ("largest", "anchors"):
            chosen = list(net.anchors) if recipe.teacher == "anchors" else [net.anchors[-1]]
            # anchors that move are no teachers: keep what they were
            kept = copy.deepcopy(chosen) if recipe.anchor_lr else chosen
            self.models = [_whole(anchor.eval()) for anchor in kept]
            self.modules: list[nn.Module] = list(kept) if recipe.anchor_lr else []
            return
        from snnet.weights.originals import timm_model

        model: Any = timm_model(recipe.teacher).requires_grad_(False)
        classes = net.anchors[0].model.num_classes
        if model.num_classes != classes:
            raise TrainingError(
                f"the teacher {recipe.teacher} has {model.num_classes} classes and {net.name} {classes}"
            )
        ours = net.transform(net.stitches[0])
        theirs = model.default_cfg
        if (tuple(theirs["mean"]), tuple(theirs["std"])) != (ours.mean, ours.std):
            mean, std = (torch.tensor(value).view(3, 1, 1) for value in (theirs["mean"], theirs["std"]))
            gain = torch.tensor(ours.std).view(3, 1, 1) / std
            self._scale = gain, (torch.tensor(ours.mean).view(3, 1, 1) - mean) / std
        self.models, self.modules = [model], [model]

    def to(self, device: torch.device) -> "Teacher":
        """Move what is the teacher's own."""
        for module in self.modules:
            module.to(device)
        if self._scale:
            self._scale = self._scale[0].to(device), self._scale[1].to(device)
        return self

    @torch.no_grad()
    def __call__(self, images: Tensor, temperature: float) -> Tensor:
        """(B, 3, S, S), as the network takes them -> (B, classes) log-probabilities, float32."""
        if self._scale:
            images = images * self._scale[0] + self._scale[1]
        said = [(model(images).float() / temperature).log_softmax(1) for model in self.models]
        return torch.stack(said).logsumexp(0) - math.log(len(said))


def _whole(anchor: Any) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        for part in anchor.parts():
            x = anchor.run(part, x)
        return x

    return run


def loss_of(logits: Tensor, said: Tensor | None, targets: Tensor | None, recipe: Recipe) -> Tensor:
    """Return the loss of (B, classes) logits against the teacher's log-probabilities and the labels.

    `targets` are (B,) classes or (B, classes) mixed ones. Hard distillation is DeiT's (Touvron et al., ICML
    2021): cross-entropy to the teacher's class; soft is KL · T² (Hinton et al., 2015).
    """
    share = recipe.alpha if recipe.distillation != "none" else 0.0
    loss = logits.new_zeros(())
    if share < 1:
        assert targets is not None
        smoothing = recipe.smoothing if targets.ndim == 1 else 0.0  # mixing has smoothed already
        loss = (1 - share) * F.cross_entropy(logits, targets, label_smoothing=smoothing)
    if share:
        assert said is not None
        if recipe.distillation == "hard":
            return loss + share * F.cross_entropy(logits, said.argmax(1))
        ours = (logits / recipe.temperature).log_softmax(1)
        kl = F.kl_div(ours, said, reduction="batchmean", log_target=True)
        loss = loss + share * recipe.temperature**2 * kl
    return loss


# ---------------------------------------------------------------------------------------------------- run


def parameter_groups(net: "Network", recipe: Recipe) -> list[dict[str, Any]]:
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


class _Drawn(nn.Module):
    """A network as one call a step, which is what distribution over processes wraps."""

    def __init__(self, net: "Network") -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor, stitches: Sequence["Stitch"]) -> list[Tensor]:
        from snnet.network.sweep import together

        said = dict(together(self.net, images, stitches))
        return [said[stitch] for stitch in stitches]


def _scheduler(optimizer: torch.optim.Optimizer, plan: Plan) -> Any:
    from timm.scheduler import create_scheduler_v2

    recipe = plan.recipe
    scheduler, _ = create_scheduler_v2(
        optimizer,
        recipe.schedule,
        num_epochs=plan.steps,  # every step is an epoch to it
        warmup_epochs=plan.warmup_steps,
        warmup_lr=recipe.warmup_lr,
        min_lr=recipe.min_lr,
    )
    return scheduler


def learning_rates(plan: Plan) -> Callable[[int], float]:
    """Return what tells the stitching layers' learning rate at a step (from 0)."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=plan.recipe.lr)
    scheduler = _scheduler(optimizer, plan)

    def at(step: int) -> float:
        scheduler.step(step)
        return float(optimizer.param_groups[0]["lr"])

    return at


class Savable(Protocol):
    """What the end of training needs of a network that `snnet.load` or `snnet.stitch` gave."""

    reported: Mapping[str, Any]  # what the authors of its weights report: not of these any more

    def save(self, folder: str | Path) -> None:
        """Write the network to a folder."""
        ...


def train(
    net: "Network",
    photos: "Photos",
    recipe: Recipe,
    out: str | Path,
    *,
    started: bool = True,
    workers: int | None = None,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    progress: bool = False,
) -> "Network":
    """Train a network in place, save it to the folder `out`, and return it in evaluation mode.

    A run that was interrupted goes on from its checkpoint in `out`. `started` is False for a network whose
    stitching layers are still zero: they are set by least squares on `recipe.start_photos` photos first.

    Raises TrainingError if `out` holds another run, and where the loss is not finite, with step and stitch;
    PhotoError for a photo that can't be decoded.
    """
    return Run(net, photos, recipe, Path(out), started, workers, checkpoint_every_s, progress).go()


class Run:
    """One training run in one process; all processes of a run do the same but for their share of photos."""

    def __init__(
        self,
        net: "Network",
        photos: "Photos",
        recipe: Recipe,
        out: Path,
        started: bool,
        workers: int | None,
        checkpoint_every_s: float,
        progress: bool,
    ) -> None:
        from accelerate import Accelerator, DistributedDataParallelKwargs

        self.net, self.photos, self.recipe, self.out = net, photos, recipe, out
        # a step's graph is that of its stitch: the others' parameters have no gradient
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        is_cpu = not torch.accelerator.is_available()  # said outright, else torchrun on CPUs is not seen
        self.accelerator = Accelerator(cpu=is_cpu, kwargs_handlers=[unused])
        self.plan = plan(net, photos, recipe, self.accelerator.num_processes)
        self.workers, self.every_s, self.progress = workers, checkpoint_every_s, progress
        self._identity = self._what()
        self._started = started

    @property
    def is_main(self) -> bool:
        """True in the one process that writes and prints."""
        return bool(self.accelerator.is_main_process)

    def _what(self) -> dict[str, Any]:
        """Return what makes this run this run: another one's checkpoint must not be gone on with."""
        weights = hashlib.sha256()
        for name, tensor in self.net.state_dict().items():
            weights.update(name.encode() + tensor.detach().cpu().contiguous().view(-1).numpy().tobytes())
        return {
            "network": self.net.name,
            "weights": weights.hexdigest()[:16],
            "photos": self.photos.fingerprint[:16],
            "batch": self.plan.batch,
            "recipe": asdict(self.recipe),
        }

    def go(self) -> "Network":
        """Run, or go on, to the end."""
        checkpoint = self._read_checkpoint()
        if checkpoint is None and not self._started:
            self._start_layers()
        self._set_up()
        first = self._restore(checkpoint) if checkpoint else 0
        if first < self.plan.steps:
            self._steps(first)
        return self._finish()

    def _start_layers(self) -> None:
        from snnet.network.start import start

        few = self.photos.sample(min(len(self.photos), self.recipe.start_photos), self.recipe.seed)
        start(self.net, few, progress=self.progress and self.is_main)

    def _set_up(self) -> None:
        from timm.data import Mixup
        from timm.optim import create_optimizer_v2
        from timm.utils import ModelEmaV3

        recipe, device = self.recipe, self.accelerator.device
        self.teacher = None
        if recipe.distillation != "none":
            self.teacher = Teacher(self.net, recipe).to(device)
        self.net.to(device).to(memory_format=torch.channels_last)  # twice as fast for convolutions on CPUs
        groups = parameter_groups(self.net, recipe)
        self.net.train(bool(recipe.anchor_lr))  # frozen anchors keep their batch norms' statistics
        self.optimizer = create_optimizer_v2(
            groups, recipe.optimizer, lr=recipe.lr, weight_decay=recipe.weight_decay, momentum=recipe.momentum
        )
        self.scheduler = _scheduler(self.optimizer, self.plan)
        self.mixup = None
        if recipe.mixup or recipe.cutmix:
            classes = self.net.anchors[0].model.num_classes
            self.mixup = Mixup(
                recipe.mixup, recipe.cutmix, label_smoothing=recipe.smoothing, num_classes=classes
            )
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self.ema = ModelEmaV3(self.net, decay=recipe.ema) if recipe.ema else None
        self.model = self.accelerator.prepare_model(_Drawn(self.net))

    # ------------------------------------------------------------------------------------- the steps

    def _steps(self, first: int) -> None:
        from tqdm import tqdm

        from snnet.photos.batches import default_workers

        workers = default_workers(self.photos) if self.workers is None else self.workers
        samples = _Samples(self.photos, self.recipe, self.net.transforms)
        rank = self.accelerator.process_index
        log = Log(self.out, first) if self.is_main else None
        saved = begun = time.monotonic()
        bar = tqdm(
            total=self.plan.steps,
            initial=first,
            unit="step",
            desc=f"train {self.net.name}",
            disable=not (self.progress and self.is_main),
        )
        mean = math.nan
        with bar:
            for step, (images, labels) in _batches(self.plan, samples, first, rank, workers):
                row = self.step(step, images, labels)
                now = time.monotonic()
                row["images_per_s"], begun = self.plan.batch / (now - begun), now
                mean = row["loss"] if math.isnan(mean) else 0.98 * mean + 0.02 * row["loss"]
                bar.set_postfix_str(f"loss {mean:.3f}, {row['images_per_s']:.0f} img/s", refresh=False)
                bar.update()
                if log:
                    log.write(row)
                    if now - saved >= self.every_s and step + 1 < self.plan.steps:
                        self._save_checkpoint(step + 1)
                        saved = time.monotonic()
        if log:
            self._save_checkpoint(self.plan.steps)
            log.close()
        self.accelerator.wait_for_everyone()

    def step(self, step: int, images: Tensor, labels: Tensor) -> dict[str, Any]:
        """Train one step on this process's (B, 3, S, S) images; return its row of the log."""
        recipe, stitches, device = self.recipe, self.plan.drawn(step), self.accelerator.device
        self.scheduler.step(step)
        images = images.to(device, memory_format=torch.channels_last)
        targets = labels.to(device)
        dtype = _DTYPES.get(recipe.precision)
        with (
            seeded("step", recipe.seed, step, self.accelerator.process_index),
            torch.autocast(device.type, dtype, enabled=dtype is not None),
        ):
            if self.mixup:
                images, targets = self.mixup(images, targets.clamp_min(0))  # unlabelled ones are mixed too
            logits = self.model(images, stitches)
            said = self.teacher(images, recipe.temperature) if self.teacher else None
        losses = torch.stack([loss_of(each.float(), said, targets, recipe) for each in logits])
        self.scaler.scale(losses.mean()).backward()
        values = self.accelerator.reduce(losses.detach(), "mean").tolist()
        for stitch, value in zip(stitches, values, strict=True):
            if math.isfinite(value):
                continue
            raise TrainingError(
                f"the loss is {value} at step {step + 1} of {self.plan.steps}, through {stitch.name}: "
                f"lower lr ({recipe.lr:g}), set clip, or choose another precision than {recipe.precision}"
            )
        norm = math.nan
        if recipe.clip:
            self.scaler.unscale_(self.optimizer)
            trained = [p for group in self.optimizer.param_groups for p in group["params"]]
            norm = float(nn.utils.clip_grad_norm_(trained, recipe.clip))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(
            set_to_none=True
        )  # what the next stitch doesn't use neither moves nor decays
        if self.ema:
            self.ema.update(self.net, step)
        return {
            "step": step + 1,
            "epoch": round((step + 1) / self.plan.steps_an_epoch, 4),
            "stitch": " ".join(stitch.name for stitch in stitches),
            "gmacs": round(sum(self.net.cost(stitch).gmacs for stitch in stitches), 4),
            "loss": sum(values) / len(values),
            "lr": self.optimizer.param_groups[0]["lr"] / self.optimizer.param_groups[0].get("lr_scale", 1.0),
            "gradient_norm": norm,
        }

    # -------------------------------------------------------------------------------------- checkpoints

    def _moving(self, net: nn.Module) -> dict[str, Tensor]:
        """Return the tensors that training changes, by name."""
        trained = {name for name, p in self.net.named_parameters() if p.requires_grad}
        return {
            name: tensor
            for name, tensor in net.state_dict().items()
            if name in trained or (self.recipe.anchor_lr and not isinstance(tensor, nn.Parameter))
        }

    def _save_checkpoint(self, step: int) -> None:
        """Write the checkpoint whole or not at all."""
        state = {
            "run": json.dumps(self._identity, sort_keys=True),
            "step": step,
            "tensors": self._moving(self.net),
            "average": self._moving(self.ema.module) if self.ema else {},
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        part = self.out / f"{CHECKPOINT}.part"
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.out / CHECKPOINT)

    def _read_checkpoint(self) -> dict[str, Any] | None:
        file = self.out / CHECKPOINT
        if self.is_main:
            self.out.mkdir(parents=True, exist_ok=True)
        self.accelerator.wait_for_everyone()
        if not file.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
            theirs = json.loads(state["run"])
        except Exception as error:  # damaged files fail in many ways
            raise TrainingError(
                f"{file} can't be read ({type(error).__name__}): delete it to begin anew"
            ) from error
        if theirs != self._identity:
            raise TrainingError(
                f"{self.out} holds another run ({_difference(theirs, self._identity)}): give another "
                "--out, or delete the folder to begin anew"
            )
        return state

    def _restore(self, state: dict[str, Any]) -> int:
        self.net.load_state_dict(self.net.state_dict() | state["tensors"])
        if self.ema:
            self.ema.module.load_state_dict(self.ema.module.state_dict() | state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        return int(state["step"])

    def _finish(self) -> "Network":
        if self.ema:
            self.net.load_state_dict(self.ema.module.state_dict())
        recipe = self.recipe
        self.net.origin = {
            "method": (
                f"joint training, {self.plan.steps:,} steps of {self.plan.batch} photos"
                + ("" if recipe.anchor_lr else ", anchors frozen")
            ),
            "recipe": asdict(recipe),
            "photos": len(self.photos),
            "fingerprint": self.photos.fingerprint,
        }
        self.net.eval().requires_grad_(True)
        network = cast(Savable, self.net)
        network.reported = {}
        if self.is_main:
            network.save(self.out)
        self.accelerator.wait_for_everyone()
        return self.net


def _difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    flat = [{**run, **run.get("recipe", {})} for run in (theirs, ours)]
    words = [
        f"{key} {flat[0].get(key)!r} there, {flat[1].get(key)!r} here"
        for key in flat[1]
        if key != "recipe" and flat[0].get(key) != flat[1].get(key)
    ]
    return "; ".join(words[:3]) or "of another version"
