"""What every engine is: it says whether it can run here, finds its server, and measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pantau_agent.probes.speed.account import LineAccount
    from pantau_agent.probes.speed.result import Findings
    from pantau_agent.probes.speed.trial import Trial


class Test(Protocol):
    """One test whose server is found. `address` is the server's, as sockets take it, with numbers only."""

    server: str
    address: tuple[Any, ...]

    def run(self, findings: Findings, account: LineAccount) -> None:
        """Measure; blocks. `findings` takes what is found as soon as it is, and in `part` what runs.

        Books what crosses the line on `account`. Raises ProbeError, and StoppedError soon after the trial's
        stop is set.
        """
        ...


class Engine(Protocol):
    """One way to measure goodput. The results of two are never mixed in one series."""

    def unavailable(self) -> str | None:
        """Return why this installation cannot run the engine and what to install; None if it can."""
        ...

    def prepare(self, trial: Trial) -> Test:
        """Find the server; blocks. Raises ProbeError and StoppedError."""
        ...
