"""Accuracy of every stitch over a set of photos, in one pass: decoded once, shared beginnings run once."""

import copy
import datetime
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from snnet.results import Result, Store, known, routes
from snnet.stitches import Stitch
from snnet.walk import sweep

if TYPE_CHECKING:
    from snnet.data import Photos
    from snnet.network import StitchedNetwork

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


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
    workers: int = 0,  # decoding is a small part beside many stitches
    about: str | None = None,  # how people should read of these photos, e.g. beside an estimate
    store: Store | None = None,
    progress: bool = False,
) -> list[Result]:
    """Measure every stitch that has no result yet, remember the results, and return them.

    Runs on the device of the network's parameters. Raises ValueError for an unknown precision and for
    photos without labels.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
    if unlabelled := sum(label < 0 for label in photos.labels):
        raise ValueError(f"{photos.describe()}: {unlabelled} photos have no label; accuracy needs labels")
    if not photos.imagenet:
        raise ValueError(f"{photos.describe()}: name the sub-folders by synset or by ImageNet-1k class name")
    store = store or Store()
    stitches = missing(net, photos, precision, store)
    if not stitches:
        return []
    counts = {stitch.name: _Tally() for stitch in stitches}
    with tqdm(total=len(photos), unit="photo", disable=not progress, desc=f"evaluate {net.name}") as bar:
        for labels, outputs in _logits(net, photos, stitches, precision, batch_size, workers):
            for stitch, logits in outputs:
                counts[stitch.name].add(logits, labels)
            bar.update(len(labels))
    route = routes(net)
    today = datetime.date.today().isoformat()
    results = [
        Result(
            route=route[stitch.name],
            photos=photos.fingerprint,
            transform=net.transform(stitch).key,
            precision=precision,
            photos_about=about or photos.describe(),
            measured_on=today,
            network=net.name,
            stitch=stitch.name,
            **counts[stitch.name].totals(),
        )
        for stitch in stitches
    ]
    store.put(results)
    return results


class _Tally:
    """Right answers by class."""

    def __init__(self) -> None:
        self.per_class: dict[int, list[int]] = {}

    def add(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Count (B, classes) logits against (B,) labels."""
        ranked = logits.float().topk(min(5, logits.shape[1]), dim=1).indices.cpu() == labels[:, None]
        right = zip(labels.tolist(), ranked[:, 0].tolist(), ranked.any(1).tolist(), strict=True)
        for label, first, five in right:
            row = self.per_class.setdefault(label, [0, 0, 0])
            row[0] += 1
            row[1] += first
            row[2] += five

    def totals(self) -> dict[str, Any]:
        """Return the fields of a `Result` that are counted."""
        rows = self.per_class.values()
        total, top1, top5 = (sum(row[k] for row in rows) for k in range(3))
        return {
            "per_class": {label: tuple(row) for label, row in self.per_class.items()},
            "total": total,
            "top1": top1,
            "top5": top5,
        }


def _logits(
    net: "StitchedNetwork",
    photos: "Photos",
    stitches: Sequence[Stitch],
    precision: str,
    batch_size: int,
    workers: int,
) -> Iterator[tuple[torch.Tensor, Iterator[tuple[Stitch, torch.Tensor]]]]:
    """Yield (labels, (stitch, logits) of every stitch) batch by batch; take the second before the next."""
    from snnet.data import batches

    device = next(net.parameters()).device
    by_transform: dict[Any, list[Stitch]] = {}
    for stitch in stitches:
        by_transform.setdefault(net.transform(stitch), []).append(stitch)
    ready = _prepared(net, precision)
    for images, labels, _, _ in batches(photos, list(by_transform), batch_size, workers):

        def outputs(images: dict = images) -> Iterator[tuple[Stitch, torch.Tensor]]:
            for transform, group in by_transform.items():
                x = images[transform].to(device, PRECISIONS[precision], memory_format=torch.channels_last)
                yield from sweep(ready, x, group)

        yield labels, outputs()


def _prepared(net: "StitchedNetwork", precision: str) -> "StitchedNetwork":
    """Return a copy in this precision, its convolutions laid out channels-last (twice as fast on CPUs)."""
    ready = copy.deepcopy(net).eval().to(PRECISIONS[precision])
    return ready.to(memory_format=torch.channels_last)
