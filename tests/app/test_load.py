"""Visitors at once against the real app, each answer compared with the one computed alone: a short form."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_answer_is_right_and_every_refusal_polite():
    some = ["--visitors", "3", "--seconds", "1", "--crowd", "300", "--large", "6"]
    command = ["benchmarks/load.py", *some, "--only", "visits", "leaving", "crowd", "pixels"]
    process = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
