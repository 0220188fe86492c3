"""Whether a bundle of evidence says what its own content gives: recomputed, and every difference named."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pantau_collector.analysis.calendar import ZONES, parse_month
from pantau_collector.analysis.days import TEST, DayRow, judged
from pantau_collector.analysis.profiles import Profiles
from pantau_collector.analysis.sla import RULES_VERSION
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.sla.reported import OutageReport, Report
from pantau_collector.errors import EvidenceError
from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.months import bundle, records
from pantau_collector.months.bundle import Manifest
from pantau_collector.months.instants import local_day, month_in
from pantau_collector.months.model import SpeedTest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pantau_collector.analysis.calendar import Month

MAX_BYTES = 64 * 1024 * 1024
_OUTSIDE_BUSY_HOURS = "outside_busy_hours"

UNREADABLE = _("{file}: cannot be read ({reason})")
NOT_A_ZIP = _("{file}: is no bundle of evidence: it is not a zip file, or a damaged one")
TOO_LARGE = _("{file}: is no bundle of evidence: it would unpack to more than {most} MB")
STRANGE = _("{file}: is no bundle of evidence: it holds '{name}', which does not belong there")
MISSING = _("{file}: is no bundle of evidence: it lacks {name}")
WRONG_FORM = _("{file}: is no bundle of evidence: {name} cannot be read ({reason})")
OTHER_RULES = _("{file}: was judged by rules {rules}, and this program has rules {own}: use that version")

HASH_DIFFERS = _("{name} was changed: its SHA-256 is not the one in the manifest")
DAY_DIFFERS = _("{day}: the counts are not those of its own histograms and tests")
TWICE = _("{day} stands there twice")
TEST_DIFFERS = _("{day}: the counted tests in tests.jsonl are not those of the day's row")
REPORT_DIFFERS = _("the report says {key} = {said}, and the days give {found}")
MANIFEST_DIFFERS = _("the manifest says {key} = {said}, and the content gives {found}")
OUTAGES_DIFFER = _("outages.json is not the list of outages that the days give")
CHAIN_BROKEN = _("record {number} does not follow from the one before it, or was changed")
RECORD_DIFFERS = _("record {number}: {key} is not what the days and profiles give")


class Verified(msgspec.Struct, frozen=True):
    """What a bundle is of, the report that its days give, its fingerprint, and every difference found."""

    manifest: Manifest
    report: Report
    sha256: str
    differences: list[Message]


def verify(path: Path) -> Verified:
    """Return what is recomputed from a file; raises `EvidenceError` where it is no bundle."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise EvidenceError(TOO_LARGE, file=path, most=MAX_BYTES // 2**20)
        content = path.read_bytes()
    except OSError as error:
        raise EvidenceError(UNREADABLE, file=path, reason=error.strerror) from None
    return verify_content(content, str(path))


def verify_content(content: bytes, file: str) -> Verified:
    """Do as `verify` for a file's bytes; `file` names it in errors."""
    files = _members(content, file)
    manifest = _read(files, bundle.MANIFEST, Manifest, file)
    zone = ZONES.get(manifest.timezone)
    try:
        month = parse_month(manifest.month, zone) if zone else month_in(manifest.month, manifest.village)
    except ValueError as error:
        raise EvidenceError(WRONG_FORM, file=file, name=bundle.MANIFEST, reason=error) from None
    if manifest.format != bundle.FORMAT or not manifest.profiles:
        raise EvidenceError(WRONG_FORM, file=file, name=bundle.MANIFEST, reason=manifest.format)
    if manifest.rules != RULES_VERSION:
        raise EvidenceError(OTHER_RULES, file=file, rules=manifest.rules, own=RULES_VERSION)
    days = _lines(files, bundle.DAYS, DayRow, file)
    profiles = Profiles(manifest.profiles)
    try:
        found = report(month, days, profiles)
        differences = [
            *_hashes(manifest, files),
            *_days(days, profiles),
            *_tests(days, _lines(files, bundle.TESTS, SpeedTest, file), month),
            *_said(found, _read(files, bundle.REPORT, Report, file), manifest),
            *_outages(found, _read(files, bundle.OUTAGES, list[OutageReport], file)),
            *_records(files, manifest, found, file),
        ]
    except (ValueError, IndexError, OverflowError) as error:
        raise EvidenceError(WRONG_FORM, file=file, name=bundle.DAYS, reason=error) from None
    return Verified(manifest, found, records.sha256(files[bundle.MANIFEST]), differences)


