"""Frozen records of closed months: what they hold, their canonical bytes, and the series that keeps them.

A record's bytes are JSON with sorted keys and no white space, UTF-8; its SHA-256 is over exactly these bytes.
Each names the fingerprint of the one before it, so that none can be exchanged unnoticed. Format: docs/sla.md.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.analysis.profiles import Profile
from pantau_collector.analysis.sla.reported import Report
from pantau_collector.months.instants import first_instants
from pantau_collector.months.model import Revision
from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pantau_collector.analysis.days import DayRow
    from pantau_collector.storage.base import Store

SERIES = "sla_record"
FORMAT = "pantau-record-1"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict rests on, and the verdict: when these are others, a closed month is revised.

    `days_sha256`: over the lines of `day_lines`.
    """

    rules: str
    provider: str
    profiles: list[Profile]
    days_sha256: str
    report: Report
    pooled_verdict: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A village's month as it was closed, or revised."""

    format: str = FORMAT
    village: str
    month: str
    revision: int
    closed_at: str
    reason: str
    previous_sha256: str
    registry_version: str
    facts: Facts


def canonical(content: object) -> bytes:
    """Return the one way in which something is written where its bytes are hashed."""
    return msgspec.json.encode(content, order="sorted")


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def day_lines(rows: Iterable[DayRow]) -> bytes:
    """Return a canonical line for each day, in order: bytes are base64."""
    return b"".join(canonical(row) + b"\n" for row in sorted(rows, key=lambda row: row.day))


def reasons(before: Facts, after: Facts) -> str:
    """Return why a month is revised, as words separated by commas; empty where nothing is otherwise."""
    differing = {
        "rules": before.rules != after.rules,
        "provider": before.provider != after.provider,
        "profile": before.profiles != after.profiles,
        "days": before.days_sha256 != after.days_sha256,
    }
    found = [name for name, differs in differing.items() if differs]
    if not found and before.pooled_verdict != after.pooled_verdict:
        found = ["earlier_months"]
    return ",".join(found)


def to_series(record: Record, time_ns: int, closed_at_ns: int) -> SeriesRow:
    """Return the row that keeps a record; `time_ns` is the month's first instant."""
    content = canonical(record)
    values: dict[str, float | int | bool | str] = {
        "closed_at_ns": closed_at_ns,
        "verdict": record.facts.report.verdict,
        "record_sha256": sha256(content),
        "reason": record.reason,
        "record": content.decode(),
    }
    return SeriesRow(SERIES, (*area_tags(record.village), str(record.revision)), time_ns, values)


def from_series(row: SeriesRow) -> Record:
    """Return a kept record; raises `msgspec.ValidationError` for one of another format."""
    return decoded(str(row.values["record"]))


def decoded(text: str) -> Record:
    """Return the record that its bytes as text say; raises `msgspec.ValidationError`."""
    return msgspec.json.decode(text, type=Record)


def revision_of(row: SeriesRow) -> Revision:
    """Return what is shown of a record."""
    return Revision(
        number=int(row.tags[4]),
        closed_at_ns=int(row.values["closed_at_ns"]),
        verdict=str(row.values["verdict"]),
        sha256=str(row.values["record_sha256"]),
        reason=str(row.values.get("reason", "")),
    )


def read(store: Store, month: str, where: Mapping[str, str | Sequence[str]]) -> dict[str, list[SeriesRow]]:
    """Return the rows of a month's records by village, the first revision first."""
    since_ns, until_ns = first_instants(month)
    found: dict[str, list[SeriesRow]] = {}
    for row in store.series(SERIES, since_ns=since_ns, until_ns=until_ns, where=where):
        found.setdefault(row.tags[0], []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: int(row.tags[4]))
    return found
