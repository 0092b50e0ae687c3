"""Where timm's models are cut: one short adapter per architecture.

An adapter says where timm's own model can be cut and calls timm's own modules: no code of timm is copied.
To add an architecture, write its adapter and list it in `ADAPTERS`.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from snnet.network.layers import Layout


class Adapter:
    """Where a timm model is cut."""

    stem: ClassVar[tuple[str, ...]]  # attributes of the model that belong to the stem …
    head: ClassVar[tuple[str, ...]]  # … and to the head; together with the blocks they are the whole model

    @staticmethod
    def layout(model: Any) -> Layout:
        """Return how features lie between blocks: (B, C, H, W), unless an adapter says otherwise."""
        return Layout("map")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        """Return the blocks by stage; what one block returns is what the next takes."""
        raise NotImplementedError

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> features before the first block."""
        raise NotImplementedError

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        """Features after the last block -> (B, classes)."""
        raise NotImplementedError


class EfficientNetAdapter(Adapter):
    """timm's `EfficientNet`: EfficientNets of all kinds, MobileNetV1 and V2, MNASNet, MixNet …"""

    stem: ClassVar[tuple[str, ...]] = ("conv_stem", "bn1")
    head: ClassVar[tuple[str, ...]] = ("conv_head", "bn2", "classifier")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [list(stage) for stage in model.blocks]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.bn1(model.conv_stem(images))

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(model.bn2(model.conv_head(features)))


class MobileNetV3Adapter(EfficientNetAdapter):
    """timm's `MobileNetV3`: V3, V4, FBNetV3, LCNet … whose last convolution comes after pooling."""

    head: ClassVar[tuple[str, ...]] = ("conv_head", "norm_head", "classifier")

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(features)


class ResNetAdapter(Adapter):
    """timm's `ResNet`: ResNet, ResNeXt, SE-ResNet, ResNet-D, ResNeSt, Res2Net …"""

    stem: ClassVar[tuple[str, ...]] = ("conv1", "bn1", "act1", "maxpool")
    head: ClassVar[tuple[str, ...]] = ("global_pool", "fc")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [list(stage) for stage in (model.layer1, model.layer2, model.layer3, model.layer4)]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.maxpool(model.act1(model.bn1(model.conv1(images))))

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(features)


class ResNetV2Adapter(Adapter):
    """timm's `ResNetV2`: pre-activation ResNets, BiT."""

    stem: ClassVar[tuple[str, ...]] = ("stem",)
    head: ClassVar[tuple[str, ...]] = ("norm", "head")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [list(stage.blocks) for stage in model.stages]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.stem(images)

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(model.norm(features))


class RegNetAdapter(Adapter):
    """timm's `RegNet`: X, Y, Z."""

    stem: ClassVar[tuple[str, ...]] = ("stem",)
    head: ClassVar[tuple[str, ...]] = ("final_conv", "head")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [list(stage.children()) for stage in (model.s1, model.s2, model.s3, model.s4)]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.stem(images)

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(model.final_conv(features))


class ConvNeXtAdapter(Adapter):
    """timm's `ConvNeXt`: V1 and V2."""

    stem: ClassVar[tuple[str, ...]] = ("stem",)
    head: ClassVar[tuple[str, ...]] = ("norm_pre", "head")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [_downsampled(stage) for stage in model.stages]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.stem(images)

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(model.norm_pre(features))


class SwinAdapter(Adapter):
    """timm's `SwinTransformer` and `SwinTransformerV2`."""

    stem: ClassVar[tuple[str, ...]] = ("patch_embed",)
    head: ClassVar[tuple[str, ...]] = ("norm", "head")

    @staticmethod
    def layout(model: Any) -> Layout:
        return Layout("map_last")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [_downsampled(stage) for stage in model.layers]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.patch_embed(images)

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(model.norm(features))


class LevitAdapter(Adapter):
    """timm's `Levit` and `LevitDistilled`, whose two heads' logits are averaged in evaluation."""

    stem: ClassVar[tuple[str, ...]] = ("stem",)
    head: ClassVar[tuple[str, ...]] = ("head", "head_dist")

    @staticmethod
    def layout(model: Any) -> Layout:
        return Layout("map" if model.use_conv else "tokens")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [_downsampled(stage) for stage in model.stages]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        x = model.stem(images)
        return x if model.use_conv else x.flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, H·W, C)

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(features)


