"""Which speed tests count, and what keeps the others from it. Source: docs/sla.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pantau_collector.analysis.rollup_tables import Measurements, Stays, Texts, Whole

WIRED_WITHIN_NS = 120 * 10**9
"""A speed test was wired if the link measurement nearest to it, at most so far away, says so."""
DEFAULT_ENGINE = "http"

REASONS = (
    "failed",
    "other_engine",
    "limited_device",
    "limited_busy_line",
    "limited_budget",
    "limited_server",
    "limit_unknown",
    "not_wired",
    "off_site",
    "maintenance",
)
"""Why a test does not count, the first that holds; the last is told by who knows the maintenance."""


def why_not(
    found: Measurements, link: Measurements | None, stays: Stays, engines: Mapping[str, str]
) -> Texts:
    """Return what keeps each test from counting, an empty text for those that count.

    `engines`: whose tests count, by the profile of the stay.
    """
    owed_by_stay = [engines.get(stay.profile, DEFAULT_ENGINE) for stay in stays.all]
    owed = np.array([*owed_by_stay, ""])[stays.of(found.device, found.time_ns)]
    engine = np.array([key[0] for key in found.keys] + [""])[found.key]
    wired, strange = _attached(found, link, stays)
    reasons = np.full(len(found), "", dtype=object)
    reasons[strange] = "off_site"
    reasons[~wired] = "not_wired"
    limit = found.texts["limited_by"]
    for value in set(limit.tolist()) - {"none"}:
        reasons[limit == value] = "limit_unknown" if value is None else f"limited_{value}"
    reasons[engine != owed] = "other_engine"
    reasons[found.failed] = "failed"
    return reasons


def _attached(
    found: Measurements, link: Measurements | None, stays: Stays
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which tests were wired, and which were made in a network that is not the device's own."""
    if link is None or not len(link):
        nothing = np.zeros(len(found), dtype=bool)
        return nothing, nothing.copy()
    near = _nearest(found, link)
    known = near >= 0
    wired = known & (link.texts["medium"][near] == "wired")
    network = link.texts["network_fingerprint"][near]
    return wired, known & stays.strange(found.device, found.time_ns, network)


def _nearest(found: Measurements, link: Measurements) -> Whole:
    """Return the link measurement of the same device that is nearest in time to each row, -1 for none.

    Of two equally near ones the earlier counts, of two of the same instant the one whose key comes first.
    """
    ranks = {key: rank for rank, key in enumerate(sorted(link.keys))}
    rank = np.array([ranks[key] for key in link.keys], dtype=np.int64)[link.key]
    order = np.lexsort((rank, link.time_ns, link.device))
    device, time_ns = link.device[order], link.time_ns[order]
    result = np.full(len(found), -1, dtype=np.int64)
    for at in range(len(found)):
        first, last = np.searchsorted(device, [found.device[at], found.device[at] + 1])
        away = np.abs(time_ns[first:last] - found.time_ns[at])
        if len(away) and away.min() <= WIRED_WITHIN_NS:
            result[at] = order[first + int(away.argmin())]
    return result
