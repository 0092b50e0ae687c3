"""A timm model cut into stem, blocks and head; one short adapter per architecture.

An adapter says where timm's own model can be cut and calls timm's own modules: no code of timm is copied.
To add an architecture, write its adapter and list it in `ADAPTERS`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from snnet.stitches import Part


class Adapter(Protocol):
    """Where a timm model is cut. Features between blocks are (B, C, H, W)."""

    stem: ClassVar[tuple[str, ...]]  # attributes of the model that belong to the stem …
    head: ClassVar[tuple[str, ...]]  # … and to the head; together with the blocks they are the whole model

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        """Return the blocks by stage; what one block returns is what the next takes."""

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> features before the first block."""

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        """Features after the last block -> (B, classes)."""


class EfficientNetAdapter(Adapter):
    """timm's `EfficientNet`: EfficientNets of all kinds, MobileNetV2, MNASNet, MixNet …"""

    stem = ("conv_stem", "bn1")
    head = ("conv_head", "bn2", "classifier")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [list(stage) for stage in model.blocks]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.bn1(model.conv_stem(images))

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(model.bn2(model.conv_head(features)))


ADAPTERS: dict[str, type[Adapter]] = {
    "EfficientNet": EfficientNetAdapter,
}


class Anchor(nn.Module):
    """A pretrained timm model that can be entered before, and left after, any of its blocks.

    `name` is short and unique in its network; `depths` the number of blocks in each stage.

    Raises ValueError if no adapter knows the model, or if it leaves a tensor of the model unowned.
    """

    def __init__(self, name: str, model: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.model: Any = model
        self.adapter = adapter_of(model)
        stages = self.adapter.stages(model)
        self.depths = tuple(len(stage) for stage in stages)
        # A tuple, so that the blocks are not registered twice; deepcopy keeps them one with the model.
        self._blocks = tuple(block for stage in stages for block in stage)
        owned = {id(tensor) for part in self.parts() for tensor in self.tensors(part).values()}
        unowned = [key for key, tensor in model.state_dict(keep_vars=True).items() if id(tensor) not in owned]
        if unowned:
            raise ValueError(f"{type(model).__name__}: its adapter owns neither of {', '.join(unowned[:5])}")

    @property
    def architecture(self) -> str:
        """timm's name of the model."""
        return self.config["architecture"]

    @property
    def config(self) -> dict[str, Any]:
        """timm's record of the model: input size, crop, mean and std, the tag of its weights …"""
        return self.model.default_cfg

    def parts(self) -> list[Part]:
        """Return stem, blocks and head; the anchor's number in a network is filled in there."""
        blocks = [Part("block", index=index) for index in range(len(self._blocks))]
        return [Part("stem"), *blocks, Part("head")]

    def run(self, part: Part, x: Tensor) -> Tensor:
        """Run one part."""
        if part.kind == "stem":
            return self.adapter.run_stem(self.model, x)
        if part.kind == "head":
            return self.adapter.run_head(self.model, x)
        return self._blocks[part.index](x)

    def tensors(self, part: Part) -> dict[str, Tensor]:
        """Return the parameters and buffers of one part by name."""
        if part.kind == "block":
            return self._blocks[part.index].state_dict(keep_vars=True)
        found: dict[str, Tensor] = {}
        for name in self.adapter.stem if part.kind == "stem" else self.adapter.head:
            item = getattr(self.model, name)
            if isinstance(item, nn.Module):
                found |= {f"{name}.{key}": value for key, value in item.state_dict(keep_vars=True).items()}
            elif item is not None:
                found[name] = item
        return found

    @torch.no_grad()
    def features(self, images: Tensor, points: Sequence[int]) -> dict[int, Tensor]:
        """Run (B, 3, H, W) images to the last of these points; return the features before block k, by k."""
        x = self.run(Part("stem"), images)
        found = {}
        for index in range(max(points, default=-1) + 1):
            if index in points:
                found[index] = x
            if index < len(self._blocks):
                x = self.run(Part("block", index=index), x)
        return found


def adapter_of(model: nn.Module) -> type[Adapter]:
    """Return the adapter that cuts this model; ValueError names the architectures that can be cut."""
    for kind in type(model).__mro__:
        if kind.__name__ in ADAPTERS:
            return ADAPTERS[kind.__name__]
    raise ValueError(f"{type(model).__name__} can't be cut yet; these can: {', '.join(sorted(ADAPTERS))}")
