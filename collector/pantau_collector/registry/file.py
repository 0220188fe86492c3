"""The registry as a file that people edit while the collector runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog

from pantau_collector.followed import FollowedFile
from pantau_collector.registry import reader

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_collector.registry.model import Registry

_log = structlog.get_logger(__name__)


class RegistrySource(Protocol):
    """Where the current registry comes from."""

    def get(self) -> Registry:
        """Return the registry as it is now."""
        ...


class RegistryFile(FollowedFile["Registry"]):
    """The registry in a file, read again whenever the file has changed. Thread-safe.

    The first reading raises `RegistryError` when the file is missing or wrong. Afterwards a wrong file is
    reported once (`registry.rejected`) and the last good version stays in use (`registry.accepted` when
    the file is good again).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(path)

    @property
    def last(self) -> Registry:
        """The registry as last read; touches no file."""
        return self._found

    @property
    def problem(self) -> str | None:
        """Why the file as it stands is not in use, or None when it is."""
        return self._problem

    def _read(self) -> Registry:
        return reader.read(self.path)

    def _rejected(self, problem: str) -> None:
        _log.error("registry.rejected", problem=problem, kept_version=self._found.version)

    def _accepted(self, found: Registry) -> None:
        if self._problem is not None or found.version != self._found.version:
            _log.info("registry.accepted", version=found.version, devices=len(found))
