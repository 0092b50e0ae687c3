"""Fill a state dict with weights that are the same on every machine.

The expected logits beside this file were computed with the published SN-Net
and SN-Netv2 implementations after filling their state dict with `fill`. A
network that reads the published checkpoint layout, loads the same tensors and
sees `image()` must give the same logits for every stitch.
"""

import zlib

import numpy as np
import torch


def tensor(key: str, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Return the float32 tensor of `shape` for the checkpoint key `key`."""
    rng = np.random.RandomState((zlib.crc32(key.encode()) + seed) % 2**32)
    noise = torch.from_numpy(rng.standard_normal(shape).astype(np.float32)).reshape(shape)
    if key.endswith("running_var"):
        return 0.75 + 0.25 * noise.abs()
    if len(shape) >= 2:  # scale by fan-in, so that activations keep their size
        fan_in = int(np.prod(shape[1:]))
        return noise / fan_in**0.5
    if key.endswith(("weight", "gamma", "gamma_1", "gamma_2")):  # norm and scale vectors
        return 1 + 0.1 * noise
    return 0.1 * noise


def is_computed(key: str) -> bool:
    """True for integer and geometry buffers, which a model computes itself."""
    return key.endswith(
        (
            "num_batches_tracked",
            "relative_position_index",
            "attn_mask",
            "attention_bias_idxs",
            "attention_bias_idxs_",
        )
    )


def fill(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Return a state dict for `shapes`, leaving out what a model computes itself."""
    return {k: tensor(k, tuple(s), seed) for k, s in shapes.items() if not is_computed(k)}


def image(size: int = 224, seed: int = 0) -> torch.Tensor:
    """Return the (1, 3, size, size) float32 input."""
    rng = np.random.RandomState(1234 + seed)
    return torch.from_numpy(rng.standard_normal((1, 3, size, size)).astype(np.float32))
