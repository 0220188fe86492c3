"""How a speed test ends early; all are typed failures but the last."""

from __future__ import annotations

from pantau_agent.probes.failures import ProbeError


class ProtocolError(ProbeError):
    """The server answers something else than the protocol."""

    def __init__(self, detail: str) -> None:
        super().__init__("protocol", detail)


class RefusedError(ProbeError):
    """The server says no."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__("refused", detail)
        self.status = status


class BusyError(ProbeError):
    """The server has no slot free and says when to come again (503 or 429 with Retry-After)."""

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__("busy", detail)
        self.retry_after_s = retry_after_s


class StoppedError(Exception):
    """The test was cancelled from outside."""
