"""The example that each --help shows: it runs as it stands, from a fresh checkout, without a network."""

import shlex
import socket
from pathlib import Path

import pytest

from app import main as page
from snnet.commands import main

ROOT = Path(__file__).resolve().parents[2]
NAMES = [command.__name__.rpartition(".")[2] for command in main.COMMANDS]
SLOW = {"evaluate"}  # 166 stitches


def example(capsys, run, *words: str) -> list[str]:
    """Return the words of the one example in a help."""
    with pytest.raises(SystemExit) as stop:
        run([*words, "--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("example: ") == 1
    return shlex.split(text.partition("example: python ")[2])


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A checkout with nothing beside it, on a machine that reaches no other."""

    def refuse(*_):
        raise OSError("the example asks another machine")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("SNNET_HOME", "HF_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    here = tmp_path / "checkout"
    here.mkdir()
    (here / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in NAMES]
)
def test_the_example_of_a_command(name, offline, capsys):
    command = {"tables": "zoo"}.get(name, name)
    words = example(capsys, main.main, command)
    assert words[:3] == ["-m", "snnet", command]
    status = main.main(words[2:])
    out, err = capsys.readouterr()
    assert status == 0, err
    assert out or err
    assert "Traceback" not in err


def test_the_example_of_the_page(offline, capsys):
    words = example(capsys, lambda arguments: page.main("app.py", arguments))
    assert words[0] == "app.py"
    assert page.main("app.py", words[1:]) == 0
    assert (offline / "lite.html").stat().st_size > 1e6
