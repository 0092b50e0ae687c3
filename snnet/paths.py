"""Where the project's files lie: what ships (`ASSETS`), what a user's runs leave (`home()`), what could be
fetched again (`cache()`), and a folder of this user alone for what doesn't outlast a run (`temporary()`).
"""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from snnet.optional import warn

# Other libraries read these when they are imported, and take an empty one for the current folder.
_PLACES = (
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "TORCH_HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
)
_GRADIO = "GRADIO_TEMP_DIR"

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def home() -> Path:
    """Return the folder of the user's results, without creating it; `SNNET_HOME` moves it.

    Raises ValueError where that is a relative path, which would lie elsewhere with every current folder.
    """
    moved = os.environ.get("SNNET_HOME", "")
    if not moved:
        return cache() / "snnet"
    path = os.path.expanduser(moved)
    if path.startswith("~"):
        raise ValueError(f"SNNET_HOME is {moved!r}, and there is no such home folder: give it from / on")
    if not os.path.isabs(path):
        raise ValueError(
            f"SNNET_HOME is {moved!r}, a relative path, which means another folder wherever a command is "
            f"started: give it from / on, such as {os.path.abspath(path)}, or unset it"
        )
    return Path(path)


def cache() -> Path:
    """Return the folder of the user's caches: `XDG_CACHE_HOME`, which counts if it is absolute, or ~/.cache.

    Who has no home folder that can be written, as many services, gets one for temporary files, and a warning.
    """
    moved = os.path.expanduser(os.environ.get("XDG_CACHE_HOME", ""))
    if os.path.isabs(moved):
        return Path(moved)
    if (own := _user_home()) is not None:
        return own / ".cache"
    folder = temporary() / "cache"
    has_own = bool(os.environ.get("SNNET_HOME"))
    remedy = "XDG_CACHE_HOME names another" + ", SNNET_HOME one for results alone" * (not has_own)
    warn(
        f"there is no home folder that can be written, so that {'results and ' * (not has_own)}downloads go "
        f"to {folder}, which the system may empty: {remedy}"
    )
    return folder


def _user_home() -> Path | None:
    """Return a home folder that has a cache or could have one; None where there is none."""
    homes = [os.environ.get("HOME", "")]
    if os.name == "posix":
        import pwd

        with suppress(KeyError):  # a user by number alone, as containers have
            homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    else:
        homes.append(os.path.expanduser("~"))
    for folder in homes:
        if not os.path.isabs(folder) or not os.path.isdir(folder):
            continue
        if os.path.isdir(os.path.join(folder, ".cache")) or os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    return None


def temporary() -> Path:
    """Return a folder that no other user may open, below the system's for temporary files; made if needed.

    Raises OSError where none can be made: the system's is full or read-only, or somebody else has the name.
    """
    parent = Path(for_temporary_files())
    folder = parent / f"snnet-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError as error:
        raise OSError(f"{folder} can't be made ({error.strerror}): name another folder by TMPDIR") from error
    if hasattr(os, "getuid") and (state.st_uid != os.getuid() or not stat.S_ISDIR(state.st_mode)):
        raise OSError(f"{folder} is somebody else's: name another folder for temporary files by TMPDIR")
    return folder


def for_temporary_files() -> str:
    """Return the system's folder for temporary files; OSError rather than Python's last resort, this one."""
    try:
        folder = tempfile.gettempdir()
        here = os.getcwd()
    except OSError:
        folder = here = ""
    wishes = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    usual = ["/tmp", "/var/tmp", "/usr/tmp", *(os.path.abspath(wish) for wish in wishes if wish)]  # nosec B108
    if folder == here and (not folder or folder not in usual):
        raise OSError(
            "no folder for temporary files can be written (/tmp, /var/tmp): make room there, or name another "
            "by TMPDIR"
        )
    return folder


def settle() -> None:
    """Have what every library keeps lie in the user's cache, never in the current folder by surprise.

    Raises ValueError or OSError with a sentence where there is no place for results or temporary files.
    """
    for_temporary_files()
    for name in _PLACES:
        is_base = name.startswith("XDG_")  # of which relative ones don't count, says their specification
        text = os.environ.get(name)
        if text == "" or (text and is_base and not os.path.isabs(os.path.expanduser(text))):
            del os.environ[name]
    home()
    if str(cache()) != os.path.expanduser("~/.cache"):
        os.environ["XDG_CACHE_HOME"] = str(cache())


def settle_uploads() -> None:
    """Give Gradio a folder that this user can write: by default all users of a machine share one."""
    folder = os.environ.get(_GRADIO) or os.path.join(tempfile.gettempdir(), "gradio")
    if os.environ.get(_GRADIO) and _can_write(Path(folder)):
        return
    os.environ[_GRADIO] = str(temporary() / "gradio")


def _can_write(folder: Path) -> bool:
    """True if files can be made in a folder, which may be still to be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
