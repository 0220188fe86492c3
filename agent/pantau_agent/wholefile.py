"""Small files that are there as a whole or not at all, whatever happens to the power."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Replace the file at one stroke, and return when it would survive a power cut; raises `OSError`.

    Where root writes, the file gets the owner of its folder: a service with a user of its own must read it.
    """
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)  # of a write that a power cut ended
    try:
        with os.fdopen(os.open(fresh, _NEW, mode), "wb") as file:
            file.write(content)
            file.flush()
            _hand_over(file.fileno(), path.parent, mode)
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    _sync_folder(path.parent)


def _hand_over(descriptor: int, folder: Path, mode: int) -> None:
    if os.name != "posix":
        return
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    os.fchmod(descriptor, mode)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
