"""A folder that can't be written and a disk that is full, for whoever runs the tests, root included.

A disk of its own, small or only read, takes root's right to mount: where that is missing, such tests skip.
"""

import ctypes
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_VERSION = 0x20080522  # of the kernel's capabilities
_OVERRIDE = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: by which root writes and reads anything


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("heritable", ctypes.c_uint32),
    )


@contextmanager
def _without_override() -> Iterator[None]:
    """Take this thread's right to write anything, which only root has."""
    if os.geteuid():
        yield
        return
    libc, header, sets = ctypes.CDLL(None, use_errno=True), _Header(_VERSION, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets):
        pytest.skip("this system has no capabilities to take from root")
    before = sets[0].effective
    sets[0].effective = before & ~_OVERRIDE
    libc.capset(ctypes.byref(header), sets)
    try:
        yield
    finally:
        sets[0].effective = before
        libc.capset(ctypes.byref(header), sets)


@contextmanager
def folder_that_is_only_read(folder: Path) -> Iterator[None]:
    """Have a folder, and the files in it, that can be read and not written."""
    modes = {place: place.stat().st_mode for place in (folder, *folder.iterdir())}
    for place in modes:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        with _without_override():
            yield
    finally:
        for place, mode in modes.items():
            place.chmod(mode)


@contextmanager
def disk_of(bytes_a_file: int) -> Iterator[None]:
    """Have a disk on which no file grows past this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@contextmanager
def disk(place: Path, options: str) -> Iterator[Path]:
    """Have a disk of its own at a place, in memory: "size=1m" for a small one."""
    place.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", options, "tmpfs", place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextmanager
def only_read(place: Path) -> Iterator[None]:
    """Have a disk of `disk` that can only be read, for a while."""
    _mount("-o", "remount,ro", place)
    try:
        yield
    finally:
        _mount("-o", "remount,rw", place)


def _mount(*arguments: str | Path) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("this system has no mount")
    if done.returncode:
        reason, *_ = done.stderr.splitlines()
        pytest.skip(f"no disk of its own can be mounted here: {reason}")


def give_away(*places: Path) -> None:
    """Make files another user's, which takes a right of root's."""
    try:
        for place in places:
            os.chown(place, 65534, 65534)
    except PermissionError:
        pytest.skip("another user's file takes root's right to give files away")


@contextmanager
def full(place: Path, but: int = 0) -> Iterator[None]:
    """Fill a disk up, but for so many bytes, for a while."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        left = os.statvfs(place)
        with suppress(OSError):
            for size in (max(0, left.f_bavail * left.f_frsize - but), 1):
                file.write(bytes(size))
                if but:
                    break
            while not but:
                file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()
