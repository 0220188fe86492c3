"""Which minutes leave the account because maintenance was announced in time. Source: docs/sla.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pantau_collector.analysis.states import minutes_within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pantau_collector.analysis.calendar import Month
    from pantau_collector.analysis.profiles import Profile


class Window(NamedTuple):
    """Maintenance from one instant to before another, and when it was announced; all in s since 1970."""

    from_s: float
    to_s: float
    announced_s: float


def accepted_minutes(month: Month, windows: Iterable[Window], profile: Profile) -> NDArray[np.bool_]:
    """Return which minutes of the month count as maintenance.

    A window counts when it was announced early enough, and the month's first minutes of such until the
    profile's limit is reached: what goes beyond it stays in the account.
    """
    in_time = [
        (window.from_s, window.to_s)
        for window in windows
        if window.from_s - window.announced_s >= profile.maintenance_notice_s
    ]
    accepted = minutes_within(in_time, month.first_minute, month.minute_count)
    accepted[np.flatnonzero(accepted)[profile.maintenance_max_minutes :]] = False
    return accepted
