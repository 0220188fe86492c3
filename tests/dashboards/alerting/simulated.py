"""Rows of derived series, some minutes old, as the analysis and the collectors would have written them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_collector.storage.series import SERIES
from pantau_dashboards.alerting.regencies import Regency

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NGARAN, GUMULAN, SATELLITE = "33.10.25.2007", "33.10.25.2009", "33.10.26.2001"
ELSEWHERE = "34.04.01.2001"
KLATEN = Regency(
    code="33.10",
    name="Kabupaten Klaten",
    province="33",
    province_name="Jawa Tengah",
    zone="WIB",
    villages=((NGARAN, "Ngaran"), (GUMULAN, "Gumulan"), (SATELLITE, "Gunung Sari")),
    satellites=(SATELLITE,),
)
_MINUTE_S = 60


@dataclass(frozen=True)
class Row:
    """One row: the tags beside the village's own, and how old it is."""

    series: str
    values: Mapping[str, float | bool | str]
    village: str = NGARAN
    tags: Mapping[str, str] = field(default_factory=dict)
    age_minutes: float = 10

    def line(self, now_s: int) -> str:
        """Return it as line protocol; fields and tags are those of the table of series, of their types."""
        series = SERIES[self.series]
        known = {**_areas(self.village), **self.tags}
        tags = ",".join(f"{name}={known[name]}" for name in series.tags)
        fields = ",".join(
            f"{name}={_written(series.column(name).type, v)}" for name, v in self.values.items()
        )
        return f"{self.series},{tags} {fields} {int(now_s - self.age_minutes * _MINUTE_S) * 10**9}"


def lines(rows: Iterable[Row], now_s: int) -> str:
    """Return rows as line protocol."""
    return "\n".join(row.line(now_s) for row in rows)


def every(minutes: int, during_minutes: int, row: Row) -> list[Row]:
    """Return a row again and again, from `during_minutes` ago until now."""
    return [
        Row(row.series, row.values, row.village, row.tags, age) for age in range(0, during_minutes, minutes)
    ]


def _areas(village: str) -> dict[str, str]:
    return {"village": village, "district": village[:8], "regency": village[:5], "province": village[:2]}


def _written(kind: str, value: object) -> str:
    if kind == "int":
        return f"{value}i"
    return f'"{value}"' if kind == "text" else str(value)
