"""The one command that makes shipped figures: what it calls stale, what it writes."""

import pytest

from app import refresh
from app.refresh import Maker


@pytest.fixture
def makers(tmp_path, monkeypatch):
    files = {tmp_path / "new" / "a.json": b"1.00", tmp_path / "b.json": b"2"}
    makers = {
        "numbers": Maker(lambda: files, lambda old, new: float(old) == float(new)),
        "words": Maker(lambda: {tmp_path / "c.txt": b"words"}),
    }
    monkeypatch.setattr(refresh, "MAKERS", makers)
    return tmp_path


def test_check_names_what_is_stale_and_writes_nothing(makers, capsys):
    assert refresh.main(["--check"]) == 1
    assert capsys.readouterr().out.count(" is stale: run python -m app.refresh") == 3
    assert not any(makers.iterdir())


def test_what_was_written_is_fresh(makers, capsys):
    assert refresh.main([]) == 0
    assert capsys.readouterr().out.count("wrote ") == 3
    assert refresh.main(["--check"]) == 0
    (makers / "c.txt").write_text("other words")
    assert refresh.main(["--check"]) == 1
    assert refresh.main(["--check", "--only", "numbers"]) == 0


def test_what_agrees_is_left_as_it_is(makers):
    (makers / "b.json").write_bytes(b"2.0")
    refresh.main([])
    assert (makers / "b.json").read_bytes() == b"2.0"


@pytest.mark.slow
def test_what_ships_is_fresh(capsys):
    status = refresh.main(["--check"])
    assert status == 0, capsys.readouterr().out
