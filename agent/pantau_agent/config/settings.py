"""Everything that can be configured: types, bounds and defaults.

On msgspec, which the wire needs anyway: pydantic-settings would cost 10 MiB of a small device's memory.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from pantau_wire import topics

PositiveSeconds = Annotated[float, Meta(gt=0, le=86_400)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
NonEmpty = Annotated[str, Meta(min_length=1)]

_LABEL_LENGTH = 63
_ODD = re.compile(r"[^A-Za-z0-9._:%-]")


def _check_host(host: str) -> None:
    """Raise ValueError for what the resolver could not even be asked."""
    labels = host.removesuffix(".").split(".")
    if (
        not host.isascii()
        or not all(0 < len(label) <= _LABEL_LENGTH for label in labels)
        or _ODD.search(host)
    ):
        raise ValueError(f"{host[:80]!r} is not a host name or an address")


def _machine_name() -> str:
    return socket.gethostname()


class Secret:
    """A text that is never printed."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "**********"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the TOML file."""


class BrokerConfig(Section, frozen=True):
    """Where measurements are published. With `ca_file` the connection is TLS."""

    host: str = "127.0.0.1"
    port: Port = 1883
    username: NonEmpty | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 60
    reconnect_spread_s: Annotated[float, Meta(ge=0, le=3600)] = 300.0

    def __post_init__(self) -> None:
        """Raise ValueError for no host, half a certificate, or what would not be used."""
        _check_host(self.host)
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("cert_file needs ca_file: without it the connection is not TLS")
        if self.password is not None and self.username is None:
            raise ValueError("password needs username")


class SpoolConfig(Section, frozen=True):
    """How much is kept on disk, and how often the disk is written."""

    path: Path = Path("/var/lib/pantau-agent/spool.db")
    max_bytes: Annotated[int, Meta(ge=1_000_000)] = 500_000_000
    max_age_s: Annotated[float, Meta(ge=3600)] = 60 * 86_400.0
    commit_interval_s: PositiveSeconds = 60.0


class DeliveryConfig(Section, frozen=True):
    """How eagerly the spool is emptied.

    With `message_expiry` the broker forgets a message when it is sent again; turn it off only for a
    broker that handles expiry wrongly.
    """

    window_envelopes: Annotated[int, Meta(ge=3, le=8)] = 8
    window_reserved_live: Annotated[int, Meta(ge=1, le=2)] = 2
    envelope_records: Annotated[int, Meta(ge=1, le=1000)] = 100
    first_resend_s: PositiveSeconds = 30.0
    max_resend_s: PositiveSeconds = 900.0
    backlog_records_per_s: Annotated[float, Meta(gt=0)] = 50.0
    stop_grace_s: Annotated[float, Meta(ge=0, le=300)] = 5.0
    message_expiry: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError for a longest wait that is shorter than the first."""
        if self.max_resend_s < self.first_resend_s:
            raise ValueError("max_resend_s must not be below first_resend_s")


class TrafficConfig(Section, frozen=True):
    """Bytes through one interface; without a name, the one of the default route."""

    enabled: bool = True
    interface: NonEmpty | None = None
    period_s: PositiveSeconds = 60.0
    sample_s: PositiveSeconds = 10.0


class LatencyTargetConfig(Section, frozen=True):
    """One target of the latency probe; a gateway without a host is the default route's."""

    target: Literal["gateway", "testpoint", "internet"]
    host: str | None = None
    tcp_port: Port = 80
    stamp_port: Port | None = None
    method: Literal["auto", "icmp", "tcp", "stamp"] = "auto"

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a host, and for STAMP without a port."""
        if self.host is not None:
            _check_host(self.host)
        if self.method == "stamp" and self.stamp_port is None:
            raise ValueError("method stamp needs stamp_port")


class LatencyConfig(Section, frozen=True):
    """Round-trip delay and loss to each target, packets spread evenly over most of the period."""

    targets: tuple[LatencyTargetConfig, ...] = ()
    period_s: PositiveSeconds = 60.0
    packets_count: Annotated[int, Meta(ge=2, le=600)] = 20
    timeout_s: PositiveSeconds = 2.0


class SpeedConfig(Section, frozen=True):
    """Download and upload goodput against a server that speaks LibreSpeed's dialect."""

    url: NonEmpty | None = None
    period_s: Annotated[float, Meta(gt=0, le=7 * 86_400)] = 6 * 3600.0
    download_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    upload_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    download_discard_s: Annotated[float, Meta(ge=0, le=30)] = 1.5
    upload_discard_s: Annotated[float, Meta(ge=0, le=30)] = 3.0
    streams_count: Annotated[int, Meta(ge=1, le=32)] = 4
    max_bytes: Annotated[int, Meta(ge=100_000)] | None = None


class DnsConfig(Section, frozen=True):
    """Names to resolve with the system's resolver."""

    names: tuple[NonEmpty, ...] = ()
    period_s: PositiveSeconds = 300.0
    timeout_s: PositiveSeconds = 5.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a host name."""
        for name in self.names:
            _check_host(name)


class HttpConfig(Section, frozen=True):
    """Pages to fetch, each up to `max_bytes`; redirects are not followed."""

    pages: tuple[NonEmpty, ...] = ()
    period_s: PositiveSeconds = 300.0
    timeout_s: PositiveSeconds = 10.0
    max_bytes: Annotated[int, Meta(ge=1)] = 1_000_000


class PeriodConfig(Section, frozen=True):
    """How often a probe without a target runs."""

    enabled: bool = True
    period_s: PositiveSeconds = 60.0


class LinkConfig(PeriodConfig, frozen=True):
    """The state of the device's own attachment; asking the gateway sends it one packet a period."""

    ask_gateway: bool = False


class AgentConfig(Section, frozen=True):
    """Everything that can be configured.

    Without any configuration nothing is sent anywhere but to the broker: targets are named by whoever
    installs the agent.
    """

    device: str = field(default_factory=_machine_name)
    language: Literal["id", "en"] | None = None
    log_format: Literal["auto", "text", "json"] = "auto"
    start_spread_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    broker: BrokerConfig = BrokerConfig()
    spool: SpoolConfig = SpoolConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    traffic: TrafficConfig = TrafficConfig()
    latency: LatencyConfig = LatencyConfig()
    speed: SpeedConfig = SpeedConfig()
    dns: DnsConfig = DnsConfig()
    http: HttpConfig = HttpConfig()
    link: LinkConfig = LinkConfig()
    device_health: PeriodConfig = PeriodConfig()

    def __post_init__(self) -> None:
        """Raise ValueError for a device id that cannot stand in a topic."""
        topics.check_device_id(self.device)
