"""Evaluating every stitch with shared beginnings against a loop over the stitches, on decoded tensors.

    python -m benchmarks.shared_evaluation [--network deit] [--batch 4] [--rounds 3]

Random weights of a published network; the two ways take turns. Prints medians, the ratio of times, the ratio
of multiply-accumulates, and for how many stitches the logits are equal in every bit.
"""

import argparse
import statistics
import time

import torch

from snnet.catalogue import published
from snnet.evaluation.evaluate import for_measuring
from snnet.network.sweep import saved, sweep


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="deit", choices=sorted(published.families()))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    net = published.blank(options.network)
    for layer in net.layers.values():
        torch.nn.init.normal_(layer.weight, std=layer.weight.shape[1] ** -0.5)
    net = for_measuring(net, "float32")
    images = torch.randn(options.batch, 3, 224, 224).to(memory_format=torch.channels_last)
    times: dict[str, list[float]] = {"loop": [], "sweep": []}
    for round_ in range(options.rounds):
        begun = time.perf_counter()
        swept = {stitch.name: logits for stitch, logits in sweep(net, images, net.stitches)}
        times["sweep"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        looped = {stitch.name: net(images, stitch) for stitch in net.stitches}
        times["loop"].append(time.perf_counter() - begun)
        if not round_:
            alike = sum(torch.equal(looped[name], swept[name]) for name in looped)
    loop, sweep_ = (statistics.median(times[way]) for way in ("loop", "sweep"))
    alone, shared = saved(net, net.stitches)
    print(f"{net.title}: {len(net.stitches)} stitches, batch {options.batch}, {options.rounds} rounds")
    print(f"a loop over stitches   {loop:7.2f} s   {alone:8.1f} GMACs an image")
    print(f"shared beginnings      {sweep_:7.2f} s   {shared:8.1f} GMACs an image")
    print(f"times fewer: {loop / sweep_:.3f} in time, {alone / shared:.3f} in GMACs", end="")
    print(
        f" (quotient {loop / sweep_ / (alone / shared):.3f}); logits bit-equal for {alike} of {len(looped)}"
    )


if __name__ == "__main__":
    main()
