"""The teacher of a run, and the loss of what a stitch says against it and the labels."""

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnet.network.network import Network
from snnet.photos.label_set import of_head
from snnet.training.plan import TrainingError
from snnet.training.recipes import Recipe


class Teacher:
    """What the stitches are to say: the largest anchor, the mean of all anchors, or another timm model.

    Raises TrainingError for a model of other classes, WeightsError where its weights can't be had.
    """

    def __init__(self, net: Network, recipe: Recipe) -> None:
        self._scale: tuple[Tensor, Tensor] | None = None
        if recipe.teacher in ("largest", "anchors"):
            anchors = list(net.anchors) if recipe.teacher == "anchors" else [net.anchors[-1]]
            if recipe.anchor_lr:  # anchors that move are no teachers: copy what they were
                anchors = copy.deepcopy(anchors)
            self.models = [_whole(anchor.eval()) for anchor in anchors]
            self.modules: list[nn.Module] = list(anchors) if recipe.anchor_lr else []
            return
        from snnet.weights.originals import timm_model

        model: Any = timm_model(recipe.teacher).requires_grad_(False)
        ours, theirs = net.label_set, of_head(model.num_classes)
        if ours != theirs:
            raise TrainingError(
                f"the teacher {recipe.teacher} has {theirs.outputs} classes ({theirs.title}) and {net.name} "
                f"{ours.outputs} ({ours.title}): take a teacher of the same classes, or --teacher largest"
            )
        transform, config = net.transform(net.stitches[0]), model.default_cfg
        if (tuple(config["mean"]), tuple(config["std"])) != (transform.mean, transform.std):
            mean, std = (torch.tensor(value).view(3, 1, 1) for value in (config["mean"], config["std"]))
            gain = torch.tensor(transform.std).view(3, 1, 1) / std
            self._scale = gain, (torch.tensor(transform.mean).view(3, 1, 1) - mean) / std
        self.models, self.modules = [model], [model]

    def to(self, device: torch.device) -> "Teacher":
        """Move what is the teacher's own."""
        for module in self.modules:
            module.to(device)
        if self._scale:
            self._scale = self._scale[0].to(device), self._scale[1].to(device)
        return self

    @torch.no_grad()
    def __call__(self, images: Tensor, temperature: float) -> Tensor:
        """(B, 3, S, S), as the network takes them -> (B, classes) log-probabilities, float32."""
        if self._scale:
            images = images * self._scale[0] + self._scale[1]
        each = [(model(images).float() / temperature).log_softmax(1) for model in self.models]
        return torch.stack(each).logsumexp(0) - math.log(len(each))


def _whole(anchor: Any) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        for part in anchor.parts():
            x = anchor.run(part, x)
        return x

    return run


def loss_of(
    logits: Tensor | tuple[Tensor, Tensor], teacher: Tensor | None, targets: Tensor | None, recipe: Recipe
) -> Tensor:
    """Return the loss of (B, classes) logits against the teacher's log-probabilities and the labels.

    Of a pair, as DeiT's and LeViT's two heads give it, the first learns from the labels, the second from the
    teacher.
    `teacher` is (B, classes); `targets` are (B,) classes or (B, classes) mixed ones. Hard distillation is
    DeiT's (Touvron et al., ICML 2021): cross-entropy to the teacher's class; soft is KL · T² (Hinton et al.,
    2015).
    """
    first, second = (each.float() for each in (logits if isinstance(logits, tuple) else (logits, logits)))
    share = recipe.alpha if recipe.distillation != "none" else 0.0
    loss = first.new_zeros(())
    if share < 1:
        assert targets is not None
        smoothing = recipe.smoothing if targets.ndim == 1 else 0.0  # mixing has smoothed already
        loss = (1 - share) * F.cross_entropy(first, targets, label_smoothing=smoothing)
    if share:
        assert teacher is not None
        if recipe.distillation == "hard":
            return loss + share * F.cross_entropy(second, teacher.argmax(1))
        ours = (second / recipe.temperature).log_softmax(1)
        kl = F.kl_div(ours, teacher, reduction="batchmean", log_target=True)
        loss = loss + share * recipe.temperature**2 * kl
    return loss
