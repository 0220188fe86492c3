"""Looks whether points are stored already, and with which values: InfluxDB overwrites without a word."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_collector.storage.influx import lines, questions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pantau_collector.storage.influx.client import Client
    from pantau_collector.storage.rows import Row

Identity = tuple[str, object]
"""A point's series and time."""

_SLICE_NS = 600 * 1_000_000_000  # devices that tell of the same minutes are asked for together
_DEVICES = 200  # in one statement
_STATEMENTS = 50  # in one request


def find(client: Client, wanted: Mapping[str, Sequence[Row]]) -> dict[Identity, Row]:
    """Return what is stored in the places of these rows, by kind, and some more of the same devices."""
    found: dict[Identity, Row] = {}
    asked = list(_statements(wanted))
    for start in range(0, len(asked), _STATEMENTS):
        part = asked[start : start + _STATEMENTS]
        for number, series in client.ask(*(statement for _, statement in part)):
            kind = part[number][0]
            for row in questions.rows(kind, series):
                found[lines.series_of(kind, row), row[1]] = row
    return found


def _statements(wanted: Mapping[str, Sequence[Row]]) -> Iterator[tuple[str, str]]:
    for kind, rows in wanted.items():
        slices: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            slices[int(row[1]) // _SLICE_NS].append(row)  # type: ignore[arg-type]
        for part in slices.values():
            times = [int(row[1]) for row in part]  # type: ignore[arg-type]
            devices = sorted({str(row[0]) for row in part})
            for start in range(0, len(devices), _DEVICES):
                some = devices[start : start + _DEVICES]
                yield kind, questions.points_of(kind, some, min(times), max(times))
