"""What all parts of one test share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.probes.base import Progress, TestTraffic
    from pantau_agent.probes.speed.target import SpeedTarget
    from pantau_agent.probes.speed.transport.connection import Stop


def _nothing() -> None:
    pass


def _no_token() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The order: what to test, whom to tell, and when to stop. `begins` is called when measuring begins.

    `testpoint_token` returns what the target's own testpoint may want to see, None where there is none.
    """

    target: SpeedTarget
    test_traffic: TestTraffic
    report: Callable[[Progress], None]
    stop: Stop
    begins: Callable[[], None] = _nothing
    testpoint_token: Callable[[], str | None] = _no_token
