"""Measuring from the page, one evaluation at a time for the whole app.

What it reads are paths of this machine, so it is for the person at this machine alone: see `loopback`.
"""

import copy
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..jobs import Job, Stop
from ..work import machine
from .table import Table

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.evaluation.accuracy import Accuracy
    from snnet.evaluation.results import Result
    from snnet.evaluation.store import Store
    from snnet.photos.broken import Remarks

    from ..networks import Networks

ACCEPTED = "a Parquet file, several as a glob of them, a folder of Parquet files, or a folder of photos"
LABELS_FILE = ("by --labels FILE", "in “Labels file”")  # what a refusal says to do, and its place on the page
MOST = 32  # photos in a batch
BATCH_GMACS = 200.0  # of a batch, all stitches together: a few seconds of a CPU, which stopping waits for
SAVE_EVERY_S = 5.0


@dataclass(kw_only=True, eq=False)
class _Evaluation(Job):
    """`done` and `total` are photos; while the state is "reading", files."""

    number: int
    network: str
    settings: dict[str, Any]
    state: str = "reading"  # then "measuring"
    photos: str = ""  # what is measured on, in words
    first: int = 0  # photos that were done when it went on
    batches_since: float = 0.0  # when the first batch began
    noted: float = 0.0  # when `done` was noted

    def note(self, done: int, total: int) -> None:
        self.noted = time.monotonic()
        if self.state == "reading":
            self.first, self.batches_since = done, self.noted
        self.done, self.total, self.state = done, total, "measuring"
        self.check()

    def progress(self) -> dict[str, Any]:
        took, fresh = self.noted - self.batches_since, self.done - self.first
        rate = fresh / took if self.state == "measuring" and took > 0 and fresh else None
        return super().progress() | {
            "number": self.number,
            "network": self.network,
            "title": self.title,
            "asked": self.settings,
            "photos": self.photos,
            "first": self.first,
            "rate": rate,
            "left_s": (self.total - self.done) / rate if rate else None,
        }


class _Watched:
    """Remembers fingerprints as the store does, and notes how many were asked; stops when it should."""

    def __init__(self, job: _Evaluation, store: "Store") -> None:
        self._job, self._memory = job, store.fingerprints
        self._files: set[str] = set()

    def get(self, key: tuple[str, int, int], /) -> str | None:
        self._job.check()
        self._files.add(key[0])  # those of equal size are asked for twice
        self._job.done = len(self._files)
        return self._memory.get(key)

    def __setitem__(self, key: tuple[str, int, int], fingerprint: str, /) -> None:
        self._memory[key] = fingerprint


