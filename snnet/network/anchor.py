"""A timm model cut into stem, blocks and head: each can be run, counted and named on its own."""

import copy
import functools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from snnet.network.adapters import Adapter, adapter_of
from snnet.network.counting import count, on_meta
from snnet.network.own_norms import with_children, with_own_norms
from snnet.stitches.stitch import Part
from snnet.weights import originals


class Anchor(nn.Module):
    """A timm model that can be entered before, and left after, any of its blocks.

    `name` is short and unique in its network; `depths` the number of blocks in each stage; `layout` how
    features lie between blocks. `weights` is timm's name of the pretrained weights that the model carries
    ("resnet18.a1_in1k"), whose published accuracy it then has; None for any others, and as soon as a tensor
    has changed since the name was given. `title` is what people call it. `adapter` cuts it
    otherwise than its architecture's own. `recipe` is timm's name and the options that make such a model
    again.

    Raises ValueError if no adapter knows the model, or if it leaves a tensor of the model unowned.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        weights: str | None = None,
        adapter: type[Adapter] | None = None,
        recipe: tuple[str, dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.name = self.title = name
        self.model: Any = model
        self.weights = weights
        self.adapter = adapter or adapter_of(model)
        self.layout = self.adapter.layout(model)
        self._is_twin = False
        tag = f".{self.config['tag']}" if self.config.get("tag") else ""
        self.recipe = recipe or (self.architecture + tag, {"num_classes": self.model.num_classes})
        stages = self.adapter.stages(model)
        self.depths = tuple(len(stage) for stage in stages)
        # A tuple, so that the blocks are not registered twice; deepcopy keeps them one with the model.
        self._blocks = tuple(block for stage in stages for block in stage)
        owned = {id(tensor) for part in self.parts() for tensor in self.tensors(part).values()}
        unowned = [key for key, tensor in model.state_dict(keep_vars=True).items() if id(tensor) not in owned]
        if unowned:
            raise ValueError(
                f"{name}: this kind of {type(model).__name__} can't be cut, because blocks share "
                f"{', '.join(unowned[:5])}"
            )

    @property
    def weights(self) -> str | None:
        """timm's name of the weights; None for others, such as those that were trained on or rounded."""
        return self._weights if self._weights and self._seal == checksum(self.model) else None

    @weights.setter
    def weights(self, name: str | None) -> None:
        self._weights, self._seal = name, checksum(self.model) if name else 0

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
            return self._tensors(self._blocks[part.index])
        tensors: dict[str, Tensor] = {}
        for name in self.adapter.stem if part.kind == "stem" else self.adapter.head:
            item = getattr(self.model, name, None)
            if isinstance(item, nn.Module):
                tensors |= {f"{name}.{key}": value for key, value in self._tensors(item).items()}
            elif item is not None:
                tensors[name] = item
        return tensors

    def _tensors(self, module: nn.Module) -> dict[str, Tensor]:
        if self._is_twin:  # the statistics in its norms are saved with the anchor, and used all the same
            return {**dict(module.named_parameters()), **dict(module.named_buffers())}
        return module.state_dict(keep_vars=True)

    def pieces(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the modules of blocks and head by a name that is stable."""
        for index, block in enumerate(self._blocks):
            yield f"block{index}", block
        for name in self.adapter.head:
            if isinstance(module := getattr(self.model, name, None), nn.Module):
                yield name, module

    def with_own_norms(self, start: int) -> tuple["Anchor", dict[str, nn.Module]]:
        """Return this anchor with norms of its own in head and blocks from `start` on, and those by name.

        All else is shared, so that the new anchor costs the norms alone.
        """
        owned: dict[str, nn.Module] = {}
        changed = {
            name: with_own_norms(module, owned, name)
            for name, module in self.pieces()
            if not name.startswith("block") or int(name.removeprefix("block")) >= start
        }
        twin = copy.copy(self)
        twin._is_twin = True
        twin._blocks = tuple(changed.get(f"block{k}", block) for k, block in enumerate(self._blocks))
        head = {name: module for name, module in changed.items() if name in self.adapter.head}
        twin._modules = {"model": with_children(self.model, head)}
        return twin, owned

    @torch.no_grad()
    def features(self, images: Tensor, points: Sequence[int]) -> dict[int, Tensor]:
        """Run (B, 3, H, W) images to the last of these points; return the features before block k, by k."""
        x = self.run(Part("stem"), images)
        features = {}
        for index in range(max(points, default=-1) + 1):
            if index in points:
                features[index] = x
            if index < len(self._blocks):
                x = self.run(Part("block", index=index), x)
        return features


def checksum(model: nn.Module) -> int:
    """Return a checksum of a model's tensors, whatever their layout in memory: a second for two gigabytes."""
    checksum = 0
    for name, tensor in sorted(model.state_dict().items()):
        if not tensor.is_meta and not name.endswith("num_batches_tracked"):
            flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            checksum = zlib.crc32(memoryview(flat.numpy()), zlib.crc32(str(tensor.dtype).encode(), checksum))
    return checksum


def make_anchor(name: str, architecture: str, pretrained: bool, options: dict[str, Any]) -> Anchor:
    """Return timm's model as an anchor that knows how it was made.

    Raises WeightsError if the pretrained weights can't be had.
    """
    model = originals.timm_model(architecture, pretrained, options)
    config = cast(Any, model).default_cfg
    weights = f"{config['architecture']}.{config['tag']}" if pretrained and config.get("tag") else None
    return Anchor(name, model, weights=weights, recipe=(architecture, options))


_walks: WeakKeyDictionary[Anchor, dict[int, list[tuple[Part, int, Tensor]]]] = WeakKeyDictionary()


def walk_anchor(anchor: Anchor, image_size: int) -> list[tuple[Part, int, Tensor]]:
    """Return (part, multiply-accumulates, its output without memory) from stem to head, for one image.

    Worked out once an anchor and size.
    """
    walks = _walks.setdefault(anchor, {})
    if image_size not in walks:
        walks[image_size] = _walk(anchor, image_size)
    return walks[image_size]


@torch.no_grad()
def _walk(anchor: Anchor, image_size: int) -> list[tuple[Part, int, Tensor]]:
    twin = cast(Anchor, on_meta(anchor))
    x = torch.empty(1, 3, image_size, image_size, device="meta")
    walk = []
    for part in twin.parts():
        macs, x = count(functools.partial(twin.run, part), x)
        walk.append((part, macs, x))
    return walk


@dataclass(frozen=True)
class Point:
    """What lies between two blocks: places (H, W) and channels."""

    grid: tuple[int, int]
    width: int


@torch.no_grad()
def features_between_blocks(anchor: Anchor, image_size: int) -> list[Point]:
    """Return what an anchor's features are before block 0, 1, … and after the last, at this size (px)."""
    features = [out for _, _, out in walk_anchor(anchor, image_size)[:-1]]
    return [Point(anchor.layout.grid(x), anchor.layout.width(x)) for x in features]
