"""What a file says, read again whenever people change it while the collector runs."""

from __future__ import annotations

import abc
import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from pantau_collector.errors import CollectorError

if TYPE_CHECKING:
    from pathlib import Path

_Found = TypeVar("_Found")
_Stamp = tuple[int, int, int]
_GONE: _Stamp = (0, 0, 0)


class FollowedFile(abc.ABC, Generic[_Found]):
    """The content of a file, or what stands for it where none is named. Thread-safe.

    The first reading raises what `_read` does. Afterwards a wrong file is told to `_rejected`, and the last
    good version stays in use.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._found = self._read()
        self._problem: str | None = None

    def get(self) -> _Found:
        """Return what the file says; costs one stat(2) unless it changed, and blocks while it is read."""
        if self._look() != self._stamp:
            with self._lock:
                self._reload()
        return self._found

    @abc.abstractmethod
    def _read(self) -> _Found:
        """Read the file; raises `CollectorError`."""

    @abc.abstractmethod
    def _rejected(self, problem: str) -> None:
        """Say that the file cannot be used; once, until it is good again."""

    @abc.abstractmethod
    def _accepted(self, found: _Found) -> None:
        """Say that the file is in use, where that is worth saying: `found` is not in `_found` yet."""

    def _look(self) -> _Stamp:
        if self._path is None:
            return _GONE
        try:
            found = os.stat(self._path)  # noqa: PTH116 - called often, and a Path's own stat is no better
        except OSError:
            return _GONE
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _reload(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return  # another thread was faster
        try:
            found = self._read()
        except CollectorError as error:
            if self._problem is None:
                self._rejected(str(error))
            self._problem = str(error)
        else:
            self._accepted(found)
            self._found = found
            self._problem = None
        self._stamp = stamp  # a change while we read shows as another stamp next time
