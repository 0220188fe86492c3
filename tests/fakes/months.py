"""Months in memory: a peer for tests of what reads months, judged by the real judge from made-up samples."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pantau_collector.analysis.sla import input_file
from pantau_collector.analysis.sla.report import Report, report
from pantau_collector.analysis.sla.village import day_rows
from pantau_collector.errors import StoreUnavailableError
from pantau_collector.months.model import (
    AreaMonth,
    Counts,
    DayStates,
    Objection,
    Revision,
    SpeedTest,
    VillageEvidence,
    VillageMonth,
)
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LENGTHS = (0, 2, 5, 8, 13)
_FIELDS = {
    "pass": "passed",
    "fail": "failed",
    "inconclusive": "inconclusive",
    "insufficient_data": "insufficient_data",
}


class MemoryMonths:
    """Does what `pantau_collector.months.model.MonthReader` says. Set `down` to have it unavailable."""

    def __init__(self, evidence: Iterable[VillageEvidence]) -> None:
        self.down = False
        self._evidence = {(one.line.month, one.line.code): one for one in evidence}

    def months(self) -> list[str]:
        self._answer()
        return sorted({month for month, _ in self._evidence}, reverse=True)

    def area(self, month: str, code: str) -> AreaMonth | None:
        self._answer()
        lines = self._lines(month, code)
        return _area(code, month, lines) if lines else None

    def children(self, month: str, code: str) -> list[AreaMonth]:
        self._answer()
        length = next((one for one in _LENGTHS if one > len(code)), 0)
        codes = sorted({line.code[:length] for line in self._lines(month, code)} if length else ())
        return [_area(one, month, self._lines(month, one)) for one in codes]

    def villages(self, month: str, within: str) -> list[VillageMonth]:
        self._answer()
        assert len(within) >= 5
        return self._lines(month, within)

    def evidence(self, month: str, village: str) -> VillageEvidence | None:
        self._answer()
        return self._evidence.get((month, village))

    def trend(self, code: str, months: int = 12) -> Sequence[AreaMonth | VillageMonth]:
        found = [self.area(month, code) for month in self.months()[:months]]
        return [one for one in reversed(found) if one is not None]

    def _lines(self, month: str, code: str) -> list[VillageMonth]:
        found = [one.line for (when, _), one in self._evidence.items() if when == month]
        return sorted((line for line in found if line.code.startswith(code)), key=lambda line: line.code)

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailableError("the store is down")


def evidence(
    village: str,
    month: str = "2026-09",
    *,
    seed: int = 1,
    provider: str = "PT Contoh Serat",
    closed: bool = True,
) -> VillageEvidence:
    """Return a village's month: samples, cuts, outages and tests at random, and the verdict on them."""
    zone = zone_of(village)
    document = _document(seed, month, zone.iana)
    found = report(*_judged(document))
    number = Revision(
        number=1,
        closed_at_ns=1_791_100_800 * 10**9,
        verdict=found.verdict,
        sha256=f"{seed:064x}",
        reason="",
    )
    revisions = (number,) if closed else ()
    return VillageEvidence(
        line=_line(village, provider, found, revisions[-1] if revisions else None),
        report=found,
        days=_days(month),
        tests=tuple(
            SpeedTest(
                time_ns=int(at_s) * 10**9,
                device="desa-1",
                engine="http",
                download_bps=down,
                upload_bps=up,
                busy_hour=counted,
                why_not="" if counted else "wifi",
            )
            for at_s, down, up, counted in sorted(document["speed_tests"])
        ),
        maintenance=(),
        objections=(
            Objection(
                number="1",
                village=village,
                month=month,
                filed_at_ns=1_791_200_000 * 10**9,
                by="Budi (BUMDes)",
                text="Listrik padam tanggal 3, bukan jaringan <kami>.",
            ),
        )
        if seed % 3 == 0
        else (),
        revisions=revisions,
        registry_version="ab" * 32,
    )


def _judged(document: dict[str, Any]) -> tuple[Any, Any, Any]:
    village = input_file.parse(json.dumps(document).encode())
    return village.month, day_rows(village), village.profiles


