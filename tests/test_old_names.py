"""Names that moved work for one release, with a warning that says where they are."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import snnet
from snnet.deprecated import HOMES

SAMPLES = {  # a name of each, as the flat library had it
    "accuracy": "wilson",
    "data": "Transform",
    "evaluate": "evaluate",
    "make": "stitch",
    "published": "from_state_dict",
    "results": "Store",
    "train": "train",
    "walk": "sweep",
}


@pytest.fixture
def old(monkeypatch):
    """Return what imports an old name as if for the first time."""

    def fresh(name):
        monkeypatch.delitem(sys.modules, f"snnet.{name}", raising=False)
        monkeypatch.delitem(vars(snnet), name, raising=False)
        return name

    return fresh


@pytest.mark.parametrize("name", HOMES)
def test_an_old_module_says_where_its_things_are(name, old):
    with pytest.warns(DeprecationWarning, match=f"snnet.{HOMES[name][0]}") as warned:
        module = import_module(f"snnet.{old(name)}")
    assert len(warned) == 1
    for home in HOMES[name]:
        import_module(f"snnet.{home}")
    thing = SAMPLES.get(name)
    if thing:
        there = next(m for m in (import_module(f"snnet.{home}") for home in HOMES[name]) if hasattr(m, thing))
        assert getattr(module, thing) is getattr(there, thing)
    with pytest.raises(AttributeError, match=f"snnet.{name}.*nonsense"):
        module.nonsense  # noqa: B018


def test_as_an_attribute_and_by_from(old):
    old("walk")
    with pytest.warns(DeprecationWarning, match=r"snnet\.walk is now snnet\.network\.sweep"):
        walk = snnet.walk
    assert walk.sweep is snnet.sweep
    old("walk")
    with pytest.warns(DeprecationWarning, match=r"snnet\.walk") as warned:
        from snnet.walk import sweep
    assert sweep is snnet.sweep
    assert Path(warned[0].filename) == Path(__file__)


def test_public_names_warn_of_nothing_and_others_are_not_there():
    for name in snnet.__all__:
        assert getattr(snnet, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        snnet.nonsense  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        import_module("snnet.nonsense")


def test_importing_the_library_imports_nothing_of_it():
    code = "import sys, snnet; print([m for m in sys.modules if m.startswith('snnet.') or m == 'torch'])"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout.strip() == "[]", done.stderr
