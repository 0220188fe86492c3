"""This device's own certificate: what its file says, and a warning in time before it ends."""

from __future__ import annotations

import _ssl
import datetime as dt
import ssl
from typing import TYPE_CHECKING, Any, Literal

import structlog

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

SOON_S = 45 * 86_400.0
"""Long enough for a technician's next visit."""

State = Literal["good", "ends_soon", "expired"]


def decoded(file: Path) -> dict[str, Any]:
    """Return subject and dates; the only decoder in the standard library, there since Python 2.6.

    Raises `OSError` (`ssl.SSLError` is one) for a file that cannot be read or is no certificate.
    """
    found: dict[str, Any] = _ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]  # noqa: SLF001
    return found


class CertificateWatch:
    """Tells the log when a certificate is about to end, when it has ended, and when there is a new one."""

    def __init__(self, file: Path) -> None:
        """Take it for good until it is looked at."""
        self._file = file
        self._state: State = "good"

    def look(self, utc_s: float) -> None:
        """Look at the file at a time that somebody vouches for; one that is gone is TLS's affair."""
        try:
            ends_s = ssl.cert_time_to_seconds(decoded(self._file)["notAfter"])
        except OSError:
            return
        state: State = "expired" if utc_s >= ends_s else "ends_soon" if utc_s > ends_s - SOON_S else "good"
        if state == self._state:
            return
        self._state = state
        ends_at = dt.datetime.fromtimestamp(ends_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        tell = {"good": log.info, "ends_soon": log.warning, "expired": log.error}[state]
        event = "certificate.renewed" if state == "good" else f"certificate.{state}"
        tell(event, file=str(self._file), ends_at=ends_at)
