"""What a network says of a photo: one stitch's answer, or all stitches' in one sweep. Knows no Gradio."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.stitches.stitch import Stitch

TOP = 5  # classes of an answer
MOST = 24  # classes whose probabilities a sweep tells: enough for the leading ones to be among all stitches'
SLICE_S = 0.25  # of a sweep at once: the longest that a new photo waits for an old one
PATIENCE_S = 60.0  # without a question, after which a sweep is given up
AT_ONCE = 16  # sweeps held; more visitors than that lose the one that was longest idle


def one(net: "StitchedNetwork", stitch: "Stitch", photo: "Image") -> dict[str, Any]:
    """Return a stitch's answer, with the time that the network itself took."""
    return row(net, stitch, *timed(net, net.transform(stitch)(photo)[None], stitch))


def timed(model: Any, images: Any, *more: Any) -> tuple[Any, float]:
    """Return a model's logits of images, and how long it took in ms."""
    import torch

    images = images.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        start = time.perf_counter()
        logits = model(images, *more)
        return logits, 1e3 * (time.perf_counter() - start)


def sweep(
    net: "StitchedNetwork", photo: "Image", stitches: Sequence["Stitch"], most: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield the answers of stitches, shared beginnings computed once; latencies are those of own parts.

    With `most`, a row also has "probabilities": {class index as text: probability} of that many best classes.
    """
    import torch

    from snnet.network import sweep as walk

    sizes = dict.fromkeys(stitch.image_size for stitch in stitches)
    for size in sizes:
        members = [stitch for stitch in stitches if stitch.image_size == size]
        images = net.transform(members[0])(photo)[None].to(memory_format=torch.channels_last)
        start = time.perf_counter()
        for stitch, logits in walk.sweep(net, images, members):
            yield row(net, stitch, logits, 1e3 * (time.perf_counter() - start), most)
            start = time.perf_counter()


def row(
    net: "StitchedNetwork", stitch: "Stitch", logits: Any, latency_ms: float, most: int = 0
) -> dict[str, Any]:
    """Return an answer as the page and its endpoints tell it; `logits` is (1, classes)."""
    classes = best(logits, max(TOP, most))
    answer = {
        "stitch": stitch.name,
        "image_size": stitch.image_size,
        "gmacs": net.cost(stitch).gmacs,
        "latency_ms": round(latency_ms, 2),
        "top5": classes[:TOP],
    }
    if most:
        answer["probabilities"] = {str(one["index"]): round(one["probability"], 5) for one in classes}
    return answer


def best(logits: Any, most: int = TOP) -> list[dict[str, Any]]:
    """Return the best classes of (1, classes) logits as {"index", "label", "probability"}, best first."""
    from snnet.photos.classes import class_names

    names = class_names()
    classes = logits.shape[1]
    values, indices = logits[0].float().softmax(0).topk(min(most, classes))
    return [
        {
            "index": index,
            "label": names[index] if classes == len(names) else f"class {index}",
            "probability": probability,
        }
        for index, probability in zip(indices.tolist(), values.tolist(), strict=True)
    ]


@dataclass
class _Sweep:
    rows: Iterator[dict[str, Any]]
    left: int
    last_question: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sweeps:
    """Sweeps under way, each pulled on by the page that shows it: who no longer asks costs nothing more."""

    def __init__(self) -> None:
        self._sweeps: dict[str, _Sweep] = {}  # the longest idle first
        self._lock = threading.Lock()

    def begin(self, rows: Iterator[dict[str, Any]], total: int) -> str:
        """Return the name by which `more` goes on with these rows."""
        name = token_urlsafe(12)
        with self._lock:
            self._drop_idle()
            self._sweeps[name] = _Sweep(rows, total)
        return name

    def _drop_idle(self) -> None:
        now = time.monotonic()
        idle = [name for name, sweep in self._sweeps.items() if now - sweep.last_question > PATIENCE_S]
        for name in [*idle, *list(self._sweeps)[: max(0, len(self._sweeps) - len(idle) - AT_ONCE + 1)]]:
            self._sweeps.pop(name, None)

    def more(self, name: str) -> dict[str, Any] | None:
        """Return {"rows": what came within a quarter of a second, at least one, "left": how many remain}.

        None for a sweep that has been given up.
        """
        with self._lock:
            sweep = self._sweeps.pop(name, None)
            if sweep is None:
                return None
            self._sweeps[name] = sweep  # the most recent last
            sweep.last_question = time.monotonic()
        rows: list[dict[str, Any]] = []
        with sweep.lock:  # asked twice at once, each answer comes once
            start = time.monotonic()
            for answer in sweep.rows:
                rows.append(answer)
                if time.monotonic() - start > SLICE_S:
                    break
            sweep.left = sweep.left - len(rows) if rows else 0
            left = sweep.left
        if not left:
            self.end(name)
        return {"rows": rows, "left": left}

    def end(self, name: str) -> None:
        """Give a sweep up; nothing happens if it is not there."""
        with self._lock:
            self._sweeps.pop(name, None)
