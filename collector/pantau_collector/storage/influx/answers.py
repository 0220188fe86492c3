"""What InfluxDB's answer to a write means; see the table in docs/operations.md.

A refusal (400, 422) is looked into: 1.x stores the good lines of it, 2.x stores none, 3.x stores the good
ones and lists the bad. Everything else that is no success is no fault of any point.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_collector.errors import StoreRefusesError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

DURABLE = 204
TOO_LARGE = 413
_REFUSED = {400, 422}
_LATER = {408, 425, 429}
_SERVER_ERROR = 500
_LONGEST_RETRY_S = 3600.0
_MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class Refused:
    """The store did not take every line. `lines` are those it names, by place from 0, with its words."""

    reason: str
    too_large: bool = False
    lines: Mapping[int, str] = field(default_factory=dict)


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """Return None where all lines are durable, or that some are refused.

    Raises `StoreUnavailableError` where it is for later, `StoreRefusesError` where somebody has to mend it.
    """
    if status == DURABLE:
        return None
    said = _said(body)
    if status == TOO_LARGE:
        return Refused(f"too large: {said.text}", too_large=True)
    if status in _REFUSED:
        return Refused(said.text or f"status {status}", lines=said.lines)
    what = f"InfluxDB answers {status}: {said.text}"
    if status in _LATER or status >= _SERVER_ERROR:
        raise StoreUnavailableError(what, retry_after_s(headers))
    raise StoreRefusesError(what)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After (RFC 9110, 10.2.3); None where it is absent or a date."""
    text = headers.get("Retry-After", "").strip()
    return min(float(text), _LONGEST_RETRY_S) if text.isascii() and text.isdigit() else None


class _Said(msgspec.Struct, frozen=True):
    text: str
    lines: dict[int, str]


class _Line(msgspec.Struct, frozen=True):
    line_number: int
    error_message: str


class _Error(msgspec.Struct, frozen=True):
    error: str = ""  # 1.x and 3.x
    message: str = ""  # 2.x
    code: str = ""
    data: Any = None


def _said(body: bytes) -> _Said:
    try:
        found = msgspec.json.decode(body, type=_Error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Said(one_line(body.decode(errors="replace")), {})
    lines = _lines(found.data)
    words = [found.error or found.message or found.code, *list(lines.values())[:1]]
    return _Said(one_line(": ".join(words)), lines)


def _lines(data: Any) -> dict[int, str]:
    try:
        found = msgspec.convert(data if isinstance(data, list) else [data], list[_Line])
    except msgspec.ValidationError:
        return {}
    return {line.line_number - 1: one_line(line.error_message) for line in found}


def one_line(text: str) -> str:
    """Return foreign words as one bounded line, fit for a log and for an ack."""
    return "".join([char if char.isprintable() else " " for char in text])[:_MAX_TEXT].strip()
