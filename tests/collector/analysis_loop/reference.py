"""The rollups again, minute by minute in plain Python, from docs/sla.md and series.py.

Slow, and without anything of `pantau_collector.analysis`, so that both being wrong alike is unlikely.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from tests.collector.analysis_loop.world import HOUR_NS, MINUTE_NS

from pantau_collector.storage.series import ROLLED_UP, STATES
from pantau_wire import schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_collector.registry.model import Placement, Registry
    from pantau_collector.storage.base import Arrival

SLOT_NS = 5 * MINUTE_NS
LENGTHS_NS = {"5m": SLOT_NS, "1h": HOUR_NS, "1d": 24 * HOUR_NS}
OFFSETS_NS = {"33": 7 * HOUR_NS, "91": 9 * HOUR_NS}
GROWTH = 1.01 / 0.99


def distinct(arrivals: Iterable[Arrival]) -> list[Arrival]:
    found = {}
    for one in arrivals:
        data = one.record.data
        keys = tuple(getattr(data, name) for name in schema.key_names(schema.kind_of(data)))
        found[one.device, schema.kind_of(data), keys, one.record.time_ns] = one
    return sorted(found.values(), key=lambda one: one.record.time_ns)


def placement_at(registry: Registry, device: str, time_ns: int) -> Placement | None:
    found = registry.at(device, time_ns // SLOT_NS * SLOT_NS)
    return found if found is not None and found.active else None


def start_of(time_ns: int, window: str, village: str) -> int:
    offset_ns = OFFSETS_NS[village[:2]]
    return (time_ns + offset_ns) // LENGTHS_NS[window] * LENGTHS_NS[window] - offset_ns


def quantile(values: list[float], share: float) -> float:
    ranked = sorted(values)
    place = (len(ranked) - 1) * share
    low, high = ranked[math.floor(place)], ranked[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def added(values: Iterable[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def histogram(values: list[float]) -> str:
    buckets = Counter(
        -(10**9) if value < 1e-6 else math.ceil(math.log(value) / math.log(GROWTH)) for value in values
    )
    return " ".join(f"{'z' if at == -(10**9) else at}:{buckets[at]}" for at in sorted(buckets))


def statistic(name: str, values: list[float]) -> Any:
    functions: dict[str, Any] = {
        "sum": added,
        "min": min,
        "max": max,
        "histogram": histogram,
        "p50": lambda some: quantile(some, 0.5),
        "p95": lambda some: quantile(some, 0.95),
    }
    return functions[name](values)


def device_rows(
    arrivals: list[Arrival], registry: Registry, window: str
) -> dict[tuple[str, tuple[str, ...], int], dict[str, Any]]:
    cells: dict[Any, list[Any]] = defaultdict(list)
    for one in distinct(arrivals):
        data, stood = one.record.data, placement_at(registry, one.device, one.record.time_ns)
        if stood is not None:
            kind, village = schema.kind_of(data), stood.village
            tags = (one.device, village, village[:8], village[:5], village[:2])
            keys = tuple(getattr(data, name) for name in schema.key_names(kind))
            cells[kind, (*tags, *keys), start_of(one.record.time_ns, window, village)].append(data)
    return {
        (f"{kind}_{window}", tags, start_ns): _device_row(kind, found, window)
        for (kind, tags, start_ns), found in cells.items()
    }


def _device_row(kind: str, found: list[Any], window: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "row_count": len(found),
        "failure_count": sum(data.failure is not None for data in found),
    }
    for column, wanted in ROLLED_UP[kind].items():
        values = [float(getattr(data, column)) for data in found if getattr(data, column) is not None]
        if "count" in wanted:
            row[f"{column}_count"] = len(values)
        for name in set(wanted) - {"count"}:
            if values and not (name == "histogram" and window == "5m"):
                label = f"{column}_histogram" if name == "histogram" else f"{name}_{column}"
                row[label] = statistic(name, values)
    return row


class Minutes:
    """The states of one device, judged from all of its measurements at once."""

    def __init__(self, arrivals: list[Arrival]) -> None:
        self.of: dict[int, list[Arrival]] = defaultdict(list)
        for one in arrivals:
            self.of[one.record.time_ns // MINUTE_NS].append(one)
        for some in self.of.values():
            some.sort(key=lambda one: one.record.seq)
        self.evidence = {minute: _evidence(some) for minute, some in self.of.items()}
        self.heard = sorted(minute for minute in self.of if not self._passed_over(minute))
        self.states = {minute: self.evidence[minute] or "unknown" for minute in self.heard}
        for before, after in zip(self.heard, self.heard[1:], strict=False):
            for minute in range(before + 1, after):
                self.states[minute] = self._gap(before, after, minute)

    def _passed_over(self, minute: int) -> bool:
        """A minute that nobody judged, within a short stretch of such between judged ones of one boot."""
        if self.evidence[minute] is not None:
            return False
        before = [at for at in range(minute - 2, minute) if self.evidence.get(at) is not None]
        after = [at for at in range(minute + 1, minute + 3) if self.evidence.get(at) is not None]
        if not before or not after or after[0] - before[-1] - 1 > 2:
            return False
        boots = {
            self.of[before[-1]][-1].boot,
            self.of[after[0]][0].boot,
            *(one.boot for one in self.of[minute]),
        }
        return len(boots) == 1

    def _gap(self, before: int, after: int, minute: int) -> str:
        last, first = self.of[before][-1], self.of[after][0]
        if last.boot == first.boot and after - before - 1 <= 2:
            return self.states[before]
        earlier = [one.record.seq for at in range(before - 2, before + 1) for one in self._of_spool(at, last)]
        later = [one.record.seq for at in range(after, after + 3) for one in self._of_spool(at, first)]
        if last.spool != first.spool or max(earlier) + 1 != min(later):
            return "unknown"
        soonest = min(
            (one for one in self.of[after] if one.boot == first.boot), key=lambda one: one.record.time_ns
        )
        began_ns = soonest.record.time_ns - soonest.record.uptime_ns
        return "power_off" if last.boot != first.boot and minute * MINUTE_NS < began_ns else "agent_down"

    def _of_spool(self, minute: int, like: Arrival) -> list[Arrival]:
        return [one for one in self.of.get(minute, ()) if one.spool == like.spool]


def _evidence(arrivals: list[Arrival]) -> str | None:
    data = [one.record.data for one in arrivals]
    latency = [one for one in data if schema.kind_of(one) == "latency"]
    link = [one for one in data if schema.kind_of(one) == "link"]
    beyond = [one for one in latency if one.target != "gateway"]
    down = any(one.interface_up is False for one in link)
    if any(one.received_count for one in beyond):
        return "up"
    if not any(one.sent_count for one in beyond) and not down:
        return None
    silent_gateway = any(
        one.target == "gateway" and one.sent_count and not one.received_count for one in latency
    )
    if down or silent_gateway or any(one.gateway_answers is False for one in link):
        return "local_fault"
    return "link_down"


def village_row(  # noqa: PLR0917
    arrivals: list[Arrival],
    minutes: dict[str, Minutes],
    registry: Registry,
    village: str,
    start_ns: int,
    window: str,
) -> dict[str, Any] | None:
    """What a village's row must hold; None where no device was registered there."""
    end_ns = start_ns + LENGTHS_NS[window]
    stood: dict[int, list[Placement]] = {}
    for slot_ns in range(start_ns, end_ns, SLOT_NS):
        found = (placement_at(registry, device, slot_ns) for device in registry.devices)
        stood[slot_ns] = [one for one in found if one is not None and one.village == village]
    devices = {one.device for some in stood.values() for one in some}
    if not devices:
        return None
    mine = [
        (one, at)
        for one in arrivals
        for at in stood.get(one.record.time_ns // SLOT_NS * SLOT_NS, ())
        if at.device == one.device
    ]
    row: dict[str, Any] = {
        "device_count": len(devices),
        "reporting_device_count": len({one.device for one, _ in mine}),
    }
    row |= _latency([one.record.data for one, _ in mine if schema.kind_of(one.record.data) == "latency"])
    row |= _traffic(
        [
            one.record.data
            for one, at in mine
            if schema.kind_of(one.record.data) == "traffic" and at.traffic_source
        ]
    )
    counts = Counter(
        _village_minute(minutes, stood[minute_ns // SLOT_NS * SLOT_NS], minute_ns // MINUTE_NS)
        for minute_ns in range(start_ns, end_ns, MINUTE_NS)
    )
    row |= {f"{state}_minute_count": counts[state] for state in STATES}
    row["state"] = max(STATES, key=lambda state: (counts[state], STATES.index(state)))
    return row


def _village_minute(minutes: dict[str, Minutes], stood: list[Placement], minute: int) -> str:
    found = [
        minutes[one.device].states.get(minute, "unknown") if one.device in minutes else "unknown"
        for one in stood
    ]
    return min(found, key=STATES.index, default="unknown")


def _latency(found: list[Any]) -> dict[str, Any]:
    to_testpoint = [one for one in found if one.target == "testpoint"]
    if not to_testpoint:
        return {}
    sent = sum(one.sent_count for one in to_testpoint)
    received = sum(one.received_count for one in to_testpoint)
    row = {"sent_count": sent, "received_count": received, "rt_loss_ratio": (sent - received) / sent}
    for name, share in (("rtd_p50_ms", 0.5), ("rtd_p95_ms", 0.95), ("rtd_pdv_p95_ms", 0.95)):
        values = [getattr(one, name) for one in to_testpoint if getattr(one, name) is not None]
        if values:
            row[name] = quantile(values, share)
    return row


def _traffic(found: list[Any]) -> dict[str, Any]:
    routers = [one for one in found if one.source == "router"]
    counted = routers or found
    if not counted:
        return {}
    interfaces: dict[str, list[Any]] = defaultdict(list)
    for one in counted:
        interfaces[one.interface].append(one)
    return {
        "router_traffic": bool(routers),
        "rx_bytes": sum(one.rx_bytes for one in counted),
        "tx_bytes": sum(one.tx_bytes for one in counted),
        "rx_peak_bps": max(one.rx_peak_bps for one in counted),
        "rx_rate_bps": added(
            added(one.rx_rate_bps for one in interfaces[name]) / len(interfaces[name])
            for name in sorted(interfaces)
        ),
    }
