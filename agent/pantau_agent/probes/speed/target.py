"""What to test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_agent.i18n import _

if TYPE_CHECKING:
    from pantau_agent.config.settings import Engine as EngineName

DEFAULT_STREAMS = 4
MIN_COUNTED_S = 0.5

_SCHEMES = {"http": ("http://", "https://"), "ndt7": ("ws://", "wss://", "http://", "https://")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedTarget:
    """One test by one engine. Durations include the ramp-up left out.

    Where to: `url` for the engines `http` and `ndt7`; `servers` (host or host:port) for `iperf3`, the first
    that is free; `server_id` for `speedtest`, which chooses the nearest without.

    Above 25 kB/s of other traffic the test looks again after `line_wait_s`, `line_tries` times; then it runs
    and says so, or fails as `busy` with `skip_busy_line`. With `stable_stop` a direction ends as soon as its
    rate is stable (`goodput.is_stable`).

    Without `streams` the engine `http` chooses by the round-trip delay (`streams.stream_count`).

    `max_bytes` bounds the payload of both directions together: the download may take half, the upload what
    is left. `busy_wait_s` is the longest that a busy server may ask us to wait, `busy_tries` how often we do.

    `own_testpoint` says that `url` is the one of the configuration, which may have this device's token; no
    other server ever gets it.
    """

    engine: EngineName = "http"
    url: str | None = None
    servers: tuple[str, ...] = ()
    server_id: int | None = None
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
    line_wait_s: float = 30.0
    line_tries: int = 10
    skip_busy_line: bool = False
    stable_stop: bool = True
    ca_file: str | None = None
    own_testpoint: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a test that could not measure."""
        schemes = _SCHEMES.get(self.engine)
        if schemes and not (self.url or "").startswith(schemes):
            raise ValueError(_("url must begin with {schemes}").format(schemes=", ".join(schemes)))
        if self.engine == "iperf3" and not self.servers:
            raise ValueError("iperf3 needs a server")
        if self.download_discard_s < 0 or self.upload_discard_s < 0:
            raise ValueError(_("the time discarded must be at least 0"))
        counted_s = min(self.download_s - self.download_discard_s, self.upload_s - self.upload_discard_s)
        if counted_s < MIN_COUNTED_S:
            text = _("download_s and upload_s must be at least {least} s longer than the time discarded")
            raise ValueError(text.format(least=MIN_COUNTED_S))
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
