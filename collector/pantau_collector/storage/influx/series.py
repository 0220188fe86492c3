"""Derived series in their databases: NAME_rollup, NAME_history, and NAME for what is kept like raw points."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, get_args

from pantau_collector.storage import derived
from pantau_collector.storage.influx import questions, serieslines
from pantau_collector.storage.influx.client import Client
from pantau_collector.storage.influx.sending import send_whole
from pantau_collector.storage.series import SERIES
from pantau_collector.storage.seriestypes import Retention

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantau_collector.config import InfluxConfig
    from pantau_collector.storage.base import SeriesRow

_AT_ONCE = 2
_REQUEST_LINES = 5000  # a day of a village may be a kilobyte, and 3.x takes 10 MiB
_LAST_THAT_ERASES = 2


def database_of(config: InfluxConfig, retention: Retention) -> str:
    """Return the database, or bucket, that holds what is kept so long."""
    return config.database if retention == "raw" else f"{config.database}_{retention}"


class DerivedSeries:
    """Writes and reads derived series; thread-safe."""

    def __init__(self, config: InfluxConfig, raw: Client) -> None:
        """Connect to nothing yet. `raw` is the client of the raw database, and stays the caller's."""
        self._clients: dict[Retention, Client] = {
            retention: _client(config, retention) for retention in get_args(Retention) if retention != "raw"
        }
        self._own = list(self._clients.values())
        self._clients["raw"] = raw
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="influx-series")

    def write(self, rows: Sequence[SeriesRow]) -> None:
        """Write rows, durable when this returns; see `Store.write_series`."""
        sent = []
        for name, some in derived.by_series(rows).items():
            client = self._clients[SERIES[name].retention]
            for start in range(0, len(some), _REQUEST_LINES):
                texts = [serieslines.line(row) for row in some[start : start + _REQUEST_LINES]]
                sent.append(self._pool.submit(send_whole, client, texts, "derived series"))
        for future in sent:
            future.result()

    def add(self, rows: Sequence[SeriesRow]) -> None:
        """Write those rows in whose place there is none; see `Store.add_series`."""
        for name, some in derived.by_series(rows).items():
            first = SERIES[name].tags[0]
            since_ns, until_ns = (choose(row.time_ns for row in some) for choose in (min, max))
            where = {first: sorted({row.tags[0] for row in some})}
            there = self.read(name, since_ns=since_ns, until_ns=until_ns + 1, where=where, newest=None)
            taken = {(row.tags, row.time_ns) for row in there}
            self.write([row for row in some if (row.tags, row.time_ns) not in taken])

    def erase(self, rows: Sequence[SeriesRow]) -> bool:
        """Erase the rows in these places; False where the server cannot. See `Store.erase_series`."""
        for row in rows:
            client = self._clients[SERIES[row.series].retention]
            if client.version().major > _LAST_THAT_ERASES:
                return False
            for _ in client.ask(serieslines.erasure(row)):
                pass  # the answer is empty, and has to be read
        return True

    def read(
        self,
        name: str,
        *,
        since_ns: int,
        until_ns: int | None,
        where: Mapping[str, str | Sequence[str]] | None,
        newest: int | None,
    ) -> list[SeriesRow]:
        """Return rows ordered by time, then tags; see `Store.series`."""
        series = derived.known(name)
        wanted = derived.conditions(series, where)
        if newest == 0 or not all(wanted.values()):  # which InfluxQL takes for no limit, and does not parse
            return []
        question = serieslines.question(
            series, since_ns=since_ns, until_ns=until_ns, where=wanted, newest=newest
        )
        tables = self._clients[series.retention].ask(question)
        found = [row for _, table in tables for row in serieslines.rows(series, table)]
        return sorted(found, key=lambda row: (row.time_ns, row.tags))

    def read_columns(
        self,
        name: str,
        wanted: Sequence[str],
        *,
        since_ns: int,
        until_ns: int | None,
        where: Mapping[str, str | Sequence[str]] | None,
    ) -> dict[str, list[Any]]:
        """Return some tags and columns as lists, a series after the other; see `Store.series_columns`."""
        series = derived.known(name)
        names = derived.wanted(series, wanted)
        conditions = derived.conditions(series, where)
        found: dict[str, list[Any]] = {column: [] for column in names}
        if not all(conditions.values()):
            return found
        question = serieslines.columns_question(
            series, names, since_ns=since_ns, until_ns=until_ns, where=conditions
        )
        for _, table in self._clients[series.retention].ask(question):
            serieslines.add_columns(series, table, found)
        return found

    def span(self, name: str) -> tuple[int, int] | None:
        """Return the first and last time; see `Store.span`."""
        series = derived.known(name)
        asked = questions.span(name, [column.name for column in series.columns])
        return questions.span_of(self._clients[series.retention].ask(*asked))

    def close(self) -> None:
        """Close the connections of its own."""
        self._pool.shutdown(cancel_futures=True)
        for client in self._own:
            client.close()


def _client(config: InfluxConfig, retention: Retention) -> Client:
    settings = {"database": database_of(config, retention), "retention_policy": None}
    return Client(config.model_copy(update=settings))
