"""The plan of a run, before anything runs: which stitches and which photos each step takes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snnet.network.network import Network
from snnet.photos.heads import LabelError, outputs_of
from snnet.photos.photo_set import Photos
from snnet.stitches.stitch import Stitch
from snnet.training.recipes import Recipe

_EPOCHS = 10  # of a run so long may its learning rate change once an epoch; else it would hardly change


class TrainingError(ValueError):
    """Says why a run can't begin, or can't go on, and what to do."""


@dataclass(frozen=True)
class Plan:
    """What a run will do, before anything runs: pure data, the same in every process.

    `groups` are the stitches to draw from: first a group, any alike, then one of it, any alike. `row_groups`
    is the row group of each photo where those come over the network: each epoch shuffles the row groups, and
    one that is fetched is used up before the next; such data sets are shuffled when they are made.
    """

    recipe: Recipe
    groups: tuple[tuple[Stitch, ...], ...]
    photos: int
    processes: int
    row_groups: tuple[int, ...] = ()

    @property
    def batch(self) -> int:
        """Photos a step over all processes."""
        return self.recipe.batch_size * self.processes

    @property
    def steps_an_epoch(self) -> int:
        """Whole batches in as many photos as there are, whether each comes once or repeated."""
        return max(1, self.photos // self.batch)

    @property
    def steps(self) -> int:
        """Optimiser steps of the run."""
        return self.recipe.steps or max(1, round(self.recipe.epochs * self.steps_an_epoch))

    @property
    def warmup_steps(self) -> int:
        """Steps over which the learning rate rises."""
        return min(round(self.recipe.warmup_epochs * self.steps_an_epoch), self.steps // 2)

    @property
    def rates(self) -> tuple[float, float, float]:
        """Learning rates of this batch: the highest, where warm-up begins, and the lowest."""
        recipe = self.recipe
        factor = self.batch / recipe.lr_batch
        all_of_them = factor if recipe.lr_scaling == "all" else 1.0
        highest = recipe.lr * (1.0 if recipe.lr_scaling == "none" else factor)
        return highest, recipe.warmup_lr * all_of_them, recipe.min_lr * all_of_them

    def time(self, step: int) -> int:
        """Return the step whose learning rate a step (from 0) has: one each step, or the same all epoch."""
        if self.recipe.pace == "step" or self.steps < _EPOCHS * self.steps_an_epoch:
            return step
        epoch = step // self.steps_an_epoch
        return max(0, epoch - (self.recipe.pace == "late")) * self.steps_an_epoch

    @property
    def stitches(self) -> tuple[Stitch, ...]:
        """Every stitch that is drawn from."""
        return tuple(stitch for group in self.groups for stitch in group)

    def stitch(self, step: int, rank: int = 0) -> Stitch:
        """Return the stitch that a step (from 0) trains, the first one of several; see `stitches_at`."""
        return self.stitches_at(step, rank)[0]

    def stitches_at(self, step: int, rank: int = 0) -> tuple[Stitch, ...]:
        """Return the stitches of a step (from 0) in a process: different ones, of one size.

        The same in every process, unless the recipe has each draw its own.
        """
        own = f" {rank}" if rank and self.recipe.draw_by == "process" else ""
        draw = random.Random(f"stitch {self.recipe.seed} {step}{own}")
        stitches = [draw.choice(draw.choice(self.groups))]
        while len(stitches) < self.recipe.draws:
            size = stitches[0].image_size
            groups = [[s for s in g if s.image_size == size and s not in stitches] for g in self.groups]
            if not any(groups):
                break
            stitches.append(draw.choice(draw.choice([group for group in groups if group])))
        return tuple(stitches)

    def samples(self, step: int, rank: int) -> list[tuple[int, int]]:
        """Return (running number of the sample, index of the photo) for one process's share of a step.

        With equal seeds, the shares of all processes together are the batch of one process alone. Repeats of
        a photo go to different processes, as DeiT's sampler deals them.
        """
        epoch, within = divmod(step, self.steps_an_epoch)
        order, repeats = self._order(epoch), self.recipe.repeats
        share = slice(rank * self.recipe.batch_size, (rank + 1) * self.recipe.batch_size)
        if repeats > 1:
            share = slice(rank, None, self.processes)
        # fewer photos than a batch: they come round again
        return [
            (step * self.batch + k, order[(within * self.batch + k) // repeats % self.photos])
            for k in range(self.batch)[share]
        ]

    def _order(self, epoch: int) -> list[int]:
        if epoch not in self._orders:
            draw = np.random.default_rng([self.recipe.seed, epoch])
            order = draw.permutation(max(self.row_groups) + 1 if self.row_groups else self.photos)
            if self.row_groups:
                order = np.argsort(order[np.array(self.row_groups)], kind="stable")
            self._orders.clear()
            self._orders[epoch] = order.tolist()
        return self._orders[epoch]

    @cached_property
    def _orders(self) -> dict[int, list[int]]:
        return {}  # of the epoch under way alone


def plan(net: Network, photos: Photos, recipe: Recipe, processes: int = 1) -> Plan:
    """Return what a run will do; TrainingError if this network or these photos don't go with the recipe."""
    size = recipe.image_size or net.stitches[0].image_size
    stitches = [stitch for stitch in net.stitches if size in (-1, stitch.image_size)]
    if not stitches:
        sizes = ", ".join(str(size) for size in sorted({s.image_size for s in net.stitches}))
        raise TrainingError(f"image size {size}: {net.name} has stitches at {sizes} px")
    if not recipe.anchor_lr:
        stitches = [stitch for stitch in stitches if not stitch.is_anchor]  # nothing of theirs would move
    if needs_labels(recipe):
        check_labels(net, photos, recipe)
    if recipe.batch_size % 2 and (recipe.mixup or recipe.cutmix):
        raise TrainingError(
            f"batch size {recipe.batch_size} is odd: mixup and cutmix pair the photos of a batch"
        )
    groups = [tuple(stitches)] if recipe.sampling == "uniform" else _by_gmacs(net, stitches, recipe)
    row_groups = () if photos.local else tuple(photos.row_groups or ())
    return Plan(recipe, tuple(groups), len(photos), processes, row_groups)


