"""The key with which this agent's STAMP packets are signed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import structlog

from pantau_wire import stamp_keys

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()


def read_key(path: Path) -> bytes:
    """Return the first key of the file; raises ValueError with what to mend."""
    found = stamp_keys.read(path)
    if found.exposed:
        _warn(path)
    return found.keys[0]


@functools.cache
def _warn(path: Path) -> None:
    """Say it once for each file, however often the configuration is read."""
    log.warning("stamp.key_exposed", path=str(path), advice=stamp_keys.ADVICE)
