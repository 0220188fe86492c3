"""From the parts of a test to the measurement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_agent.probes.delays import optional_percentile
from pantau_agent.probes.failures import ProbeError, printable
from pantau_agent.probes.speed.transport.errors import BusyError
from pantau_wire.fields import LimitedBy, Speed

if TYPE_CHECKING:
    from pantau_agent.config.settings import Engine as EngineName
    from pantau_agent.probes.speed.goodput import Goodput


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


@dataclass(slots=True, kw_only=True)
class Findings:
    """What a test has found so far; a part that failed is absent, and the first failure stands here."""

    engine: EngineName
    server: str
    part: str = "server"
    idle_rtd_ms: list[float] = field(default_factory=list)
    busy_line: bool = False
    download: Direction | None = None
    upload: Direction | None = None
    error: ProbeError | None = None

    def note_small_budget(self) -> None:
        """Make it a failure that the budget was too small to measure, unless there is a graver one."""
        for part, found in (("download", self.download), ("upload", self.upload)):
            if self.error is None and found is not None and found.goodput is None:
                used = f"{found.payload_bytes} bytes were used up before the ramp-up ended"
                self.error = ProbeError("budget", f"the budget is too small for this line: {used}")
                self.part = part

    def speed(self) -> Speed:
        """Return the measurement."""
        down, up = self.download, self.upload
        down_goodput = down.goodput if down is not None else None
        up_goodput = up.goodput if up is not None else None
        return Speed(
            engine=self.engine,
            server=self.server,
            limited_by=self._limited_by(),
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
            download_interface_ratio=down.interface_ratio if down is not None else None,
            upload_interface_ratio=up.interface_ratio if up is not None else None,
        )

    def _limited_by(self) -> LimitedBy | None:
        """Return what held the test back, the gravest first; None if a failure left nothing to judge."""
        ran = [part for part in (self.download, self.upload) if part is not None]
        if isinstance(self.error, BusyError):
            return "server"
        if any(part.budget_spent for part in ran):
            return "budget"
        if any(part.cpu_saturated for part in ran):
            return "device"
        if not ran:
            return None
        return "busy_line" if self.busy_line else "none"


def _loaded(direction: Direction | None, percent: float) -> float | None:
    return optional_percentile(direction.loaded_rtd_ms, percent) if direction is not None else None
