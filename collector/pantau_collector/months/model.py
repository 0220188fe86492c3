"""What is known of villages' months: the seam between what judges and keeps them and all who show them.

A month is named `YYYY-MM`, an area by its Kemendagri code, `""` being the nation. Ratios are 0 to 1, rates
bit/s, delays ms, instants ns since 1970. Verdicts are the words of docs/sla.md: `fail`, `insufficient_data`,
`inconclusive`, `pass`.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Protocol

import msgspec

from pantau_collector.analysis.sla.reported import OutageReport, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

NATION = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many villages of an area got which verdict."""

    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    insufficient_data: int = 0

    @property
    def villages(self) -> int:
        """All that were judged."""
        return self.passed + self.failed + self.inconclusive + self.insufficient_data


COUNT_FIELDS = {
    "fail": "failed",
    "insufficient_data": "insufficient_data",
    "inconclusive": "inconclusive",
    "pass": "passed",
}
"""The verdicts, the gravest first, and where `Counts` has each."""


class AreaMonth(msgspec.Struct, frozen=True, kw_only=True):
    """An area's month: verdicts, mean coverage of its villages, and of all their counted tests the share.

    `download_share`, `upload_share`: of the counted tests of all its villages, how many reached 80% of their
    contract; None without any test.
    """

    code: str
    month: str
    counts: Counts
    coverage_ratio: float | None = None
    restitution_minutes: int = 0
    download_tests: int = 0
    download_share: float | None = None
    upload_tests: int = 0
    upload_share: float | None = None


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen record of a village's month: 1 when it was closed, more where later data opened it again.

    `sha256`: over the evidence that the verdict rests on (months/records.py).
    """

    number: int
    closed_at_ns: int
    verdict: str
    sha256: str
    reason: str = ""


class VillageMonth(msgspec.Struct, frozen=True, kw_only=True):
    """A village's month in one line of a table. `pooled_verdict`: over this month and the two before.

    `metrics`: the verdict of each metric. `revision` is None while the month is open.
    """

    code: str
    month: str
    provider: str
    profile: str
    verdict: str
    pooled_verdict: str | None = None
    metrics: dict[str, str]
    availability_ratio: float | None = None
    availability_min_ratio: float | None = None
    availability_max_ratio: float | None = None
    coverage_ratio: float | None = None
    restitution_minutes: int = 0
    download_tests: int = 0
    download_share: float | None = None
    upload_tests: int = 0
    upload_share: float | None = None
    latency_share: float | None = None
    variation_share: float | None = None
    rt_loss_ratio: float | None = None
    revision: Revision | None = None


class SpeedTest(msgspec.Struct, frozen=True, kw_only=True):
    """One speed test of a village. `why_not`: what keeps it from counting, empty for a counted one."""

    time_ns: int
    device: str
    engine: str
    download_bps: float | None
    upload_bps: float | None
    busy_hour: bool
    why_not: str = ""


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """Announced work on a village's line. `area`: the village, or an area of which it counts for all.

    `number`: what it is withdrawn by.
    """

    area: str
    from_ns: int
    to_ns: int
    announced_ns: int
    by: str
    what: str = ""
    number: str = ""


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody holds against a village's month, and what was answered."""

    number: str
    village: str
    month: str
    filed_at_ns: int
    by: str
    text: str
    answered_at_ns: int | None = None
    answered_by: str = ""
    answer: str = ""


class DayStates(msgspec.Struct, frozen=True, kw_only=True):
    """A local day's minutes in run-length form: (state, minutes, under maintenance), 1,440 minutes in all."""

    day: date
    runs: tuple[tuple[str, int, bool], ...]


class VillageEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that a village's month rests on, ready to be shown or exported."""

    line: VillageMonth
    report: Report
    days: tuple[DayStates, ...]
    tests: tuple[SpeedTest, ...]
    maintenance: tuple[Maintenance, ...]
    objections: tuple[Objection, ...]
    revisions: tuple[Revision, ...]
    registry_version: str

    @property
    def outages(self) -> list[OutageReport]:
        """The outages that touch the month, in order."""
        return self.report.outages


class MonthReader(Protocol):
    """Months as the store has them. Methods block and are thread-safe.

    All raise `StoreUnavailableError` where the store cannot answer now.
    """

    def months(self) -> list[str]:
        """Return the months of which there is anything, newest first."""
        ...

    def area(self, month: str, code: str) -> AreaMonth | None:
        """Return an area's month, the nation's for `""`; None where nothing is known."""
        ...

    def children(self, month: str, code: str) -> list[AreaMonth]:
        """Return the months of the areas directly inside, by code; a district's villages count as areas."""
        ...

    def villages(self, month: str, within: str) -> list[VillageMonth]:
        """Return the lines of all villages of a regency or district (or one village), by code."""
        ...

    def evidence(self, month: str, village: str) -> VillageEvidence | None:
        """Return all of one village's month; None where nothing is known."""
        ...

    def bundle(self, month: str, village: str) -> bytes | None:
        """Return one village's month as a zip that `sla verify` checks; None where nothing is known."""
        ...

    def trend(self, code: str, months: int = 12) -> Sequence[AreaMonth | VillageMonth]:
        """Return an area's or a village's last months, oldest first."""
        ...
