"""What an evaluation has counted, and how that is kept every few seconds."""

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from snnet.evaluation.distributed import Processes
from snnet.evaluation.intervals import TOPS
from snnet.evaluation.store import Store
from snnet.network.network import Network
from snnet.photos.batches import Batch
from snnet.photos.photo_set import Photos
from snnet.stitches.stitch import Stitch


@dataclass
class Counts:
    """What has been counted: photos done, photos of each class, right answers by stitch, class and top."""

    done: np.ndarray
    photos: np.ndarray
    right: np.ndarray
    broken: list[str]

    @classmethod
    def none(cls, net: Network, photos: Photos, stitches: Sequence[Stitch]) -> "Counts":
        """Return the counts of an evaluation that has not begun."""
        classes = max(net.anchors[0].model.num_classes, max(photos.labels) + 1)
        return cls(
            np.zeros(len(photos), dtype=bool),
            np.zeros(classes, dtype=np.int64),
            np.zeros((len(stitches), classes, len(TOPS)), dtype=np.int64),
            [],
        )

    @classmethod
    def from_bytes(cls, state: bytes) -> "Counts":
        """Return the counts that `to_bytes` wrote."""
        with np.load(io.BytesIO(state), allow_pickle=False) as arrays:
            return cls(arrays["done"], arrays["photos"], arrays["right"], arrays["broken"].tolist())

    def to_bytes(self) -> bytes:
        """Return the counts as NumPy's npz."""
        file = io.BytesIO()
        np.savez_compressed(file, **vars(self) | {"broken": np.array(self.broken, dtype=str)})
        return file.getvalue()


class Saver:
    """Adds up what the processes have counted since the last time, and has the main one keep it."""

    def __init__(
        self, counts: Counts, processes: Processes, store: Store, run: str, save_every_s: float
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

    def add(self, batch: Batch, outputs: Iterator[tuple[int, torch.Tensor]]) -> None:
        """Count a batch: (number of the stitch, (B, classes) logits) each."""
        for number, logits in outputs:
            if self._right is None:  # where the network computes, so that nothing waits for a copy
                self._right = torch.zeros(self.counts.right.shape, dtype=torch.int64, device=logits.device)
            labels = batch.labels.to(logits.device)
            ranked = logits.float().topk(min(TOPS[-1], logits.shape[1]), dim=1).indices == labels[:, None]
            for place, top in enumerate(TOPS):
                self._right[number, :, place].index_add_(0, labels, ranked[:, :top].any(1).long())
        self._photos.index_add_(0, batch.labels, torch.ones_like(batch.labels))
        self._fresh += [*batch.indices.tolist(), *(index for index, _ in batch.broken)]
        self._broken += [sentence for _, sentence in batch.broken]

    def save(self) -> None:
        """Add up and keep; every process calls it at the same step."""
        right = self._right
        if right is None:
            right = torch.zeros(self.counts.right.shape, dtype=torch.int64)
        self.counts.right += self.processes.sum(right).cpu().numpy()
        self.counts.photos += self.processes.sum(self._photos).cpu().numpy()
        for fresh, broken in self.processes.gather((self._fresh, self._broken)):
            self.counts.done[fresh] = True
            self.counts.broken += broken
        if self.processes.is_main:
            self._store.put_progress(self._run, self.counts.to_bytes())
        self._right, self._fresh, self._broken = None, [], []
        self._photos.zero_()
        self._saved = time.monotonic()
