"""What a timm model costs as a whole, at any image size, in the form that it is trained or deployed in."""

from typing import Any

import torch
from torch import nn

from snnet.frontier import Cost
from snnet.network.counting import count, on_meta


def timm_cost(architecture: str, image_size: int, *, is_fused: bool = False) -> Cost:
    """Return GMACs of one image (px) and parameters of one of timm's models, counted on shapes alone.

    `is_fused` counts the form that the model is deployed in, its branches and norms folded into convolutions.
    What no rule counts is named in an `UncountedWarning`. Raises ValueError for a name that timm does not
    know, or a model that can't run at that size.
    """
    from timm.utils.model import reparameterize_model

    try:
        # folding computes with the weights; else their shapes are enough
        with torch.device("cpu" if is_fused else "meta"):
            model = _model(architecture, image_size)
        if is_fused:
            model = reparameterize_model(model)
        with torch.inference_mode():
            macs, _ = count(on_meta(model), torch.empty(1, 3, image_size, image_size, device="meta"))
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{architecture} can't be counted at {image_size} px: {reason}") from error
    return Cost(macs / 1e9, sum(parameter.numel() for parameter in model.parameters()) / 1e6)


def _model(architecture: str, image_size: int) -> nn.Module:
    """Return a model that tells the zoo's 1,000 classes apart, for one size only where it is made for one."""
    import timm

    config = timm.get_pretrained_cfg(architecture)
    sized: dict[str, Any] = {"img_size": image_size} if config and config.fixed_input_size else {}
    model: nn.Module = timm.create_model(architecture, num_classes=1000, **sized)
    return model.eval()
