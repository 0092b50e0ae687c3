"""What helps where the store can't be used: a sentence for each state of its file."""

import errno
import os
import shutil
import sys
from pathlib import Path

from snnet import files

ELSEWHERE = "let SNNET_HOME name another folder"
SALVAGE = "python -m snnet results --salvage"
_DAMAGE = (
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "SQLITE_FORMAT",
    "SQLITE_TOOBIG",
    "SQLITE_CONSTRAINT",
    "SQLITE_ERROR",
)
_FULL_BYTES = 1 << 16  # free, below which a disk that fails is a full one


class StoreError(OSError):
    """The store can't be used; one sentence names its file and says what to do."""


class DamageError(StoreError):
    """The store is damaged; what of it can be read can be salvaged."""


def is_busy(error: Exception) -> bool:
    """True if another process, or a thread, holds the file."""
    return _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def store_error(file: Path, error: Exception, waiting_s: float) -> StoreError:
    """Return what to raise for what SQLite raised, after so many seconds of waiting."""
    name = _name(error)
    what = f"the results in {file} can't be used"
    if is_busy(error):
        return StoreError(
            f"{what} (for {waiting_s:.0f} s {holders(file)} has them locked): try again when that is done, "
            "or stop it if it hangs"
        )
    if name in ("SQLITE_IOERR_LOCK", "SQLITE_NOLFS", "SQLITE_PROTOCOL"):
        return StoreError(
            f"{what} (their file system locks no files): {ELSEWHERE} on another disk{_copy(file)}"
        )
    if name.startswith("SQLITE_NOMEM") or isinstance(error, MemoryError):
        return StoreError(f"{what} (there is no memory left): close other programs, and try again")
    if name == "SQLITE_READONLY_DBMOVED":
        return StoreError(f"{what} (another process replaced the file): try again")
    if cause := _cause(file, name):
        return unwritable(file, cause)
    if name.startswith(_DAMAGE) or isinstance(error, OverflowError):
        return damage(file, str(error))
    return StoreError(f"{what} ({error}): update the project, or {ELSEWHERE}{_copy(file)}")


def unwritable(file: Path, error: OSError, needed: int = 0) -> StoreError:
    """Return what to raise where the system lets nothing be read, or written, at the store's place."""
    what = f"the results in {file} can't be used"
    if error.errno == errno.EISDIR:
        return StoreError(f"{what} (a folder has that name): move the folder away, or {ELSEWHERE}")
    return StoreError(files.sentence(what, error, file, ELSEWHERE, needed) + _copy(file))


def damage(file: Path, reason: str) -> DamageError:
    """Return what to raise for a file that holds no sound tables."""
    return DamageError(
        f"the results in {file} are damaged ({reason}): `{SALVAGE}` moves what can be read to a new file, "
        "and keeps this one beside it; so does the next evaluation"
    )


def holders(file: Path) -> str:
    """Return in words which processes of this machine have a file locked."""
    words = []
    for pid in _lockers(file):
        try:
            command = (
                Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
        except OSError:
            command = ""
        command = command.strip()
        command = f"{command[:79]}…" if len(command) > 80 else command
        who = "this process itself" if pid == os.getpid() else f"process {pid}"
        words.append(f"{who} ({command})" if command and pid != os.getpid() else who)
    return " and ".join(words[:3]) or "another process, perhaps on another machine,"


def _lockers(file: Path) -> list[int]:
    """Return the processes that hold locks on a file, where Linux tells."""
    try:
        state = file.stat()
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return []
    ours = f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}:{state.st_ino}"
    pids = []
    for line in lines:  # 1: POSIX ADVISORY WRITE pid major:minor:inode start end; "->" for one that waits
        words = line.split()
        if len(words) > 5 and words[5] == ours and int(words[4]) > 0 and int(words[4]) not in pids:
            pids.append(int(words[4]))
    return sorted(pids)


def _name(error: Exception) -> str:
    return getattr(error, "sqlite_errorname", "") or ""


def _cause(file: Path, name: str) -> OSError | None:
    """Return what of the system lies behind SQLite's error; None for damage."""
    number = None
    if name.startswith("SQLITE_FULL"):
        number = errno.ENOSPC
    elif name.startswith("SQLITE_IOERR"):
        free = shutil.disk_usage(file.parent).free
        number = errno.EFBIG if _is_limited() else errno.ENOSPC if free < _FULL_BYTES else errno.EIO
    elif not name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return None
    return OSError(number, os.strerror(number)) if number else files.obstacle(file) or _unknown(file)


def _unknown(file: Path) -> OSError:
    """Return the system's reason not to open a file, where its state shows none: too many files, say."""
    try:
        file.open("rb").close()
    except OSError as error:
        return error
    return OSError(errno.EIO, "it can't be opened")


def _is_limited() -> bool:
    if sys.platform == "win32":
        return False
    import resource

    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def _copy(file: Path) -> str:
    try:
        return ", with a copy of the file to keep its results" if file.stat().st_size else ""
    except OSError:
        return ""
