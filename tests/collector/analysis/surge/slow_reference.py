"""The surge rules once more, one value at a time in plain Python, written from the definition."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

from pantau_collector.analysis.surge.days import is_day_off_number

Rate = float | None
_BINS_PER_DAY = 288


@dataclass
class SlowDetector:
    """Scores of a few villages; `regency` and `utc_offset_s` have one entry a village."""

    regency: list[int]
    utc_offset_s: list[int]
    y: dict[tuple[int, int], float] = field(default_factory=dict)
    q: dict[tuple[int, int], float] = field(default_factory=dict)
    z: dict[tuple[int, int], float] = field(default_factory=dict)
    first: dict[int, int] = field(default_factory=dict)
    cusum: dict[int, float] = field(default_factory=dict)
    calm: dict[int, int] = field(default_factory=dict)

    def step(self, at: int, rates: list[Rate]) -> list[dict[str, Rate]]:
        """Take one bin; return score, cusum and ratio of each village, None where there is none."""
        found = [self._residual(at, village, rate) for village, rate in enumerate(rates)]
        return [self._score(at, village, found, rates[village]) for village in range(len(rates))]

    def _residual(self, at: int, village: int, rate: Rate) -> tuple[float, float, float] | None:
        """Return r, the spread, and q."""
        if rate is None:
            return None
        y = math.log(max(rate, 1000.0))
        self.y[at, village] = y
        self.first.setdefault(village, at)
        past = self._past(at, village)
        if not past:
            return None
        m = statistics.median(past)
        spread = max(1.4826 * statistics.median(abs(value - m) for value in past), 0.25)
        day = [self.q[i, village] for i in range(at - 288, at - 12) if (i, village) in self.q]
        level = min(max(statistics.median(day), -0.3), 0.5) if day else 0.0
        return y - m - level, spread, y - m

    def _past(self, at: int, village: int) -> list[float]:
        def day_off(i: int) -> bool:
            return is_day_off_number((i * 300 + self.utc_offset_s[village]) // 86_400)

        centres = [at - back * _BINS_PER_DAY for back in range(1, 29)]
        alike = [centre for centre in centres if day_off(centre) == day_off(at)]
        for chosen in (alike, centres):
            near = [(centre + reach, village) for centre in chosen for reach in range(-2, 3)]
            values = [self.y[key] for key in near if key in self.y]
            if len(values) >= 20:
                break
        return values

    def _shared(self, village: int, found: list[tuple[float, float, float] | None]) -> float:
        others = [
            entry[0]
            for other, entry in enumerate(found)
            if entry is not None and other != village and self.regency[other] == self.regency[village]
        ]
        return max(0.0, statistics.median(others)) if len(others) >= 10 else 0.0

    def _score(
        self, at: int, village: int, found: list[tuple[float, float, float] | None], rate: Rate
    ) -> dict[str, Rate]:
        learning = village not in self.first or at - self.first[village] < 14 * _BINS_PER_DAY
        entry = found[village]
        if entry is not None and rate is not None:
            r = entry[0] - self._shared(village, found)
            z = 0.0 if math.exp(r) <= 1.5 or rate <= 1e6 else r / entry[1]
            if not learning:
                self.z[at, village] = z
                self._accumulate(village, z)
        last = sorted(self.z[i, village] for i in range(at - 3, at + 1) if (i, village) in self.z)
        score = last[1] if len(last) >= 2 else None
        if entry is not None and not (score is not None and score > 3.5):
            self.q[at, village] = entry[2]
        return {
            "score": score,
            "cusum": None if learning else self.cusum.get(village, 0.0),
            "ratio": None if entry is None else math.exp(entry[0]),
        }

    def _accumulate(self, village: int, z: float) -> None:
        total = self.cusum.get(village, 0.0) + min(max(z, -4), 4) - 2
        self.cusum[village] = min(max(total, 0.0), 9.0)
        self.calm[village] = self.calm.get(village, 12) + 1 if z <= 0 else 0
        if self.calm[village] >= 12:
            self.cusum[village] = 0.0
