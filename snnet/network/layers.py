"""How features lie between blocks, and the stitching layer that takes them from one anchor to another."""

from dataclasses import dataclass
from math import isqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Layout:
    """How an anchor's features lie between its blocks.

    - "map": (B, C, H, W), as convolutional networks have them;
    - "map_last": (B, H, W, C), timm's Swin;
    - "tokens": (B, prefix + H·W, C), transformers; `prefix` counts class, distillation and register tokens.

    Maps are square, as the images are.
    """

    kind: Literal["map", "map_last", "tokens"]
    prefix: int = 0

    def width(self, x: Tensor) -> int:
        """Return the channels of features."""
        return x.shape[1] if self.kind == "map" else x.shape[-1]

    def grid(self, x: Tensor) -> tuple[int, int]:
        """Return (H, W) of features; of tokens without a square grid (their number, 1)."""
        if self.kind == "map":
            return x.shape[2], x.shape[3]
        if self.kind == "map_last":
            return x.shape[1], x.shape[2]
        places = x.shape[1] - self.prefix
        side = isqrt(places)
        return (side, side) if side * side == places else (places, 1)

    def tokens(self, x: Tensor, prefix: int) -> Tensor:
        """Return features as (B, prefix + H·W, C) with this many tokens before the places.

        Of more prefix tokens the first are kept; where there are too few, the mean over all places stands
        in: what a class token gathers, a convolutional network pools.
        """
        if self.kind == "map":
            x = x.flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, H·W, C)
        elif self.kind == "map_last":
            x = x.flatten(1, 2)  # (B, H, W, C) -> (B, H·W, C)
        if prefix == self.prefix:
            return x
        before, places = x[:, : self.prefix], x[:, self.prefix :]
        if prefix > self.prefix:
            mean = places.mean(1, keepdim=True).expand(-1, prefix - self.prefix, -1)
            return torch.cat([before, mean, places], dim=1)
        return torch.cat([before[:, :prefix], places], dim=1)

    def restore(self, tokens: Tensor) -> Tensor:
        """Return (B, prefix + H·W, C) tokens, with this layout's own prefix, as this layout has them."""
        if self.kind == "tokens":
            return tokens
        side = isqrt(tokens.shape[1])
        maps = tokens.unflatten(1, (side, side))  # (B, H·W, C) -> (B, H, W, C)
        return maps.permute(0, 3, 1, 2) if self.kind == "map" else maps


@dataclass(frozen=True)
class LayerOptions:
    """What every stitching layer of a network has: a low-rank branch, norms of its own behind it."""

    rank: int = 0  # of the branch; 0 for none
    own_norms: bool = False


class StitchingLayer(nn.Module):
    """A linear map of channels, with a bias, at every place: 1×1 convolution and linear layer in one.

    It takes features from the front's layout to the back's (Pan, Cai and Zhuang, CVPR 2023). With a `rank`,
    the weight is W + B·A / rank, A (rank, C_front), B (C_back, rank) and B zero at first: training then moves
    A and B alone and leaves the least-squares start W in place (SN-Netv2, ECCV 2024, with alpha = 1).
    """

    def __init__(self, front: Layout, back: Layout, front_width: int, back_width: int, rank: int = 0) -> None:
        super().__init__()
        self.front, self.back, self.rank = front, back, rank
        # zeros mark what is not set yet: weights come from least squares or a file
        self._is_convolution = front.kind == back.kind == "map"
        shape = (back_width, front_width) + ((1, 1) if self._is_convolution else ())
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(back_width))
        if rank:
            self.lora_A = nn.Parameter(torch.randn(rank, front_width) / front_width**0.5)
            self.lora_B = nn.Parameter(torch.zeros(back_width, rank))

    def merged(self) -> Tensor:
        """Return the weight that is applied, the low-rank branch included."""
        if not self.rank:
            return self.weight
        return self.weight + (self.lora_B @ self.lora_A / self.rank).view_as(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Features in the front's layout, C_front wide -> in the back's layout, C_back wide."""
        if self._is_convolution:
            return F.conv2d(x, self.merged(), self.bias)
        if (self.front.kind, self.front.prefix) == (self.back.kind, self.back.prefix):
            return F.linear(x, self.merged(), self.bias)
        tokens = self.front.tokens(x, self.back.prefix)
        return self.back.restore(F.linear(tokens, self.merged(), self.bias))

    def macs(self, x: Tensor) -> int:
        """Return the multiply-accumulates over features `x`; merging is once a call and not counted."""
        tokens = x.numel() // self.front.width(x) // len(x) + self.back.prefix - self.front.prefix
        return len(x) * tokens * self.weight.numel()

    @torch.no_grad()
    def set(self, weight: Tensor, bias: Tensor) -> None:
        """Set weight (C_back, C_front) and bias (C_back); a low-rank branch starts again from nothing."""
        self.weight.copy_(weight.reshape(self.weight.shape))
        self.bias.copy_(bias)
        if self.rank:
            self.lora_B.zero_()

    def extra_repr(self) -> str:
        """Say the widths in the module's printed form."""
        rank = f", rank {self.rank}" if self.rank else ""
        return (
            f"{self.weight.shape[1]} -> {self.weight.shape[0]}, {self.front.kind} -> {self.back.kind}{rank}"
        )
