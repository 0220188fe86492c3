"""What the demo can show: this machine, or a fleet. A show starts its parts, and accounts for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pantau_demo import report, stack
from pantau_demo.progress import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pantau_demo.stack import Stack
    from pantau_demo.supervisor import Supervisor


class Ticks(Protocol):
    """Tells the person at the terminal what is new."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the parts were started."""
        ...

    def tick(self) -> None:
        """Look once, and say what is new."""
        ...


class Show(Protocol):
    """One thing to show. `parts` names what is started, `speaker` the part that must be stopped first."""

    parts: str
    speaker: str

    def start(self, supervisor: Supervisor, state: Path, portal_port: int) -> Stack:
        """Start everything; raises `DemoError`."""
        ...

    def ticker(self, started: Stack, say: Callable[[str], None]) -> Ticks:
        """Return what tells how it goes."""
        ...

    def gather(self, started: Stack) -> dict[str, Any]:
        """Return the account, once the speaker has stopped."""
        ...

    def complaints(self, account: dict[str, Any]) -> list[str]:
        """Return what is wrong with an account."""
        ...

    def summary(self, account: dict[str, Any]) -> str:
        """Return the account in one line."""
        ...


class MachineShow:
    """This very machine, measured by a real agent."""

    parts = "broker, testpoint, collector, agent"
    speaker = "agent"

    def __init__(self, broker_kind: str) -> None:
        """Take the kind of broker to start."""
        self._broker_kind = broker_kind

    def start(self, supervisor: Supervisor, state: Path, portal_port: int) -> Stack:
        """Start everything; raises `DemoError`."""
        return stack.start(supervisor, state, portal_port, self._broker_kind)

    def ticker(self, started: Stack, say: Callable[[str], None]) -> Ticks:
        """Return what tells of each speed result."""
        return Ticker(started, say)

    def gather(self, started: Stack) -> dict[str, Any]:
        """Return what the spool committed against what the store has."""
        return report.gather(started)

    def complaints(self, account: dict[str, Any]) -> list[str]:
        """Return what is missing."""
        return report.complaints(account)

    def summary(self, account: dict[str, Any]) -> str:
        """Return the account in one line."""
        counts = f"{account['published']} measurements, {account['stored']} stored"
        return f"{counts}, {account['acked']} acknowledged."
