"""Why a probe could not measure: one exception, and the table from the system's errors to our words."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantau_wire.fields import Failure

_DETAIL_CHARACTERS = 200

_BY_ERRNO: dict[int, Failure] = {
    errno.ECONNREFUSED: "refused",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.ETIMEDOUT: "unreachable",
    errno.ECONNRESET: "protocol",
    errno.ECONNABORTED: "protocol",
    errno.EPIPE: "protocol",
    errno.EAFNOSUPPORT: "unsupported",
    errno.EPROTONOSUPPORT: "unsupported",
}


class ProbeError(Exception):
    """A measurement that failed: a word of `Failure`, and the detail that a person reads."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = printable(detail)


def printable(text: str) -> str:
    """Return `text` as `failure_detail` may hold it: one line without control characters, never empty."""
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return one_line[:_DETAIL_CHARACTERS] or "no detail"


def error_of(fault: OSError, doing: str) -> ProbeError:
    """Return the typed failure for what the system answered while `doing` (such as "connect to x:80")."""
    reason = fault.strerror or str(fault) or type(fault).__name__
    return ProbeError(_failure_of(fault), f"{doing}: {reason}")


def _failure_of(fault: OSError) -> Failure:
    if isinstance(fault, socket.gaierror):
        return "name_resolution"
    if isinstance(fault, ssl.SSLError):
        return "protocol"
    if isinstance(fault, TimeoutError):
        return "unreachable"
    return _BY_ERRNO.get(fault.errno or 0, "internal")
