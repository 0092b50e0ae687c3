"""What nothing depends on fails alone: loading, choosing and answering go on, with a sentence."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

import snnet
from snnet.catalogue import entries, figures, published
from snnet.commands import main
from snnet.evaluation import results
from snnet.optional import MissingWarning
from snnet.paths import home
from snnet.tables import published_results, zoo
from tests.limits import folder_that_is_only_read
from tests.networks import tiny

ROOT = Path(__file__).parents[1]


def damaged_file(place: Path) -> None:
    place.mkdir()
    (place / "results.sqlite").write_bytes(b"no database " * 1000)


def damaged_table(place: Path) -> None:
    from snnet.evaluation.store import Store

    Store(place / "results.sqlite").put([])
    data = bytearray((place / "results.sqlite").read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    (place / "results.sqlite").write_bytes(data)


def newer(place: Path) -> None:
    import sqlite3

    place.mkdir()
    with sqlite3.connect(place / "results.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")


def answers(net) -> None:
    stitch = net.select(gmacs=max(net.cost(stitch).gmacs for stitch in net.stitches), silent=True)
    image = torch.zeros(1, 3, stitch.image_size, stitch.image_size)
    with torch.inference_mode():
        assert net(image, stitch).shape[0] == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks") / "net"
    tiny(seed=8).save(folder)
    return folder


@pytest.mark.parametrize("damage", [damaged_file, damaged_table, newer])
def test_a_store_that_can_not_be_used(folder, tmp_path, monkeypatch, damage, capsys):
    damage(tmp_path / "home")
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "home"))
    what = r"this machine's own results are left out: .*results\.sqlite"
    with pytest.warns(MissingWarning, match=what) as said:
        net = snnet.load(str(folder))
    assert len(said) == 1
    answers(net)
    answers(snnet.load(str(folder)))  # and nothing is said twice
    photos = ["--data", str(folder)]
    assert main.main(["evaluate", str(folder), *photos]) == 2


def test_a_home_that_is_a_file(folder, tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "home"))
    answers(snnet.load(str(folder)))


def test_a_home_that_is_only_read(folder, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "home"))
    with folder_that_is_only_read(tmp_path / "home"):
        answers(snnet.load(str(folder)))
    assert not list(home().iterdir())


def test_tables_that_are_missing(folder, tmp_path, monkeypatch):
    for place in (zoo, published_results):
        monkeypatch.setattr(place, "ASSETS", tmp_path)
    monkeypatch.setattr(figures, "FILE", tmp_path / "figures.json")
    monkeypatch.setattr(results, "SHIPPED", tmp_path)
    (tmp_path / "lite.csv").write_text("route,photos\nx,y\n")
    caches = (zoo.models, figures.shipped, results.shipped)
    for cache in caches:
        cache.cache_clear()
    published_results.family_of("levit").__dict__.pop("stitches", None)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            answers(snnet.load(str(folder)))
            net = published.blank("levit")
            assert not net.reported
            assert entries.summary(entries.entry("levit"))["top1"] is None
            assert entries.entry("levit").figures() is None
            assert zoo.models() == ()
        sentences = " ".join(str(warning.message) for warning in said)
        for words in (
            "the zoo is left out",
            "the results of lite.csv are left out",
            "lite.csv is damaged at line 2",
            "figures of the networks that are not loaded are left out",
            "the results that the authors of LeViT-192/256 published are left out",
        ):
            assert words in sentences
    finally:
        for cache in caches:
            cache.cache_clear()
        published_results.family_of("levit").__dict__.pop("stitches", None)


def test_what_is_missing_is_said_once_and_plainly():
    code = (
        "import warnings; from snnet import optional; optional.say_plainly(); optional.say_plainly();"
        "print([optional.optional(lambda: 1 // 0, 5, 'halves are') for _ in range(3)]);"
        "warnings.warn('another')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[5, 5, 5]\n"
    plain, other, *_ = done.stderr.splitlines()
    assert plain == "halves are left out: ZeroDivisionError: integer division or modulo by zero"
    assert "UserWarning: another" in other