class Backend:
    """Evaluations of the app's networks, one at a time, seen by every tab; and the store as a table."""

    def __init__(self, networks: "Networks", store: "Store | None" = None) -> None:
        from snnet.evaluation.store import Store

        self._networks, self._store = networks, store or Store()
        self._lock = threading.Lock()
        self._job: _Evaluation | None = None
        self._table = Table(self._store)

    def start(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to measure a network, or go on where it was stopped; return `progress`.

        `question` has "network", and as texts "path", "labels" and "limit"; "precision"; "skip_broken" and
        "indices", which says that sub-folders named by number are ImageNet-1k's.
        Raises ValueError for what can't be, and while another evaluation runs; what is wrong with the photos
        themselves comes by `progress`.
        """
        network = self._networks.name_of(question.get("network"))
        settings = _settings(question)
        with self._lock:
            if self._job and self._job.is_running:
                raise ValueError(
                    f"{self._job.title} is being measured: cancel that, or measure this when it is done"
                )
            job = self._job = _Evaluation(
                title=self._networks.title_of(network),
                number=self._job.number + 1 if self._job else 1,
                network=network,
                settings=settings,
            )
        job.start(lambda: self._measure(job), lambda error: _excuse(job, error))
        return self.progress()

    def cancel(self) -> dict[str, Any]:
        """Stop after the batch under way, which still counts; return `progress`."""
        with self._lock:
            if self._job and self._job.is_running:
                self._job.stopping = True
        return self.progress()

    def progress(self) -> dict[str, Any]:
        """Return how far the newest evaluation is: {"state": "idle"} without one.

        "done" and "total" are photos (files while "reading"), "rate" photos a second, "left_s" seconds.
        """
        return self._job.progress() if self._job else {"state": "idle", "number": 0}

    def wait(self) -> dict[str, Any]:
        """Return `progress` once nothing runs."""
        if self._job:
            self._job.ended.wait()
        return self.progress()

    def _measure(self, job: _Evaluation) -> str:
        import torch

        from snnet.evaluation.evaluate import EvaluationOptions, evaluate
        from snnet.photos.broken import Remarks
        from snnet.photos.photo_set import open_photos

        settings = job.settings
        machine.use_cores(machine.cores())
        net = self._networks.network_of(job.network)
        photos = open_photos(
            settings["path"],
            limit=settings["limit"],
            remember=_Watched(job, self._store),
            labels=settings["labels"] or None,
            labels_are="indices" if settings["indices"] else "names",
        )
        job.photos = photos.describe()
        job.check()
        if torch.accelerator.is_available():  # a copy: the page goes on to ask this one
            net = copy.deepcopy(net).to(torch.accelerator.current_accelerator())
        remarks = Remarks(settings["skip_broken"])
        new = evaluate(
            net,
            photos,
            EvaluationOptions(
                precision=settings["precision"],
                batch_size=_batch(net),
                remarks=remarks,
                save_every_s=SAVE_EVERY_S,
            ),
            store=self._store,
            on_progress=job.note,
        )
        if not new:
            return f"Nothing to compute: all {len(net.stitches)} stitches have a result for {job.photos}."
        self._networks.refresh(job.network, self._store)
        chart = _on_the_chart(self._networks.network_of(job.network).accuracies, new)
        return f"Measured {_count(len(new), 'stitch', 'es')} on {job.photos}{_remarks(remarks)}. {chart}"

    def table(self, network: Any = "", everything: bool = False) -> dict[str, Any]:
        """Return {"rows" of `Table.rows`, "store": its file, "title": the network's}."""
        name = self._networks.name_of(network)
        net, along = self._networks.network_of(name), self._networks.bundled(name)
        return {
            "rows": self._table.rows(net, along, everything),
            "store": str(self._store.file),
            "title": self._networks.title_of(name),
        }


def _settings(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an evaluation takes, paths absolute; ValueError for what can't be read."""
    from snnet.evaluation.evaluate import PRECISIONS

    path, labels, limit = (str(question.get(key) or "").strip() for key in ("path", "labels", "limit"))
    if not path:
        raise ValueError("No path is given: name a local folder of photos, or a Parquet file.")
    for name in (path, labels):
        if name.lower().startswith("hf:/"):
            raise ValueError(
                f"{name} is a data set of the hub, and the page reads this machine's files alone: name a "
                "local folder or Parquet file, or measure by `python -m snnet evaluate`"
            )
    if limit and not (limit.isascii() and limit.isdigit() and int(limit) > 0):
        raise ValueError(
            f"{limit!r} photos can't be drawn: give a whole number from 1 on, or nothing for all"
        )
    precision = question.get("precision") or "float32"
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
    return {
        "path": _absolute(path),  # never a data set of the hub, which a bare owner/name would mean
        "labels": labels and _absolute(labels),
        "limit": int(limit) if limit else None,
        "precision": precision,
        "skip_broken": bool(question.get("skip_broken")),
        "indices": bool(question.get("indices")),
    }


def _remarks(remarks: "Remarks") -> str:
    """Return what there is to say of single photos, as it goes on a sentence."""
    words = ""
    if remarks.broken:
        first = min(remarks.broken).rstrip(".")
        words += f"; {len(remarks.broken):,} can't be decoded and were left out, the first: {first}"
    if remarks.notes:
        words += f"; {len(remarks.notes):,} lack their end marker, but nothing of the picture"
    return words


def _absolute(text: str) -> str:
    try:
        return str(Path(text).expanduser().absolute())
    except RuntimeError as error:  # ~nobody
        raise ValueError(f"{text}: {error}: write the path out from / on") from error


def _batch(net: "StitchedNetwork") -> int:
    """Return how many photos to take at once, so that progress and stopping come within seconds."""
    from snnet.network.sweep import saved

    if next(net.parameters()).device.type != "cpu":
        return MOST
    _, shared = saved(net, net.stitches)
    return min(MOST, max(1, round(BATCH_GMACS / shared)))


def _on_the_chart(accuracies: "Mapping[str, Accuracy]", new: "Sequence[Result]") -> str:
    """Return in a sentence which of these results the chart goes by."""
    photos = f"{new[0].photos_about} ({new[0].precision})"
    here = [figure for result in new if (figure := accuracies.get(result.stitch)) and figure.photos == photos]
    sources = " or ".join(sorted({figure.origin for figure in here}))
    if len(here) == len(new):
        return f"The chart shows all of them as {sources}."
    rest = "published figures or larger sets of photos stand before the others"
    return f"The chart shows {f'{len(here)} of them as {sources}' if here else 'none of them'}: {rest}."


def _excuse(job: _Evaluation, error: Exception) -> str:
    """Return the sentence of an evaluation that came to no good end."""
    from snnet.photos import store
    from snnet.photos.decode import PhotoError
    from snnet.photos.labels import SAY_INDICES

    if isinstance(error, Stop) and not job.total:
        return "Cancelled before a photo was measured. Measure begins again."
    if isinstance(error, Stop):
        return (
            f"Cancelled at {job.done:,} of {_count(job.total, 'photo')}. Nothing is lost: Measure with the "
            "same photos goes on from there."
        )
    if isinstance(error, PhotoError):
        return f"{error}. What was counted is kept: skip broken photos and measure on, or mend the photo."
    if isinstance(error, ValueError | OSError | RuntimeError):
        text = str(error).replace(store.ACCEPTED, ACCEPTED)  # the hub is not for the page
        return text.replace(SAY_INDICES, "the box “Numbers are indices”").replace(*LABELS_FILE)
    return f"{job.title} can't be measured ({type(error).__name__}: {error})"


def _count(number: int, word: str, plural: str = "s") -> str:
    return f"{number:,} {word}{plural if number != 1 else ''}"
