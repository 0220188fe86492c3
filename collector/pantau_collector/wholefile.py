"""Files that are there whole or not at all, in a folder that one process changes at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that of two who change a file at once neither is lost. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(target: Path, content: bytes, mode: int, *, durably: bool = True) -> None:
    """Put the content in the file's place in one step, as `writing` does."""
    with writing(target, mode, durably=durably) as file:
        file.write(content)


@contextlib.contextmanager
def writing(target: Path, mode: int, *, durably: bool = True) -> Iterator[IO[bytes]]:
    """Give a file that takes its place in one step at the end. Raises OSError; the old file stays then.

    Where root writes, the file gets the owner of its folder: a service with a user of its own must read it.
    Not durably, a power cut may leave neither of them.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            hand_over(file.fileno(), target.parent)
            os.fchmod(file.fileno(), mode)
            if durably:
                os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append(target: Path, line: bytes, mode: int) -> None:
    """Add a line, durably; begin the file where there is none. Raises OSError."""
    descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode)
    with os.fdopen(descriptor, "ab") as file:
        hand_over(file.fileno(), target.parent)
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())


def hand_over(made: int | Path, folder: Path) -> None:
    """Give what root made in a folder to the folder's owner; others own what they make. Raises OSError."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(made, owner.st_uid, owner.st_gid)
