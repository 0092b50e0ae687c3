"""Joint training by distillation, a stitch a step (Pan, Cai and Zhuang, CVPR 2023, section 3.3).

Everything that a step does is a function of the recipe's seed and the step's number: which stitch, which
photos, how they are cut and mixed. A checkpoint therefore holds weights and optimiser alone, and a run that
was killed ends with the weights of one that was not. Distribution over processes is Accelerate's.
"""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from snnet import files
from snnet.network.network import Network
from snnet.network.start import start
from snnet.network.sweep import together
from snnet.photos.broken import Remarks
from snnet.photos.photo_set import Photos
from snnet.stitches.stitch import Stitch
from snnet.training import checkpoint
from snnet.training.log import Log
from snnet.training.optimiser import clipped, optimizer_of, scheduler_of
from snnet.training.plan import TrainingError, needs_labels, plan
from snnet.training.recipes import Recipe
from snnet.training.regularisation import prepare
from snnet.training.samples import Samples, batches, seeded
from snnet.training.teacher import Teacher, loss_of

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class TrainingOptions:
    """How a run is carried out; what it does is the recipe's."""

    is_started: bool = True  # False: the stitching layers are still zero, and set by least squares first
    workers: int | None = None  # processes that prepare photos; by default by the number of photos
    checkpoint_every_s: float = 300.0  # what a kill costs at most
    progress: bool = False  # draw a bar
    remarks: Remarks | None = (
        None  # whether broken photos are left out; hears which, the same in all processes
    )


class Savable(Protocol):
    """What the end of training needs of a network that `snnet.load` or `snnet.stitch` gave."""

    reported: Mapping[str, Any]  # what the authors of its weights report: not of these any more

    def save(self, folder: str | Path) -> None:
        """Write the network to a folder."""
        ...


def train(
    net: Network,
    photos: Photos,
    recipe: Recipe,
    out: str | Path,
    options: TrainingOptions = TrainingOptions(),
) -> Network:
    """Train a network in place, save it to the folder `out`, and return it in evaluation mode.

    A run that was interrupted goes on from its checkpoint in `out`. A network that is not started gets its
    stitching layers by least squares on `recipe.start_photos` photos first.

    Raises TrainingError if `out` holds another run, and where the loss is not finite, with step and stitch;
    PhotoError for a photo that can't be decoded, unless `options.remarks` says to leave those out: the next
    sound photo of the set then stands in.
    """
    return Run(net, photos, recipe, Path(out), options).go()


class _Student(nn.Module):
    """A network as one call a step, which is what distribution over processes wraps."""

    def __init__(self, net: Network) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor, stitches: Sequence[Stitch]) -> list[Tensor]:
        logits = dict(together(self.net, images, stitches))
        return [logits[stitch] for stitch in stitches]


