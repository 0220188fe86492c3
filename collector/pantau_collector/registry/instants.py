"""Instants as people write them in the registry: RFC 3339, with the offset from UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pantau_collector.registry.timezones import zone_of

_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_NS = 1_000_000_000


def parse_instant(text: str) -> int:
    """Return an RFC 3339 instant as ns since 1970 (UTC); raises `ValueError` for anything else."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(text)
    date, time, fraction, offset = match.groups()
    instant = datetime.fromisoformat(f"{date}T{time}{'+00:00' if offset in 'Zz' else offset}")
    whole = instant - _EPOCH
    if whole.days < 0:
        raise ValueError(text)
    return (whole.days * 86_400 + whole.seconds) * _SECOND_NS + int((fraction or "").ljust(9, "0"))


def format_instant(time_ns: int, area_code: str = "") -> str:
    """Return an instant as RFC 3339, to the second, in the local time of an area (WIB by default)."""
    instant = datetime.fromtimestamp(time_ns // _SECOND_NS, zone_of(area_code).tzinfo)
    return instant.isoformat()
