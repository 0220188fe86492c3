"""Waiting for a busy server, as it asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from pantau_agent.probes.base import Progress
from pantau_agent.probes.speed.transport.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.probes.speed.trial import Trial

_T = TypeVar("_T")
_REPORT_S = 0.25


class Patience:
    """Waits as a busy server asks, some times in a test, and then no more."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._tries = 0

    def call(self, part: Callable[[], _T]) -> _T:
        """Return what `part` returns, tried again when the server was busy. Raises its last ProbeError."""
        while True:
            try:
                return part()
            except BusyError as error:
                self._wait_or_give_up(error)

    def _wait_or_give_up(self, error: BusyError) -> None:
        target = self._trial.target
        asked = f"{error.detail}, Retry-After {error.retry_after_s:g} s"
        if error.retry_after_s > target.busy_wait_s:
            limit = f"longer than the {target.busy_wait_s:g} s that are configured"
            raise BusyError(f"{asked}: {limit}", error.retry_after_s) from error
        if self._tries >= target.busy_tries:
            raise BusyError(f"{asked}: still busy after {self._tries} waits", error.retry_after_s) from error
        self._tries += 1
        self._wait(error.retry_after_s)

    def _wait(self, seconds: float) -> None:
        begun_s = time.monotonic()
        while (elapsed_s := time.monotonic() - begun_s) < seconds:
            self._trial.report(Progress("waiting", elapsed_s, seconds))
            self._trial.stop.sleep(min(_REPORT_S, seconds - elapsed_s))
