"""The registry as a file that people edit while the collector runs."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Protocol

import structlog

from pantau_collector.errors import RegistryError
from pantau_collector.registry import reader

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_collector.registry.model import Registry

_log = structlog.get_logger(__name__)
_Stamp = tuple[int, int, int]
_GONE: _Stamp = (0, 0, 0)


class RegistrySource(Protocol):
    """Where the current registry comes from."""

    def get(self) -> Registry:
        """Return the registry as it is now."""
        ...


class RegistryFile:
    """The registry in a file, read again whenever the file has changed. Thread-safe.

    The first reading raises `RegistryError` when the file is missing or wrong. Afterwards a wrong file is
    reported once (`registry.rejected`) and the last good version stays in use (`registry.accepted` when
    the file is good again).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._registry = reader.read(path)
        self._problem: str | None = None

    @property
    def last(self) -> Registry:
        """The registry as last read; touches no file."""
        return self._registry

    @property
    def problem(self) -> str | None:
        """Why the file as it stands is not in use, or None when it is."""
        return self._problem

    def get(self) -> Registry:
        """Return the registry; costs one stat(2) unless the file changed, and blocks while it is read."""
        if self._look() != self._stamp:
            with self._lock:
                self._reload()
        return self._registry

    def _look(self) -> _Stamp:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - called often, and a Path's own stat is no better
        except OSError:
            return _GONE
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _reload(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return  # another thread was faster
        try:
            registry = reader.read(self.path)
        except RegistryError as error:
            self._reject(str(error))
        else:
            self._accept(registry)
        self._stamp = stamp  # a change while we read shows as another stamp next time

    def _reject(self, problem: str) -> None:
        if self._problem is None:
            _log.error("registry.rejected", problem=problem, kept_version=self._registry.version)
        self._problem = problem

    def _accept(self, registry: Registry) -> None:
        if self._problem is not None or registry.version != self._registry.version:
            _log.info("registry.accepted", version=registry.version, devices=len(registry))
        self._registry = registry
        self._problem = None
