"""What every handler reads from: the store, the registry, and the clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pantau_collector.web.sharing import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_collector.months.model import MonthReader
    from pantau_collector.months.profile_file import ProfileSource
    from pantau_collector.registry.file import RegistrySource
    from pantau_collector.storage.base import DeviceActivity, Store

_ACTIVITY_LIFE_NS = 2_000_000_000


@dataclass
class Portal:
    """The seams between the web and the rest of the collector. Thread-safe.

    `health` returns a JSON-ready dict whose `status` is "ok" when all is well; `metrics` Prometheus' text.
    """

    store: Store
    registry: RegistrySource
    health: Callable[[], dict[str, Any]]
    metrics: Callable[[], bytes] | None = None
    clock_ns: Callable[[], int] = time.time_ns
    months: MonthReader | None = None
    letterhead: Sequence[str] = ()
    profiles: ProfileSource | None = None
    _activity: Shared[dict[str, DeviceActivity]] = field(init=False)

    def __post_init__(self) -> None:
        self._activity = Shared(
            lambda: {found.device: found for found in self.store.activity()},
            _ACTIVITY_LIFE_NS,
            self.clock_ns,
        )

    def activity(self) -> dict[str, DeviceActivity]:
        """Return every device's activity, at most two seconds old: it counts the whole store."""
        return self._activity.get()

    def activity_of(self, device: str) -> DeviceActivity | None:
        """Return one device's activity, or None where it never delivered."""
        return next(iter(self.store.activity(device)), None)
