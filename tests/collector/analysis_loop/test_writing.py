"""Recomputed rows take the place of what is stored, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.analysis_loop.world import START_NS, VILLAGES
from tests.fakes.memory_store import MemoryStore

from pantau_collector.analysis_loop import computing, writing
from pantau_collector.analysis_loop.windows import Span
from pantau_collector.registry.codes import area_tags
from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from collections.abc import Sequence

SPAN = Span(START_NS, START_NS + 300 * 10**9)


class Counting(MemoryStore):
    """A store that remembers what was written, and may be of the kind that cannot erase."""

    def __init__(self, *, erases: bool) -> None:
        super().__init__()
        self.erases = erases
        self.written: list[SeriesRow] = []

    def write_series(self, rows: Sequence[SeriesRow]) -> None:
        self.written += rows
        super().write_series(rows)

    def erase_series(self, rows: Sequence[SeriesRow]) -> bool:
        return self.erases and super().erase_series(rows)


def device(name: str, village: str = VILLAGES[0], **values: float) -> SeriesRow:
    return SeriesRow("device_5m", (name, *area_tags(village)), START_NS, {"row_count": 1} | values)


def replaced(store: Counting, *rows: SeriesRow) -> int:
    store.written.clear()
    return writing.replace(store, ["device_5m"], SPAN, {"village": [VILLAGES[0]]}, rows)


def test_only_what_differs_is_written():
    """Equal rows are left alone, and a second time there is nothing to do."""
    store = Counting(erases=True)
    assert replaced(store, device("a"), device("b")) == 2
    assert replaced(store, device("a"), device("b")) == 0
    assert store.written == []
    assert replaced(store, device("a"), device("b", max_cpu_ratio=1.0)) == 1
    assert store.written == [device("b", max_cpu_ratio=1.0)]


def test_what_has_no_place_any_more_goes():
    """A row that is not computed any more is erased; other villages' and other windows' rows stay."""
    store = Counting(erases=True)
    elsewhere = [
        device("c", VILLAGES[1]),
        SeriesRow("device_5m", device("a").tags, SPAN.until_ns, {"row_count": 1}),
    ]
    store.write_series(elsewhere)
    replaced(store, device("a"), device("b"))
    assert replaced(store, device("b")) == 1
    assert sorted(store.series("device_5m"), key=repr) == sorted([device("b"), *elsewhere], key=repr)


def test_where_nothing_can_be_erased():
    """There the row says that it is made of nothing, and a regency does not count such a village."""
    store = Counting(erases=False)
    replaced(store, device("a", max_cpu_ratio=1.0))
    replaced(store)
    assert store.written == [SeriesRow("device_5m", device("a").tags, START_NS, {"row_count": 0})]
    rows = [
        SeriesRow("village_5m", area_tags(village), START_NS, {"device_count": count})
        for village, count in ((VILLAGES[1], 2), (VILLAGES[2], 0))
    ]
    (regency,) = computing.regency_rows(rows, "5m")
    assert regency.values["village_count"] == 1


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 2500])
def test_many_rows(count: int):
    """However many rows there are, all are written, once each."""
    store = Counting(erases=True)
    rows = [device(f"desa-{number}") for number in range(count)]
    writing.write(store, rows)
    assert store.written == rows
