"""A transform does what timm's does, and is a value."""

import pickle

import pytest
import torch
from PIL import Image

from snnet.photos.transform import Transform


@pytest.mark.parametrize("size", [(500, 375), (320, 480), (224, 224), (60, 45), (1, 1), (50, 1)])
@pytest.mark.parametrize(
    ("image_size", "crop", "interpolation"),
    [(224, 0.875, "bicubic"), (240, 0.9, "bilinear"), (96, 1.0, "lanczos")],
)
def test_transform_is_timms(size, image_size, crop, interpolation):
    from timm.data import create_transform

    image = Image.effect_noise(size, 90).convert("RGB")
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.5)
    expected = create_transform(
        (3, image_size, image_size), crop_pct=crop, interpolation=interpolation, mean=mean, std=std
    )(image)
    found = Transform(image_size, crop, interpolation, mean, std)(image)
    assert found.shape == (3, image_size, image_size)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize("size", [(500, 375), (320, 480), (60, 45), (1, 1), (50, 1)])
@pytest.mark.parametrize("mode", ["squash", "border"])
@pytest.mark.parametrize("crop", [0.9, 1.0])
def test_other_crop_modes_are_timms_too(size, mode, crop):
    from timm.data import create_transform

    image = Image.effect_noise(size, 90).convert("RGB")
    expected = create_transform((3, 96, 96), crop_pct=crop, crop_mode=mode, interpolation="bicubic")(image)
    found = Transform(96, crop, mode=mode)(image)
    assert found.shape == (3, 96, 96)
    assert torch.equal(found, expected)
    assert not torch.equal(found, Transform(96, crop)(image)) or size == (1, 1)


def test_transform_is_a_value():
    one, other = (
        Transform(224, 1, mean=[0, 0, 0], std=[1, 1, 1]),
        Transform(224, 1.0, mean=(0.0,) * 3, std=(1.0,) * 3),
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one.key == other.key == "size=224 crop=1.0 bicubic mean=0.0,0.0,0.0 std=1.0,1.0,1.0"
    one(Image.new("L", (9, 9)))
    assert pickle.loads(pickle.dumps(one)) == one
    changed = [Transform(225), Transform(224, 0.9), Transform(224, 0.875, "bilinear")]
    changed += [Transform(224, mean=(0, 0, 0)), Transform(224, std=(1, 1, 1)), Transform(224)]
    assert len({each.key for each in changed}) == 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image_size": 0}, "image size 0"),
        ({"crop": 0}, "crop 0"),
        ({"crop": 1.1}, "crop 1.1"),
        ({"interpolation": "cubic"}, "bicubic"),
        ({"interpolation": "random"}, "bicubic"),
        ({"mode": "stretch"}, "crop mode 'stretch' is none of center, squash, border"),
        ({"mean": (0.5,)}, "three figures"),
        ({"std": (1, 0, 1)}, "above 0"),
    ],
)
def test_transforms_that_make_no_sense(options, says):
    with pytest.raises(ValueError, match=says):
        Transform(**({"image_size": 224} | options))
