"""What an evaluation has counted, and how that is kept every few seconds."""

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import torch

from snnet.evaluation.distributed import Processes
from snnet.evaluation.hits import Hits
from snnet.evaluation.intervals import TOPS
from snnet.evaluation.store import Store
from snnet.network.network import Network
from snnet.photos.batches import Batch
from snnet.photos.photo_set import Photos
from snnet.stitches.stitch import Stitch

MOST_BYTES = 1 << 26  # of bits a photo: four million photos of a hundred stitches are counted without


@dataclass
class Counts:
    """What has been counted: photos done, photos of each class, right answers by stitch, class and top.

    `measured` are the photos done that could be decoded; `hits` holds by stitch and top, eight photos a byte,
    whether the answer was right: (0, 0, 0) where that is not known of all. `order` is that of the photos.
    `silent` counts by stitch the photos that got no finite answer, which is a wrong one.
    `broken` and `notes` have a sentence for each photo that was left out, or that has a note.
    """

    done: np.ndarray
    photos: np.ndarray
    right: np.ndarray
    broken: list[str]
    measured: np.ndarray
    hits: np.ndarray
    order: str
    silent: np.ndarray
    notes: list[str] = field(default_factory=list)

    @classmethod
    def none(cls, net: Network, photos: Photos, stitches: Sequence[Stitch]) -> "Counts":
        """Return the counts of an evaluation that has not begun."""
        classes = max(net.anchors[0].model.num_classes, max(photos.labels) + 1)
        shape = (len(stitches), len(TOPS), (len(photos) + 7) // 8)
        return cls(
            done=np.zeros(len(photos), dtype=bool),
            photos=np.zeros(classes, dtype=np.int64),
            right=np.zeros((len(stitches), classes, len(TOPS)), dtype=np.int64),
            broken=[],
            measured=np.zeros(len(photos), dtype=bool),
            hits=np.zeros(shape if prod(shape) <= MOST_BYTES else (0, 0, 0), dtype=np.uint8),
            order=photos.order,
            silent=np.zeros(len(stitches), dtype=np.int64),
        )

    def resumed(self, state: bytes) -> "Counts":
        """Return the counts that `to_bytes` wrote of the evaluation that these are the beginning of.

        Raises ValueError where it is not that one, or damaged.
        """
        try:
            with np.load(io.BytesIO(state), allow_pickle=False) as arrays:
                values = {name: arrays[name] for name in arrays.files}
        except Exception as error:  # zip, header, shape: a damaged file fails in many ways
            raise ValueError(f"it can't be read ({type(error).__name__})") from error
        if "hits" not in values:  # of a version that counted no single photos: it goes on without them
            values |= {"measured": self.measured, "hits": np.zeros((0, 0, 0), np.uint8), "order": self.order}
        values.setdefault("silent", self.silent)  # of a version that did not count them
        values.setdefault("notes", np.array([], dtype=str))  # of a version that had none
        if missing := vars(self).keys() - values:
            raise ValueError(f"it has no {', '.join(sorted(missing))}")
        if str(values["order"]) != self.order:
            raise ValueError("the photos lie in another order now")
        for name in ("done", "photos", "right", "measured", "hits", "silent"):
            array, like = values[name], getattr(self, name)
            is_without = name == "hits" and not array.size
            if array.dtype != like.dtype or (array.shape != like.shape and not is_without):
                raise ValueError(f"{name} is of another shape")
        texts = {name: values[name].tolist() for name in ("broken", "notes")} | {"order": self.order}
        counts = Counts(**{name: values[name] for name in vars(self)} | texts)
        counts.check()
        return counts

    def check(self) -> None:
        """Raise ValueError unless the counts agree with each other."""
        if self.photos.sum() + len(self.broken) != self.done.sum():
            raise ValueError("its photos don't add up")
        if (self.right < 0).any() or (self.right > self.photos[None, :, None]).any():
            raise ValueError("it has more right answers than photos")
        if (self.silent < 0).any() or (self.right[:, :, -1].sum(1) + self.silent > self.photos.sum()).any():
            raise ValueError("it has more answers than photos")
        if self.hits.size and not np.array_equal(
            np.unpackbits(self.hits, axis=-1).sum(-1), self.right.sum(1)
        ):
            raise ValueError("its bits are not those of its counts")

    def to_bytes(self) -> bytes:
        """Return the counts as NumPy's npz."""
        file = io.BytesIO()
        texts = {name: np.array(getattr(self, name), dtype=str) for name in ("broken", "notes")}
        np.savez_compressed(file, **vars(self) | texts)
        return file.getvalue()

    def note(self, indices: Sequence[int], hits: np.ndarray | None) -> None:
        """Set the bits of some photos: hits are (stitches, tops, photos); None where bits are not counted."""
        if not len(indices):
            return
        self.measured[list(indices)] = True
        if self.hits.size and hits is not None:
            place = np.asarray(indices)
            touched, number = np.unique(place >> 3, return_inverse=True)
            flat = np.unpackbits(self.hits[:, :, touched], axis=-1)
            flat[:, :, number * 8 + (place & 7)] = hits
            self.hits[:, :, touched] = np.packbits(flat, axis=-1)

    def hits_of(self, number: int) -> Hits | None:
        """Return the right answers of one stitch photo by photo; None where they are not known."""
        if not self.hits.size:
            return None
        top1, top5 = np.unpackbits(self.hits[number], axis=-1, count=len(self.done)).astype(bool)
        return Hits(self.order, self.measured, top1, top5)


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
        self._notes: list[str] = []
        self._measured: list[int] = []
        self._hits: list[torch.Tensor] = []  # (stitches, tops, photos) a batch
        self._photos = torch.zeros(counts.photos.shape, dtype=torch.int64)
        self._right: torch.Tensor | None = None
        self._silent = torch.zeros(counts.silent.shape, dtype=torch.int64)

    @property
    def is_due(self) -> bool:
        """True if the main process wants to save."""
        return time.monotonic() - self._saved >= self._every_s

    def add(self, batch: Batch, outputs: Iterator[tuple[int, torch.Tensor]]) -> None:
        """Count a batch: (number of the stitch, (B, classes) logits) each."""
        hits: torch.Tensor | None = None
        for number, logits in outputs:
            if self._right is None:  # where the network computes, so that nothing waits for a copy
                self._right = torch.zeros(self.counts.right.shape, dtype=torch.int64, device=logits.device)
                self._silent = self._silent.to(logits.device)
            labels = batch.labels.to(logits.device)
            place_of, finite = places(logits, labels)
            self._silent[number] += (~finite).sum()
            if hits is None:
                shape = (len(self.counts.right), len(TOPS), len(labels))
                hits = torch.zeros(shape, dtype=torch.bool, device=logits.device)
            for place, top in enumerate(TOPS):
                hits[number, place] = place_of < top
                self._right[number, :, place].index_add_(0, labels, hits[number, place].long())
        if hits is not None:
            self._measured += batch.indices.tolist()
            if self.counts.hits.size:
                self._hits.append(hits)
        self._photos.index_add_(0, batch.labels, torch.ones_like(batch.labels))
        self._fresh += [*batch.indices.tolist(), *(index for index, _ in batch.broken)]
        self._broken += [sentence for _, sentence in batch.broken]
        self._notes += batch.notes

    def save(self) -> None:
        """Add up and keep; every process calls it at the same step."""
        right = self._right
        if right is None:
            right = torch.zeros(self.counts.right.shape, dtype=torch.int64)
        self.counts.right += self.processes.sum(right).cpu().numpy()
        self.counts.photos += self.processes.sum(self._photos).cpu().numpy()
        self.counts.silent += self.processes.sum(self._silent).cpu().numpy()
        hits = np.packbits(torch.cat(self._hits, dim=-1).cpu().numpy(), axis=-1) if self._hits else None
        shares = self.processes.gather((self._fresh, self._broken, self._notes, self._measured, hits))
        for fresh, broken, notes, measured, hits in shares:
            self.counts.done[fresh] = True
            self.counts.broken += broken
            self.counts.notes += notes
            if hits is not None:
                hits = np.unpackbits(hits, axis=-1, count=len(measured))
            self.counts.note(measured, hits)
        if self.processes.is_main:
            self._store.put_progress(self._run, self.counts.to_bytes())
        self._right, self._measured, self._hits = None, [], []
        self._fresh, self._broken, self._notes = [], [], []
        self._photos.zero_()
        self._silent.zero_()
        self._saved = time.monotonic()


def places(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the place of each label in (B, classes) logits, from 0, and which rows are finite: (B,) both.

    A class that scores as much as the label stands before it, as the two are not told apart: a network whose
    scores are all alike is right nowhere, whatever the order of its classes. In a row that is not finite, and
    of a label that the network has no class for, the label comes last.
    """
    scores, classes = logits.float(), logits.shape[1]
    finite = scores.isfinite().all(1)
    own = scores.gather(1, labels.clamp_max(classes - 1)[:, None])
    before = (scores >= own).sum(1) - 1
    return torch.where(finite & (labels < classes), before, max(classes, TOPS[-1])), finite
