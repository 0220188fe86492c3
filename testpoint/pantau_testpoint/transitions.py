"""Logs a condition twice: when it begins and when it is over, however often it is seen between."""

from typing import Any, Protocol


class Log(Protocol):
    """The part of a structlog logger that is used here."""

    def info(self, event: str, /, **fields: Any) -> Any:
        """Log something normal."""

    def warning(self, event: str, /, **fields: Any) -> Any:
        """Log something that an operator may want to act on."""


class Transition:
    """One condition, its two events, and how often it was seen while it lasted."""

    def __init__(self, log: Log, *, begins: str, ends: str) -> None:
        self._log = log
        self._begins = begins
        self._ends = ends
        self.seen_count = 0

    def seen(self, **fields: object) -> None:
        """Note the condition; the first time is logged with `fields`."""
        if not self.seen_count:
            self._log.warning(self._begins, **fields)
        self.seen_count += 1

    def over(self) -> None:
        """Note that the condition is over; logged only if it was there."""
        if self.seen_count:
            self._log.info(self._ends, seen_count=self.seen_count)
            self.seen_count = 0
