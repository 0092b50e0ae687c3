"""Threads that give the core away while they wait: to be asked for before torch is imported.

OpenMP's threads spin at their barriers, waiting for one another. Beside anything else that wants the cores
the one waited for doesn't run, for the others' spinning keeps it from its core: an answer takes up to sixty
times longer. A short spin costs nothing on a quiet machine: see `benchmarks/busy_machine.py`.
"""

import os
import sys

# of GNU's runtime, in turns of a loop; of Intel's and LLVM's (macOS, Windows, conda), in ms
SETTINGS = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
OF_ALL = "OMP_WAIT_POLICY"  # a user's word on the same, whichever runtime there is


def spin_briefly() -> bool:
    """Have OpenMP's threads spin briefly; False if a user's own settings stand, or torch is here already."""
    if "torch" in sys.modules or OF_ALL in os.environ or any(name in os.environ for name in SETTINGS):
        return False
    os.environ.update(SETTINGS)
    return True
