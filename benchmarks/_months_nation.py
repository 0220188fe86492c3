"""A nation's months in a store: every village of Indonesia, a year of day rows, months and areas of it.

Days are made and judged for two dozen villages by the real mathematics, then copied to all others, in SQLite
by SQLite itself. So the rows are as many and as long as a nation's, at the price of two dozen villages'.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.collector.months import world

from pantau_collector.analysis.calendar import offset_minutes
from pantau_collector.analysis_loop.month_rows import MonthRows
from pantau_collector.errors import StoreUnavailableError
from pantau_collector.months.instants import MINUTE_NS, first_instants
from pantau_collector.registry import areas
from pantau_collector.registry.codes import area_tags
from pantau_collector.registry.timezones import WIB, zone_of
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pantau_collector.storage.base import SeriesRow, Store

MONTHS = tuple(f"2026-{month:02}" for month in range(1, 13))
SHOWN = "2026-10"
REGENCY = "33.10"
_MODELS, _BATCH = 24, 2000
_COPIED = ("sla_day", "sla_month")
_TAGS = ("village", "district", "regency", "province")


def villages() -> list[str]:
    """Return the codes of all 83,763 villages."""
    return [
        village.code
        for province in areas.provinces()
        for regency in areas.children(province.code)
        for district in areas.children(regency.code)
        for village in areas.children(district.code)
    ]


def registry(path: Path) -> None:
    """Write a registry with a device in each village."""
    rows = (
        f"desa-{code},{code},2025-01-01T00:00:00+07:00,{world.PROVIDERS[place % 2]},fibre,default"
        for place, code in enumerate(villages())
    )
    path.write_text("device,village,since,provider,technology,profile\n" + "\n".join(rows) + "\n")


def fill_sqlite(path: Path, months: Sequence[str] = MONTHS) -> None:
    """Fill a file with the nation's year, or some months of it."""
    models = _models()
    store = SqliteStore(path)
    world.filled(store, models, months)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=OFF")  # a file that is thrown away if this fails
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-500000")
        _copy(db, list(models))
    store = SqliteStore(path)
    _count_areas(store, months)
    store.close()


def copy_to(store: Store, path: Path) -> None:
    """Write to another store what the pages of one month need: a year of months and areas, that month's days.

    Of the regency that is shown the days of the whole year, and its tests.
    """
    source = SqliteStore(path)
    since_ns, until_ns = first_instants(SHOWN)
    codes: dict[str, list[str]] = {}
    for code in villages():
        codes.setdefault(code[:5], []).append(code)
    spans: list[tuple[str, dict[str, object]]] = [
        ("sla_area", {}),
        ("sla_day", {"where": {"village": codes[REGENCY]}}),
        ("sla_test", {"where": {"village": codes[REGENCY]}}),
        *(("sla_month", {"where": {"regency": regency}}) for regency in codes),
    ]
    spans += [
        ("sla_day", {"since_ns": since_ns, "until_ns": until_ns, "where": {"village": some}})
        for some in codes.values()
    ]
    for name, asked in spans:
        for some in _batches(source.series(name, **asked)):  # type: ignore[arg-type]
            _write(store, some)
    source.close()


def _write(store: Store, rows: list[SeriesRow]) -> None:
    """Write rows, again where the server was too busy: writing them twice is as good as once."""
    while True:
        try:
            return store.write_series(rows)
        except StoreUnavailableError as error:
            time.sleep(error.retry_after_s or 5)


def _models() -> dict[str, str]:
    """Return the villages whose days are made: the first of the regency that is shown, four of each kind."""
    codes = list(world.many(_MODELS))
    return dict(zip(codes, itertools.cycle(world.KINDS), strict=False))


def _copy(db: sqlite3.Connection, models: list[str]) -> None:
    """Give every other village the rows of one of the models; tests only within the regency."""
    chance = random.Random(1)
    db.execute("CREATE TEMP TABLE copies (village, district, regency, province, device, model, earlier_ns)")
    db.executemany(
        "INSERT INTO copies VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (*area_tags(code), f"desa-{code}", chance.choice(models), _earlier_ns(code))
            for code in villages()
            if code not in models
        ],
    )
    indexes = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    for name in _COPIED:
        db.execute(_copy_sql(db, name))
    db.execute(_copy_sql(db, "sla_test") + f" WHERE c.regency = '{REGENCY}'")
    for _, sql in indexes:
        db.execute(sql)
    db.commit()


def _copy_sql(db: sqlite3.Connection, name: str) -> str:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
    taken = [f"c.{column}" if column in (*_TAGS, "device") else f"t.{column}" for column in columns]
    taken[columns.index("time_ns")] = "t.time_ns - c.earlier_ns"
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(taken)}"
        f" FROM copies c CROSS JOIN {name} t ON t.village = c.model"
    )


def _earlier_ns(code: str) -> int:
    """Return how much earlier than in WIB, where the models lie, a month begins in a village."""
    return (offset_minutes(zone_of(code)) - offset_minutes(WIB)) * MINUTE_NS


def _count_areas(store: SqliteStore, months: Sequence[str]) -> None:
    """Count regencies, districts, provinces and the nation in these months, as the analysis does."""
    known = sorted({code[:5] for code in villages()})
    rows = MonthRows(store, world.registry({}), world.BOOK)
    for month in months:
        for regency in known:
            rows.regency(regency, month)
        rows.above(known, month)


def _batches(rows: list[SeriesRow]) -> Iterator[list[SeriesRow]]:
    for begin in range(0, len(rows), _BATCH):
        yield rows[begin : begin + _BATCH]
