"""A zoo model on the visitor's photo, beside stitches of a network. Knows no Gradio."""

import threading
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet.catalogue import entries
from snnet.photos.label_set import of_head
from snnet.tables import zoo
from snnet.weights import originals
from snnet.weights.files import WeightsError
from snnet.weights.sources import HubFile, ReleaseFile, Source

from . import answers
from .discretion import AbsentError
from .fetching import Fetcher
from .work.photos import Photos
from .work.scheduler import Steps

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.stitches.stitch import Stitch
    from snnet.weights.transfer import Progress

HUB_FILE = "model.safetensors"  # of timm's own repositories
COPIES = 2.2  # of a model's tensors in memory while it is loaded: the file's and the model's


@cache
def _names() -> frozenset[str]:
    return frozenset(model.name for model in zoo.models())


class ZooEntry(entries.Entry):
    """A zoo model's weights: where timm keeps them, and whether they are here."""

    calibration = "none: no network of stitches"

    def __init__(self, model: str) -> None:
        self.name = f"timm/{model}"  # no network is called like this
        self.title = self.model = model

    @cached_property
    def config(self) -> Any:
        """timm's record of the pretrained weights."""
        import timm

        return timm.get_pretrained_cfg(self.model)

    @cached_property
    def sources(self) -> tuple[Source, ...]:  # type: ignore[override]
        hub_id, _, revision = (self.config.hf_hub_id or "").partition("@")
        sources: list[Source] = []
        if hub_id:
            sources.append(HubFile(hub_id, self.config.hf_hub_filename or HUB_FILE, revision or None))
        elif self.config.url:
            sources.append(ReleaseFile(self.config.url))
        return tuple(sources)

    def weights(self) -> tuple[str, ...]:
        return (self.model,)

    @property
    def remedy(self) -> str:
        """What to do with a file that was got elsewhere."""
        source = self.sources[0]
        if isinstance(source, HubFile):
            into = f"hf download {source.repository} {source.filename}"
            return f"put it into the hub's cache, as this does: {into}"
        return "try again"

    def file(self) -> Path | None:
        """Return the file of weights in a cache folder, or None."""
        from snnet.weights import sources

        return sources.here(self.sources)

    def is_here(self) -> bool:
        return originals.is_packaged(self.model) or self.file() is not None

    def size(self) -> int:
        from snnet.weights import sources

        return sources.size(self.sources, self.remedy)

    def fetch(self, progress: "Progress | None" = None) -> None:
        from snnet.weights import sources

        sources.fetch(self.sources, progress, self.remedy)

    def load(self) -> Any:
        """Return timm's model with its weights, in evaluation mode; WeightsError if they can't be had."""
        import timm

        from snnet.weights.files import read_checkpoint

        if originals.is_packaged(self.model):
            return originals.timm_model(self.model)
        if (file := self.file()) is None:
            raise AbsentError(f"the weights of {self.model} are not here: fetch them first")
        tensors = read_checkpoint(file, self.remedy)
        try:
            model: Any = timm.create_model(
                self.model, pretrained=True, pretrained_cfg_overlay={"state_dict": tensors}
            )
        except Exception as error:  # what does not fit fails in many ways
            reason = " ".join(str(error).split())[:200]
            raise WeightsError(
                f"{file}: these are not the weights of {self.model} ({reason}): delete it and fetch it again"
            ) from error
        model.pretrained_cfg.pop("state_dict", None)  # else its tensors stay in memory twice
        return model.eval()


