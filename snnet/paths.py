"""Where the project's files lie: what ships (`ASSETS`), what a user's runs leave (`home()`)."""

import os
from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def home() -> Path:
    """Return the folder of the user's results, without creating it; `SNNET_HOME` moves it."""
    if moved := os.environ.get("SNNET_HOME"):
        return Path(moved)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "snnet"
