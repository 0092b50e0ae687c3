"""Files written whole or not at all, and the sentence for a place where that fails.

A file is written beside its place and moved there at the end: until then what was there stays as it was, and
where writing fails nothing is left.
"""

import errno
import itertools
import os
import re
import shutil
import socket
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ANOTHER = "name another file"  # what helps where a command names the file

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OF_A_PLACE = (
    *(*_FULL, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR),
    *(errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG, errno.EIO),
)
_numbers = itertools.count()
_HOST = f"{zlib.crc32(socket.gethostname().encode()):08x}"  # whose processes a part's name tells of
_STRAIGHT = re.compile(r"/dev/(std|fd/)|/proc/")  # where nothing can be moved to
_MOST_NAME = 255  # bytes


class _Trial(Exception):
    """Ends what was only tried."""


class WriteError(OSError):
    """A file can't be written; one sentence names it, the reason, and what helps."""


@contextmanager
def whole(file: Path, *, needed: int = 0, elsewhere: str = ANOTHER) -> Iterator[Path]:
    """Give a path to write; what lies there at the end becomes the file, or nothing has happened.

    `needed` are its bytes where they are known, `elsewhere` is how another place is named. The folder is made
    if it is missing. Raises WriteError.
    """
    with all_whole([file], needed=needed, elsewhere=elsewhere) as (part,):
        yield part


@contextmanager
def all_whole(files: Sequence[Path], *, needed: int = 0, elsewhere: str = ANOTHER) -> Iterator[list[Path]]:
    """Give paths to write; at the end each becomes its file, in this order, or nothing has happened.

    See `whole`; `needed` are the bytes of all. The largest comes first: sentences name it.
    """
    parts: dict[Path, Path] = {}  # by place
    modes: dict[Path, int] = {}
    folders: list[Path] = []
    place = files[0]
    try:
        for file in files:
            place = file
            if _is_straight(file):
                continue
            place = Path(os.path.realpath(file))  # of a link the file that it leads to
            folders += _make(place.parent)
            parts[file], modes[file] = _part(place)
        place = Path(os.path.realpath(files[0]))  # the largest
        if needed > shutil.disk_usage(place.parent).free and parts:
            raise _error(errno.ENOSPC)
        yield [parts.get(file, file) for file in files]
        for file, part in parts.items():
            part.chmod(modes[file])  # safetensors keeps its files to their owner
            _to_disk(part)
        for file, part in parts.items():
            part.replace(os.path.realpath(file))
        with suppress(OSError):  # the names; not every file system has that
            _to_disk(place.parent)
    except BaseException as error:
        for part in parts.values():
            part.unlink(missing_ok=True)
        for folder in reversed(folders):
            with suppress(OSError):  # something lies there by now
                folder.rmdir()
        cause = os_error(error)
        if isinstance(error, WriteError) or not isinstance(error, Exception) or cause is None:
            raise
        raise WriteError(sentence(f"{place} can't be written", cause, place, elsewhere, needed)) from error


def check(file: Path, *, needed: int = 0, elsewhere: str = ANOTHER) -> None:
    """Raise WriteError unless a file can be written, and has room: before what takes long. Leaves nothing."""
    with suppress(_Trial), whole(file, needed=needed, elsewhere=elsewhere):
        raise _Trial


def write_text(file: Path, text: str, *, elsewhere: str = ANOTHER) -> None:
    """Write a text as UTF-8, whole or not at all; WriteError where it can't be."""
    write_bytes(file, text.encode("utf-8"), elsewhere=elsewhere)


def write_bytes(file: Path, data: bytes, *, elsewhere: str = ANOTHER) -> None:
    """Write a file whole or not at all; WriteError where it can't be."""
    with whole(file, needed=len(data), elsewhere=elsewhere) as part:
        part.write_bytes(data)


def os_error(error: BaseException) -> OSError | None:
    """Return what the system said, where that made a library fail; None if it was something else."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return cause
        if number := re.search(r"\(os error (\d+)\)", str(cause)):  # of a library in Rust
            return _error(int(number[1]))
        cause = cause.__cause__ or cause.__context__
    return None


# ---------------------------------------------------------------------------------------- why, and what helps


def is_full(error: BaseException) -> bool:
    """True if there was no room for a file: on the disk, in a quota, or below a limit of the process."""
    return isinstance(error, OSError) and error.errno in _FULL


def is_places(error: BaseException) -> bool:
    """True if the system refused, or had no room for, a file or a folder: no server's doing."""
    return isinstance(error, OSError) and error.errno in _OF_A_PLACE


def obstacle(file: Path) -> OSError | None:
    """Return what the system has against a file's being written, without a change; None for nothing."""
    folder = next((path for path in file.parents if os.path.exists(path)), file.parent)
    number = None
    if not os.path.isdir(folder):
        number = errno.ENOTDIR
    elif os.path.isdir(file):
        number = errno.EISDIR
    elif hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY:
        number = errno.EROFS
    elif not _may(folder, os.W_OK | os.X_OK) or (os.path.exists(file) and not _may(file, os.R_OK | os.W_OK)):
        number = errno.EACCES
    return None if number is None else _error(number)