class ViTAdapter(Adapter):
    """timm's `VisionTransformer`: ViT, DeiT (distilled too), DeiT3, DINOv2, CLIP's, SigLIP's …"""

    stem: ClassVar[tuple[str, ...]] = (
        "patch_embed",
        "cls_token",
        "dist_token",
        "reg_token",
        "pos_embed",
        "patch_drop",
        "norm_pre",
    )
    head: ClassVar[tuple[str, ...]] = ("norm", "attn_pool", "fc_norm", "head", "head_dist")

    @staticmethod
    def layout(model: Any) -> Layout:
        return Layout("tokens", model.num_prefix_tokens)

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        return [list(model.blocks)]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(images))))

    @staticmethod
    def run_head(model: Any, features: Tensor) -> Tensor:
        return model.forward_head(model.norm(features))


class BeitAdapter(ViTAdapter):
    """timm's `Beit`: BEiT and BEiT v2, each block with a relative position bias of its own."""

    stem: ClassVar[tuple[str, ...]] = ("patch_embed", "cls_token", "pos_embed")
    head: ClassVar[tuple[str, ...]] = ("norm", "fc_norm", "head")

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        x = model.patch_embed(images)
        x = torch.cat([model.cls_token.expand(len(x), -1, -1), x], dim=1)  # (B, 1 + H·W, C)
        return model.pos_drop(x if model.pos_embed is None else x + model.pos_embed)


class EvaAdapter(ViTAdapter):
    """timm's `Eva`: EVA, EVA-02 and others whose blocks take a rotary embedding, the same at every depth."""

    stem: ClassVar[tuple[str, ...]] = ("patch_embed", "cls_token", "reg_token", "pos_embed", "norm_pre")
    head: ClassVar[tuple[str, ...]] = ("norm", "attn_pool", "fc_norm", "head")

    @staticmethod
    def stages(model: Any) -> list[list[nn.Module]]:
        if model.rope is None:
            return [list(model.blocks)]
        return [[_WithRope(model, block) for block in model.blocks]]

    @staticmethod
    def run_stem(model: Any, images: Tensor) -> Tensor:
        return model.norm_pre(model._pos_embed(model.patch_embed(images))[0])


class _WithRope(nn.Module):
    """A block of EVA with its model's rotary embedding."""

    def __init__(self, model: Any, block: nn.Module) -> None:
        super().__init__()
        self.block = block
        self._model = (model,)  # in a tuple: the model is not a part of its block

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x, rope=self._model[0].rope.get_embed())


def _downsampled(stage: Any) -> list[nn.Module]:
    """Return the blocks of a stage of timm's, the first together with the step down before it."""
    first, *rest = stage.blocks
    if isinstance(stage.downsample, nn.Identity):
        return [first, *rest]
    return [nn.Sequential(stage.downsample, first), *rest]


ADAPTERS: dict[str, type[Adapter]] = {
    "Beit": BeitAdapter,
    "ConvNeXt": ConvNeXtAdapter,
    "EfficientNet": EfficientNetAdapter,
    "Eva": EvaAdapter,
    "Levit": LevitAdapter,
    "MobileNetV3": MobileNetV3Adapter,
    "RegNet": RegNetAdapter,
    "ResNet": ResNetAdapter,
    "ResNetV2": ResNetV2Adapter,
    "SwinTransformer": SwinAdapter,
    "SwinTransformerV2": SwinAdapter,
    "VisionTransformer": ViTAdapter,
}


def adapter_of(model: nn.Module) -> type[Adapter]:
    """Return the adapter that cuts this model; ValueError names the architectures that can be cut."""
    for kind in type(model).__mro__:
        if kind.__name__ in ADAPTERS:
            return ADAPTERS[kind.__name__]
    raise ValueError(f"{type(model).__name__} can't be cut yet; these can: {', '.join(sorted(ADAPTERS))}")
