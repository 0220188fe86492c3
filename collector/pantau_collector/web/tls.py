"""The portal's certificate, taken anew when its file is renewed: nobody restarts a collector for it."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import structlog

from pantau_collector.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_log = structlog.get_logger()
LOOK_S = 30.0


class ServerCertificate:
    """A TLS context (1.2 and newer) that follows its files. Raises `ConfigError`."""

    def __init__(self, cert_file: Path, key_file: Path) -> None:
        self._files = (cert_file, key_file)
        self._stamp: tuple[int, ...] | None = None
        try:
            self._stamp = self._stamps()
            self.context = self._read()
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                f"web: cannot use {cert_file} with {key_file}: {error.strerror or error}"
            ) from None

    def look(self) -> None:
        """Take changed files; what cannot be used is logged once, and the old certificate stays."""
        stamp: tuple[int, ...] | None = None
        try:
            stamp = self._stamps()
            if stamp == self._stamp:
                return
            self._read()  # a mistake must not reach the context in use
            self.context.load_cert_chain(*self._files)
        except OSError as error:
            if stamp != self._stamp:
                _log.error("portal.certificate_not_usable", error=error.strerror or str(error))
        else:
            _log.info("portal.certificate_renewed")
        self._stamp = stamp

    async def follow(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self.look)

    def _stamps(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns for file in self._files)

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self._files)
        return context
