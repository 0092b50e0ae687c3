"""A network's transform: a photo as the tensor that it sees."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    import torch

_MODES = ("center", "squash", "border")
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")


@dataclass(frozen=True)
class Transform:
    """timm's evaluation transform, normalised.

    `mode` "center": the short side to `image_size / crop`, then a centre crop; "squash": both sides to that,
    whatever the photo's shape, then the crop; "border": the long side to that, then borders of the mean.
    """

    image_size: int  # px, of the square that the network sees
    crop: float = 0.875  # of the resized short side, the ImageNet convention
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # ImageNet's, of RGB in 0..1
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    mode: str = "center"

    def __post_init__(self) -> None:
        # Equal transforms must have equal keys, whether their figures came as int, float or list.
        for name, value in (("image_size", int(self.image_size)), ("crop", float(self.crop))):
            object.__setattr__(self, name, value)
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        if self.image_size < 1:
            raise ValueError(f"image size {self.image_size} is not a number of pixels: at least 1")
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop {self.crop} is outside 0 to 1: a fraction of the resized short side")
        if self.mode not in _MODES:
            raise ValueError(f"crop mode {self.mode!r} is none of {', '.join(_MODES)}")
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(f"interpolation {self.interpolation!r} is none of {', '.join(_INTERPOLATIONS)}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(f"mean {self.mean} and std {self.std} must be three figures each, std above 0")

    @property
    def key(self) -> str:
        """Stable text that names everything the result depends on; equal for equal transforms."""
        mean, std = (",".join(map(repr, values)) for values in (self.mean, self.std))
        mode = "" if self.mode == "center" else f" {self.mode}"  # results of before there were others stand
        return f"size={self.image_size} crop={self.crop!r} {self.interpolation} mean={mean} std={std}{mode}"

    @property
    def settings(self) -> dict[str, Any]:
        """All that makes it again; the usual crop mode, which earlier versions don't know, is left out."""
        values = asdict(self)
        return values if self.mode != "center" else {k: v for k, v in values.items() if k != "mode"}

    def __call__(self, image: Image.Image) -> "torch.Tensor":
        """Return a photo as a network's input, (3, image_size, image_size) float32."""
        result: torch.Tensor = _pipeline(self)(image if image.mode == "RGB" else image.convert("RGB"))
        return result


@cache
def _pipeline(transform: Transform) -> Callable[[Image.Image], Any]:
    from timm.data import create_transform

    pipeline: Callable[[Image.Image], Any] = create_transform(
        input_size=(3, transform.image_size, transform.image_size),
        is_training=False,
        crop_pct=transform.crop,
        crop_mode=transform.mode,
        interpolation=transform.interpolation,
        mean=transform.mean,
        std=transform.std,
    )
    return pipeline


def transform_of(
    config: Mapping[str, Any], image_size: int | None = None, crop: float | None = None
) -> Transform:
    """Return how timm's record of a model prepares its photos, at another size (px) or crop where given.

    Raises ValueError for a model whose input is no square of three channels.
    """
    channels, height, width = config["input_size"]
    if channels != 3 or height != width:
        raise ValueError(
            f"{config.get('architecture', 'the model')} takes images of {channels} channels and {height} × "
            f"{width} px, where those here are squares of three channels: take another model"
        )
    return Transform(
        image_size=image_size or width,
        crop=crop or config["crop_pct"],
        interpolation=config["interpolation"],
        mean=config["mean"],
        std=config["std"],
        mode=config.get("crop_mode") or "center",
    )


def published_transforms(config: Mapping[str, Any]) -> tuple[Transform, ...]:
    """Return those of timm's table of results for a model: at its own size, and at that for tests."""
    own = transform_of(config)
    if test := config.get("test_input_size"):
        return own, transform_of(config, test[-1], config.get("test_crop_pct"))
    return (own,)
