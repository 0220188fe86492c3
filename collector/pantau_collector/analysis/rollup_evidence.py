"""From measurements to samples: what each minute of a device shows. Source: docs/sla.md.

A device that ran but asked no target for at most two minutes, between two minutes in which it did, leaves no
sample there: `states` bridges such gaps. Longer ones are `UNJUDGED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantau_collector.analysis.states import (
    MAX_BRIDGED_GAP_MINUTES,
    Evidence,
    Samples,
    device_states,
    tidied,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pantau_collector.analysis.rollup_tables import Grid, Measurements, Stays

    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]

MINUTE_NS = 60 * 10**9
SEQ_NEIGHBOURS_MINUTES = 2
"""A measurement that takes long is numbered after later ones: numbers count as contiguous over a gap where
they are so over these minutes before and after it."""
_UNANSWERED_FAILURES = ("unreachable", "timeout", "refused", "name_resolution")
_MOST_PROBES = 1_000_000  # in one measurement: more is no measurement
_SPOOL_BITS = 44  # numbers of different spools never follow each other


@dataclass(frozen=True, slots=True)
class _Heard:
    """One row a device, minute, boot and spool, in that order."""

    device: Whole
    minute: Whole
    boot: Whole
    time_ns: Whole
    uptime_ns: Whole
    first_seq: Whole
    last_seq: Whole


def samples_of(
    tables: Mapping[str, Measurements], stays: Stays, faulty: Flags | None = None
) -> dict[int, Samples]:
    """Return each device's samples, tidied, from all kinds of measurements.

    `faulty`: which measurements of `latency` are of a target that was at fault itself: they prove nothing.
    """
    latency = tables.get("latency")
    spoilt = np.zeros(0 if latency is None else len(latency), dtype=bool) if faulty is None else faulty
    heard = _heard([table for table in tables.values() if len(table)])
    if not len(heard.device):
        return {}
    evidence = _evidence(heard, tables, stays, spoilt)
    unproven = np.zeros(len(evidence), dtype=bool)
    if latency is not None and spoilt.any():
        _mark(unproven, heard, latency, spoilt)
    kept = unproven | ~_bridged(heard, evidence)
    starts = np.flatnonzero(np.diff(heard.device[kept], prepend=-1))
    samples = _as_samples(heard, evidence, _to_testpoint(heard, latency, spoilt)).taken(kept)
    ends = [*starts[1:].tolist(), int(kept.sum())]
    devices = heard.device[kept][starts].tolist()
    return {
        device: tidied(samples.taken(np.arange(start, end)))
        for device, start, end in zip(devices, starts.tolist(), ends, strict=True)
    }


def village_minutes(
    samples: Mapping[int, Samples], stays: Stays, grid: Grid, village_count: int
) -> NDArray[np.uint8]:
    """Return the state of each village (a row) in each minute of the grid (a column)."""
    first_minute = grid.since_ns // MINUTE_NS
    found = np.full((village_count, grid.minute_count), 6, dtype=np.uint8)
    minute_ns = (first_minute + np.arange(grid.minute_count)) * MINUTE_NS
    for stay in stays.all:
        if stay.device in samples:
            states = device_states(samples[stay.device], first_minute, grid.minute_count)
            here = (minute_ns >= stay.since_ns) & (minute_ns < stay.until_ns)
            np.minimum(found[stay.village], states, out=found[stay.village], where=here)
    return found


def _heard(tables: list[Measurements]) -> _Heard:
    def joined(name: str) -> Whole:
        return np.concatenate([np.zeros(0, dtype=np.int64), *(getattr(table, name) for table in tables)])

    device, time_ns, boot, spool = (joined(name) for name in ("device", "time_ns", "boot", "spool"))
    seq = np.minimum(joined("seq"), (1 << _SPOOL_BITS) - 2) + (spool << _SPOOL_BITS)
    minute = time_ns // MINUTE_NS
    order = np.lexsort((seq, time_ns, spool, boot, minute, device))
    keys = np.stack([device, minute, boot, spool])[:, order]
    changed = np.ones(len(order), dtype=bool)
    changed[1:] = np.any(keys[:, 1:] != keys[:, :-1], axis=0)
    starts = np.flatnonzero(changed)
    firsts = order[starts]
    low = np.minimum.reduceat(seq[order], starts) if len(starts) else seq
    high = np.maximum.reduceat(seq[order], starts) if len(starts) else seq
    return _with_neighbours(
        _Heard(
            device[firsts],
            minute[firsts],
            boot[firsts],
            time_ns[firsts],
            joined("uptime_ns")[firsts],
            low,
            high,
        )
    )


def _with_neighbours(heard: _Heard) -> _Heard:
    """Let each row's last number reach back, and its first number forward, over the neighbouring minutes."""
    first, last = heard.first_seq.copy(), heard.last_seq.copy()
    for distance in range(1, 2 * SEQ_NEIGHBOURS_MINUTES + 1):
        near = (heard.device[distance:] == heard.device[:-distance]) & (
            heard.minute[distance:] - heard.minute[:-distance] <= SEQ_NEIGHBOURS_MINUTES
        )
        near &= heard.first_seq[distance:] >> _SPOOL_BITS == heard.first_seq[:-distance] >> _SPOOL_BITS
        np.maximum(last[distance:], heard.last_seq[:-distance], out=last[distance:], where=near)
        np.minimum(first[:-distance], heard.first_seq[distance:], out=first[:-distance], where=near)
    return _Heard(heard.device, heard.minute, heard.boot, heard.time_ns, heard.uptime_ns, first, last)


