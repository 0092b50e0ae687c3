"""Stitching layers, and the norms behind them, set from photos: no training."""

from collections.abc import Iterator

import torch
from torch import Tensor
from tqdm import tqdm

from snnet.network import least_squares, match_norms
from snnet.network.network import Network
from snnet.photos.batches import batches
from snnet.photos.photo_set import Photos


def start(
    net: Network,
    photos: Photos,
    *,
    batch_size: int = 16,
    workers: int | None = 0,
    progress: bool = False,
) -> None:
    """Set a network's stitching layers by least squares on photos, at its first stitch's size.

    Norms behind them are matched on the first of these photos.
    """
    transform = net.transform(net.stitches[0])
    text = f"{len(net.layers)} stitching layers from {photos.describe()} at {transform.image_size} px"
    first: list[Tensor] = []

    def images() -> Iterator[Tensor]:
        with tqdm(total=len(photos), unit="photo", desc=text, disable=not progress) as bar:
            for batch in batches(photos, [transform], batch_size, workers):
                x = batch.images[transform]
                if net.own_norms and sum(map(len, first)) < match_norms.PHOTOS:
                    first.append(x)
                yield x
                bar.update(len(x))

    least_squares.start(net, images())
    if net.own_norms:
        few = torch.cat(first)[: match_norms.PHOTOS].to(memory_format=torch.channels_last)
        match_norms.match(net, few.to(next(net.parameters()).device))
