import pytest

from snnet.photos.photo_set import open_photos
from tests.photos.sets import noise
from tests.training.settings import SYNSETS


@pytest.fixture(scope="package")
def place(tmp_path_factory):
    return noise(tmp_path_factory.mktemp("photos"), SYNSETS, 6)


@pytest.fixture(scope="package")
def photos(place):
    return open_photos(place)
