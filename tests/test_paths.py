"""Machines that aren't a laptop at home: without a home, with strange variables."""

import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from snnet import optional, paths

ROOT = Path(__file__).resolve().parent.parent


def has_no_entry(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A user by number alone: no HOME, no entry among the users, none of the variables."""
    for name in ("HOME", "SNNET_HOME", "GRADIO_TEMP_DIR", "TMPDIR", *paths._PLACES):
        monkeypatch.setenv(name, "")  # so that what the code sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", has_no_entry)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(optional, "_sentences", set())
    return tmp_path / f"snnet-{os.getuid()}"


@pytest.mark.parametrize("home", [None, "", "relative", "/nonexistent"])
def test_without_a_home_all_lies_in_a_folder_of_ones_own(bare, monkeypatch, home):
    if home is not None:
        monkeypatch.setenv("HOME", home)
    with pytest.warns(optional.MissingWarning, match="SNNET_HOME one for results alone"):
        paths.settle()
    assert paths.home() == bare / "cache" / "snnet"
    assert os.environ["XDG_CACHE_HOME"] == str(bare / "cache")
    assert bare.stat().st_mode & 0o777 == 0o700
    paths.settle_uploads()
    assert os.environ["GRADIO_TEMP_DIR"] == str(bare / "gradio")


def test_a_user_without_an_entry():
    if os.geteuid():
        pytest.skip("only root becomes another user")
    code = (
        "import os, pwd, stat, sys, tempfile; sys.path.insert(0, sys.argv[1]);"
        "from snnet import paths; os.setuid(54321); paths.settle();"
        "print(paths.home())"
    )
    env = {name: text for name, text in os.environ.items() if name not in ("HOME", "SNNET_HOME")}
    command = [sys.executable, "-W", "ignore", "-c", code, str(ROOT)]
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are no one else's to enter
        os.chmod(folder, 0o1777)
        done = subprocess.run(command, env=env | {"TMPDIR": folder}, cwd="/", capture_output=True, text=True)
        assert done.stdout.strip() == f"{folder}/snnet-54321/cache/snnet", done.stderr


@pytest.mark.parametrize("text", ["", "relative", "./here"])
def test_a_cache_that_is_empty_or_relative_doesnt_count(bare, monkeypatch, tmp_path, text):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("HF_HOME", "")
    paths.settle()
    assert paths.home() == tmp_path / ".cache" / "snnet"
    assert not {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME"} & os.environ.keys()
    assert list(tmp_path.rglob("*")) == [tmp_path / "here"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "else"))
    paths.settle()
    assert paths.home() == tmp_path / "else" / "snnet"


def test_where_results_go(bare, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for text, place in (("", ".cache/snnet"), ("~/x", "x"), (str(tmp_path / "y"), "y")):
        monkeypatch.setenv("SNNET_HOME", text)
        assert paths.home() == tmp_path / place
    monkeypatch.setenv("SNNET_HOME", "results")
    with pytest.raises(ValueError, match=r"SNNET_HOME is 'results', a relative path.* such as /.*/results"):
        paths.settle()
    monkeypatch.setenv("SNNET_HOME", "~nobody-at-all/x")
    with pytest.raises(ValueError, match="there is no such home folder: give it from / on"):
        paths.settle()


def test_every_program_says_so_at_its_start(bare, monkeypatch, tmp_path, capsys):
    from app import main as page
    from snnet.commands import main as commands

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SNNET_HOME", "results")
    assert commands.main(["networks"]) == page.main("app.py", []) == 2
    assert capsys.readouterr().err.count("SNNET_HOME is 'results', a relative path") == 2


def test_no_folder_for_temporary_files(bare, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "here"))  # Python's last resort
    with pytest.raises(OSError, match=r"no folder for temporary files can be written .* by TMPDIR"):
        paths.settle()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "here"))
    paths.settle()


def test_a_folder_that_somebody_else_has(bare, monkeypatch):
    bare.symlink_to("/")
    with pytest.raises(OSError, match="somebody else's: name another folder for temporary files by TMPDIR"):
        paths.settle()


def test_uploads_dont_lie_where_others_do(bare, monkeypatch, tmp_path):
    shared = tmp_path / "shared"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(shared / "own"))
    paths.settle_uploads()
    assert os.environ["GRADIO_TEMP_DIR"] == str(shared / "own")  # a user's own word stands
    monkeypatch.setattr(os, "access", lambda *_: False)
    paths.settle_uploads()
    assert os.environ["GRADIO_TEMP_DIR"] == str(bare / "gradio")
