"""Villages' months in memory: a peer for tests of what shows months."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.months.model import AreaMonth, Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantau_collector.months.model import VillageEvidence, VillageMonth

FIELDS = {"pass": "passed", "fail": "failed"}
LENGTHS = (0, 2, 5, 8, 13)


class MemoryMonths:
    """Does what `pantau_collector.months.model.MonthReader` says. Set `down` to have it not answer."""

    def __init__(self, found: Iterable[VillageEvidence] = ()) -> None:
        self.down = False
        self.asked: Counter[str] = Counter()
        self.kept = {(one.line.month, one.line.code): one for one in found}

    def months(self) -> list[str]:
        self._answer("months")
        return sorted({month for month, _ in self.kept}, reverse=True)

    def area(self, month: str, code: str) -> AreaMonth | None:
        self._answer("area")
        return self._area(month, code)

    def children(self, month: str, code: str) -> list[AreaMonth]:
        self._answer("children")
        length = LENGTHS[LENGTHS.index(len(code)) + 1]
        inside = {one.code[:length] for one in self._lines(month, code)}
        return [self._area(month, one) for one in sorted(inside)]

    def villages(self, month: str, within: str) -> list[VillageMonth]:
        self._answer("villages")
        return self._lines(month, within)

    def evidence(self, month: str, village: str) -> VillageEvidence | None:
        self._answer("evidence")
        return self.kept.get((month, village))

    def trend(self, code: str, months: int = 12) -> Sequence[AreaMonth | VillageMonth]:
        self._answer("trend")
        known = sorted({month for month, _ in self.kept})[-months:]
        if len(code) == LENGTHS[-1]:
            return [self.kept[month, code].line for month in known if (month, code) in self.kept]
        return [found for month in known if (found := self._area(month, code))]

    def _answer(self, name: str) -> None:
        self.asked[name] += 1
        if self.down:
            raise StoreUnavailableError("down")

    def _lines(self, month: str, within: str) -> list[VillageMonth]:
        found = [one.line for (of, _), one in self.kept.items() if of == month]
        return sorted((one for one in found if one.code.startswith(within)), key=lambda one: one.code)

    def _area(self, month: str, code: str) -> AreaMonth | None:
        lines = self._lines(month, code)
        if not lines:
            return None
        counted = Counter(FIELDS.get(one.verdict, one.verdict) for one in lines)
        return AreaMonth(
            code=code,
            month=month,
            counts=Counts(**counted),
            coverage_ratio=sum(one.coverage_ratio or 0 for one in lines) / len(lines),
            restitution_minutes=sum(one.restitution_minutes for one in lines),
            download_tests=sum(one.download_tests for one in lines),
            download_share=_share(lines, "download"),
            upload_tests=sum(one.upload_tests for one in lines),
            upload_share=_share(lines, "upload"),
        )


def _share(lines: list[VillageMonth], direction: str) -> float | None:
    tests = sum(getattr(one, f"{direction}_tests") for one in lines)
    reached = sum(
        getattr(one, f"{direction}_tests") * (getattr(one, f"{direction}_share") or 0) for one in lines
    )
    return reached / tests if tests else None
