"""What this machine lets the app use: cores, and memory that is given back."""

import ctypes
import os
import sys
from pathlib import Path

ARENAS = 2  # of glibc's allocator: each keeps what was freed in it, and there would be eight a core
MMAP_THRESHOLD = 4 << 20  # bytes: what is larger (a photo's pixels) goes back to the system at once
TRIM_THRESHOLD = 64 << 20  # bytes that may lie free at the heap's end, used again and again
_TRIM, _MMAP, _ARENA = -1, -3, -8  # as malloc.h numbers them


def cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may use: its affinity's, or fewer by a container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS and Windows have none
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota(root)
    return max(1, min(count, round(quota))) if quota else count


def _quota(root: Path) -> float | None:
    """Return the cores that the container's group may use (version 2 or 1), None without a limit."""
    groups = root / "sys/fs/cgroup"
    try:
        most, period = (groups / "cpu.max").read_text().split()
        return None if most == "max" else int(most) / int(period)
    except (OSError, ValueError):
        pass
    try:
        most, period = ((groups / f"cpu/cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(most) / int(period) if int(most) > 0 else None
    except (OSError, ValueError):
        return None


def use_cores(count: int) -> None:
    """Have this thread's own calls of torch run on so many cores; other threads keep theirs."""
    import torch

    torch.set_num_threads(count)


def give_freed_back() -> bool:
    """Have what is freed go back to the system; True if it will. To be called before threads begin.

    Other C libraries than glibc, and a user's own MALLOC_ variables, are left as they are.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    settings = ((_ARENA, ARENAS), (_MMAP, MMAP_THRESHOLD), (_TRIM, TRIM_THRESHOLD))
    return all(mallopt(option, value) for option, value in settings)


def trim() -> None:
    """Give back what lies free in the middle of the heap too, some milliseconds' work: after large photos."""
    malloc_trim = _glibc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _glibc(name: str) -> "ctypes._NamedFuncPointer | None":
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)  # musl has neither
