"""Closed ranges of sequence numbers, `[first, last]`: how acks and audits name many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Range = tuple[int, int]


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Return the same numbers as sorted ranges that neither overlap nor touch."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def from_numbers(numbers: Iterable[int]) -> list[Range]:
    """Return the ranges that hold exactly these numbers."""
    return merge((number, number) for number in numbers)


def count(ranges: Iterable[Range]) -> int:
    """Return how many different numbers the ranges hold."""
    return sum(last - first + 1 for first, last in merge(ranges))


def subtract(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Return what `ranges` hold and `taken` do not."""
    left: list[Range] = []
    holes = merge(taken)
    for first, last in merge(ranges):
        start = first
        for hole_first, hole_last in holes:
            if hole_last < start:
                continue
            if hole_first > last:
                break
            if hole_first > start:
                left.append((start, hole_first - 1))
            start = hole_last + 1
        if start <= last:
            left.append((start, last))
    return left
