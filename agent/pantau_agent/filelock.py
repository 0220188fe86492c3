"""A lock that dies with its process: two agents must not share one spool."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, BinaryIO

from pantau_agent.errors import SpoolLockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold the lock; raises `SpoolLockedError` where another process holds it."""
    with path.open("ab") as file:
        if not _try_lock(file):
            raise SpoolLockedError(
                f"another pantau-agent uses {path.parent}; stop it, or choose another spool"
            )
        yield


def is_locked(path: Path) -> bool:
    """Tell whether a process holds the lock, or this user may not see whether one does. Makes no file."""
    try:
        with path.open("r+b") as file:
            return not _try_lock(file)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _try_lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - exists on Windows only

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - exists on POSIX only

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
