"""What the rollups are computed from: measurements as arrays, who stood where, and a grid of windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Whole = NDArray[np.int64]
    Texts = NDArray[np.object_]

SLOT_NS = 300 * 10**9
"""A device belongs to the village in which it stands at the first instant of a five-minute slot."""
NOWHERE = -1
_SPAN_BITS = 48  # 78 hours in ns: longer than any grid with its margins


@dataclass(frozen=True, slots=True)
class Measurements:
    """Measurements of one kind, a row each, in any order: arrays of one length.

    `device`, `spool`, `boot`: numbers; `key`: a number into `keys`, the values of the kind's key fields.
    `time_ns`: since 1970. `numbers`: NaN where absent, a flag is 1 or 0. `texts`: None where absent.
    """

    device: Whole
    time_ns: Whole
    seq: Whole
    spool: Whole
    boot: Whole
    uptime_ns: Whole
    failed: NDArray[np.bool_]
    key: Whole
    keys: Sequence[tuple[str, ...]]
    numbers: Mapping[str, NDArray[np.float64]]
    texts: Mapping[str, Texts]

    def __len__(self) -> int:
        return len(self.time_ns)

    def key_is(self, place: int, value: str) -> NDArray[np.bool_]:
        """Return which rows have this value in this place of their key."""
        matching = np.array([key[place] == value for key in self.keys], dtype=bool)
        return matching[self.key] if len(self) else np.zeros(0, dtype=bool)


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of one length, one after the other; `since_ns` is the first instant of the first."""

    since_ns: int
    window_ns: int
    count: int

    @property
    def until_ns(self) -> int:
        """The instant after the last window."""
        return self.since_ns + self.window_ns * self.count

    @property
    def starts_ns(self) -> list[int]:
        """The first instant of each window."""
        return [self.since_ns + number * self.window_ns for number in range(self.count)]

    @property
    def minute_count(self) -> int:
        """How many minutes the windows last together."""
        return self.window_ns * self.count // (60 * 10**9)

    def window_of(self, time_ns: Whole) -> Whole:
        """Return the window's number of each instant, below 0 or beyond the last one outside."""
        return (time_ns - self.since_ns) // self.window_ns


@dataclass(frozen=True, slots=True)
class Stay:
    """A device stood in a village from one instant until another (ns), both at the border of a slot."""

    device: int
    village: int
    since_ns: int
    until_ns: int
    traffic_source: bool = False
    profile: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """The fingerprints of a device's own networks, from one instant until another (ns)."""

    since_ns: int
    until_ns: int
    networks: frozenset[str]


class Stays:
    """Who stood where: stays of one device do not overlap."""

    def __init__(
        self, stays: Sequence[Stay], base_ns: int, homes: Mapping[int, Sequence[Home]] | None = None
    ) -> None:
        """Keep the stays; `base_ns` lies at or before all instants that are asked about.

        `homes`: of those devices whose networks are known, for all times.
        """
        self._homes = homes or {}
        self.all = sorted(stays, key=lambda stay: (stay.device, stay.since_ns))
        self._base_ns = base_ns
        self._village = np.array([stay.village for stay in self.all] + [NOWHERE], dtype=np.int64)
        self._source = np.array([stay.traffic_source for stay in self.all] + [False], dtype=bool)
        self._device = np.array([stay.device for stay in self.all], dtype=np.int64)
        self._until_ns = np.array([stay.until_ns for stay in self.all], dtype=np.int64)
        since_ns = np.array([stay.since_ns for stay in self.all], dtype=np.int64)
        self._keys = self._key(self._device, since_ns)

    def of(self, device: Whole, time_ns: Whole) -> Whole:
        """Return the place in `all` of the stay that each row belongs to; -1 for none."""
        at = np.searchsorted(self._keys, self._key(device, time_ns), side="right") - 1
        if not len(self.all):
            return np.full(len(device), NOWHERE, dtype=np.int64)
        belongs = (at >= 0) & (self._device[at] == device) & (time_ns < self._until_ns[at])
        return np.where(belongs, at, NOWHERE)

    def village(self, stay: Whole) -> Whole:
        """Return the village of each stay, `NOWHERE` for -1."""
        return self._village[stay]

    def is_source(self, stay: Whole) -> NDArray[np.bool_]:
        """Return which stays are their village's traffic source."""
        return self._source[stay]

    def strange(self, device: Whole, time_ns: Whole, network: Texts) -> NDArray[np.bool_]:
        """Return which networks are none of the device's own then; never where those are not known."""
        found = np.zeros(len(device), dtype=bool)
        if not self._homes:
            return found
        for at in np.flatnonzero(np.isin(device, list(self._homes))).tolist():
            homes = self._homes[int(device[at])]
            home = next((one for one in homes if one.since_ns <= time_ns[at] < one.until_ns), None)
            found[at] = home is not None and network[at] is not None and network[at] not in home.networks
        return found

    def _key(self, device: Whole, time_ns: Whole) -> Whole:
        since_ns = np.clip(time_ns - self._base_ns, 0, (1 << _SPAN_BITS) - 1)
        return (device << _SPAN_BITS) | since_ns
