"""Keeps the revocation list from lapsing, and tells the metrics what will end soon.

A list that lapses locks the whole fleet out, so it is signed anew when half of its time is over, by every
collector that holds the authorities.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import subprocess
from typing import TYPE_CHECKING

import structlog

from pantau_collector.errors import CertificateError
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.folder import Folder
from pantau_collector.identity.terms import LIST_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.config import IdentityConfig
    from pantau_collector.metrics import Metrics

log = structlog.get_logger()

_LOOK_S = 3600.0
_RELOAD_S = 60.0


class Upkeep:
    """Looks at the identities each hour."""

    def __init__(self, config: IdentityConfig, metrics: Metrics, now: dt.datetime | None = None) -> None:
        """Do nothing yet; `now` stands still, for tests."""
        self._identities = Identities(Folder(config.path), now)
        self._reload_command = config.reload_command
        self._metrics = metrics
        self._failing = False

    async def run(self) -> None:
        """Look until cancelled; what fails is logged once and tried again."""
        while True:
            try:
                await asyncio.to_thread(self.look)
            except (CertificateError, OSError, subprocess.SubprocessError) as error:
                if not self._failing:
                    log.error("identity.upkeep_failing", error=str(error))  # noqa: TRY400 - it says it all
                self._failing = True
            else:
                self._failing = False
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        """Renew the list if half of its time is over; set the metrics.

        Raises `CertificateError`, and what the command that tells the broker raises.
        """
        standing = self._identities.standing()
        ends_at = standing.list_ends_at
        if ends_at - standing.at < dt.timedelta(days=LIST_DAYS / 2):
            ends_at = self._identities.renew_list()
            log.info("identity.list_renewed", ends_at=ends_at.isoformat())
            reload_broker(self._reload_command)
        self._metrics.revocation_list_ends.set(ends_at.timestamp())
        self._metrics.expiring_certificates.set(len(standing.expiring))


def reload_broker(command: Sequence[str]) -> None:
    """Have the broker read its list again, if a command is configured.

    Raises OSError or subprocess.SubprocessError where it fails.
    """
    if command:
        subprocess.run(command, check=True, timeout=_RELOAD_S, stdin=subprocess.DEVNULL)  # noqa: S603 - configured
