"""Small and read-only disks; a test is skipped where they cannot be had."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Yield a folder on a file system of that size."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def make_read_only(folder: Path) -> None:
    """Let nothing be written on this disk any more."""
    _mount("-o", "remount,ro", str(folder))


def make_writable(folder: Path) -> None:
    """Undo `make_read_only`."""
    _mount("-o", "remount,rw", str(folder))


def _mount(*arguments: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a disk of its own (tmpfs), which only root may mount: run the tests as root")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a disk of its own: {done.stderr.strip()}")
