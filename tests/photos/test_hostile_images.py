"""Hostile pictures: the inputs of benchmarks/hostile_images.py, some of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import hostile_images

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")


def test_the_sound_ones_decode():
    formats = {}
    for name, data in hostile_images.sound().items():
        formats.setdefault(name.split()[0], set()).add(hostile_images.outcome(data))
    for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "MPO"):
        assert "picture" in formats.pop(form)
    assert {outcome for each in formats.values() for outcome in each} == {"sentence"}


def run(inputs: int, seed: int) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.hostile_images",
        "--inputs",
        str(inputs),
        "--seed",
        str(seed),
    ]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{inputs:,}" in done.stdout


@LINUX
def test_hostile_inputs():
    run(300, seed=1)


@LINUX
@pytest.mark.slow
def test_more_hostile_inputs():
    run(2000, seed=2)