class Run:
    """One training run in one process; all processes of a run do the same but for their share of photos."""

    def __init__(
        self,
        net: Network,
        photos: Photos,
        recipe: Recipe,
        out: Path,
        options: TrainingOptions = TrainingOptions(),
    ) -> None:
        from accelerate import Accelerator, DistributedDataParallelKwargs

        self.remarks = options.remarks or Remarks()

        self.net, self.photos, self.recipe, self.out, self.options = net, photos, recipe, out, options
        # a step's graph is that of its stitch: the others' parameters have no gradient
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        is_cpu = not torch.accelerator.is_available()  # said outright, else torchrun on CPUs is not seen
        self.accelerator = Accelerator(cpu=is_cpu, kwargs_handlers=[unused])
        self.plan = plan(net, photos, recipe, self.accelerator.num_processes)
        self._identity = checkpoint.identity(net, photos, self.plan)

    @property
    def is_main(self) -> bool:
        """True in the one process that writes and prints."""
        return bool(self.accelerator.is_main_process)

    def go(self) -> Network:
        """Run, or go on, to the end."""
        if self.is_main:
            checkpoint.check(self.out, *self._sizes())
        self.accelerator.wait_for_everyone()
        state = checkpoint.read(self.out, self._identity)
        if state is None and not self.options.is_started:
            self._start_layers()
        self.set_up()
        first = self._restore(state) if state else 0
        if first < self.plan.steps:
            self._steps(first)
        return self._finish()

    def _sizes(self) -> tuple[int, int]:
        """Return how many bytes a checkpoint has at least, and the network."""
        sizes = {name: p.numel() * p.element_size() for name, p in self.net.state_dict().items()}
        is_still = not self.recipe.anchor_lr
        moving = sum(n for name, n in sizes.items() if not (is_still and name.startswith("anchors.")))
        return moving * (2 + bool(self.recipe.ema)), sum(sizes.values())  # an optimiser has one number each

    def _start_layers(self) -> None:
        few = self.photos.sample(min(len(self.photos), self.recipe.start_photos), self.recipe.seed)
        start(self.net, few, progress=self.options.progress and self.is_main, remarks=self.remarks)

    def set_up(self) -> None:
        """Make what the steps take: teacher, optimiser, schedule, mixing, scale and moving average."""
        from timm.data import Mixup
        from timm.utils import ModelEmaV3

        recipe, device = self.recipe, self.accelerator.device
        self.teacher = Teacher(self.net, recipe).to(device) if recipe.distillation != "none" else None
        self.undo = prepare(self.net, recipe)
        self.net.to(device).to(memory_format=torch.channels_last)  # twice as fast for convolutions on CPUs
        self.optimizer = optimizer_of(self.net, self.plan)
        self.net.train(bool(recipe.anchor_lr))  # frozen anchors keep their batch norms' statistics
        self.scheduler = scheduler_of(self.optimizer, self.plan)
        self.mixup = None
        if recipe.mixup or recipe.cutmix:
            classes = self.net.label_set.outputs
            self.mixup = Mixup(
                recipe.mixup, recipe.cutmix, label_smoothing=recipe.smoothing, num_classes=classes
            )
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self.ema = ModelEmaV3(self.net, decay=recipe.ema) if recipe.ema else None
        self.model = self.accelerator.prepare_model(_Student(self.net))

    # ------------------------------------------------------------------------------------- the steps

    def _steps(self, first: int) -> None:
        from tqdm import tqdm

        from snnet.photos.batches import default_workers

        options = self.options
        workers = default_workers(self.photos) if options.workers is None else options.workers
        samples = Samples(self.photos, self.recipe, self.net.transforms, self.remarks.skip_broken)
        rank = self.accelerator.process_index
        log = Log(self.out, first) if self.is_main else None
        saved = begin = time.monotonic()
        bar = tqdm(
            total=self.plan.steps,
            initial=first,
            unit="step",
            desc=f"train {self.net.name}",
            disable=not (options.progress and self.is_main),
        )
        mean = math.nan
        with bar, closing(log) if log else nullcontext():
            for step, (images, labels, broken) in batches(self.plan, samples, first, rank, workers):
                self._hear_of(broken)
                row = self.step(step, images, labels)
                now = time.monotonic()
                row["images_per_s"], begin = self.plan.batch / (now - begin), now
                mean = row["loss"] if math.isnan(mean) else 0.98 * mean + 0.02 * row["loss"]
                bar.set_postfix_str(f"loss {mean:.3f}, {row['images_per_s']:.0f} img/s", refresh=False)
                bar.update()
                if log:
                    log.write(row)
                    if now - saved >= options.checkpoint_every_s and step + 1 < self.plan.steps:
                        self._save_checkpoint(step + 1)
                        saved = time.monotonic()
            if log:
                self._save_checkpoint(self.plan.steps)
        self.accelerator.wait_for_everyone()

    def _hear_of(self, broken: Sequence[str]) -> None:
        """Note which photos are left out in any process."""
        from accelerate.utils import gather_object

        new = [sentence for sentence in broken if sentence not in self.remarks.broken]
        if self.remarks.skip_broken and self.accelerator.num_processes > 1:
            count = torch.tensor(float(len(new)), device=self.accelerator.device)
            if self.accelerator.reduce(count, "sum").item():
                new = gather_object(new)
        self.remarks.broken.update(new)

    def step(self, step: int, images: Tensor, labels: Tensor) -> dict[str, Any]:
        """Train one step on this process's (B, 3, S, S) images; return its row of the log."""
        rank = self.accelerator.process_index
        recipe, stitches, device = self.recipe, self.plan.stitches_at(step, rank), self.accelerator.device
        self.scheduler.step(self.plan.time(step))
        images = images.to(device, memory_format=torch.channels_last)
        targets = self._targets(labels).to(device)
        dtype = _DTYPES.get(recipe.precision)
        with (
            seeded("step", recipe.seed, step, rank),
            torch.autocast(device.type, dtype, enabled=dtype is not None),
        ):
            if self.mixup:
                images, targets = self.mixup(images, targets)
            logits = self.model(images, stitches)
            teacher = self.teacher(images, recipe.temperature) if self.teacher else None
        losses = torch.stack([loss_of(each, teacher, targets, recipe) for each in logits])
        self.scaler.scale(losses.mean()).backward()
        values = self.accelerator.reduce(losses.detach(), "mean").tolist()
        for stitch, value, own in zip(stitches, values, losses.tolist(), strict=True):
            if not math.isfinite(value):
                is_elsewhere = recipe.draw_by == "process" and math.isfinite(own)
                through = "another process's stitch" if is_elsewhere else stitch.name
                raise self._not_finite(value, step, through, teacher)
        groups = self.optimizer.param_groups
        norm = math.nan
        if recipe.clip:
            self.scaler.unscale_(self.optimizer)
            norm = clipped(groups, recipe)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        # to None: what the next stitch doesn't use neither moves nor decays
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema:
            self.ema.update(self.net, step)
        return {
            "step": step + 1,
            "epoch": round((step + 1) / self.plan.steps_an_epoch, 4),
            "stitch": " ".join(stitch.name for stitch in stitches),
            "gmacs": round(sum(self.net.cost(stitch).gmacs for stitch in stitches), 4),
            "loss": sum(values) / len(values),
            "lr": groups[0]["lr"] / groups[0].get("lr_scale", 1.0),
            "gradient_norm": norm,
        }

    def _targets(self, labels: Tensor) -> Tensor:
        """Return the outputs that labels mean; all 0 where they don't matter, and may be no classes."""
        if not needs_labels(self.recipe):
            return torch.zeros_like(labels)
        head = self.net.label_set
        return labels if head.is_imagenet_1k else torch.tensor(head.imagenet_1k)[labels]

    # -------------------------------------------------------------------------------------- checkpoints

    def _moving(self, net: nn.Module) -> dict[str, Tensor]:
        """Return the tensors that training changes, by name."""
        moving = {name for name, p in self.net.named_parameters() if p.requires_grad}
        return {
            name: tensor
            for name, tensor in net.state_dict().items()
            if name in moving or (self.recipe.anchor_lr and not isinstance(tensor, nn.Parameter))
        }

    def _not_finite(self, loss: float, step: int, through: str, teacher: Tensor | None) -> TrainingError:
        where = f"at step {step + 1} of {self.plan.steps}"
        if teacher is not None and not teacher.isfinite().all():
            return TrainingError(
                f"the teacher {self.recipe.teacher} gives no finite answer {where}: its weights are broken, "
                f"or {self.recipe.precision} overflows: choose another teacher or precision"
            )
        return TrainingError(f"the loss is {loss} {where}, through {through}: {self._advice()}")

    def _advice(self) -> str:
        precision = self.recipe.precision
        other = "" if precision == "float32" else f", or choose another precision than {precision}"
        return f"lower lr ({self.recipe.lr:g}) or set clip{other}"

    def _check_moving(self, step: int) -> None:
        """Raise TrainingError before weights that are not finite take the place of a sound checkpoint."""
        for name, tensor in self._moving(self.net).items():
            if not tensor.isfinite().all():
                raise TrainingError(
                    f"{name} is not finite after step {step} of {self.plan.steps}: {self._advice()}; what "
                    f"{self.out} holds is of before"
                )

    def _save_checkpoint(self, step: int) -> None:
        self._check_moving(step)
        state = {
            "step": step,
            "tensors": self._moving(self.net),
            "average": self._moving(self.ema.module) if self.ema else {},
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "broken": sorted(self.remarks.broken),
        }
        checkpoint.write(self.out, self._identity, state)

    def _restore(self, state: dict[str, Any]) -> int:
        self.net.load_state_dict(self.net.state_dict() | state["tensors"])
        if self.ema:
            self.ema.module.load_state_dict(self.ema.module.state_dict() | state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.remarks.broken.update(state.get("broken", []))  # an earlier version noted none
        return int(state["step"])

    def _finish(self) -> Network:
        self.undo()
        if self.ema:
            self.net.load_state_dict(self.ema.module.state_dict())
        recipe = self.recipe
        method = f"joint training, {self.plan.steps:,} steps of {self.plan.batch} photos"
        self.net.origin = {
            "method": method if recipe.anchor_lr else f"{method}, anchors frozen",
            "recipe": asdict(recipe),
            "photos": len(self.photos),
            "fingerprint": self.photos.fingerprint,
        }
        network = cast(Savable, self.net)
        network.reported = {}
        self.net.eval().requires_grad_(True)
        if self.is_main:
            try:
                network.save(self.out)
            except files.WriteError as error:
                raise checkpoint.stop(self.out, error) from error
        self.accelerator.wait_for_everyone()
        return self.net
