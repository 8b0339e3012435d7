"""Read regular files only, up to a limit of bytes."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from pipeline.core.errors import InputError


def content(path: Path, most: int, where: str, setting: str) -> bytes:
    """All bytes of a regular file, at most `most`.

    Raises
    ------
    InputError
        The file is larger, is not a regular file, or cannot be read.
    """
    with opened(path) as file:
        read = file.read(most + 1)
    if len(read) > most:
        raise InputError(
            f"{where}a file is larger than the setting intake.{setting} allows",
            expected=f"at most {most} bytes",
            hint="check that it is the right file, or raise that setting",
        )
    return read


def sha256(path: Path) -> str:
    """SHA-256 of the bytes of a regular file, 64 hexadecimal digits."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """A regular file, open for reading.

    A pipe or a device is refused before it is opened, so that it is not affected, and again once it
    is open, in case the path was replaced in between; opening does not wait for a pipe's other end.
    A file that claims to be empty and is not belongs to the kernel (``/proc``) and may be endless.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise irregular()
        with open(path, "rb", opener=_without_waiting) as file:
            now = os.fstat(file.fileno())
            if not stat.S_ISREG(now.st_mode) or (now.st_size == 0 and file.read(1) != b""):
                raise irregular()
            yield file
    except OSError as caught:
        raise unreadable(caught) from caught


def unreachable(path: Path) -> InputError | None:
    """Why a path is not a regular file that can be accessed; None: it is one."""
    try:
        mode = path.stat().st_mode
    except OSError as caught:
        if path.is_symlink():
            return InputError(
                "a broken link",
                hint="connect the drive or share that it points to, or delete the link",
            )
        return unreadable(caught)
    return None if stat.S_ISREG(mode) else irregular()


def stamp(path: Path) -> tuple[int, int] | None:
    """Size in bytes and modification time in ns; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def irregular() -> InputError:
    """The error for a path that is not a regular file."""
    return InputError(
        "a pipe, device or folder instead of a file",
        expected="a regular file, or a link to one",
    )


def unreadable(caught: OSError) -> InputError:
    """The error for a file that the system cannot read."""
    reason = (caught.strerror or "unknown reason").lower()
    return InputError(f"a file cannot be read: {reason}", hint="check path and permissions")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