def _evidence(
    heard: _Heard, tables: Mapping[str, Measurements], stays: Stays, spoilt: Flags
) -> NDArray[np.uint8]:
    asked, answered, faulty, strange = (np.zeros(len(heard.device), dtype=bool) for _ in range(4))
    latency, link = tables.get("latency"), tables.get("link")
    if latency is not None and len(latency):
        sent, heard_back = latency.numbers["sent_count"] > 0, latency.numbers["received_count"] > 0
        failure = np.isin(latency.texts["failure"].astype(str), _UNANSWERED_FAILURES)
        sent |= np.isnan(latency.numbers["sent_count"]) & failure
        sent &= ~spoilt
        gateway = latency.key_is(0, "gateway")
        _mark(asked, heard, latency, sent & ~gateway)
        _mark(answered, heard, latency, heard_back & ~gateway)
        _mark(faulty, heard, latency, sent & ~heard_back & gateway)
    if link is not None and len(link):
        down = link.numbers["interface_up"] == 0
        _mark(asked, heard, link, down)
        _mark(faulty, heard, link, down | (link.numbers["gateway_answers"] == 0))
        elsewhere = stays.strange(link.device, link.time_ns, link.texts["network_fingerprint"])
        _mark(strange, heard, link, elsewhere)
    rules = [strange, answered, asked & faulty, asked]
    codes = [Evidence.OFF_SITE, Evidence.ANSWERED, Evidence.LOCAL_FAULT, Evidence.UNANSWERED]
    return np.select(rules, codes, default=Evidence.UNJUDGED).astype(np.uint8)


def _mark(marks: Flags, heard: _Heard, table: Measurements, which: Flags) -> None:
    """Mark the minutes of some measurements, in all rows that a minute has."""
    marked = _minute_keys(heard, table.device[which], table.time_ns[which] // MINUTE_NS)
    marks |= np.isin(_minute_keys(heard, heard.device, heard.minute), marked)


def _bridged(heard: _Heard, evidence: NDArray[np.uint8]) -> Flags:
    """Return which rows are unjudged minutes that stand between judged ones of one boot, near each other."""
    unjudged = evidence == Evidence.UNJUDGED
    place = np.arange(len(evidence))
    before = np.maximum.accumulate(np.where(unjudged, -1, place))
    after = np.minimum.accumulate(np.where(unjudged, len(evidence), place)[::-1])[::-1]
    inside = unjudged & (before >= 0) & (after < len(evidence))
    low, high = np.where(inside, before, 0), np.where(inside, after, 0)
    same = (heard.device[low] == heard.device[high]) & (heard.boot[low] == heard.boot[high])
    near = heard.minute[high] - heard.minute[low] - 1 <= MAX_BRIDGED_GAP_MINUTES
    passed: Flags = inside & same & near
    passed &= (heard.boot == heard.boot[low]) & (heard.device == heard.device[low])
    return passed


def _to_testpoint(
    heard: _Heard, latency: Measurements | None, spoilt: Flags
) -> tuple[Whole, Whole, NDArray[np.float64], NDArray[np.float64]]:
    """Return probes sent and answered, delay and variation of each row: a minute's stand in its first row.

    Of several ways to probe the best delay counts, and all probes.
    """
    count = len(heard.device)
    sent, received = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    p50_ms, pdv_p95_ms = np.full(count, np.nan), np.full(count, np.nan)
    if latency is not None and len(latency):
        rows = np.flatnonzero(latency.key_is(0, "testpoint") & ~spoilt)
        keys = _minute_keys(heard, heard.device, heard.minute)
        minute = latency.time_ns[rows] // MINUTE_NS
        at = np.searchsorted(keys, _minute_keys(heard, latency.device[rows], minute))
        told = {name: numbers[rows] for name, numbers in latency.numbers.items()}
        probes = np.minimum(np.nan_to_num(told["sent_count"]), _MOST_PROBES).astype(np.int64)
        answers = np.minimum(np.nan_to_num(told["received_count"]), probes).astype(np.int64)
        np.add.at(sent, at, probes)
        np.add.at(received, at, answers)
        np.fmin.at(p50_ms, at, told["rtd_p50_ms"])
        np.fmin.at(pdv_p95_ms, at, told["rtd_pdv_p95_ms"])
    return sent, received, p50_ms, pdv_p95_ms


def _minute_keys(heard: _Heard, device: Whole, minute: Whole) -> Whole:
    """Return a number for each device and minute, growing in the order of `heard`."""
    base = int(heard.minute.min())
    return np.asarray(device * (int(heard.minute.max()) - base + 1) + (minute - base))


def _as_samples(
    heard: _Heard,
    evidence: NDArray[np.uint8],
    probed: tuple[Whole, Whole, NDArray[np.float64], NDArray[np.float64]],
) -> Samples:
    return Samples(
        heard.time_ns / 1e9,
        heard.first_seq,
        heard.last_seq,
        heard.boot,
        heard.uptime_ns / 1e9,
        evidence,
        *probed,
    )
