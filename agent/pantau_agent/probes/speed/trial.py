"""What all parts of one test share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_agent.probes.base import Progress, TestTraffic
    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.connection import Stop
    from pantau_agent.probes.speed.server import Dialect, Server
    from pantau_agent.probes.speed.target import SpeedTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The order: what to test, whom to tell, and when to stop."""

    target: SpeedTarget
    test_traffic: TestTraffic
    report: Callable[[Progress], None]
    stop: Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The server as it was found: its address, its paths, and the interface that leads to it."""

    server: Server
    dialect: Dialect
    account: LineAccount
