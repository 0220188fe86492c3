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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The order: what to test, whom to tell, and when to stop. `begins` is called when measuring begins."""

    target: SpeedTarget
    test_traffic: TestTraffic
    report: Callable[[Progress], None]
    stop: Stop
    begins: Callable[[], None] = _nothing
