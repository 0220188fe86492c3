"""Sets of sequence numbers as merged, ordered ranges, both ends included."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Range = tuple[int, int]


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return the same numbers in the fewest ranges, in order."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def missing(accounted: Iterable[Range], among: Iterable[Range] = ()) -> list[Range]:
    """Return the numbers, between the first and the last of either, that `accounted` has not."""
    there = merged(accounted)
    known = merged([*there, *among])
    if not known:
        return []
    edges = [(known[0][0] - 1,) * 2, (known[-1][1] + 1,) * 2]
    return [
        (left[1] + 1, right[0] - 1)
        for left, right in pairwise(sorted([*there, *edges]))
        if left[1] + 1 < right[0]
    ]
