"""What the publisher logs: that something was lost, once, and that it is back, once; not each attempt."""

from __future__ import annotations

import structlog

log = structlog.get_logger()


class Transitions:
    """Remembers what was said of connection, collector and spool."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.connected: bool | None = None
        self._taken = True
        self._spool_works = True

    def stands(self, host: str, port: int) -> None:
        """Say that a connection stands."""
        log.info("publisher.connected", host=host, port=port)
        self.connected = True

    def lost(self, reason: str) -> None:
        """Say that there is no connection."""
        if self.connected is not False:
            log.warning("publisher.disconnected", reason=reason)
        self.connected = False

    def taken(self, refusal: str | None) -> None:
        """Say whether somebody takes what is sent, and why not."""
        if refusal is not None and self._taken:
            log.warning("publisher.not_taken", reason=refusal)
        elif refusal is None and not self._taken:
            log.info("publisher.taken_again")
        self._taken = refusal is None

    def spool(self, error: str | None) -> None:
        """Say whether the spool can be used, and why not."""
        if error is not None and self._spool_works:
            log.error("publisher.spool_failing", error=error)
        elif error is None and not self._spool_works:
            log.info("publisher.spool_recovered")
        self._spool_works = error is None
