"""Photos on their way through a network's transforms, batch by batch, prepared by processes of their own."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from snnet.photos.broken import is_broken
from snnet.photos.decode import NOTE, PhotoError
from snnet.photos.store import SourceError

if TYPE_CHECKING:
    import torch

    from snnet.photos.photo_set import Photos
    from snnet.photos.transform import Transform

FEW = 1000  # photos that one core prepares while the first use of workers in a process starts (about 4 s)
AHEAD = 2  # batches that each worker prepares while the network runs; more take memory and gain nothing


class Batch(NamedTuple):
    """Photos as every transform makes them, which they are, and which of the batch are left out."""

    images: "dict[Transform, torch.Tensor]"  # each (B, 3, S, S) float32
    labels: "torch.Tensor"  # (B,) int64
    indices: "torch.Tensor"  # (B,) int64, in the photos that were given
    broken: tuple[tuple[int, str], ...] = ()  # (index, sentence) of photos that can't be decoded
    notes: tuple[str, ...] = ()  # of photos that decode nevertheless


def batches(
    photos: "Photos",
    transforms: "Sequence[Transform]",
    batch_size: int,
    workers: int | None = None,
    *,
    rows: Sequence[int] | None = None,
    skip_broken: bool = False,
) -> Iterator[Batch]:
    """Yield the photos, each decoded once, as every transform makes them.

    `rows` are the indices of the photos to prepare, by default all. `workers` processes prepare the batches,
    AHEAD each while the caller is busy, 0 the calling one, None as many as `default_workers` says. Without
    workers the photos come in the order of `rows`. With two or more, and photos in row groups (Parquet), each
    worker reads row groups of its own, so that none is read or fetched twice: batches then come from several
    places in turn, and only `indices` tells which photos they hold. A script that uses workers keeps its own
    work under `if __name__ == "__main__":`, as always with Python's processes.

    With `skip_broken`, photos that can't be decoded are left out and named in their batch's `broken`; a
    batch of nothing else has B = 0. Without it they raise PhotoError, which names the photo; with it, so do
    those that `is_broken` doesn't call broken.

    Raises SourceError where the hub stops giving photos; ValueError for a batch below 1, negative workers, no
    transform, or rows outside the photos.
    """
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size} is below 1")
    if workers is not None and workers < 0:
        raise ValueError(f"{workers} workers are below 0: 0 prepares the photos in this process")
    if not transforms:
        raise ValueError("no transform given: at least one is needed to make a batch")
    places = list(range(len(photos)) if rows is None else rows)
    if outside := [row for row in places if not 0 <= row < len(photos)]:
        raise ValueError(f"row {outside[0]} is outside the photos: 0 to {len(photos) - 1}")
    count = _workers_for(len(places)) if workers is None else min(workers, _cores())
    orders, count = _orders(photos, places, batch_size, count)
    prepared = _Prepared(photos, tuple(dict.fromkeys(transforms)))
    return _whole(prepared, orders, count, skip_broken)


def _whole(
    prepared: "_Prepared", orders: list[list[int]], workers: int, skip_broken: bool
) -> Iterator[Batch]:
    import torch
    from torch.utils.data import DataLoader

    transforms = prepared.transforms
    loader: DataLoader[Any] = DataLoader(
        prepared,  # type: ignore[arg-type]  # torch's Dataset, by shape
        batch_sampler=orders,
        collate_fn=_collate,
        generator=torch.Generator(),  # else the loader draws from, and so moves, the caller's global one
        **worker_options(workers),
    )
    for order, (images, labels, indices, failures, notes) in zip(orders, loader, strict=True):
        for _, error in failures:
            if not (skip_broken and is_broken(error)):
                raise error
        if not order:  # only there to keep the workers' turns
            continue
        if not indices:
            images = [torch.empty(0, 3, each.image_size, each.image_size) for each in transforms]
        yield Batch(
            dict(zip(transforms, images, strict=True)),
            torch.tensor(labels, dtype=torch.int64),
            torch.tensor(indices, dtype=torch.int64),
            tuple((index, str(error)) for index, error in failures),
            notes,
        )


# --------------------------------------------------------------------------------------------------- order


def _orders(photos: "Photos", rows: list[int], batch_size: int, workers: int) -> tuple[list[list[int]], int]:
    """Return the indices of each batch, and for how many workers: batch i is for worker i % workers."""
    lanes = [rows]
    if workers > 1 and (groups := photos.row_groups) is not None:
        by_group = [
            list(same)
            for _, same in groupby(sorted(rows, key=lambda row: (groups[row], row)), groups.__getitem__)
        ]
        if not photos.local:
            workers = min(workers, len(by_group))  # another would fetch a second time what one fetches
        if 1 < workers <= len(by_group):
            lanes = _lanes(by_group, workers)
        elif workers == 1:
            lanes = [list(chain.from_iterable(by_group))]
    cut = [[lane[k : k + batch_size] for k in range(0, len(lane), batch_size)] for lane in lanes]
    if len(cut) == 1:
        return cut[0], workers
    # An empty batch passes a worker's turn when its lane has come to its end.
    longest = max(map(len, cut))
    return [lane[turn] if turn < len(lane) else [] for turn in range(longest) for lane in cut], workers


def _lanes(by_group: Sequence[list[int]], count: int) -> list[list[int]]:
    """Return row groups as `count` runs of nearly equal length, each group in one of them."""
    total, before = sum(map(len, by_group)), 0
    lanes: list[list[int]] = [[]]
    for place, group in enumerate(by_group):
        missing = count - len(lanes)
        full = before + len(group) / 2 > total * len(lanes) / count
        if lanes[-1] and missing and (full or len(by_group) - place <= missing):
            lanes.append([])
        lanes[-1].extend(group)
        before += len(group)
    return lanes


# ------------------------------------------------------------------------------------------------- workers


def default_workers(photos: "Photos") -> int:
    """Return how many processes should prepare photos: none for a few, else most of the cores, 4 at most."""
    return _workers_for(len(photos))


def _workers_for(count: int) -> int:
    return 0 if count < FEW else max(1, min(4, _cores() - 1))


def worker_options(workers: int) -> dict[str, Any]:
    """Return the options of a torch DataLoader with this many processes, safe beside threads."""
    workers = min(workers, _cores())  # more would only wait for each other, and torch warns of it
    if not workers:
        return {}
    hub = {name: value for name, value in os.environ.items() if name.startswith("HF_")}
    return {
        "num_workers": workers,
        "prefetch_factor": AHEAD,
        "worker_init_fn": partial(_begin, hub),
        "multiprocessing_context": _context(),
    }


def _begin(hub: dict[str, str], _: int) -> None:
    import torch

    torch.set_num_threads(1)  # the cores are for the workers and the network
    os.environ.update(hub)  # the fork server's environment is that of its start: without a later HF_TOKEN


def _context() -> Any:
    """Return a way to start processes that is safe beside threads.

    A fork copies locks that other threads hold (the page's, pyarrow's, OpenMP's). A spawned process imports
    torch and timm anew, 5 s each; a fork server imports them once, 4 s, then starts a worker in 0.06 s.
    """
    import multiprocessing

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["timm.data", "pyarrow.parquet", __name__])
    return context


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


Failure = tuple[int, PhotoError | SourceError]  # of the photo with this index
Item = tuple[list[Any], int, int, str]  # inputs, label, index, note


@dataclass(frozen=True)
class _Prepared:
    """What a worker holds: photo i as (its inputs, label, i, note), or (i, the error that says why not)."""

    photos: "Photos"
    transforms: "tuple[Transform, ...]"

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> "Item | Failure":
        try:
            image, label = self.photos[index]
        except (PhotoError, SourceError) as error:
            return index, error  # raised in the calling process: the loader would add a worker's traceback
        note = image.info.get(NOTE, "")
        return [transform(image) for transform in self.transforms], label, index, note


def _collate(
    items: "list[Item | Failure]",
) -> "tuple[list[torch.Tensor], tuple[int, ...], tuple[int, ...], list[Failure], tuple[str, ...]]":
    import torch

    failures = [item for item in items if len(item) == 2]
    sound = [item for item in items if len(item) == 4]
    inputs, labels, indices, notes = zip(*sound, strict=True) if sound else ((), (), (), ())
    images = [torch.stack(same) for same in zip(*inputs, strict=True)]  # each (B, 3, S, S)
    return images, labels, indices, failures, tuple(filter(None, notes))
