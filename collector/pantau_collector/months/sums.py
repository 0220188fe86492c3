"""What the days of a village's month add up to, as text beside its verdict: months are pooled from it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pantau_collector.analysis.sla.tally import NUMBERS, Tallies
from pantau_collector.analysis.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTHS = {"state_minutes": len(State), "numbers": len(NUMBERS)}
_FIELDS = [field.name for field in fields(Tallies)]
_NOTHING = [0] * (len(_FIELDS) - len(_WIDTHS) + sum(_WIDTHS.values()))


def texts(tallies: Tallies) -> list[str]:
    """Return the sums of each village, as a list of numbers in the order of `Tallies`."""
    columns = [np.atleast_2d(getattr(tallies, name).T) for name in _FIELDS]
    rows = np.concatenate(columns).T.astype(np.float64).tolist()
    return [
        msgspec.json.encode([int(value) if value.is_integer() else value for value in row]).decode()
        for row in rows
    ]


def tallies(stored: Sequence[str]) -> Tallies:
    """Return what texts of `texts` say, zeros for an empty one."""
    rows = [msgspec.json.decode(text, type=list[float]) if text else _NOTHING for text in stored]
    table = np.array(rows, dtype=np.float64).reshape(len(stored), len(_NOTHING))
    found: dict[str, Any] = {}
    first = 0
    for name in _FIELDS:
        width = _WIDTHS.get(name, 0)
        column = table[:, first : first + width] if width else table[:, first]
        found[name] = column if name == "numbers" else column.astype(np.int64)
        first += width or 1
    return Tallies(**found)
