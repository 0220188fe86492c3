"""One village's month as plain rows in a JSON file, so that anyone can have us judge what they have.

docs/sla.md shows a whole file. Whatever is wrong with one is told with its place and what belongs there.
"""

from __future__ import annotations

import difflib
import re
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from pantau_collector.analysis import calendar
from pantau_collector.analysis.maintenance import Window
from pantau_collector.analysis.profiles import Profile, Profiles, from_mapping
from pantau_collector.analysis.sla.village import Device, Tests, VillageMonth
from pantau_collector.analysis.states import Evidence, Samples
from pantau_collector.errors import SlaInputError
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNREADABLE = _("{file}: cannot be read ({reason}): give the name of a file that you may read")
NOT_JSON = _("{file}: is not JSON ({reason}): save it as UTF-8, and look at the place named")
WRONG = _("{file}: at {place}: {reason}. What belongs there: {form}")
UNKNOWN_KEY = _("{file}: at {place}: unknown key '{key}': remove it; the keys are {keys}")
UNKNOWN_KEY_NEAR = _("{file}: at {place}: unknown key '{key}': did you mean '{near}'?")
BAD_MONTH = _("{file}: '{value}' is not a month: write it as 2026-08")
BAD_TIMEZONE = _("{file}: '{value}' is not a time zone of Indonesia: use one of {choices}")
BACKWARDS = _("{file}: at {place}: {first} is more than {second}: exchange or correct the two")
EMPTY_SPAN = _("{file}: at {place}: it must end after it begins: correct one of the two times")
TWO_DEVICES = _("{file}: the device '{device}' stands there twice: put its samples together")
NO_PROFILE = _("{file}: at $.profile: the list is empty: give at least one profile")
TWO_PROFILES = _("{file}: at $.profile: two profiles begin on {since}: give the later its own date")