def needs_labels(recipe: Recipe) -> bool:
    """Return whether a recipe learns from labels, not from the teacher alone."""
    return recipe.alpha < 1 or recipe.distillation == "none"


def check_labels(net: Network, photos: Photos, recipe: Recipe) -> tuple[int, ...]:
    """Return the output of the network for each class of ImageNet-1k; TrainingError if labels don't fit."""
    try:
        return outputs_of(photos, net.label_set, net.name)
    except LabelError as error:
        alone = "--alpha 1" + " --distillation soft" * (recipe.distillation == "none")
        raise TrainingError(f"{error}; or learn from the teacher alone: {alone}") from error


def _by_gmacs(net: Network, stitches: Sequence[Stitch], recipe: Recipe) -> list[tuple[Stitch, ...]]:
    """Return the stitches in ranges of GMACs (SN-Netv2, ECCV 2024), empty ones left out.

    Of equal width; or, with `group_gmacs`, each range begins with the first stitch that costs so much more
    than the first of the range before.
    """
    gmacs = [net.cost(stitch).gmacs for stitch in stitches]
    ranges: dict[int, list[Stitch]] = {}
    if recipe.group_gmacs:
        number, first = 0, min(gmacs)
        for cost, place in sorted(zip(gmacs, range(len(stitches)), strict=True)):
            if cost - first > recipe.group_gmacs:
                number, first = number + 1, cost
            ranges.setdefault(number, []).append(stitches[place])
    else:
        low, width = min(gmacs), (max(gmacs) - min(gmacs)) / recipe.groups or 1.0
        for stitch, cost in zip(stitches, gmacs, strict=True):
            ranges.setdefault(min(recipe.groups - 1, int((cost - low) / width)), []).append(stitch)
    return [tuple(ranges[number]) for number in sorted(ranges)]
