"""Refusals of tables of results, and of the page in one file."""

import pytest

from app import one_file
from snnet.commands import main
from snnet.evaluation import results
from snnet.evaluation.results import read_table, write_table
from snnet.optional import MissingWarning
from tests.evaluation.test_store import result
from tests.refusals.sites import refusal


@refusal(
    "snnet/evaluation/results.py: is damaged at line",
    "snnet/evaluation/results.py: where a table of results has",
    "snnet/evaluation/results.py: it is no result",
    "snnet/evaluation/results.py: its classes don't add up",
    "snnet/evaluation/results.py: more right answers than photos",
    "snnet/evaluation/results.py: a column is missing",
)
def test_a_damaged_table(refused, tmp_path, monkeypatch):
    """Nothing is lost by leaving it out; each sentence names the line, and another copy is read."""
    file = tmp_path / "results.csv"
    every = [result(1), result(2)]
    write_table(every, file)
    text = file.read_text()
    whole = text.encode()
    counts = b'"{""0"":[10,2,8],""1"":[10,3,8],""2"":[10,4,8]}"'
    for piece, old, new in (
        ("no result", b",30,", b",thirty,"),
        ("add up", b",30,", b",31,"),
        ("more right", counts, b'"{""0"":[10,9,8],""1"":[10,-4,8],""2"":[10,4,8]}"'),
        ("a column", b",2026-01-02,n,s2", b""),
        ("is damaged", b"thirty made", b"thirty\xff made"),
    ):
        assert old in whole
        file.write_bytes(whole.replace(old, new))
        with refused(piece) as told:
            read_table(file)
        assert str(file) in told.sentence
        write_table(every, file)
        assert read_table(file) == every
    with monkeypatch.context() as patch, refused("where a table") as told:
        patch.setattr(results, "_MOST_BYTES", 100)
        read_table(file)
    assert read_table(file) == every


@refusal("snnet/commands/frontier.py: has moved")
def test_an_option_that_has_moved(refused, tmp_path, capsys):
    import argparse
    import shlex

    from app.main import main as app
    from snnet.commands import frontier
    from tests.networks import tiny

    tiny().save(tmp_path / "net")
    page = tmp_path / "page.html"
    options = argparse.Namespace(page=page, network=str(tmp_path / "net"), plot=None)
    with refused() as told:
        frontier.run(options)
    python, program, *words = shlex.split(told.sentence.partition("`")[2].partition("`")[0])
    assert (python, program) == ("python", "app.py")
    assert app(program, words) == 0
    assert page.is_file()
    assert main.main(["frontier", str(tmp_path / "net"), "--page", str(page)]) == 2


@refusal("app/one_file.py: write it as")
def test_an_import_that_one_file_can_not_have(refused, monkeypatch):
    texts = {"b.js": "export const b = 1;\n"}
    monkeypatch.setattr(one_file.shipped, "text", texts.__getitem__)
    for line in ('import { b } from "./b.js"; // and why\n', 'const { b } = await import("./b.js");\n'):
        texts["a.js"] = line
        with refused() as told:
            one_file.bundle("a.js")
        assert "a.js" in told.sentence
    texts["a.js"] = (
        told.sentence.partition("write it as ")[2].replace("NAMES", "{ b }").replace("FILE", "b") + "\n"
    )
    assert len(one_file.bundle("a.js")) == 2


@pytest.mark.filterwarnings("ignore::snnet.optional.MissingWarning")
def test_nothing_else_is_lost_by_a_damaged_table_that_came_along(tmp_path):
    import snnet
    from tests.networks import tiny

    tiny().save(tmp_path / "net")
    (tmp_path / "net" / "results.csv").write_text("route\nnone\n")
    with pytest.warns(MissingWarning, match="the results that came with the network are left out"):
        assert snnet.load(str(tmp_path / "net")).stitches
