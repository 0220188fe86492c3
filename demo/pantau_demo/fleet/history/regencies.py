"""Rollups of a regency from the figures of its villages: `regency_5m`, `regency_1h`, `regency_1d`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_demo.fleet.history.windows import quantile, total
from pantau_demo.fleet.identity import MINUTE_NS
from pantau_demo.fleet.watching import LINK_DOWN, UP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pantau_demo.fleet.history.windows import Windows

    Numbers = NDArray[np.float64]

_NEEDED = (
    "device_count",
    "reporting_device_count",
    "state_index",
    "rx_rate_bps",
    "tx_rate_bps",
    "rtd_p50_ms",
    "sent_count",
    "received_count",
    "download_goodput_bps",
    "upload_goodput_bps",
    "speed_test_count",
)
_COUNT_SUFFIX = "_count"


class Regency:
    """Collects its villages' figures, window by window."""

    def __init__(self, code: str) -> None:
        """Begin without any."""
        self.code = code
        self._cuts: dict[str, Windows] = {}
        self._figures: dict[str, dict[str, list[Numbers]]] = {}

    def add(self, cut: Windows, found: dict[str, Numbers]) -> None:
        """Take a village's figures."""
        self._cuts[cut.name] = cut
        kept = self._figures.setdefault(cut.name, {name: [] for name in _NEEDED})
        for name, values in kept.items():
            values.append(found[name])

    def rows(self) -> Iterator[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
        """Yield the name, columns and rows of each series."""
        for name, cut in self._cuts.items():
            columns = self._columns(
                cut, {one: np.stack(found, axis=1) for one, found in self._figures[name].items()}
            )
            yield f"regency_{name}", tuple(columns), list(zip(*columns.values(), strict=True))

    def _columns(self, cut: Windows, found: dict[str, Numbers]) -> dict[str, list[Any]]:
        registered = found["device_count"] > 0
        reporting = registered & (found["reporting_device_count"] > 0)
        sent, received = total(found["sent_count"]), total(found["received_count"])
        with np.errstate(invalid="ignore"):
            loss = 1 - received / sent
        values = {
            "village_count": registered.sum(axis=1),
            "reporting_village_count": reporting.sum(axis=1),
            "silent_village_count": (registered & ~reporting).sum(axis=1),
            "up_village_count": (registered & (found["state_index"] == UP)).sum(axis=1),
            "link_down_village_count": (registered & (found["state_index"] == LINK_DOWN)).sum(axis=1),
            "speed_test_count": np.nan_to_num(total(found["speed_test_count"])),
            "rt_loss_ratio": loss,
            "rx_rate_bps": total(found["rx_rate_bps"]),
            "tx_rate_bps": total(found["tx_rate_bps"]),
            **{
                name: quantile(found[name], 0.5)
                for name in ("rtd_p50_ms", "download_goodput_bps", "upload_goodput_bps")
            },
        }
        return {
            "regency": [self.code] * cut.count,
            "province": [self.code[:2]] * cut.count,
            "time_ns": [minute * MINUTE_NS for minute in cut.starts],
            **{name: _listed(name, numbers) for name, numbers in values.items()},
        }


def _listed(name: str, values: NDArray[Any]) -> list[Any]:
    whole = name.endswith(_COUNT_SUFFIX)
    return [None if one != one else int(one) if whole else one for one in values.tolist()]  # noqa: PLR0124 - NaN
