"""Accuracy of every stitch over a set of photos, in one pass: decoded once, shared beginnings run once.

What is counted is kept every few seconds, so that an evaluation that is killed goes on where it was.
"""

import copy
import datetime
import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from snnet.evaluation.distributed import Processes
from snnet.evaluation.results import Result, Store, known, routes
from snnet.network.sweep import sweep
from snnet.photos.decode import PhotoError
from snnet.stitches.stitch import Stitch

if TYPE_CHECKING:
    from snnet.network.network import StitchedNetwork
    from snnet.photos.batches import Batch
    from snnet.photos.photo_set import Photos

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SAVE_EVERY_S = 10.0  # what a kill costs at most, beside the batch under way
TOP = (1, 5)


def missing(net: "StitchedNetwork", photos: "Photos", precision: str, store: Store) -> list[Stitch]:
    """Return the stitches without a result for these photos, neither in the store nor shipped."""
    fingerprint = photos.fingerprint
    done = {
        stitch.name
        for stitch, result in known(net, store)
        if (result.photos, result.precision) == (fingerprint, precision)
    }
    return [stitch for stitch in net.stitches if stitch.name not in done]


def evaluate(
    net: "StitchedNetwork",
    photos: "Photos",
    *,
    precision: str = "float32",
    batch_size: int = 32,  # past 16 the throughput of a CPU hardly rises
    workers: int | None = 0,  # decoding is a small part beside many stitches
    about: str | None = None,  # how people should read of these photos, e.g. beside an estimate
    store: Store | None = None,
    progress: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    skip_broken: bool = False,
    save_every_s: float = SAVE_EVERY_S,
    processes: Processes | None = None,
) -> list[Result]:
    """Measure every stitch that has no result yet, remember the results, and return them.

    Runs on the device of the network's parameters; under `accelerate launch` or `torchrun` each process takes
    its share of the photos on its own device. An evaluation that was interrupted goes on from what the store
    holds of it: no photo is counted twice or lost.

    Photos that can't be decoded raise PhotoError, which names the first; what was counted by then is kept.
    With `skip_broken` they are left out, which `total` and `photos_about` of the results tell.

    `on_progress` is told the photos done and all photos, before the first and after each batch. What it
    raises ends the evaluation, with everything counted by then kept; where several processes run it may not.

    Raises ValueError for an unknown precision and for photos without labels.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
    if unlabelled := sum(label < 0 for label in photos.labels):
        raise ValueError(f"{photos.describe()}: {unlabelled} photos have no label; accuracy needs labels")
    if not photos.imagenet:
        raise ValueError(f"{photos.describe()}: name the sub-folders by synset or by ImageNet-1k class name")
    processes, store = processes or Processes(), store or Store()
    # the main process decides: other machines have other stores
    names = processes.share(
        [s.name for s in missing(net, photos, precision, store)] if processes.is_main else None
    )
    if not names:
        return []
    stitches = [net.stitch(name) for name in names]
    run = run_key(net, photos, stitches, precision)
    state = store.progress(run) if processes.is_main else None
    counts = _Counts.read(processes.share(state)) or _Counts.none(net, photos, stitches)
    saver = _Saver(counts, processes, store, run, save_every_s)
    left = np.flatnonzero(~counts.done)
    share = np.array_split(left, processes.size)[processes.rank].tolist()
    done = len(photos) - len(left)
    bar = tqdm(
        total=len(photos),
        initial=done,
        unit="photo",
        disable=not (progress and processes.is_main),
        desc=f"evaluate {net.name}",
    )

    def tell() -> None:
        if on_progress is None or not processes.is_main:
            return
        try:
            on_progress(done, len(photos))
        except BaseException:
            saver.save()
            raise

    with bar:
        tell()
        for count in _measure(
            net, photos, stitches, precision, batch_size, workers, share, skip_broken, saver
        ):
            bar.update(count)
            done += count
            tell()
    results = _results(net, photos, stitches, precision, about, counts)
    if processes.is_main:
        store.finish(results, run)
    processes.share(None)  # none goes on before the results are there
    return results


def run_key(net: "StitchedNetwork", photos: "Photos", stitches: Sequence[Stitch], precision: str) -> str:
    """Return what makes an evaluation this one: photos, precision, the stitches' tensors and transforms."""
    route = routes(net)
    parts = [photos.fingerprint, precision]
    parts += [f"{route[stitch.name]} {net.transform(stitch).key}" for stitch in stitches]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class _Counts:
    """What has been counted: photos done, photos of each class, right answers by stitch, class and top."""

    def __init__(self, done: np.ndarray, photos: np.ndarray, right: np.ndarray, broken: list[str]) -> None:
        self.done, self.photos, self.right, self.broken = done, photos, right, broken

    @classmethod
    def none(cls, net: "StitchedNetwork", photos: "Photos", stitches: Sequence[Stitch]) -> "_Counts":
        classes = max(net.anchors[0].model.num_classes, max(photos.labels) + 1)
        return cls(
            np.zeros(len(photos), dtype=bool),
            np.zeros(classes, dtype=np.int64),
            np.zeros((len(stitches), classes, len(TOP)), dtype=np.int64),
            [],
        )

    @classmethod
    def read(cls, state: bytes | None) -> "_Counts | None":
        if state is None:
            return None
        with np.load(io.BytesIO(state), allow_pickle=False) as held:
            return cls(held["done"], held["photos"], held["right"], held["broken"].tolist())

    def written(self) -> bytes:
        file = io.BytesIO()
        np.savez_compressed(
            file,
            done=self.done,
            photos=self.photos,
            right=self.right,
            broken=np.array(self.broken, dtype=str),
        )
        return file.getvalue()


