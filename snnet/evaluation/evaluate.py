"""Accuracy of every stitch over a set of photos, in one pass: decoded once, shared beginnings run once.

What is counted is kept every few seconds, so that an evaluation that is killed goes on where it was.
"""

import copy
import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from snnet.evaluation.counts import Counts, Saver
from snnet.evaluation.distributed import Processes
from snnet.evaluation.provenance import missing, routes, run_key
from snnet.evaluation.results import Result, answered
from snnet.evaluation.store import Store
from snnet.network.network import Network
from snnet.network.sweep import sweep
from snnet.optional import warn
from snnet.photos.batches import Batch
from snnet.photos.broken import Remarks
from snnet.photos.decode import PhotoError
from snnet.photos.heads import doubles_in_words, outputs_of, reduction
from snnet.photos.photo_set import Photos
from snnet.stitches.stitch import Stitch

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate; ValueError for an unknown precision.

    With `remarks.skip_broken`, photos that can't be decoded are left out, which `total` and `photos_about` of
    the results tell.
    """

    precision: str = "float32"
    batch_size: int = 32  # past 16 the throughput of a CPU hardly rises
    workers: int | None = 0  # decoding is a small part beside many stitches
    about: str | None = None  # how people should read of these photos, e.g. beside an estimate
    remarks: Remarks | None = None  # whether broken photos are left out; hears of them, and of notes
    save_every_s: float = 10.0  # what a kill costs at most, beside the batch under way
    progress: bool = False  # draw a bar

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision {self.precision!r} is none of {', '.join(PRECISIONS)}")


def evaluate(
    net: Network,
    photos: Photos,
    options: EvaluationOptions = EvaluationOptions(),
    *,
    store: Store | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    processes: Processes | None = None,
) -> list[Result]:
    """Measure every stitch that has no result yet, remember the results, and return them.

    Runs on the device of the network's parameters; under `accelerate launch` or `torchrun` each process takes
    its share of the photos on its own device. An evaluation that was interrupted goes on from what the store
    holds of it: no photo is counted twice or lost.

    Photos that can't be decoded raise PhotoError, which names the first, unless they are to be skipped.
    `on_progress` is told the photos done and all photos, before the first and after each batch. What it
    raises ends the evaluation, with everything counted by then kept; where several processes run it may not.

    Labels are ImageNet-1k's. A head of more classes, all of those among them, answers with the likeliest of
    those, which `photos_about` tells. Raises, before the first photo, LabelError (a ValueError) for photos
    without labels or with others and a head that lacks some, StoreError where results could not be kept.
    """
    outputs_of(photos, net.label_set, net.name)
    processes, store = processes or Processes(), store or Store()
    if processes.is_main:
        store.mend()
    # the main process decides: other machines have other stores
    names = processes.share(
        [s.name for s in missing(net, photos, options.precision, store)] if processes.is_main else None
    )
    if not names:
        return []
    stitches = [net.stitch(name) for name in names]
    run = run_key(net, photos, stitches, options.precision)
    counts = Counts.none(net, photos, stitches)
    counts = processes.share(_resumed(store, run, counts) if processes.is_main else None)
    saver = Saver(counts, processes, store, run, options.save_every_s)
    doubles = doubles_in_words(photos) if processes.is_main else ""  # hashes files: before the first photo
    evaluation = _Evaluation(net, photos, stitches, options, saver, doubles)
    left = np.flatnonzero(~counts.done)
    share = np.array_split(left, processes.size)[processes.rank].tolist()
    done = len(photos) - len(left)
    is_quiet = not (options.progress and processes.is_main)
    label = f"evaluate {net.name}"
    with tqdm(total=len(photos), initial=done, unit="photo", disable=is_quiet, desc=label) as bar:
        for count in chain([0], evaluation.measure(share)):
            bar.update(count)
            done += count
            if on_progress and processes.is_main:
                try:
                    on_progress(done, len(photos))
                except BaseException:
                    saver.save()
                    raise
    results = evaluation.results()
    if processes.is_main:
        store.finish(results, run)
    processes.share(None)  # none goes on before the results are there
    return results


def _resumed(store: Store, run: str, counts: Counts) -> Counts:
    """Return what a store that can be written holds of a run, or these empty counts.

    Where what it holds is of no use a warning says why.
    """
    store.check(2 * (counts.right.nbytes + counts.hits.nbytes))
    if (state := store.progress(run)) is None:
        return counts
    try:
        return counts.resumed(state)
    except ValueError as error:
        warn(f"what {store.file} holds of this evaluation is of no use ({error}): it begins anew")
        return counts


@dataclass(frozen=True)
class _Evaluation:
    """One evaluation in one process."""

    net: Network
    photos: Photos
    stitches: Sequence[Stitch]
    options: EvaluationOptions
    saver: Saver
    doubles: str  # in words, the photos that are there more than once

    @property
    def remarks(self) -> Remarks:
        return self.options.remarks or Remarks()

    def measure(self, share: Sequence[int]) -> Iterator[int]:
        """Count this process's share of the photos; yield how many photos all have done, step by step."""
        from snnet.photos.batches import batches

        saver, processes, options = self.saver, self.saver.processes, self.options
        by_transform: dict[Any, list[Stitch]] = {}
        for stitch in self.stitches:
            by_transform.setdefault(self.net.transform(stitch), []).append(stitch)
        number = {stitch: k for k, stitch in enumerate(self.stitches)}
        if processes.device is not None:
            self.net.to(processes.device)
        device, dtype = next(self.net.parameters()).device, PRECISIONS[options.precision]
        net = for_measuring(self.net, options.precision)
        head = self.net.label_set
        classes = None if head.is_imagenet_1k else torch.tensor(head.imagenet_1k, device=device)

        def outputs(batch: Batch) -> Iterator[tuple[int, torch.Tensor]]:
            for transform, group in by_transform.items():
                x = batch.images[transform].to(device, dtype, memory_format=torch.channels_last)
                for stitch, logits in sweep(net, x, group):
                    yield number[stitch], logits if classes is None else logits[:, classes]

        source: Iterator[Batch] = iter(())
        if share:
            source = batches(
                self.photos,
                list(by_transform),
                options.batch_size,
                options.workers,
                rows=share,
                skip_broken=self.remarks.skip_broken,
            )
        while True:
            batch, wrong = None, ""
            try:
                batch = next(source, None)
            except PhotoError as error:
                wrong = str(error)
            # one tells all, so that none waits for one that has stopped
            reports = processes.gather((batch is not None, wrong, saver.is_due and processes.is_main))
            if batch is not None:
                saver.add(batch, outputs(batch) if len(batch.labels) else iter(()))
            sentences = [sentence for _, sentence, _ in reports if sentence]
            is_over = not any(is_there for is_there, _, _ in reports)
            if reports[0][2] or is_over or sentences:
                saver.save()
            if sentences:
                raise PhotoError(sentences[0])
            if is_over:
                return
            yield sum(processes.gather(0 if batch is None else len(batch.labels) + len(batch.broken)))

    def results(self) -> list[Result]:
        """Return what was counted, a result a stitch, and tell what there is to say of single photos.

        Raises PhotoError where none could be decoded.
        """
        counts = self.saver.counts
        self.remarks.broken.update(counts.broken)
        self.remarks.notes.update(counts.notes)
        if not counts.photos.sum():
            first = min(counts.broken)
            raise PhotoError(f"none of {self.photos.describe()} can be decoded, the first: {first}")
        route, today = routes(self.net), datetime.date.today().isoformat()
        about = self.options.about or self.photos.describe()
        if words := reduction(self.net.label_set):
            about += f"; {words}"
        if self.doubles:
            about += f"; {self.doubles}"
        if counts.broken:
            about += f", {len(counts.broken)} broken left out"
        classes = np.flatnonzero(counts.photos).tolist()
        photos = counts.photos.tolist()
        return [
            Result(
                route=route[stitch.name],
                photos=self.photos.fingerprint,
                transform=self.net.transform(stitch).key,
                precision=self.options.precision,
                total=sum(photos),
                top1=sum(first for first, _ in right),
                top5=sum(five for _, five in right),
                per_class={label: (photos[label], *right[label]) for label in classes},
                photos_about=answered(about, int(counts.silent[number]), sum(photos)),
                measured_on=today,
                network=self.net.name,
                stitch=stitch.name,
                classes=self.net.label_set.digest,
                hits=counts.hits_of(number),
            )
            for number, (stitch, right) in enumerate(zip(self.stitches, counts.right.tolist(), strict=True))
        ]


def for_measuring(net: Network, precision: str) -> Network:
    """Return a copy in this precision, its convolutions laid out channels-last (twice as fast on CPUs)."""
    copied = copy.deepcopy(net).eval().to(PRECISIONS[precision])
    return copied.to(memory_format=torch.channels_last)