def _line(code: str, provider: str, found: Report, revision: Revision | None) -> VillageMonth:
    metrics = found.metrics
    return VillageMonth(
        code=code,
        month=found.month,
        provider=provider,
        profile=found.profiles[0].name,
        verdict=found.verdict,
        metrics={name: one.verdict for name, one in metrics.items()},
        availability_ratio=found.A_ratio,
        availability_min_ratio=found.A_min,
        availability_max_ratio=found.A_max,
        coverage_ratio=found.coverage,
        restitution_minutes=found.restitution_minutes,
        download_tests=metrics["download"].n,
        download_share=metrics["download"].share,
        upload_tests=metrics["upload"].n,
        upload_share=metrics["upload"].share,
        latency_share=metrics["latency"].share,
        variation_share=metrics["variation"].share,
        rt_loss_ratio=metrics["loss"].share,
        revision=revision,
    )


def _area(code: str, month: str, lines: list[VillageMonth]) -> AreaMonth:
    verdicts = [_FIELDS[line.verdict] for line in lines]
    tests = {name: sum(getattr(line, f"{name}_tests") for line in lines) for name in ("download", "upload")}
    return AreaMonth(
        code=code,
        month=month,
        counts=Counts(**{field: verdicts.count(field) for field in _FIELDS.values()}),
        coverage_ratio=sum(line.coverage_ratio or 0 for line in lines) / len(lines),
        restitution_minutes=sum(line.restitution_minutes for line in lines),
        download_tests=tests["download"],
        download_share=_share(lines, "download", tests["download"]),
        upload_tests=tests["upload"],
        upload_share=_share(lines, "upload", tests["upload"]),
    )


def _share(lines: list[VillageMonth], name: str, tests: int) -> float | None:
    reached = sum((getattr(line, f"{name}_share") or 0) * getattr(line, f"{name}_tests") for line in lines)
    return reached / tests if tests else None


def _days(month: str) -> tuple[DayStates, ...]:
    first = date.fromisoformat(f"{month}-01")
    days = [first + timedelta(days=number) for number in range(31)]
    runs = (("up", 600, False), ("link_down", 90, False), ("up", 600, False), ("power_off", 150, False))
    return tuple(DayStates(day=day, runs=runs) for day in days if day.month == first.month)


def _document(seed: int, month: str, timezone: str) -> dict[str, Any]:
    """Return a month of one device, a sample each ten minutes or so left out at random."""
    rng = random.Random(seed)
    offset_h = {"Asia/Jakarta": 7, "Asia/Makassar": 8, "Asia/Jayapura": 9}[timezone]
    begin = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC) - timedelta(hours=offset_h)
    begin_s, days = int(begin.timestamp()), 30
    mean_bps = rng.choice((14e6, 19e6, 22e6))
    tests = [
        [
            begin_s + day * 86_400 + rng.randrange(18 * 3600, 22 * 3600),
            rng.gauss(mean_bps, 2e6),
            rng.gauss(9e6, 1e6),
            rng.random() < 0.9,
        ]
        for day in range(days)
        for _ in range(4)
    ]
    return {
        "month": month,
        "timezone": timezone,
        "profile": {"name": "default", "contracted_download_bps": 2e7, "contracted_upload_bps": 1e7},
        "devices": [{"id": "desa-1", "samples": list(_samples(rng, begin_s, begin_s + days * 86_400))}],
        "speed_tests": tests,
    }


def _samples(rng: random.Random, now_s: int, end_s: int) -> Iterable[list[Any]]:
    seq, down = 1, 0
    chance = rng.choice((0.0002, 0.002))
    while now_s < end_s:
        if not down and rng.random() < chance:
            down = rng.choice((2, 8, 30, 120))
        up, down = not down, max(down - 1, 0)
        delay = max(rng.gauss(35, 8), 5) if up else None
        yield [
            now_s,
            seq,
            seq + 6,
            "boot-1",
            now_s % 10**8,
            "answered" if up else "unanswered",
            20,
            20 * up,
            delay,
            delay and delay / 4,
        ]
        seq, now_s = seq + 7, now_s + 60
