"""What to test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DEFAULT_STREAMS = 4
MIN_COUNTED_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedTarget:
    """One test against a server that speaks LibreSpeed's dialect. Durations include the ramp-up left out.

    `max_bytes` bounds the payload of both directions together: the download may take half, the upload what
    is left. `busy_wait_s` is the longest that a busy server may ask us to wait, `busy_tries` how often we do.
    """

    url: str
    engine: Literal["http"] = "http"
    download_s: float = 10.0
    upload_s: float = 10.0
    download_discard_s: float = 1.5
    upload_discard_s: float = 3.0
    streams: int | None = None
    max_bytes: int | None = None
    sample_s: float = 0.2
    idle_pings: int = 10
    ping_interval_s: float = 0.15
    timeout_s: float = 10.0
    busy_wait_s: float = 30.0
    busy_tries: int = 3
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a test that could not measure."""
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("url must begin with http:// or https://")
        if self.download_discard_s < 0 or self.upload_discard_s < 0:
            raise ValueError("the time discarded must be at least 0")
        counted_s = min(self.download_s - self.download_discard_s, self.upload_s - self.upload_discard_s)
        if counted_s < MIN_COUNTED_S:
            raise ValueError(
                f"download_s and upload_s must be at least {MIN_COUNTED_S} s longer than the time discarded"
            )
        if self.streams is not None and not 1 <= self.streams <= 32:  # noqa: PLR2004 - what servers allow
            raise ValueError("streams must be 1 to 32")
        if min(self.sample_s, self.ping_interval_s, self.timeout_s) <= 0 or self.idle_pings < 1:
            raise ValueError("sample_s, ping_interval_s, timeout_s and idle_pings must be above 0")
        if self.max_bytes is not None and self.max_bytes < 1:
            raise ValueError("max_bytes must be above 0")

    @property
    def stream_count(self) -> int:
        """Parallel connections in each direction."""
        return self.streams or DEFAULT_STREAMS
