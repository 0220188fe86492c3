"""How a speed test ends early; all are typed failures but the last."""

from __future__ import annotations

from pantau_agent.probes.failures import ProbeError

_UNAUTHORIZED = 401
_CLOCKS = "check that it publishes, and the clocks of testpoint and collector"
_KEYS = "give the testpoint the collector's public key (--token-key-file)"
_TOKEN_ADVICE = {
    "missing": "this testpoint takes only devices with a token of its collector",
    "expired": f"this device's token has expired, says the testpoint; {_CLOCKS}",
    "not_yet_valid": f"this device's token is not valid yet, says the testpoint; {_CLOCKS}",
    "unknown_key": f"this device's token is signed with a key that the testpoint does not know; {_KEYS}",
    "forged": f"this device's token is not signed by the testpoint's collector; {_KEYS}",
}
"""What each word of a testpoint means (SPEC.md of the wire, section 8), and what to do."""


class ProtocolError(ProbeError):
    """The server answers something else than the protocol."""

    def __init__(self, detail: str) -> None:
        super().__init__("protocol", detail)


class RefusedError(ProbeError):
    """The server says no."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__("refused", detail)
        self.status = status


class TokenWantedError(RefusedError):
    """A testpoint of Pantau takes only who brings a token, or not this one; `fault` is its word for why."""

    def __init__(self, fault: str, more: str = "") -> None:
        advice = _TOKEN_ADVICE.get(fault, "this device's token is of no use there")
        super().__init__(f"HTTP {_UNAUTHORIZED}: {advice}{more}", _UNAUTHORIZED)
        self.fault = fault


class BusyError(ProbeError):
    """The server has no slot free and says when to come again (503 or 429 with Retry-After)."""

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__("busy", detail)
        self.retry_after_s = retry_after_s


class StoppedError(Exception):
    """The test was cancelled from outside."""
