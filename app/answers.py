"""What a network says of a photo: one stitch's answer, or all stitches' in one sweep. Knows no Gradio."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from torch import Tensor

    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.photos.label_set import LabelSet
    from snnet.photos.transform import Transform
    from snnet.stitches.stitch import Stitch

TOP = 5  # classes of an answer
WARM_RUNS, FEWEST_RUNS = 9, 3  # of a stitch alone: the newest count, and fewer say nothing
MOST = 24  # classes whose probabilities a sweep tells: enough for the leading ones to be among all stitches'


class Times:
    """The times of stitches that ran alone on warm ground, by the number of threads; any thread may call.

    A stitch's first run is not counted: it takes up to ten times the next.
    """

    def __init__(self) -> None:
        self._times: WeakKeyDictionary[Any, dict[tuple[str, int], deque[float]]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def add(self, net: "StitchedNetwork", name: str, latency_ms: float) -> None:
        """Note what a stitch's network took for one photo."""
        with self._lock:
            runs = self._times.setdefault(net, {})
            key = name, _threads()
            if key in runs:
                runs[key].append(latency_ms)
            else:
                runs[key] = deque(maxlen=WARM_RUNS)

    def median(self, net: "StitchedNetwork", name: str) -> float | None:
        """Return the median in ms; None before there are `FEWEST_RUNS`."""
        with self._lock:
            runs = self._times.get(net, {}).get((name, _threads()), ())
            return round(median(runs), 2) if len(runs) >= FEWEST_RUNS else None


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def one(net: "StitchedNetwork", stitch: "Stitch", images: "Tensor") -> dict[str, Any]:
    """Return a stitch's answer to (1, 3, S, S), with the time that the network itself took.

    Raises ValueError with a sentence where the answer is not finite.
    """
    answer = row(net, stitch, *timed(net, images, stitch))
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer


def timed(model: Any, images: Any, *more: Any) -> tuple[Any, float]:
    """Return a model's logits of images, and how long it took in ms."""
    import torch

    images = images.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        start = time.perf_counter()
        logits = model(images, *more)
        return logits, 1e3 * (time.perf_counter() - start)


def blank_runs(net: "StitchedNetwork", stitch: "Stitch") -> Iterator[float]:
    """Yield what a stitch's network takes for a blank image, in ms, as often as its median needs."""
    import torch

    images = torch.zeros(1, 3, stitch.image_size, stitch.image_size)
    for _ in range(1 + FEWEST_RUNS):  # the first is cold
        yield timed(net, images, stitch)[1]


def sweep(
    net: "StitchedNetwork",
    images: "Mapping[Transform, Tensor]",
    stitches: Sequence["Stitch"],
    most: int = 0,
) -> Iterator[dict[str, Any]]:
    """Yield the answers of stitches, shared beginnings computed once; latencies are those of own parts.

    `images` is the photo as each of their transforms makes it, (1, 3, S, S). With `most`, a row also has
    "probabilities": {class index as text: probability} of that many best classes.
    """
    import torch

    from snnet.network import sweep as walk

    sizes = dict.fromkeys(stitch.image_size for stitch in stitches)
    for size in sizes:
        members = [stitch for stitch in stitches if stitch.image_size == size]
        start = time.perf_counter()
        batch = images[net.transform(members[0])].to(memory_format=torch.channels_last)
        for stitch, logits in walk.sweep(net, batch, members):
            yield row(net, stitch, logits, 1e3 * (time.perf_counter() - start), most)
            start = time.perf_counter()


def row(
    net: "StitchedNetwork", stitch: "Stitch", logits: Any, latency_ms: float, most: int = 0
) -> dict[str, Any]:
    """Return an answer as the page and its endpoints tell it; `logits` is (1, classes).

    Where these are not finite it has no classes, and the "error" in a sentence.
    """
    silence = silent(stitch.name, logits)
    classes = [] if silence else best(logits, net.label_set, max(TOP, most))
    answer = {
        "stitch": stitch.name,
        "image_size": stitch.image_size,
        "gmacs": net.cost(stitch).gmacs,
        "latency_ms": round(latency_ms, 2),
        "top5": classes[:TOP],
    } | ({"error": silence} if silence else {})
    if most:
        answer["probabilities"] = {str(one["index"]): round(one["probability"], 5) for one in classes}
    return answer


def silent(name: str, logits: Any) -> str:
    """Return in a sentence that an answer is not finite; "" where it is."""
    if bool(logits.isfinite().all()):
        return ""
    return f"{name} gives this photo no finite answer: its weights are broken, or overflow."


def best(logits: Any, label_set: "LabelSet", most: int = TOP) -> list[dict[str, Any]]:
    """Return the best classes of (1, classes) logits as {"index", "label", "probability"}, best first."""
    values, indices = logits[0].float().softmax(0).topk(min(most, logits.shape[1]))
    return [
        {"index": index, "label": label_set.titles[index], "probability": probability}
        for index, probability in zip(indices.tolist(), values.tolist(), strict=True)
    ]
