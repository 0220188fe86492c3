"""Rows of derived series that turned out to be wrong can be taken away, where the server can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pantau_collector.storage.base import SeriesRow

if TYPE_CHECKING:
    from pantau_collector.storage.base import Store

START_NS = 1_750_000_000_000_000_000
AREA = ("33.10.25.2007", "33.10.25", "33.10", "33")


def row(page: str, at: int, **values: float) -> SeriesRow:
    tags = ('it\'s "desa" \\ 1', *AREA, page)
    return SeriesRow("http_5m", tags, START_NS + at, {"row_count": 1} | values)


def test_only_these_rows(store: Store):
    """A row goes by its tags and time, whatever its values and tags; its neighbours stay."""
    rows = [row(page, at) for page in ("", "https://a.id/?q='x'") for at in (0, 1, 2)]
    store.write_series(rows)
    if not store.erase_series([row("", 1, p50_total_ms=5.0), row("https://a.id/?q='x'", 0)]):
        pytest.skip("this server cannot erase")
    assert store.series("http_5m") == sorted(
        [rows[0], rows[2], rows[4], rows[5]], key=lambda one: (one.time_ns, one.tags)
    )


def test_written_again_without_a_value(store: Store):
    """After erasing, a row has the values that it is written with, and no others of before."""
    store.write_series([row("p", 0, p50_total_ms=5.0)])
    if not store.erase_series([row("p", 0)]):
        pytest.skip("this server cannot erase")
    store.write_series([row("p", 0)])
    assert store.series("http_5m") == [row("p", 0)]
