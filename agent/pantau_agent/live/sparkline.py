"""A series as a row of block characters, from zero to its own maximum."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_COLUMNS = 24


def sparkline(series: Sequence[float], columns: int = _COLUMNS) -> str:
    """Return at most `columns` characters, each the mean of its share of the series; "" for an empty one."""
    count = min(len(series), columns)
    ends = [len(series) * i // count for i in range(count + 1)] if count else []
    means = [sum(series[a:b]) / (b - a) for a, b in itertools.pairwise(ends)]
    highest = max(means, default=0.0) or 1.0
    return "".join(_BLOCKS[min(int(mean / highest * len(_BLOCKS)), len(_BLOCKS) - 1)] for mean in means)
