"""The photos of a step, cut and changed at random, each a function of the seed and of its number."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snnet.photos.broken import next_sound
from snnet.photos.decode import PhotoError
from snnet.photos.photo_set import Photos
from snnet.photos.store import SourceError
from snnet.photos.transform import Transform
from snnet.training.plan import Plan
from snnet.training.recipes import Recipe

Item = tuple[Tensor, int, list[str]]


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
class Samples:
    """What a worker holds: sample (number, photo, image size) as (input, label, broken), or the error.

    `broken` are sentences: with `skip_broken` the next sound photo of the set stands in for one that can't be
    decoded, in every epoch and whoever asks, so that nothing depends on how a run was carried out.
    """

    photos: Photos
    recipe: Recipe
    # by px: what evaluation does, whose mean, std and interpolation hold here
    transforms: dict[int, Transform]
    skip_broken: bool = False

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, key: tuple[int, int, int]) -> Item | Exception:
        number, index, size = key
        broken: list[str] = []
        try:
            if self.skip_broken:
                (image, label), broken = next_sound(self.photos, index)
            else:
                image, label = self.photos[index]
        except (PhotoError, SourceError) as error:
            return error  # raised in the calling process: the loader would add a worker's traceback
        with seeded("sample", self.recipe.seed, number):
            return augmentation(self.recipe, self.transforms[size])(image), label, broken


@cache
def augmentation(recipe: Recipe, transform: Transform) -> Any:
    """Return timm's augmentation as the recipe has it: a PIL image -> (3, S, S)."""
    from timm.data import create_transform
    from timm.data.transforms import str_to_interp_mode
    from torchvision import transforms

    is_theirs = recipe.interpolation != "evaluation"
    interpolation = recipe.interpolation if is_theirs else transform.interpolation
    steps = create_transform(
        input_size=(3, transform.image_size, transform.image_size),
        is_training=True,
        scale=(recipe.crop_scale, 1.0),
        hflip=recipe.flip,
        color_jitter=recipe.color_jitter,
        auto_augment=recipe.auto_augment or None,
        interpolation=interpolation,
        mean=transform.mean,
        std=transform.std,
        re_prob=recipe.erase,
        re_mode="pixel",
    )
    if recipe.crop_mode == "padded":  # as DeiT III has it, and timm has not
        steps.transforms[:1] = [
            transforms.Resize(transform.image_size, str_to_interp_mode(interpolation)),
            transforms.RandomCrop(transform.image_size, padding=4, padding_mode="reflect"),
        ]
    return steps


def _collate(rows: Sequence[Item | Exception]) -> Any:
    for row in rows:
        if isinstance(row, Exception):
            return row
    images, labels, broken = zip(*rows, strict=True)
    return torch.stack(images), torch.tensor(labels), list(chain.from_iterable(broken))


def _loader(plan: Plan, samples: Samples, first: int, rank: int, workers: int) -> Any:
    """Return an iterable of (images, labels) for the steps from `first` on."""
    from torch.utils.data import DataLoader

    from snnet.photos.batches import worker_options

    keys = [
        [(number, index, plan.stitch(step, rank).image_size) for number, index in plan.samples(step, rank)]
        for step in range(first, min(plan.steps, first + plan.steps_an_epoch))
    ]
    return DataLoader(
        samples,  # type: ignore[arg-type]  # torch's Dataset, by shape
        batch_sampler=keys,
        collate_fn=_collate,
        generator=torch.Generator(),
        **worker_options(workers),
    )


def batches(plan: Plan, samples: Samples, first: int, rank: int, workers: int) -> Iterator[tuple[int, Any]]:
    """Yield (step, (images, labels, broken)) from a step on, an epoch at a time so that no list grows."""
    step = first
    while step < plan.steps:
        for batch in _loader(plan, samples, step, rank, workers):
            if isinstance(batch, Exception):
                raise batch
            yield step, batch
            step += 1
