"""Fixtures that several rooms' tests use."""

import os
from pathlib import Path

import pytest

from snnet.weights import proxies

# Whatever proxy the machine has: the tests ask servers of their own.
proxies.spare_this_machine()
# Before torch is imported anywhere: sums over threads round otherwise than sums in one, and on a machine that
# is busy with something else, threads that wait for each other take ten times as long.
os.environ["OMP_NUM_THREADS"] = "1"
# before Gradio is imported anywhere: its uploads, and what it would tell its makers
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos and reference figures beside a checkout; most machines have none."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder.name}/ with photos and reference figures beside this checkout")
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory):
    """Keep the tests out of the user's results and Gradio's uploads, and those out of the tests."""
    patch = pytest.MonkeyPatch()
    patch.setenv("SNNET_HOME", str(tmp_path_factory.mktemp("home")))
    patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def service(own_home):
    """The service of the network that ships, loaded."""
    from app.service import Service

    service = Service("lite")
    service.networks.start()
    assert service.net
    return service


@pytest.fixture(scope="session")
def url(service):
    """The address of the running app."""
    from tests.serving import serving_page

    with serving_page(service) as url:
        yield url


@pytest.fixture(scope="session")
def lion() -> Path:
    """A photo of a lion that comes with Gradio."""
    from gradio.media import get_image

    return Path(get_image("lion.jpg"))


@pytest.fixture(scope="session")
def cheetah() -> Path:
    """A photo of a cheetah that comes with Gradio."""
    from gradio.media import get_image

    return Path(get_image("cheetah1.jpg"))


PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Note whether the test itself passed: one that skips, or fails, makes no refusal happen."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture
def refused(request):
    """Expect a refusal that the test is marked with: `with refused(piece) as told: …`.

    It must be raised where its name says, itself or as the cause of what is raised; `told.sentence` is what a
    person reads. Without `piece`, the only one. All that the test is marked with must happen.
    """
    from tests.refusals.sites import Told, expect

    names = request.function.refusals
    told = {name: Told() for name in names}

    def context(piece: str = ""):
        (name,) = [name for name in names if piece in name]
        return expect(name, told[name])

    yield context
    missing = [name for name in names if not told[name].sentence]
    assert not (missing and request.node.stash.get(PASSED, False)), f"not refused: {missing}"
