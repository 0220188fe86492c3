"""The evidence of a village's month as one file: a zip from which anyone recomputes the verdict.

The same evidence gives the same bytes: members stand in order, uncompressed, dated 1980. Format: docs/sla.md.
"""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.analysis.calendar import DAY_MINUTES
from pantau_collector.analysis.profiles import Profile
from pantau_collector.analysis.sla.report import report
from pantau_collector.months import records
from pantau_collector.months.instants import month_in
from pantau_collector.registry import areas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantau_collector.analysis.days import DayRow
    from pantau_collector.analysis.profiles import Profiles
    from pantau_collector.months.model import DayStates, VillageEvidence

FORMAT = "pantau-evidence-1"
MANIFEST = "manifest.json"
DAYS, TESTS, STATES, OUTAGES, REPORT = (
    "days.jsonl",
    "tests.jsonl",
    "states.csv",
    "outages.json",
    "report.json",
)
RECORDS, MAINTENANCE, OBJECTIONS, README = (
    "records.jsonl",
    "maintenance.json",
    "objections.json",
    "README.txt",
)
FILES = (DAYS, TESTS, STATES, OUTAGES, REPORT, RECORDS, MAINTENANCE, OBJECTIONS, README)
_DATE = (1980, 1, 1, 0, 0, 0)

_README = """\
PANTAU: BUKTI PUTUSAN SATU BULAN / EVIDENCE OF A MONTH'S VERDICT
{village} {name}, {month}: {verdict}

Periksa / Check:  pantau-collector sla verify FILE
Putusan dihitung ulang dari days.jsonl dan profil di manifest.json; sidik SHA-256 setiap berkas ada di
manifest.json. Penjelasan: docs/putusan.md.
The verdict is recomputed from days.jsonl and the profiles in manifest.json, which has the SHA-256 of
each file. See docs/sla.md.
"""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the bundle is of, by what it was judged, and the SHA-256 of every other file in it.

    `record_sha256`: of the last record, empty while the month is open. `days_are_recorded`: whether the days
    are those that it was closed with; if not, late data wait for a revision.
    """

    format: str = FORMAT
    village: str
    names: list[str]
    month: str
    timezone: str
    provider: str
    rules: str
    registry_version: str
    profiles: list[Profile]
    verdict: str
    record_sha256: str
    days_are_recorded: bool
    files: dict[str, str]


def build(
    evidence: VillageEvidence, days: Sequence[DayRow], profiles: Profiles, kept: Sequence[str]
) -> bytes:
    """Return the bundle. `days`: with margins, counted by `profiles`. `kept`: the records as kept."""
    line = evidence.line
    month = month_in(line.month, line.code)
    found = report(month, days, profiles)
    area = areas.find(line.code)
    name = area.name if area else ""
    files = {
        DAYS: records.day_lines(days),
        TESTS: b"".join(records.canonical(test) + b"\n" for test in evidence.tests),
        STATES: _states_csv(evidence.days).encode(),
        OUTAGES: records.canonical(found.outages),
        REPORT: records.canonical(found),
        RECORDS: "".join(f"{text}\n" for text in kept).encode(),
        MAINTENANCE: records.canonical(evidence.maintenance),
        OBJECTIONS: records.canonical(evidence.objections),
        README: _README.format(
            village=line.code, name=name, month=line.month, verdict=found.verdict.upper()
        ).encode(),
    }
    last = records.decoded(kept[-1]) if kept else None
    manifest = Manifest(
        village=line.code,
        names=[name, *(parent.name for parent in area.parents)] if area else [],
        month=line.month,
        timezone=month.zone.iana,
        provider=line.provider,
        rules=found.rules,
        registry_version=evidence.registry_version,
        profiles=profiles.within(month),
        verdict=found.verdict,
        record_sha256=records.sha256(kept[-1].encode()) if kept else "",
        days_are_recorded=bool(last and last.facts.days_sha256 == records.sha256(files[DAYS])),
        files={name: records.sha256(content) for name, content in files.items()},
    )
    return _zipped({MANIFEST: records.canonical(manifest), **files})


def _states_csv(days: Sequence[DayStates]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("day", "from", "to", "state", "maintenance"))
    writer.writerows(row for day in days for row in _runs(day))
    return out.getvalue()


def _runs(day: DayStates) -> Iterator[tuple[str, str, str, str, str]]:
    minute = 0
    for state, minutes, maintenance in day.runs:
        begin, minute = minute, minute + minutes
        yield str(day.day), _clock(begin), _clock(minute), state, "yes" if maintenance else "no"
    assert minute == DAY_MINUTES


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _DATE)
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    return out.getvalue()
