"""What a kind of alert is: what it reads, when it fires, and what people are told. `kinds` lists them.

A measure is one InfluxQL query of one field, because Grafana takes the labels of one query as they come only
then. Aggregation happens in the database; Grafana reduces what is left of a series to its last value, and
joins measures by their labels: where one lacks a village, the village cannot fire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pantau_collector.storage.series import AREA_TAGS

if TYPE_CHECKING:
    from pantau_wire.vocabulary import Text

Scope = Literal["regency", "pipeline"]
Severity = Literal["page", "ticket", "info"]
Format = Literal["number", "count", "percent"]
NoData = Literal["OK", "Alerting"]
OnError = Literal["KeepLast", "Alerting"]

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
RECENT_S = 30 * MINUTE_S
"""A five-minute row bears its window's first instant and comes after a grace time: it is 7 to 15 minutes
old."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One query: `select` of a series over the last `range_s` seconds, a value for each set of tags."""

    name: str
    series: str
    select: str
    tags: tuple[str, ...]
    range_s: int = RECENT_S
    where: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alert. It fires where `condition`, in Grafana's mathematics, is true for `wait_s` seconds.

    `computed` names further values made of measures. `shown` is the value that tells how strong it is;
    `strength` says so, with `{value}` where it stands. `on_error` is what an unreachable database means: an
    alarm for one kind only, as all others would say the same.
    """

    name: str
    scope: Scope
    severity: Severity
    title: Text
    what: Text
    strength: Text
    shown: tuple[str, Format]
    measures: tuple[Measure, ...]
    condition: str
    computed: tuple[tuple[str, str], ...] = ()
    wait_s: int = 0
    interval_s: int = 300
    no_data: NoData = "OK"
    on_error: OnError = "KeepLast"


def village_measure(name: str, select: str, range_s: int = RECENT_S) -> Measure:
    """Return a measure of each village's five-minute rows."""
    return Measure(name, "village_5m", select, AREA_TAGS, range_s)
