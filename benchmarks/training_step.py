"""A training step through a stitch against plain training steps of timm's models, at equal GMACs.

    python -m benchmarks.training_step [--rounds 15] [--batch 8]

Stitches two models of random weights, then times, in turn: a plain training step of either model as timm has
it, and a step of `snnet.training` through the stitch in the middle. The plain time at its GMACs is read
off the line through the two models. Prints medians and their ratio.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image

from snnet.catalogue import build
from snnet.photos.photo_set import open_photos
from snnet.training.recipes import Recipe
from snnet.training.run import Run

MODELS = ("resnet18", "resnet34")
PLAIN = Recipe(
    steps=1_000_000, distillation="none", alpha=0.0, mixup=0.0, cutmix=0.0, smoothing=0.0, erase=0.0
)


def plain_step(name: str, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    """Return a training step as one writes it for a timm model."""
    from timm.optim import create_optimizer_v2

    model = timm.create_model(name, pretrained=False).to(memory_format=torch.channels_last).train()
    optimizer = create_optimizer_v2(model, "adamw", lr=1e-5, weight_decay=0.05)

    def step() -> None:
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        loss.item()
        optimizer.step()
        optimizer.zero_grad()

    return step


def photos_in(folder: Path) -> None:
    for synset in ("n01440764", "n01443537"):
        (folder / synset).mkdir()
        for number in range(4):
            Image.fromarray(np.random.default_rng(number).integers(0, 255, (224, 224, 3), np.uint8)).save(
                folder / synset / f"{number}.png"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    torch.manual_seed(0)
    images = torch.randn(options.batch, 3, 224, 224).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (options.batch,))
    with tempfile.TemporaryDirectory() as folder:
        (photos := Path(folder, "photos")).mkdir()
        photos_in(photos)
        net = build.stitch(MODELS, data=str(photos), pretrained=False)
        run = Run(net, open_photos(photos), PLAIN, Path(folder))
        run.set_up()
        costs = [net.cost(stitch).gmacs for stitch in net.stitches]
        ways = [k for k, stitch in enumerate(net.stitches) if not stitch.is_anchor]
        middle = min(ways, key=lambda k: abs(costs[k] - sum(costs[:2]) / 2))
        number = next(step for step in range(10_000) if run.plan.stitch(step) == net.stitches[middle])
        steps = {
            MODELS[0]: plain_step(MODELS[0], images, labels),
            MODELS[1]: plain_step(MODELS[1], images, labels),
            net.stitches[middle].name: lambda: run.step(number, images, labels),
        }
        times: dict[str, list[float]] = {name: [] for name in steps}
        for round_ in range(options.rounds + 2):
            for name, step in steps.items():
                begun = time.perf_counter()
                step()
                if round_ >= 2:  # the first ones allocate
                    times[name].append(time.perf_counter() - begun)
    small, large, ours = (statistics.median(times[name]) for name in steps)
    share = (costs[middle] - costs[0]) / (costs[1] - costs[0])
    expected = small + share * (large - small)
    for name, gmacs in zip(steps, (*costs[:2], costs[middle]), strict=True):
        print(f"{name:<40} {gmacs:6.3f} GMACs  {1000 * statistics.median(times[name]):7.1f} ms a step")
    print(f"a plain step of the stitch's GMACs       {1000 * expected:7.1f} ms")
    print(f"ratio {ours / expected:.3f}")


if __name__ == "__main__":
    main()
