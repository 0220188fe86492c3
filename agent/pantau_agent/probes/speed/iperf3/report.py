"""What `iperf3 --json` prints (3.7 and later). Pure functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.speed.goodput import Goodput
from pantau_agent.probes.speed.transport.errors import BusyError, ProtocolError

if TYPE_CHECKING:
    from pantau_wire.fields import Failure

_MIN_SERIES_S = 0.5
_INTERRUPTED = "interrupt"
_FAILURES: tuple[tuple[str, Failure], ...] = (
    ("connection refused", "refused"),
    ("authoriz", "refused"),
    ("authent", "refused"),
    ("access denied", "refused"),
    ("unable to connect", "unreachable"),
    ("no route", "unreachable"),
    ("unreachable", "unreachable"),
    ("timed out", "unreachable"),
)
"""The first that stands in the program's message says which failure it is."""
_NOT_NOW = ("busy", "unable to receive control message")
"""What a server says or does that is still at another test, or has hardly ended one: it may be free later."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `received` is the receiving end's count without the ramp-up, None if it did not get that far.

    `ramp_up_bytes` and `moved_bytes` are the client's own count: in an upload what its sockets took.
    """

    received: Goodput | None
    ramp_up_bytes: int
    moved_bytes: int
    series_bps: tuple[float, ...]


def parse(printed: bytes, complaints: bytes, omit_s: int) -> Report:
    """Return the report. Raises ProbeError for what the program complains of, or if it is no report."""
    try:
        answer = json.loads(printed)
        error = str(answer.get("error", ""))
        if error and not error.startswith(_INTERRUPTED):
            raise failure_of(error)
        return _report(answer, omit_s)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        said = complaints.decode(errors="replace").strip() or f"{fault!r} in {printed[:60]!r}"
        raise ProtocolError(f"iperf3 prints no report: {said}") from fault


def failure_of(error: str) -> ProbeError:
    """Return the typed failure for the program's message."""
    text = error.lower()
    if any(words in text for words in _NOT_NOW):
        return BusyError(f"iperf3: {error}", 0.0)
    for words, failure in _FAILURES:
        if words in text:
            return ProbeError(failure, f"iperf3: {error}")
    return ProtocolError(f"iperf3: {error}")


def _report(answer: dict[str, Any], omit_s: int) -> Report:
    sums = [interval["sum"] for interval in answer["intervals"]]
    omitted = sum(int(part["bytes"]) for part in sums if part["omitted"])
    return Report(
        received=_received(answer["end"], sums, omit_s),
        ramp_up_bytes=omitted,
        moved_bytes=sum(int(part["bytes"]) for part in sums),
        series_bps=tuple(float(part["bits_per_second"]) for part in sums if part["seconds"] >= _MIN_SERIES_S),
    )


def _received(end: dict[str, Any], sums: list[dict[str, Any]], omit_s: int) -> Goodput | None:
    """Return what the receiver counted. An interrupted run says nothing of it if the far end received."""
    found = end.get("sum_received") or {}
    payload_bytes, seconds = int(found.get("bytes", 0)), float(found.get("seconds", 0.0))
    if not sums or sums[-1]["omitted"] or not payload_bytes or seconds <= 0:
        return None
    return Goodput(payload_bytes, seconds, float(omit_s))
