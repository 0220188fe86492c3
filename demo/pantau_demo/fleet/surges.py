"""Surges on request: `village=33.10.25.2007,factor=3,at=2026-11-28T20:00+07:00,minutes=45`."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EXAMPLE = "village=33.10.25.2007,factor=3,at=2026-11-28T20:00+07:00,minutes=45"
_AHEAD = re.compile(r"[+](\d{1,5})m")
_DEFAULT_MINUTES = 45
_FACTOR_MAX, _MINUTES_MAX = 1000.0, 10_080


@dataclass(frozen=True, slots=True)
class Surge:
    """A village's traffic, times a factor, from a minute (since 1970) on."""

    village: str
    factor: float
    first_minute: int
    minutes: int


def parse(text: str, now_minute: int) -> Surge:
    """Return what was asked for; raises `DemoError` saying what is wrong with it."""
    pairs = dict(part.partition("=")[::2] for part in text.split(","))
    unknown = sorted(pairs.keys() - {"village", "factor", "at", "minutes"})
    if unknown or not {"village", "factor"} <= pairs.keys():
        what = f"does not know {', '.join(unknown)!r}" if unknown else "needs village and factor"
        raise _wrong(text, what)
    return Surge(
        village=pairs["village"],
        factor=_number(text, "factor", pairs["factor"], _FACTOR_MAX),
        first_minute=_instant(text, pairs.get("at", "now"), now_minute),
        minutes=round(_number(text, "minutes", pairs.get("minutes", str(_DEFAULT_MINUTES)), _MINUTES_MAX)),
    )


def factors(
    surges: Sequence[Surge], villages: Sequence[str], minute: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return by how much each village's traffic (a row) is multiplied in each minute (a column)."""
    found = np.ones((len(villages), len(minute)))
    for surge in surges:
        there = np.array([village == surge.village for village in villages])[:, None]
        then = (minute >= surge.first_minute) & (minute < surge.first_minute + surge.minutes)
        found *= np.where(there & then, surge.factor, 1.0)
    return found


def _instant(text: str, at: str, now_minute: int) -> int:
    if at == "now":
        return now_minute
    ahead = _AHEAD.fullmatch(at)
    if ahead:
        return now_minute + int(ahead[1])
    try:
        instant = dt.datetime.fromisoformat(at)
    except ValueError:
        raise _wrong(text, f"cannot read at={at}: write 2026-11-28T20:00+07:00, now, or +10m") from None
    if instant.tzinfo is None:
        raise _wrong(text, f"at={at} has no time zone: add +07:00, +08:00, +09:00 or Z")
    return int(instant.timestamp() // 60)


def _number(text: str, name: str, value: str, most: float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 < number <= most:
        raise _wrong(text, f"{name}={value} must be a number above 0, at most {most:g}")
    return number


def _wrong(text: str, what: str) -> DemoError:
    return DemoError(f"--surge {text}: {what}; write it as\n  --surge {EXAMPLE}")
