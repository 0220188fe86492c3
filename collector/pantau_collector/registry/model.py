"""The registry itself: dated placements, and what can be asked of them. No files, no texts."""

from __future__ import annotations

import bisect
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

Technology = Literal["fibre", "cable", "dsl", "4g", "5g", "wireless", "satellite", "other"]
State = Literal["active", "retired"]
TECHNOLOGIES: tuple[Technology, ...] = get_args(Technology)
STATES: tuple[State, ...] = get_args(State)
DEFAULT_PROFILE = "default"


@dataclass(frozen=True, slots=True)
class Placement:
    """From `since_ns` on (ns since 1970, UTC), this device stands in this village, in this state.

    It holds until the device's next placement. `traffic_source` says that the device's counters are the
    village's traffic; `latitude` and `longitude` are degrees, where somebody has told them; `networks` are
    the fingerprints of the village's networks, elsewhere the device is off site, and none where they are not
    known; `line` is where the row stands in its file.
    """

    device: str
    village: str
    since_ns: int
    provider: str = ""
    technology: Technology | None = None
    profile: str = DEFAULT_PROFILE
    traffic_source: bool = False
    networks: frozenset[str] = frozenset()
    state: State = "active"
    latitude: float | None = None
    longitude: float | None = None
    line: int = 0

    @property
    def active(self) -> bool:
        """Whether the device is expected to measure."""
        return self.state == "active"

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude in degrees, or None where they are not known."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude


class Registry:
    """Every placement, and who stood where at any instant. Immutable; safe to share among threads.

    `version` identifies the content it was read from: the SHA-256 of the file, in hexadecimal.
    """

    def __init__(self, placements: Iterable[Placement] = (), version: str = "") -> None:
        self.version = version
        self._of_device: dict[str, list[Placement]] = defaultdict(list)
        self._ever_in: dict[str, set[str]] = defaultdict(set)
        for placement in sorted(placements, key=lambda placement: placement.since_ns):
            self._of_device[placement.device].append(placement)
            self._ever_in[placement.village].add(placement.device)
        self._starts = {
            device: [placement.since_ns for placement in history]
            for device, history in self._of_device.items()
        }

    def __contains__(self, device: object) -> bool:
        return device in self._starts

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def devices(self) -> list[str]:
        """The ids of all devices, retired ones included, in order."""
        return sorted(self._starts)

    def history(self, device: str) -> list[Placement]:
        """Return all placements of a device, oldest first; none for an unknown device."""
        return list(self._of_device.get(device, ()))

    def at(self, device: str, time_ns: int) -> Placement | None:
        """Return where a device stood at an instant: the newest placement not after it, or None."""
        at = bisect.bisect_right(self._starts.get(device, ()), time_ns)
        return self._of_device[device][at - 1] if at else None

    def current(self, device: str) -> Placement | None:
        """Return where a device stands now, or None for an unknown or future device."""
        return self.at(device, time.time_ns())

    def villages(self, time_ns: int | None = None) -> list[str]:
        """Return the codes of villages with an active device at an instant (now by default), in order."""
        return sorted({placement.village for placement in self._active(self.devices, time_ns)})

    def ever_in(self, village: str) -> list[str]:
        """Return every device that has a placement in a village, past and future ones included, in order."""
        return sorted(self._ever_in.get(village, ()))

    @property
    def all_villages(self) -> list[str]:
        """The codes of all villages that have or had a device, in order."""
        return sorted(self._ever_in)

    def devices_of(self, village: str, time_ns: int | None = None) -> list[Placement]:
        """Return the active placements in a village at an instant (now by default), by device."""
        candidates = sorted(self._ever_in.get(village, ()))
        return [found for found in self._active(candidates, time_ns) if found.village == village]

    def traffic_source(self, village: str, time_ns: int | None = None) -> Placement | None:
        """Return the device whose counters are the village's traffic at an instant, or None."""
        return next((found for found in self.devices_of(village, time_ns) if found.traffic_source), None)

    def _active(self, devices: Iterable[str], time_ns: int | None) -> list[Placement]:
        instant = time.time_ns() if time_ns is None else time_ns
        found = (self.at(device, instant) for device in devices)
        return [placement for placement in found if placement is not None and placement.active]


def competing_sources(registry: Registry) -> list[tuple[Placement, Placement]]:
    """Return pairs of placements that claim one village's traffic at the same time, earlier line first."""
    spans: dict[str, list[tuple[int, float, Placement]]] = defaultdict(list)
    for device in registry.devices:
        history = registry.history(device)
        ends: list[float] = [*(placement.since_ns for placement in history[1:]), float("inf")]
        for placement, end in zip(history, ends, strict=True):
            if placement.active and placement.traffic_source:
                spans[placement.village].append((placement.since_ns, end, placement))
    return [pair for found in spans.values() for pair in _overlaps(found)]


def _overlaps(spans: list[tuple[int, float, Placement]]) -> list[tuple[Placement, Placement]]:
    pairs = []
    holder: tuple[float, Placement] | None = None
    for start, end, placement in sorted(spans, key=lambda span: (span[0], span[2].line)):
        if holder is not None and start < holder[0] and holder[1].device != placement.device:
            pairs.append((holder[1], placement))
        if holder is None or end > holder[0]:
            holder = (end, placement)
    return pairs
