"""What a machine lets the app use, as the system's files tell it."""

import os
import subprocess
import sys

import pytest

from app.work import machine
from snnet import openmp


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "1600000 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu.max": "nonsense"}, 8),
    ],
)
def test_cores_are_those_of_the_affinity_within_the_quota(tmp_path, monkeypatch, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert machine.cores(tmp_path) == expected


SPIN = (
    "import os; from snnet import openmp; {}; print(openmp.spin_briefly(), os.environ.get('GOMP_SPINCOUNT'))"
)


@pytest.mark.parametrize(
    ("before", "environment", "expected"),
    [
        ("pass", {}, "True 10000"),
        ("pass", {"GOMP_SPINCOUNT": "7"}, "False 7"),
        ("pass", {"OMP_WAIT_POLICY": "ACTIVE"}, "False None"),
        ("pass", {"KMP_BLOCKTIME": "200"}, "False None"),
        ("import sys; sys.modules['torch'] = None", {}, "False None"),
    ],
)
def test_threads_spin_briefly_unless_the_user_or_torch_was_first(before, environment, expected):
    clean = {
        name: value for name, value in os.environ.items() if name not in {*openmp.SETTINGS, openmp.OF_ALL}
    }
    process = subprocess.run(
        [sys.executable, "-c", SPIN.format(before)],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == expected


@pytest.mark.parametrize("command", [["app.py", "--help"], ["-m", "snnet", "networks", "--help"]])
def test_commands_import_no_torch_before(command):
    code = f"import sys, runpy; sys.argv = {command!r}; "
    code += (
        "runpy.run_path(sys.argv[0], run_name='__main__')"
        if command[0] != "-m"
        else "sys.argv = ['snnet', *sys.argv[2:]]; runpy.run_module('snnet', run_name='__main__')"
    )
    check = f"import atexit, sys; atexit.register(lambda: print('torch' in sys.modules)); {code}"
    process = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert process.stdout.strip().endswith("False")