def _members(content: bytes, file: str) -> dict[str, bytes]:
    """Return the files of a bundle, none of which may have another name than the format's."""
    wanted = {bundle.MANIFEST, *bundle.FILES}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            for member in members:
                if member.filename not in wanted:
                    raise EvidenceError(STRANGE, file=file, name=member.filename[:80])
            if sum(member.file_size for member in members) > MAX_BYTES:
                raise EvidenceError(TOO_LARGE, file=file, most=MAX_BYTES // 2**20)
            found = {member.filename: _bounded(archive, member, file) for member in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        raise EvidenceError(NOT_A_ZIP, file=file) from None
    for name in sorted(wanted - found.keys()):
        raise EvidenceError(MISSING, file=file, name=name)
    if len(members) != len(wanted):
        raise EvidenceError(STRANGE, file=file, name=members[-1].filename)
    return found


def _bounded(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> bytes:
    """Return a member's bytes, never more than it announces: a bomb announces little."""
    with archive.open(member) as opened:
        content = opened.read(member.file_size + 1)
    if len(content) > member.file_size:
        raise EvidenceError(TOO_LARGE, file=file, most=MAX_BYTES // 2**20)
    return content


def _read(files: Mapping[str, bytes], name: str, kind: Any, file: str) -> Any:
    try:
        return msgspec.json.decode(files[name], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EvidenceError(WRONG_FORM, file=file, name=name, reason=error) from None


def _lines(files: Mapping[str, bytes], name: str, kind: Any, file: str) -> list[Any]:
    try:
        return [msgspec.json.decode(line, type=kind) for line in files[name].splitlines()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EvidenceError(WRONG_FORM, file=file, name=name, reason=error) from None


def _hashes(manifest: Manifest, files: Mapping[str, bytes]) -> Iterator[Message]:
    for name in bundle.FILES:
        if manifest.files.get(name) != records.sha256(files[name]):
            yield Message(HASH_DIFFERS, {"name": name})


def _days(days: Sequence[DayRow], profiles: Profiles) -> Iterator[Message]:
    """Count every day again from its own histograms and tests."""
    seen = set()
    for row in days:
        if row.day in seen:
            yield Message(TWICE, {"day": row.day})
        seen.add(row.day)
        if judged(msgspec.structs.replace(row, day_rules=""), profiles.on(row.day)) != row:
            yield Message(DAY_DIFFERS, {"day": row.day})


def _tests(days: Sequence[DayRow], tests: Sequence[SpeedTest], month: Month) -> Iterator[Message]:
    """Compare the counted tests with those of the days, where the store kept single tests at all."""
    if not tests:
        return
    listed: dict[Any, list[tuple[float, float]]] = {}
    for test in tests:
        if test.why_not in {"", _OUTSIDE_BUSY_HOURS}:
            rates = (_number(test.download_bps), _number(test.upload_bps))
            listed.setdefault(local_day(test.time_ns, month.zone), []).append(rates)
    for row in days:
        packed = np.frombuffer(row.tests, dtype=TEST)
        rates_of_row = [
            (_number(down), _number(up))
            for down, up in zip(packed["download_bps"].tolist(), packed["upload_bps"].tolist(), strict=True)
        ]
        inside = month.first_day <= row.day < month.days[-2]
        if inside and sorted(rates_of_row) != sorted(listed.get(row.day, [])):
            yield Message(TEST_DIFFERS, {"day": row.day})


def _number(rate: float | None) -> float:
    """Return a rate, below zero for one that was not measured: NaN would equal nothing."""
    return -1.0 if rate is None or rate != rate else rate  # noqa: PLR0124


def _said(found: Report, said: Report, manifest: Manifest) -> Iterator[Message]:
    for key in Report.__struct_fields__:
        if getattr(found, key) != getattr(said, key):
            values = {"key": key, "said": _short(getattr(said, key)), "found": _short(getattr(found, key))}
            yield Message(REPORT_DIFFERS, values)
    if manifest.verdict != found.verdict:
        values = {"key": "verdict", "said": manifest.verdict, "found": found.verdict}
        yield Message(MANIFEST_DIFFERS, values)


def _short(value: object) -> str:
    text = records.canonical(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - a line of a terminal


def _outages(found: Report, said: list[OutageReport]) -> Iterator[Message]:
    if found.outages != said:
        yield Message(OUTAGES_DIFFER, {})


def _records(files: Mapping[str, bytes], manifest: Manifest, found: Report, file: str) -> Iterator[Message]:
    lines = files[bundle.RECORDS].splitlines()
    kept: list[records.Record] = _lines(files, bundle.RECORDS, records.Record, file)
    previous = ""
    for number, (line, record) in enumerate(zip(lines, kept, strict=True), start=1):
        if record.previous_sha256 != previous or record.revision != number:
            yield Message(CHAIN_BROKEN, {"number": number})
        previous = records.sha256(line)
    if manifest.record_sha256 != previous:
        yield Message(CHAIN_BROKEN, {"number": len(kept)})
    if kept and manifest.days_are_recorded:
        facts = kept[-1].facts
        same = {
            "days_sha256": facts.days_sha256 == records.sha256(files[bundle.DAYS]),
            "report": records.canonical(facts.report) == records.canonical(found),
            "profiles": facts.profiles == manifest.profiles,
            "provider": facts.provider == manifest.provider,
        }
        for key in (key for key, is_same in same.items() if not is_same):
            yield Message(RECORD_DIFFERS, {"number": len(kept), "key": key})
