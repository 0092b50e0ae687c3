import os
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource
from snnet.commands import malloc
kept = malloc.keep_freed() if {keep} else False
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    b"x" * 2**25  # 32 MB, used and freed
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool, **environment: str) -> tuple[str, int]:
    kept, count = subprocess.run(
        [sys.executable, "-c", FAULTS.format(keep=keep)],
        cwd=Path(__file__).parent.parent.parent,
        env={k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")} | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return kept, int(count)


@pytest.mark.skipif(
    os.name != "posix" or "CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="glibc's way with memory"
)
def test_freed_memory_is_used_again():
    _, fresh = faults(keep=False)
    kept, again = faults(keep=True)
    assert kept == "True"
    assert again < fresh / 5


def test_what_a_user_has_set_stays():
    kept, _ = faults(keep=True, MALLOC_ARENA_MAX="2")
    assert kept == "False"
