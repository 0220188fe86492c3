"""From the store's points to arrays, with the neighbours in time that decide what a gap was."""

from __future__ import annotations

import operator
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_collector.analysis.rollup_evidence import SEQ_NEIGHBOURS_MINUTES
from pantau_collector.analysis.rollup_tables import Measurements
from pantau_collector.analysis_loop.windows import MINUTE_NS, Span
from pantau_collector.storage.series import ROLLED_UP
from pantau_wire import schema
from pantau_wire.fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pantau_collector.storage.base import Point, Store

MARGIN_NS = 3 * MINUTE_NS
_NEIGHBOURS_NS = SEQ_NEIGHBOURS_MINUTES * MINUTE_NS
_NEAR_NS = MARGIN_NS - _NEIGHBOURS_NS
_FIRST_STEP_NS = 10 * MINUTE_NS
_TEXTS = {
    "latency": ("failure", "server"),
    "speed": ("limited_by",),
    "link": ("medium", "network_fingerprint"),
}
_Rows = list[tuple[Any, ...]]


class Reader:
    """Reads raw measurements. `now_ns` ends every search forward, `oldest_ns` every search back."""

    def __init__(self, store: Store, now_ns: int, oldest_ns: int) -> None:
        self._store = store
        self._now_ns = now_ns
        self._oldest_ns = oldest_ns

    def tables(self, devices: Sequence[str], span: Span) -> dict[str, Measurements]:
        """Return all measurements of a span, and what lies next to it before and after, of each device."""
        rows = self._rows(devices, Span(max(0, span.since_ns - MARGIN_NS), span.until_ns + MARGIN_NS))
        for edge, wanted in self._edges(devices, rows, span).items():
            for kind, some in self._rows(wanted, edge, devices).items():
                rows[kind] += some
        spools, boots = (sorted({row[place] for some in rows.values() for row in some}) for place in (3, 4))
        return {kind: _table(kind, some, spools, boots) for kind, some in rows.items()}

    def before(self, device: str, time_ns: int) -> int | None:
        """Return when a device's newest measurement before an instant was, or None."""
        found = (
            self._store.points(kind, device, since_ns=self._oldest_ns, until_ns=time_ns, newest=1)
            for kind in KINDS
        )
        return max((points[-1].time_ns for points in found if points), default=None)

    def after(self, devices: Iterable[str], time_ns: int) -> dict[str, int]:
        """Return when each device's first measurement at or after an instant was; the silent are left out."""
        missing, found, since_ns, step_ns = set(devices), dict[str, int](), time_ns, _FIRST_STEP_NS
        while missing and since_ns < self._now_ns:
            until_ns = min(since_ns + step_ns, self._now_ns)
            for kind in KINDS:
                for point in self._store.window(kind, since_ns, until_ns, sorted(missing)):
                    found[point.device] = min(point.time_ns, found.get(point.device, point.time_ns))
            missing -= found.keys()
            since_ns, step_ns = until_ns, 2 * step_ns
        return found

    def _rows(
        self, devices: Sequence[str], span: Span, numbered: Sequence[str] | None = None
    ) -> dict[str, _Rows]:
        numbers = {device: number for number, device in enumerate(numbered or devices)}
        return {
            kind: _rows_of(kind, self._store.window(kind, *span, devices), numbers) if devices else []
            for kind in KINDS
        }

    def _edges(self, devices: Sequence[str], rows: Mapping[str, _Rows], span: Span) -> dict[Span, list[str]]:
        """Return what is to be read beside a span, because a device was silent at its borders.

        Nothing of the span itself: it would be counted twice. Beside it a repetition says nothing new.
        """
        earlier, later, inside = _nearest(rows, span)
        far = {
            number
            for number in range(len(devices))
            if later.get(number, span.until_ns + _NEAR_NS) >= span.until_ns + _NEAR_NS
        }
        names = {devices[number]: number for number in far - later.keys()}
        later |= {
            names[name]: time_ns for name, time_ns in self.after(names, span.until_ns + MARGIN_NS).items()
        }
        edges: dict[Span, list[str]] = defaultdict(list)
        for number in sorted(far & later.keys()):
            wanted = _around(later[number])
            edges[Span(max(wanted.since_ns, span.until_ns), wanted.until_ns)].append(devices[number])
        for number in sorted(inside | later.keys()):
            if earlier.get(number, 0) < span.since_ns - _NEAR_NS:
                time_ns = earlier.get(number) or self.before(devices[number], span.since_ns)
                if time_ns is not None:
                    wanted = _around(time_ns)
                    edges[Span(wanted.since_ns, min(wanted.until_ns, span.since_ns))].append(devices[number])
        return edges


def _around(time_ns: int) -> Span:
    """Return the minutes around an instant whose numbers decide whether a gap beside it is contiguous."""
    minute_ns = time_ns - time_ns % MINUTE_NS
    return Span(max(0, minute_ns - _NEIGHBOURS_NS), minute_ns + MINUTE_NS + _NEIGHBOURS_NS)


def _nearest(rows: Mapping[str, _Rows], span: Span) -> tuple[dict[int, int], dict[int, int], set[int]]:
    """Return each device's last time before a span, its first one after it, and who was heard within."""
    earlier, later, inside = dict[int, int](), dict[int, int](), set[int]()
    for some in rows.values():
        for device, time_ns, *_ in some:
            if time_ns < span.since_ns:
                earlier[device] = max(time_ns, earlier.get(device, time_ns))
            elif time_ns >= span.until_ns:
                later[device] = min(time_ns, later.get(device, time_ns))
            else:
                inside.add(device)
    return earlier, later, inside


def _rows_of(kind: str, points: Iterable[Point], numbers: Mapping[str, int]) -> _Rows:
    keys = schema.key_names(kind)
    read = operator.itemgetter("failure", *keys, *ROLLED_UP[kind], *_TEXTS.get(kind, ()))
    end = 1 + len(keys)
    rows: _Rows = []
    for point in points:
        values = read(point.values)
        stamp = (numbers[point.device], point.time_ns, point.seq, point.spool, point.boot, point.uptime_ns)
        rows.append((*stamp, values[1:end], values[0] is not None, values[end:]))
    return rows


def _table(kind: str, rows: _Rows, spools: Sequence[str], boots: Sequence[str]) -> Measurements:
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 9
    device, time_ns, seq, spool, boot, uptime_ns, key, failed, values = columns
    keys = sorted(set(key))
    codes = [{name: number for number, name in enumerate(some)} for some in (spools, boots, keys)]
    names = [*ROLLED_UP[kind], *_TEXTS.get(kind, ())]
    by_name = dict(zip(names, list(zip(*values, strict=True)) or [()] * len(names), strict=True))
    return Measurements(
        device=np.array(device, dtype=np.int64),
        time_ns=np.array(time_ns, dtype=np.int64),
        seq=np.array(seq, dtype=np.int64),
        spool=np.array([codes[0][name] for name in spool], dtype=np.int64),
        boot=np.array([codes[1][name] for name in boot], dtype=np.int64),
        uptime_ns=np.array(uptime_ns, dtype=np.int64),
        failed=np.array(failed, dtype=bool),
        key=np.array([codes[2][name] for name in key], dtype=np.int64),
        keys=keys,
        numbers={name: np.array(by_name[name], dtype=np.float64) for name in ROLLED_UP[kind]},
        texts={name: np.array(by_name[name], dtype=object) for name in _TEXTS.get(kind, ())},
    )