class ZooPhotos:
    """Runs zoo models on photos; holds the newest model in memory. `fetcher` is the app's one fetcher."""

    def __init__(self, fetcher: Fetcher, photos: Photos) -> None:
        self._fetcher = fetcher
        self._photos = photos
        self._lock = threading.Lock()
        self._entries: dict[str, ZooEntry] = {}
        self._newest: tuple[str, Any] | None = None

    def _entry(self, model: Any) -> ZooEntry:
        if not isinstance(model, str) or model not in _names():
            raise ValueError(f"no zoo model {model!r}: give a name of the table, such as {min(_names())}")
        with self._lock:
            return self._entries.setdefault(model, ZooEntry(model))

    def size(self, model: Any) -> dict[str, Any]:
        """Return what a fetch of a zoo model's weights would bring: see `Fetcher.size`."""
        return self._fetcher.size(self._entry(model))

    def fetch(self, model: Any) -> dict[str, Any]:
        """Begin to fetch a zoo model's weights, or join who does: see `Fetcher.fetch`."""
        return self._fetcher.fetch(self._entry(model))

    def progress(self, model: Any) -> dict[str, Any]:
        """Return how far the fetch of a zoo model is: see `Fetcher.progress`."""
        return self._fetcher.progress(self._entry(model))

    def steps(
        self, path: str, model: Any, image_size: Any, net: "StitchedNetwork", stitches: Any
    ) -> Callable[[], Steps]:
        """Return work that answers {"model": a zoo model on a photo at a size (px), "stitches": theirs}.

        An answer is {"name", "image_size", "latency_ms", "top5": [{"index", "label", "probability"}]}.
        Raises ValueError (`PhotoError` is one) or WeightsError with a sentence for the visitor.
        """
        entry = self._entry(model)
        row = next((m for m in zoo.models() if (m.name, m.image_size) == (model, image_size)), None)
        if row is None:
            sizes = [m.image_size for m in zoo.models() if m.name == model]
            raise ValueError(
                f"{model} has no result at {image_size!r} px: at {', '.join(map(str, sizes))} px"
            )
        if not isinstance(stitches, list) or len(stitches) > 2:
            raise ValueError("stitches is no list of at most two names")
        members = [net.stitch(name) for name in stitches]
        zoo_model, fresh = self._load(entry, row)

        def steps() -> Steps:
            with self._photos.decode(path) as photo:
                images = _transform(entry.config, row.image_size)(photo)[None]
                inputs = {s: net.transform(s)(photo)[None] for s in members}
            yield
            if fresh:
                answers.timed(zoo_model, images)  # a shape's first run takes ten times the next
                yield
            mine = _answer(row, zoo_model, images)
            theirs = []
            for stitch in members:
                yield
                theirs.append(_answer(stitch, net, inputs[stitch], stitch))
            return {"model": mine, "stitches": theirs}

        return steps

    def _load(self, entry: ZooEntry, row: zoo.ZooModel) -> tuple[Any, bool]:
        import torch

        with self._lock:
            newest = self._newest
        key = f"{entry.model}@{row.image_size}"
        if newest and newest[0] == key:
            return newest[1], False
        _check_memory(entry.model, row.params_m)
        with self._lock:
            self._newest = None  # two at once may be too much
        model = entry.load().to(memory_format=torch.channels_last)
        with self._lock:
            self._newest = (key, model)
        return model, True


def _check_memory(model: str, params_m: float) -> None:
    """Raise ValueError if the model would not fit beside what the machine already holds."""
    needed_gb, free_gb = COPIES * 4 * params_m / 1e3, _free_gb()
    if free_gb is not None and needed_gb > free_gb:
        raise ValueError(
            f"{model} takes {needed_gb:.1f} GB of memory to load and {free_gb:.1f} GB are free: "
            "pick a smaller model"
        )


def _free_gb() -> float | None:
    """Return the memory that a process may still take, in 10⁹ bytes; None where that is not told."""
    free = []
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free.append(int(lines["MemAvailable"].split()[0]) * 1024)
    except (OSError, ValueError, KeyError):
        pass
    try:  # a container's own limit
        group = Path("/sys/fs/cgroup")
        limit, taken_up = ((group / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        free.append(int(limit) - int(taken_up))
    except (OSError, ValueError):
        pass
    return min(free) / 1e9 if free else None


def _transform(config: Any, image_size: int) -> Any:
    """Return timm's evaluation transform of a model at the size of its result."""
    from timm.data import create_transform, resolve_data_config

    settings = resolve_data_config(
        pretrained_cfg=config.to_dict(), use_test_size=image_size != config.input_size[-1]
    )
    return create_transform(**settings)


def _answer(member: "zoo.ZooModel | Stitch", model: Any, images: Any, *more: Any) -> dict[str, Any]:
    """Return what is asked of `ZooPhotos.steps`; the latency is the model's alone."""
    logits, latency_ms = answers.timed(model, images, *more)
    if silence := answers.silent(member.name, logits):
        raise ValueError(silence)
    return {
        "name": member.name,
        "image_size": member.image_size,
        "latency_ms": round(latency_ms, 2),
        "top5": answers.best(logits, getattr(model, "label_set", None) or of_head(logits.shape[1])),
    }
