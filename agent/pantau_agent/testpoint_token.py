"""The testpoint's token as the collector's acks bring it: the newest, in memory and beside the spool.

It is any text to us: only the testpoint can judge it, by its own clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from pantau_agent.wholefile import replace_file
from pantau_wire.envelope import Token

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

_FILE_NAME = "testpoint-token"
_MODE = 0o600


class TokenKeeper:
    """Keeps one device's token; a disk that refuses costs it at the next restart only. Safe for threads."""

    def __init__(self, spool: Path) -> None:
        """Read what the agent with this spool has kept, if this user may."""
        self._file = spool.with_name(_FILE_NAME)
        self._token = self._read()
        self._disk_works = True

    def current(self) -> str | None:
        """Return the newest token, None where none is known."""
        return self._token

    def take(self, token: str) -> None:
        """Keep this one from now on."""
        if token == self._token:
            return
        self._token = token
        try:
            replace_file(self._file, f"{token}\n".encode("ascii"), mode=_MODE)
        except OSError as error:
            if self._disk_works:
                log.warning("testpoint.token_not_kept", file=str(self._file), reason=error.strerror)
            self._disk_works = False
        else:
            self._disk_works = True

    def _read(self) -> str | None:
        """Return what the file holds, None for what could not stand in a header."""
        try:
            text = self._file.read_text(encoding="ascii").strip()
            return msgspec.convert(text, Token)
        except (OSError, UnicodeDecodeError, msgspec.ValidationError):
            return None