class _Saver:
    """Adds up what the processes have counted since the last time, and has the main one keep it."""

    def __init__(
        self, counts: _Counts, processes: Processes, store: Store, run: str, save_every_s: float
    ) -> None:
        self.counts, self.processes = counts, processes
        self._store, self._run, self._every_s = store, run, save_every_s
        self._saved = time.monotonic()
        self._fresh: list[int] = []
        self._broken: list[str] = []
        self._photos = torch.zeros(counts.photos.shape, dtype=torch.int64)
        self._right: torch.Tensor | None = None

    @property
    def is_due(self) -> bool:
        """True if the main process wants to save."""
        return time.monotonic() - self._saved >= self._every_s

    def add(self, batch: "Batch", outputs: Iterator[tuple[int, torch.Tensor]]) -> None:
        """Count a batch: (number of the stitch, (B, classes) logits) each."""
        for number, logits in outputs:
            if self._right is None:  # where the network computes, so that nothing waits for a copy
                self._right = torch.zeros(self.counts.right.shape, dtype=torch.int64, device=logits.device)
            labels = batch.labels.to(logits.device)
            ranked = logits.float().topk(min(TOP[-1], logits.shape[1]), dim=1).indices == labels[:, None]
            for place, top in enumerate(TOP):
                self._right[number, :, place].index_add_(0, labels, ranked[:, :top].any(1).long())
        self._photos.index_add_(0, batch.labels, torch.ones_like(batch.labels))
        self._fresh += [*batch.indices.tolist(), *(index for index, _ in batch.broken)]
        self._broken += [sentence for _, sentence in batch.broken]

    def save(self) -> None:
        """Add up and keep; every process calls it at the same step."""
        right = (
            torch.zeros(self.counts.right.shape, dtype=torch.int64) if self._right is None else self._right
        )
        self.counts.right += self.processes.sum(right).cpu().numpy()
        self.counts.photos += self.processes.sum(self._photos).cpu().numpy()
        for fresh, broken in self.processes.gather((self._fresh, self._broken)):
            self.counts.done[fresh] = True
            self.counts.broken += broken
        if self.processes.is_main:
            self._store.put_progress(self._run, self.counts.written())
        self._right, self._fresh, self._broken = None, [], []
        self._photos.zero_()
        self._saved = time.monotonic()


def _measure(
    net: "StitchedNetwork",
    photos: "Photos",
    stitches: Sequence[Stitch],
    precision: str,
    batch_size: int,
    workers: int | None,
    share: Sequence[int],
    skip_broken: bool,
    saver: _Saver,
) -> Iterator[int]:
    """Count this process's share of the photos; yield how many photos all have done, step by step."""
    from snnet.photos.batches import batches

    processes = saver.processes
    by_transform: dict[Any, list[Stitch]] = {}
    for stitch in stitches:
        by_transform.setdefault(net.transform(stitch), []).append(stitch)
    number = {stitch: k for k, stitch in enumerate(stitches)}
    if processes.device is not None:
        net = net.to(processes.device)
    device = next(net.parameters()).device
    ready = _prepared(net, precision)

    def outputs(batch: "Batch") -> Iterator[tuple[int, torch.Tensor]]:
        for transform, group in by_transform.items():
            x = batch.images[transform].to(device, PRECISIONS[precision], memory_format=torch.channels_last)
            for stitch, logits in sweep(ready, x, group):
                yield number[stitch], logits

    source: Iterator[Batch] = iter(())
    if share:
        source = batches(photos, list(by_transform), batch_size, workers, rows=share, skip_broken=skip_broken)
    while True:
        batch, wrong = None, ""
        try:
            batch = next(source, None)
        except PhotoError as error:
            wrong = str(error)
        # one tells all, so that none waits for one that has stopped
        told = processes.gather((batch is not None, wrong, saver.is_due and processes.is_main))
        if batch is not None:
            saver.add(batch, outputs(batch) if len(batch.labels) else iter(()))
        sentences = [sentence for _, sentence, _ in told if sentence]
        is_over = not any(is_there for is_there, _, _ in told)
        if told[0][2] or is_over or sentences:
            saver.save()
        if sentences:
            raise PhotoError(sentences[0])
        if is_over:
            return
        sizes = [0 if batch is None else len(batch.labels) + len(batch.broken)]
        yield sum(processes.gather(sizes[0])) if processes.size > 1 else sizes[0]


def _results(
    net: "StitchedNetwork",
    photos: "Photos",
    stitches: Sequence[Stitch],
    precision: str,
    about: str | None,
    counts: _Counts,
) -> list[Result]:
    route, today = routes(net), datetime.date.today().isoformat()
    said = about or photos.describe()
    if counts.broken:
        said += f", {len(counts.broken)} broken left out"
    present = np.flatnonzero(counts.photos).tolist()

    def row(number: int, label: int) -> tuple[int, int, int]:
        first, five = counts.right[number, label].tolist()
        return int(counts.photos[label]), first, five

    return [
        Result(
            route=route[stitch.name],
            photos=photos.fingerprint,
            transform=net.transform(stitch).key,
            precision=precision,
            total=int(counts.photos.sum()),
            top1=int(counts.right[number, :, 0].sum()),
            top5=int(counts.right[number, :, 1].sum()),
            per_class={label: row(number, label) for label in present},
            photos_about=said,
            measured_on=today,
            network=net.name,
            stitch=stitch.name,
        )
        for number, stitch in enumerate(stitches)
    ]


def _prepared(net: "StitchedNetwork", precision: str) -> "StitchedNetwork":
    """Return a copy in this precision, its convolutions laid out channels-last (twice as fast on CPUs)."""
    ready = copy.deepcopy(net).eval().to(PRECISIONS[precision])
    return ready.to(memory_format=torch.channels_last)