_FORMS = {
    r"\$\.devices\[\d+\]\.samples": _(
        "[minute_epoch_s, first_seq, last_seq, boot_id, uptime_s, evidence, sent, received, rtd_p50_ms,"
        " rtd_pdv_p95_ms]; evidence is answered, unanswered, local_fault or off_site; times are seconds since"
        " 1970; a delay may be null"
    ),
    r"\$\.devices\[\d+\]\.placed": _("[from_s, to_s]; null for what has not ended"),
    r"\$\.devices": _('{"id": …, "samples": [[…], …]}, and "placed" where the device moved'),
    r"\$\.speed_tests": _(
        "[epoch_s, download_bps, upload_bps, counted]; a rate may be null, counted is true or false"
    ),
    r"\$\.maintenance": _("[from_s, to_s, announced_s] in seconds since 1970"),
    r"\$\.target_faults": _("[from_s, to_s] in seconds since 1970"),
    r"\$\.profile": _("a profile as docs/sla.md shows, or a list of such with the date 'since' in each"),
    r"\$": _("an object with month, timezone, profile and devices, as docs/sla.md shows"),
}
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`")
_CELL = re.compile(r"\$\.devices\[\d+\]\.samples\[\d+\]\[(\d+)\]")
_COLUMNS = (
    "minute_epoch_s",
    "first_seq",
    "last_seq",
    "boot_id",
    "uptime_s",
    "evidence",
    "sent",
    "received",
    "rtd_p50_ms",
    "rtd_pdv_p95_ms",
)
_PLACE = re.compile(r"(.*?)(?: - at `([^`]*)`)?", re.DOTALL)

# Seconds since 1970, from 2000 to 2199: milliseconds and nanoseconds lie far beyond.
EpochS = Annotated[float, Meta(ge=946_684_800, le=7_258_118_400)]
Seq = Annotated[int, Meta(ge=0, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
DelayMs = Annotated[float, Meta(ge=0, le=3_600_000)] | None
Bps = Annotated[float, Meta(ge=0, le=1e12)] | None
EvidenceName = Literal["answered", "unanswered", "local_fault", "off_site"]
SampleRow = tuple[
    EpochS, Seq, Seq, str | int, Annotated[float, Meta(ge=0)], EvidenceName, Count, Count, DelayMs, DelayMs
]
TestRow = tuple[EpochS, Bps, Bps, bool | Annotated[int, Meta(ge=0, le=1)]]


class DeviceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device, its samples, and when it stood in this village (always, unless said)."""

    id: Annotated[str, Meta(min_length=1)]
    samples: list[SampleRow]
    placed: list[tuple[EpochS, EpochS | None]] | None = None


class InputFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as it is written."""

    month: str
    timezone: str
    profile: dict[str, Any] | list[dict[str, Any]]
    devices: list[DeviceEntry]
    speed_tests: list[TestRow] = []
    maintenance: list[tuple[EpochS, EpochS, EpochS | None]] = []
    target_faults: list[tuple[EpochS, EpochS]] = []


def read(path: Path) -> VillageMonth:
    """Return what the file says; raises `SlaInputError`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SlaInputError(UNREADABLE, file=path, reason=error.strerror) from None
    return parse(content, str(path))


def parse(content: bytes, file: str = "-") -> VillageMonth:
    """Return what the JSON says; `file` names it in errors. Raises `SlaInputError`."""
    written = _decoded(content, file)
    return VillageMonth(
        month=_month(written, file),
        profiles=_profiles(written, file),
        devices=_devices(written, file),
        tests=_tests(written.speed_tests),
        maintenance=[
            Window(from_s, to_s, announced_s)
            for from_s, to_s, announced_s in _spans(written.maintenance, "$.maintenance", file)
            if announced_s is not None
        ],
        target_faults_s=_spans(written.target_faults, "$.target_faults", file),
    )


def _decoded(content: bytes, file: str) -> InputFile:
    try:
        return msgspec.json.decode(content, type=InputFile)
    except msgspec.ValidationError as error:
        raise _complaint(error, file, InputFile) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SlaInputError(NOT_JSON, file=file, reason=error) from None


def _complaint(
    error: msgspec.ValidationError, file: str, kind: type[msgspec.Struct], within: str = "$"
) -> SlaInputError:
    """Return the error with its place in the file and what belongs there."""
    match = _PLACE.fullmatch(str(error))
    reason, place = (match[1], match[2]) if match else (str(error), None)
    place = within + (place or "$")[1:]
    unknown = _UNKNOWN_FIELD.search(reason)
    if unknown:
        keys = DeviceEntry.__struct_fields__ if place.startswith("$.devices[") else kind.__struct_fields__
        return _unknown_key(unknown[1], keys, place, file)
    cell = _CELL.fullmatch(place)
    if cell:
        place += f" ({_COLUMNS[int(cell[1])]})"
    form = next(form for pattern, form in _FORMS.items() if re.match(pattern, place))
    return SlaInputError(WRONG, file=file, place=place, reason=reason, form=form)


def _unknown_key(key: str, keys: Sequence[str], place: str, file: str) -> SlaInputError:
    near = difflib.get_close_matches(key, keys, n=1)
    if near:
        return SlaInputError(UNKNOWN_KEY_NEAR, file=file, place=place, key=key, near=near[0])
    return SlaInputError(UNKNOWN_KEY, file=file, place=place, key=key, keys=", ".join(keys))


def _month(written: InputFile, file: str) -> calendar.Month:
    zone = calendar.ZONES.get(written.timezone)
    if zone is None:
        raise SlaInputError(
            BAD_TIMEZONE, file=file, value=written.timezone, choices=", ".join(sorted(calendar.ZONES))
        )
    try:
        return calendar.parse_month(written.month, zone)
    except ValueError:
        raise SlaInputError(BAD_MONTH, file=file, value=written.month) from None


def _profiles(written: InputFile, file: str) -> Profiles:
    single = isinstance(written.profile, dict)
    given = [written.profile] if isinstance(written.profile, dict) else written.profile
    if not given:
        raise SlaInputError(NO_PROFILE, file=file)
    found = []
    for number, keys in enumerate(given):
        try:
            found.append(from_mapping(keys))
        except msgspec.ValidationError as error:
            place = "$.profile" if single else f"$.profile[{number}]"
            raise _complaint(error, file, Profile, place) from None
    dates = sorted(profile.since for profile in found)
    for earlier, later in pairwise(dates):
        if earlier == later:
            raise SlaInputError(TWO_PROFILES, file=file, since=later)
    return Profiles(found)


def _devices(written: InputFile, file: str) -> list[Device]:
    seen: set[str] = set()
    found = []
    for number, entry in enumerate(written.devices):
        place = f"$.devices[{number}]"
        if entry.id in seen:
            raise SlaInputError(TWO_DEVICES, file=file, device=entry.id)
        seen.add(entry.id)
        samples = _samples(entry.samples)
        _check_order(
            samples.first_seq <= samples.last_seq, ("first_seq", "last_seq"), f"{place}.samples", file
        )
        _check_order(samples.received <= samples.sent, ("received", "sent"), f"{place}.samples", file)
        placed = entry.placed and [
            (from_s, float("inf") if to_s is None else to_s) for from_s, to_s in entry.placed
        ]
        found.append(Device(samples, None if placed is None else _spans(placed, f"{place}.placed", file)))
    return found


def _samples(rows: Sequence[SampleRow]) -> Samples:
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 10
    boots = [str(boot) for boot in columns[3]]
    numbers = {boot: number for number, boot in enumerate(sorted(set(boots)))}
    evidence = {kind.name.lower(): kind for kind in Evidence}
    whole, real = partial(np.array, dtype=np.int64), partial(np.array, dtype=np.float64)
    return Samples(
        time_s=real(columns[0]),
        first_seq=whole(columns[1]),
        last_seq=whole(columns[2]),
        boot=whole([numbers[boot] for boot in boots]),
        uptime_s=real(columns[4]),
        evidence=np.array([evidence[name] for name in columns[5]], dtype=np.uint8),
        sent=whole(columns[6]),
        received=whole(columns[7]),
        rtd_p50_ms=real(columns[8]),
        rtd_pdv_p95_ms=real(columns[9]),
    )


def _tests(rows: Sequence[TestRow]) -> Tests:
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 4
    real = partial(np.array, dtype=np.float64)
    return Tests(real(columns[0]), real(columns[1]), real(columns[2]), np.array(columns[3], dtype=bool))


def _check_order(fine: Any, names: tuple[str, str], place: str, file: str) -> None:
    if not fine.all():
        row = int(np.flatnonzero(~fine)[0])
        raise SlaInputError(BACKWARDS, file=file, place=f"{place}[{row}]", first=names[0], second=names[1])


def _spans(spans: Sequence[Any], place: str, file: str) -> Sequence[Any]:
    for number, span in enumerate(spans):
        if span[1] <= span[0]:
            raise SlaInputError(EMPTY_SPAN, file=file, place=f"{place}[{number}]")
    return spans
