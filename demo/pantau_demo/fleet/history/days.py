"""A village's local days as a month's verdict needs them: the rows of `sla_day`, and of `sla_test`.

What depends on a profile is left to the collector, which counts a day again wherever its profile is another
than the one named in `day_rules`; here none is named. The layouts are those of docs/sla.md.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_demo.fleet.history.past import counted_tests
from pantau_demo.fleet.identity import MINUTE_NS, time_ns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pantau_demo.fleet.history.past import Past
    from pantau_demo.fleet.history.windows import Windows

    Numbers = NDArray[np.float64]

AREA = ("village", "district", "regency", "province")
DAY_COLUMNS = (
    *AREA,
    "time_ns",
    "day_rules",
    "states",
    "latency_n",
    "latency_sum_ms",
    "latency_histogram",
    "variation_n",
    "variation_sum_ms",
    "variation_histogram",
    "sent_count",
    "lost_count",
    "uncounted_tests",
    "tests",
)
TEST_COLUMNS = (
    "device",
    *AREA,
    "engine",
    "time_ns",
    "counted",
    "download_goodput_bps",
    "upload_goodput_bps",
    "why_not",
)
NO_PROFILE = "-"
_RUN = np.dtype([("state", "u1"), ("minutes", "<u2")])
_TEST = np.dtype([("second_of_day", "<u4"), ("download_bps", "<f8"), ("upload_bps", "<f8")])
_PAIR = np.dtype([("bin_ms", "<u2"), ("count", "<u2")])
_MOST_MS = 5000
_DAY_S = 86_400


def day_rows(of: Past, cut: Windows) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each whole local day since the village has a device."""
    delay = of.table("latency", "testpoint")
    up = of.scene.block.kept & of.scene.block.online
    answered = np.where(up, 1.0, np.nan)
    p50, pdv, sent, received = (
        of.dense(delay, name) * answered
        for name in ("rtd_p50_ms", "rtd_pdv_p95_ms", "sent_count", "received_count")
    )
    best = [cut.cut(np.fmin.reduce(values)[None]) for values in (p50, pdv)]
    probes = [np.nansum(cut.cut(values), axis=1).astype(int).tolist() for values in (sent, sent - received)]
    states = cut.cut(of.states[None])
    tests = _tests(of, cut)
    for number, minute in enumerate(cut.starts):
        if minute + cut.length > of.since_minute:
            delays = [value for values in best for value in _delays(values[number])]
            counted, others = tests[number]
            yield (
                *of.village.tags,
                minute * MINUTE_NS,
                NO_PROFILE,
                _packed(_runs(states[number])),
                *delays,
                *(values[number] for values in probes),
                others,
                _packed(counted),
            )


def test_rows(of: Past) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each speed test."""
    tests, population, block = of.table("speed"), of.life.population, of.scene.block
    who, counted = block.who[tests.row], counted_tests(of)
    times = time_ns(block.minute[tests.at], population.phase_s[who], tests.ordinal)
    wired = of.life.wired(block.who)[tests.row]
    for at, device in enumerate(who.tolist()):
        why = "" if counted[at] else _why_not(tests.columns, at, wired=bool(wired[at]))
        rates = (tests.columns[f"{way}_goodput_bps"][at] for way in ("download", "upload"))
        yield (
            population.names[device],
            *of.village.tags,
            "http",
            int(times[at]),
            bool(counted[at]),
            *rates,
            why,
        )


def _why_not(columns: dict[str, Any], at: int, *, wired: bool) -> str:
    """Return what keeps a test from counting, in the collector's words."""
    if columns["failure"][at] is not None:
        return "failed"
    limit = columns["limited_by"][at]
    return f"limited_{limit}" if limit != "none" or wired else "not_wired"


def _tests(of: Past, cut: Windows) -> list[tuple[bytes, int]]:
    """Return, for each day, the counted tests in order of time, and the number of the others."""
    tests, block, population = of.table("speed"), of.scene.block, of.life.population
    day, counted = cut.of(tests.at), counted_tests(of)
    phase = population.phase_s[block.who][tests.row]
    found = np.empty(len(day), dtype=_TEST)
    offset = of.village.utc_offset_minutes
    found["second_of_day"] = (block.minute[tests.at] + offset) * 60 % _DAY_S + phase
    for way in ("download", "upload"):
        found[f"{way}_bps"] = tests.columns[f"{way}_goodput_bps"].astype(np.float64)
    ordered = np.lexsort((found["second_of_day"], day))
    day, counted, found = day[ordered], counted[ordered], found[ordered]
    return [
        (found[(day == number) & counted].tobytes(), int(np.count_nonzero((day == number) & ~counted)))
        for number in range(cut.count)
    ]


def _delays(values: Numbers) -> tuple[int, float, str]:
    """Return how many delays there are, their sum, and their histogram by whole milliseconds."""
    there = values[~np.isnan(values)]
    found, counts = np.unique(np.minimum(np.ceil(there), _MOST_MS + 1).astype(np.uint16), return_counts=True)
    pairs = np.empty(len(found), dtype=_PAIR)
    pairs["bin_ms"], pairs["count"] = found, counts
    return len(there), float(there.sum()), _packed(pairs.tobytes())


def _runs(states: NDArray[np.uint8]) -> bytes:
    edges = np.flatnonzero(np.diff(states, prepend=np.uint8(255)))
    runs = np.empty(len(edges), dtype=_RUN)
    runs["state"], runs["minutes"] = states[edges], np.diff(edges, append=len(states))
    return runs.tobytes()


def _packed(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode("ascii")
