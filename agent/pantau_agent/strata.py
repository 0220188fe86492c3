"""When the tests of a day run: random moments of each device's own, some in the peak hours, the rest outside.

A day of the village's clock has two strata, peak and off-peak. A stratum with n tests is cut into n slices of
equal length, and each slice has one moment, uniform over it. The moments are a function of device, engine and
date alone: a restart finds the same ones, and the devices of a nation are spread evenly over each stratum.

Pure functions. Seconds count from the local midnight, as the clock on the wall shows them; where a zone has
daylight saving time, two days of a year are an hour off, and nothing else happens.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence
    from datetime import date

DAY_S = 86_400

_WINDOW = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})", re.ASCII)
_LAST_HOUR, _LAST_MINUTE = 23, 59

StratumName = Literal["peak", "off-peak"]


class Piece(NamedTuple):
    """Seconds of the day from `first_s` on, up to `end_s`, which is not in it."""

    first_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of every day; one whose end is not after its beginning crosses midnight."""

    first_s: int
    end_s: int

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read "19:00-22:00". Raises ValueError for what is no such window, or has no length."""
        found = _WINDOW.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not a window")
        first_hour, first_minute, end_hour, end_minute = map(int, found.groups())
        if max(first_hour, end_hour) > _LAST_HOUR or max(first_minute, end_minute) > _LAST_MINUTE:
            raise ValueError(f"{text!r} names a time that no clock shows")
        window = cls((first_hour * 60 + first_minute) * 60, (end_hour * 60 + end_minute) * 60)
        if window.first_s == window.end_s:
            raise ValueError(f"{text!r} has no length")
        return window

    def __contains__(self, second: float) -> bool:
        """Tell whether a second of the day lies inside."""
        return any(piece.first_s <= second < piece.end_s for piece in self.inside())

    def inside(self) -> list[Piece]:
        """Return the pieces of a day that the window covers, in their order."""
        if self.first_s < self.end_s:
            return [Piece(self.first_s, self.end_s)]
        return _with_length(Piece(0, self.end_s), Piece(self.first_s, DAY_S))

    def outside(self) -> list[Piece]:
        """Return the pieces of a day that it does not cover, in their order."""
        if self.first_s < self.end_s:
            return _with_length(Piece(0, self.first_s), Piece(self.end_s, DAY_S))
        return [Piece(self.end_s, self.first_s)]


@dataclass(frozen=True, slots=True)
class Slot:
    """One test of one day: its slice of a stratum, and the moment in it."""

    key: str
    """Names the slice among all days' slices of an engine."""
    pieces: tuple[Piece, ...]
    due_s: float

    def moment_after(self, second: float, rng: random.Random) -> float | None:
        """Return a random moment in what is left of the slice, None where it is over."""
        left = [Piece(max(piece.first_s, second), piece.end_s) for piece in self.pieces]
        left = _with_length(*left)
        return _position(left, rng.uniform(0, _length(left))) if left else None


@dataclass(frozen=True, slots=True)
class Strata:
    """How the tests of one engine on one device are spread over the days."""

    device: str
    engine: str
    tests_per_day: int
    peak: Window
    peak_share_ratio: float

    def slots(self, day: date) -> list[Slot]:
        """Return the slots of a day, ordered by their moments."""
        peak_count = self._peak_count(day)
        slots = [
            *self._slots(day, "peak", self.peak.inside(), peak_count),
            *self._slots(day, "off-peak", self.peak.outside(), self.tests_per_day - peak_count),
        ]
        return sorted(slots, key=lambda slot: slot.due_s)

    def _peak_count(self, day: date) -> int:
        """Return how many tests of the day lie in the peak hours; a share of a test is one on some days."""
        wanted = self.tests_per_day * self.peak_share_ratio
        whole = math.floor(wanted)
        return whole + (self._random_ratio(day, "share") < wanted - whole)

    def _slots(self, day: date, name: StratumName, pieces: Sequence[Piece], count: int) -> Iterator[Slot]:
        length_s = _length(pieces)
        for number in range(count):
            first_s, end_s = length_s * number / count, length_s * (number + 1) / count
            chance_ratio = self._random_ratio(day, f"{name}/{number}")
            yield Slot(
                key=f"{day.isoformat()}/{name}/{number}",
                pieces=tuple(_cut(pieces, first_s, end_s)),
                due_s=_position(pieces, first_s + (end_s - first_s) * chance_ratio),
            )

    def _random_ratio(self, day: date, purpose: str) -> float:
        """Return a number in [0, 1) that is the same on every machine, in every process."""
        text = f"{self.device}\0{self.engine}\0{day.isoformat()}\0{purpose}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def _length(pieces: Sequence[Piece]) -> float:
    return sum(piece.end_s - piece.first_s for piece in pieces)


def _with_length(*pieces: Piece) -> list[Piece]:
    return [piece for piece in pieces if piece.end_s > piece.first_s]


def _position(pieces: Sequence[Piece], offset_s: float) -> float:
    """Return the second of the day that lies `offset_s` into the pieces put end to end."""
    for piece in pieces:
        if offset_s < piece.end_s - piece.first_s:
            return piece.first_s + offset_s
        offset_s -= piece.end_s - piece.first_s
    return math.nextafter(pieces[-1].end_s, 0)  # rounding


def _cut(pieces: Sequence[Piece], first_s: float, end_s: float) -> list[Piece]:
    """Return what lies between two offsets into the pieces put end to end."""
    found, before_s = [], 0.0
    for piece in pieces:
        shift_s = piece.first_s - before_s
        found.append(Piece(max(piece.first_s, first_s + shift_s), min(piece.end_s, end_s + shift_s)))
        before_s += piece.end_s - piece.first_s
    return _with_length(*found)
