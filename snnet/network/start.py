"""Stitching layers, and the norms behind them, set from photos: no training."""

from collections.abc import Iterator

import torch
from torch import Tensor
from tqdm import tqdm

from snnet.network import least_squares, match_norms
from snnet.network.network import Network
from snnet.photos.batches import batches
from snnet.photos.broken import Remarks
from snnet.photos.decode import PhotoError
from snnet.photos.photo_set import Photos


def start(
    net: Network,
    photos: Photos,
    *,
    batch_size: int = 16,
    workers: int | None = 0,
    progress: bool = False,
    remarks: Remarks | None = None,
) -> None:
    """Set a network's stitching layers by least squares on photos, at its first stitch's size.

    Norms behind them are matched on the first of these photos. `remarks` says whether broken photos are left
    out, and hears of them. Raises PhotoError for the first one if they aren't, or if all are.
    """
    transform = net.transform(net.stitches[0])
    text = f"{len(net.layers)} stitching layers from {photos.describe()} at {transform.image_size} px"
    first: list[Tensor] = []
    remarks = remarks or Remarks()

    def images() -> Iterator[Tensor]:
        with tqdm(total=len(photos), unit="photo", desc=text, disable=not progress) as bar:
            for batch in batches(photos, [transform], batch_size, workers, skip_broken=remarks.skip_broken):
                remarks.broken.update(sentence for _, sentence in batch.broken)
                remarks.notes.update(batch.notes)
                bar.update(len(batch.broken))
                if not len(batch.labels):
                    continue
                x = batch.images[transform]
                if net.own_norms and sum(map(len, first)) < match_norms.PHOTOS:
                    first.append(x)
                yield x
                bar.update(len(x))
        if len(remarks.broken) == len(photos):
            raise PhotoError(f"none of {photos.describe()} can be decoded, the first: {min(remarks.broken)}")

    least_squares.start(net, images())
    if net.own_norms:
        few = torch.cat(first)[: match_norms.PHOTOS].to(memory_format=torch.channels_last)
        match_norms.match(net, few.to(next(net.parameters()).device))
