"""The 95 % intervals of shares of right answers, and of differences on the same photos."""

from collections.abc import Mapping
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snnet.evaluation.results import Result

IMAGENET_CLASSES = 1000
IMAGENET_PHOTOS = 50_000
Z95 = 1.959964
TOPS: tuple[Literal[1, 5], ...] = (1, 5)
_NO_WIDTH = 1e-9  # in percent
FEWEST_CLASSES = 10  # that can stand for others: below, resampling them says too little


def wilson(right: float, total: int) -> tuple[float, float]:
    """Return the 95 % interval in percent of a share of right answers (Wilson, 1927)."""
    share, spread = right / total, Z95**2 / total
    centre = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return 100 * (centre - half), 100 * (centre + half)


def interval(result: Result, top: Literal[1, 5] = 1) -> tuple[float, float]:
    """Return the 95 % interval in percent of a result's top-1 or top-5.

    Wilson's where photos of all classes were counted. On some of the classes a bootstrap over whole classes,
    since the photos of one class go right or wrong together; of fewer than ten classes that knows too little,
    and Wilson's stands again. So it does where all classes are alike, as where all photos are right: there a
    bootstrap has no width, and a few photos are no certainty.
    """
    place = 1 if top == 1 else 2
    classes = sorted(result.per_class)
    whole = wilson(result.top1 if top == 1 else result.top5, result.total)
    if not FEWEST_CLASSES <= len(classes) < IMAGENET_CLASSES:
        return whole
    photos = np.array([result.per_class[c][0] for c in classes], dtype=np.float64)
    right = np.array([result.per_class[c][place] for c in classes], dtype=np.float64)
    low, high = _resampled(right, photos)
    return (low, high) if high - low > _NO_WIDTH else whole


def _resampled(
    gained: NDArray[np.float64], photos: NDArray[np.float64], draws: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap's 95 % interval over whole classes of 100 · gained / photos."""
    picks = np.random.default_rng(seed).integers(len(photos), size=(draws, len(photos)))
    low, high = np.percentile(gained[picks].sum(1) / photos[picks].sum(1), [2.5, 97.5])
    return 100 * float(low), 100 * float(high)


def paired_difference(
    stitch: Mapping[int, tuple[int, int]],
    control: Mapping[int, tuple[int, int]],
    draws: int = 10_000,  # the ends then move by a few hundredths of a point with the seed
    seed: int = 0,
) -> tuple[float, tuple[float, float]]:
    """Return the difference of top-1 in points on the same photos, and its 95 % interval.

    Both map a class to (photos, right answers). The interval is the percentile bootstrap over whole
    classes, since the photos of one class go right or wrong together; where all classes differ alike, as
    where every answer is the same, it is as wide as the share of photos that may differ unseen.

    Raises ValueError if the two were not counted on the same number of photos of the same classes.
    """
    if {c: n for c, (n, _) in stitch.items()} != {c: n for c, (n, _) in control.items()}:
        raise ValueError("the stitch and its control were not measured on the same photos")
    classes = sorted(stitch)
    photos: NDArray[np.float64] = np.array([stitch[c][0] for c in classes], dtype=np.float64)
    gained: NDArray[np.float64] = np.array([stitch[c][1] - control[c][1] for c in classes], dtype=np.float64)
    difference = 100 * float(gained.sum() / photos.sum())
    low, high = _resampled(gained, photos, draws, seed)
    if high - low <= _NO_WIDTH:
        unseen = wilson(0, int(photos.sum()))[1]
        low, high = difference - unseen, difference + unseen
    return difference, (low, high)
