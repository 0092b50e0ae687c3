import pytest
import torch
from PIL import Image

from snnet.photos.photo_set import open_photos
from tests.training.settings import SYNSETS


@pytest.fixture(scope="package")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("photos")
    generator = torch.Generator().manual_seed(0)
    for synset in SYNSETS:
        (place / synset).mkdir()
        for number in range(6):
            pixels = torch.randint(0, 256, (70, 80, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(place / synset / f"{number}.png")
    return place


@pytest.fixture(scope="package")
def photos(place):
    return open_photos(place)