def sentence(what: str, error: OSError, place: Path, elsewhere: str, needed: int = 0) -> str:
    """Return in one sentence `what` fails at a place, why, and what helps: something, or `elsewhere`."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            reason, remedy = _room(error, place, needed)
            elsewhere += " on another disk"
        case errno.EROFS:
            reason, remedy = "its file system can only be read", ""
            elsewhere += " on another disk"
        case errno.EACCES | errno.EPERM:
            reason, remedy = _permission(place)
        case errno.EISDIR:
            reason, remedy = "a folder has that name", "move the folder away"
        case errno.ENOTDIR | errno.EEXIST:
            file = next((path for path in place.parents if os.path.exists(path)), place.parent)
            reason, remedy = f"{file} is a file, where a folder is needed", "move that file away"
        case errno.ENAMETOOLONG:
            length = max(len(os.fsencode(part)) for part in place.parts)
            reason, remedy = f"a name of {length} bytes, where {_MOST_NAME} are the most", "shorten the name"
        case errno.EMFILE | errno.ENFILE:
            reason, remedy, elsewhere = "too many files are open", "raise the limit of `ulimit -n`", ""
        case errno.ENOENT:
            reason, remedy = f"the folder {place.parent} is gone", "do it again, which makes the folder"
        case _:
            reason, remedy = error.strerror or str(error), ""
            elsewhere += " on another disk"
    return f"{what} ({reason}): {', or '.join(filter(None, (remedy, elsewhere)))}"


def size(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _room(error: OSError, place: Path, needed: int) -> tuple[str, str]:
    if error.errno == errno.EFBIG:
        needs = f", where {size(needed)} are needed" if needed else ""
        return f"files may not grow that large here{needs}", "raise the limit of `ulimit -f`"
    folder = next(path for path in place.parents if os.path.exists(path))
    if error.errno == errno.EDQUOT:
        needs = f", {size(needed)} are needed" if needed else ""
        return f"your share of the disk is used up{needs}", "make room"
    free = shutil.disk_usage(folder).free
    if hasattr(os, "statvfs") and (disk := os.statvfs(folder)).f_files and not disk.f_favail:
        return "the disk takes no more files, however small", "delete some"
    needs = f"{size(needed)} are needed and " if needed else ""
    return f"the disk is full: {needs}{size(free)} are free", "make room"


def _permission(place: Path) -> tuple[str, str]:
    """Return whose the file or folder is that can't be written, and whether its owner may change that."""
    culprit = place if os.path.exists(place) and not _may(place, os.W_OK) else None
    culprit = culprit or next((path for path in place.parents if os.path.exists(path)), place.parent)
    try:
        state = culprit.stat()
        is_own = state.st_uid == os.geteuid()
    except (OSError, AttributeError):  # not even looked at; Windows
        return f"{culprit} can't be written by you", ""
    bits = "u+rwx" if stat.S_ISDIR(state.st_mode) else "u+rw"
    if is_own and state.st_mode & stat.S_IWUSR:  # not by its mode: an attribute, or a folder above
        return f"{culprit} is protected", ""
    if is_own:
        return f"{culprit} is write-protected", f"chmod {bits} {culprit}"
    return f"{culprit} belongs to {_name(state.st_uid)}, and you can't write there", ""


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


# ------------------------------------------------------------------------------------------------- the parts


def _is_straight(file: Path) -> bool:
    """True for what takes bytes and is no file on a disk: a pipe, a device."""
    if _STRAIGHT.match(str(file)):
        return True
    try:
        mode = file.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the new ones."""
    missing = []
    for path in (folder, *folder.parents):
        if os.path.exists(path):
            break
        missing.append(path)
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _part(place: Path) -> tuple[Path, int]:
    """Return an empty file beside a place, and the mode that the file is to have."""
    if os.path.isdir(place):
        raise _error(errno.EISDIR)
    if len(os.fsencode(place.name)) > _MOST_NAME:
        raise _error(errno.ENAMETOOLONG)
    mode = None
    if os.path.exists(place):
        if not _may(place, os.W_OK):  # what its owner protects is not replaced either
            raise _error(errno.EACCES)
        mode = stat.S_IMODE(place.stat().st_mode)
    name = os.fsencode(place.name)
    begin = f".{place.name}" if len(name) < _MOST_NAME - 60 else f".{zlib.crc32(name):08x}"
    _sweep(place.parent, begin)
    part = place.with_name(f"{begin}.{_HOST}-{os.getpid()}-{next(_numbers)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        return part, stat.S_IMODE(os.fstat(handle).st_mode) if mode is None else mode
    finally:
        os.close(handle)


def _sweep(folder: Path, begin: str) -> None:
    """Remove what processes of this machine left of the same file when they were killed."""
    if os.name != "posix":
        return
    with suppress(OSError):  # a folder that can't be listed, a file that another process removes
        for name in os.listdir(folder):
            match = re.fullmatch(rf"{re.escape(begin)}\.{_HOST}-(\d+)-\d+\.part", name)
            if match and not is_alive(int(match[1])):
                (folder / name).unlink()


def is_alive(pid: int) -> bool:
    """True if a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # nothing that can wait so
            raise
    finally:
        os.close(handle)
