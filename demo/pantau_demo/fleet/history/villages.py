"""Rollups of a village: the rows of `village_5m`, `village_1h` and `village_1d`."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_demo.fleet.history.past import counted_tests
from pantau_demo.fleet.history.windows import highest, mean, quantile, total
from pantau_demo.fleet.identity import MINUTE_NS
from pantau_demo.fleet.watching import STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from pantau_demo.fleet.history.past import Past
    from pantau_demo.fleet.history.windows import Windows

    Numbers = NDArray[np.float64]

TAGS = ("village", "district", "regency", "province")
_TRAFFIC: dict[str, Callable[[Numbers], Numbers]] = {
    "rx_rate_bps": mean,
    "tx_rate_bps": mean,
    "rx_peak_bps": highest,
    "tx_peak_bps": highest,
    "rx_bytes": total,
    "tx_bytes": total,
}
_DELAY: dict[str, Callable[[Numbers], Numbers]] = {
    "sent_count": total,
    "received_count": total,
    "rtd_p50_ms": lambda values: quantile(values, 0.5),
    "rtd_p95_ms": lambda values: quantile(values, 0.95),
    "rtd_pdv_p95_ms": lambda values: quantile(values, 0.95),
}
_COUNTS = {
    "device_count",
    "reporting_device_count",
    "rx_bytes",
    "tx_bytes",
    "sent_count",
    "received_count",
    "speed_test_count",
    "counted_test_count",
    "state_index",
    *(f"{state}_minute_count" for state in STATES),
}


def figures(of: Past, cut: Windows) -> dict[str, Numbers]:
    """Return every figure of the village, a value a window, NaN where there is none."""
    found = _devices(of, cut)
    traffic, delay = of.table("traffic"), of.table("latency", "testpoint")
    for name, statistic in _TRAFFIC.items():
        found[name] = statistic(cut.cut(of.dense(traffic, name)[:1]))
    for name, statistic in _DELAY.items():
        found[name] = statistic(cut.cut(of.dense(delay, name)))
    with np.errstate(invalid="ignore"):
        found["rt_loss_ratio"] = 1 - found["received_count"] / found["sent_count"]
    found |= _speed(of, cut)
    counts = [np.count_nonzero(cut.cut(of.states[None]) == state, axis=1) for state in range(len(STATES))]
    found |= {
        f"{name}_minute_count": values.astype(float) for name, values in zip(STATES, counts, strict=True)
    }
    worst_first = np.stack(counts[::-1])
    found["state_index"] = (len(STATES) - 1 - worst_first.argmax(axis=0)).astype(float)
    return found


def rows(
    of: Past, cut: Windows, found: dict[str, Numbers]
) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    """Return the columns, and the rows of those windows in which a device was registered."""
    there = np.flatnonzero(found["device_count"] > 0)
    technology = of.life.population.technologies[int(of.who[0])]
    lists: dict[str, list[Any]] = {
        name: [value] * len(there) for name, value in zip(TAGS, of.village.tags, strict=True)
    }
    lists["time_ns"] = [(cut.first_minute + cut.length * at) * MINUTE_NS for at in there.tolist()]
    for name, values in found.items():
        lists[name] = _absent_as_none(values[there], whole=name in _COUNTS)
    lists["router_traffic"] = [None if rate is None else True for rate in lists["rx_rate_bps"]]
    lists["state"] = [STATES[int(at)] for at in found["state_index"][there].tolist()]
    lists["contracted_download_bps"] = [technology.download_bps] * len(there)
    lists["contracted_upload_bps"] = [technology.upload_bps] * len(there)
    return tuple(lists), zip(*lists.values(), strict=True)


def _devices(of: Past, cut: Windows) -> dict[str, Numbers]:
    since = of.life.population.since_minute[of.who]
    ends = np.array(cut.starts, dtype=np.int64) + cut.length
    reported = [cut.cut(row[None]).any(axis=1) for row in of.scene.block.kept]
    return {
        "device_count": (ends[:, None] > since).sum(axis=1).astype(float),
        "reporting_device_count": np.sum(reported, axis=0).astype(float),
    }


def _speed(of: Past, cut: Windows) -> dict[str, Numbers]:
    """Return the figures of speed tests, which are few: window by window."""
    tests = of.table("speed")
    window, counted = cut.of(tests.at), counted_tests(of)
    inside = (window >= 0) & (window < cut.count)
    loaded = np.fmax(*(_numbers(tests.columns[f"loaded_rtd_{way}_p50_ms"]) for way in ("down", "up")))
    return {
        "idle_rtd_p50_ms": _medians(window, inside, cut.count, _numbers(tests.columns["idle_rtd_p50_ms"])),
        "loaded_rtd_p50_ms": _medians(window, inside, cut.count, loaded),
        "speed_test_count": np.bincount(window[inside], minlength=cut.count).astype(float),
        "counted_test_count": np.bincount(window[inside & counted], minlength=cut.count).astype(float),
        **{
            name: _medians(window, inside & counted, cut.count, _numbers(tests.columns[name]))
            for name in ("download_goodput_bps", "upload_goodput_bps")
        },
    }


def _medians(window: NDArray[np.intp], which: NDArray[np.bool_], count: int, values: Numbers) -> Numbers:
    found = np.full(count, np.nan)
    which = which & ~np.isnan(values)
    of_window: dict[int, list[float]] = {}
    for at, value in zip(window[which].tolist(), values[which].tolist(), strict=True):
        of_window.setdefault(at, []).append(value)
    for at, some in of_window.items():
        found[at] = statistics.median(some)
    return found


def _numbers(values: NDArray[Any]) -> Numbers:
    return values.astype(np.float64)


def _absent_as_none(values: Numbers, *, whole: bool) -> list[Any]:
    if whole:
        return [None if value != value else int(value) for value in values.tolist()]  # noqa: PLR0124 - NaN
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN
