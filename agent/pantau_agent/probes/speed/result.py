"""From the parts of a test to the measurement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_agent.probes.delays import optional_percentile
from pantau_agent.probes.failures import ProbeError, printable
from pantau_agent.probes.speed.limits import limit
from pantau_agent.probes.speed.responsiveness import responsiveness_rpm
from pantau_wire.fields import EndedBy, Speed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_agent.config.settings import Engine as EngineName
    from pantau_agent.probes.host_limits import HostLimits
    from pantau_agent.probes.speed.goodput import Goodput

USUAL_INTERFACE_RATIO = (0.95, 1.15)
"""Interface bytes per counted byte: headers make it 1.05, lost segments sent again somewhat more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """One direction that ran to its end. Without goodput the budget ended it inside the ramp-up."""

    goodput: Goodput | None
    payload_bytes: int
    stream_count: int
    loaded_rtd_ms: list[float]
    interface_ratio: float | None
    budget_spent: bool
    cpu_saturated: bool
    stable: bool = False
    series_bps: tuple[float, ...] | None = None

    @property
    def ended_by(self) -> EndedBy:
        """What ended it."""
        if self.budget_spent:
            return "budget"
        return "stable" if self.stable else "time"


@dataclass(slots=True, kw_only=True)
class Findings:
    """What a test has found so far; a part that failed is absent, and the first failure stands here.

    `others_bps` is other traffic that was there when the test began all the same.
    """

    engine: EngineName
    server: str
    part: str = "server"
    idle_rtd_ms: list[float] = field(default_factory=list)
    line_wait_s: float | None = None
    others_bps: float | None = None
    host_limits: list[HostLimits] = field(default_factory=list)
    download: Direction | None = None
    upload: Direction | None = None
    error: ProbeError | None = None

    def directions(self) -> Iterator[tuple[str, Direction]]:
        """Yield name and findings of each direction that ran to its end."""
        if self.download is not None:
            yield "download", self.download
        if self.upload is not None:
            yield "upload", self.upload

    def note_small_budget(self) -> None:
        """Make it a failure that the budget was too small to measure, unless there is a graver one."""
        for part, found in self.directions():
            if self.error is None and found.goodput is None:
                used = f"{found.payload_bytes} bytes were used up before the ramp-up ended"
                self.error = ProbeError("budget", f"the budget is too small for this line: {used}")
                self.part = part

    def speed(self) -> Speed:
        """Return the measurement."""
        down, up = self.download, self.upload
        down_goodput = down.goodput if down is not None else None
        up_goodput = up.goodput if up is not None else None
        held = limit(self)
        return Speed(
            engine=self.engine,
            server=self.server,
            limited_by=held.by if held is not None else None,
            limit_detail=held.detail if held is not None else None,
            failure=self.error.failure if self.error else None,
            failure_detail=printable(f"{self.part}: {self.error.detail}") if self.error else None,
            download_goodput_bps=round(down_goodput.bps, 1) if down_goodput is not None else None,
            upload_goodput_bps=round(up_goodput.bps, 1) if up_goodput is not None else None,
            download_bytes=down.payload_bytes if down is not None else None,
            upload_bytes=up.payload_bytes if up is not None else None,
            download_duration_s=round(down_goodput.duration_s, 6) if down_goodput is not None else None,
            upload_duration_s=round(up_goodput.duration_s, 6) if up_goodput is not None else None,
            download_discard_s=round(down_goodput.discard_s, 6) if down_goodput is not None else None,
            upload_discard_s=round(up_goodput.discard_s, 6) if up_goodput is not None else None,
            download_streams_count=down.stream_count if down is not None else None,
            upload_streams_count=up.stream_count if up is not None else None,
            idle_rtd_p50_ms=optional_percentile(self.idle_rtd_ms, 50),
            idle_rtd_p95_ms=optional_percentile(self.idle_rtd_ms, 95),
            loaded_rtd_down_p50_ms=_loaded(down, 50),
            loaded_rtd_down_p95_ms=_loaded(down, 95),
            loaded_rtd_up_p50_ms=_loaded(up, 50),
            loaded_rtd_up_p95_ms=_loaded(up, 95),
            download_responsiveness_rpm=responsiveness_rpm(down.loaded_rtd_ms) if down is not None else None,
            upload_responsiveness_rpm=responsiveness_rpm(up.loaded_rtd_ms) if up is not None else None,
            download_series_bps=down.series_bps if down is not None else None,
            upload_series_bps=up.series_bps if up is not None else None,
            download_ended_by=down.ended_by if down is not None else None,
            upload_ended_by=up.ended_by if up is not None else None,
            download_interface_ratio=down.interface_ratio if down is not None else None,
            upload_interface_ratio=up.interface_ratio if up is not None else None,
            interface_ratio_suspect=self._is_suspect(),
            line_wait_s=round(self.line_wait_s, 3) if self.line_wait_s is not None else None,
        )

    def _is_suspect(self) -> bool | None:
        """Tell whether the interface moved another amount than the test explains; None if nobody can tell."""
        low, high = USUAL_INTERFACE_RATIO
        ratios = [found.interface_ratio for _, found in self.directions()]
        known = [ratio for ratio in ratios if ratio is not None]
        return any(not low <= ratio <= high for ratio in known) if known else None


def _loaded(direction: Direction | None, percent: float) -> float | None:
    return optional_percentile(direction.loaded_rtd_ms, percent) if direction is not None else None
