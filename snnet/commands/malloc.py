"""How freed memory is kept for the next batch."""

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as malloc.h numbers them
_MOST = 2**31 - 1  # bytes; what fits mallopt's int


def keep_freed() -> bool:
    """Have this process keep large blocks that it frees, up to 2 GB, and use them again; True if it will.

    glibc gives them back to the system at once, and each batch then pays for fresh, zeroed pages: see
    `benchmarks/kept_memory.py`. For commands that run batch after batch. Other C libraries,
    and a user's own MALLOC_ variables, are left as they are.
    """
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl
        return False
    return all(mallopt(option, _MOST) for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))
