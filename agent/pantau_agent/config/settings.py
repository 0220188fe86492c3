"""Everything that can be configured: types, bounds and defaults.

On msgspec, which the wire needs anyway: pydantic-settings would cost 10 MiB of a small device's memory.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, field

from pantau_agent.config.resolvers import SYSTEM, resolver_address
from pantau_agent.i18n import _
from pantau_agent.strata import Window
from pantau_wire import topics

if TYPE_CHECKING:
    from datetime import tzinfo

PositiveSeconds = Annotated[float, Meta(gt=0, le=86_400)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
NonEmpty = Annotated[str, Meta(min_length=1)]

_LABEL_LENGTH = 63
_ODD = re.compile(r"[^A-Za-z0-9._:%-]")
_PUBLIC_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")  # 32 bytes in base64
_WILDCARD_DOTS = 2


def _check_host(host: str) -> None:
    """Raise ValueError for what the resolver could not even be asked."""
    labels = host.removesuffix(".").split(".")
    if (
        not host.isascii()
        or not all(0 < len(label) <= _LABEL_LENGTH for label in labels)
        or _ODD.search(host)
    ):
        raise ValueError(_("{host} is not a host name or an address").format(host=repr(host[:80])))


def _zone_named(name: str) -> tzinfo:
    """Return the time zone of that name; raises ValueError where this machine knows none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        text = _("{name} is not a time zone that this machine knows; name one such as Asia/Jakarta")
        raise ValueError(text.format(name=repr(name[:80]))) from None


def _hours(text: str) -> Window:
    """Return the hours of every day that the text names; raises ValueError."""
    try:
        return Window.parse(text)
    except ValueError:
        wrong = _("{hours} are not hours of a day, such as 19:00-22:00").format(hours=repr(text[:80]))
        raise ValueError(wrong) from None


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
            raise ValueError(_("cert_file and key_file belong together"))
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError(_("cert_file needs ca_file: without it the connection is not TLS"))
        if self.password is not None and self.username is None:
            raise ValueError(_("password needs username"))


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
            raise ValueError(_("max_resend_s must not be below first_resend_s"))


class RouterConfig(Section, frozen=True):
    """The village router, asked by SNMP for the counters of its WAN port.

    `interface` is the port's IF-MIB name. Version 2c needs `community`; version 3 a `username`, and the
    passwords of the protocols that it names.
    """

    host: str
    interface: NonEmpty
    port: Port = 161
    version: Literal["2c", "3"] = "2c"
    community: Secret | None = None
    username: NonEmpty | None = None
    auth_protocol: Literal["none", "sha", "sha256", "sha512"] = "none"
    auth_password: Secret | None = None
    privacy_protocol: Literal["none", "aes128", "aes256"] = "none"
    privacy_password: Secret | None = None
    timeout_s: PositiveSeconds = 3.0

    def __post_init__(self) -> None:
        """Raise ValueError for no host, and for a version without its credentials."""
        _check_host(self.host)
        if self.version == "2c" and self.community is None:
            raise ValueError(_("version 2c needs community"))
        if self.version == "3" and self.username is None:
            raise ValueError(_("version 3 needs username"))
        if (self.auth_protocol == "none") != (self.auth_password is None):
            raise ValueError(_("auth_protocol and auth_password belong together"))
        if (self.privacy_protocol == "none") != (self.privacy_password is None):
            raise ValueError(_("privacy_protocol and privacy_password belong together"))
        if self.privacy_protocol != "none" and self.auth_protocol == "none":
            raise ValueError(_("privacy_protocol needs auth_protocol"))


class TrafficConfig(Section, frozen=True):
    """Bytes through one interface; without a name, the one of the default route.

    With `router` the village router's counters are watched instead of this machine's.
    """

    enabled: bool = True
    router: RouterConfig | None = None
    interface: NonEmpty | None = None
    period_s: PositiveSeconds = 60.0
    sample_s: PositiveSeconds = 10.0


class LatencyTargetConfig(Section, frozen=True):
    """One target of the latency probe; a gateway without a host is the default route's."""

    target: Literal["gateway", "testpoint", "internet"]
    host: str | None = None
    tcp_port: Port = 80
    stamp_port: Port | None = None
    stamp_key_file: Path | None = None
    method: Literal["auto", "icmp", "tcp", "stamp"] = "auto"

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a host, and for STAMP or a key without a port."""
        if self.stamp_key_file is not None and self.stamp_port is None:
            raise ValueError(_("stamp_key_file needs stamp_port"))
        if self.host is not None:
            _check_host(self.host)
        if self.method == "stamp" and self.stamp_port is None:
            raise ValueError(_("method stamp needs stamp_port"))


class LatencyConfig(Section, frozen=True):
    """Round-trip delay and loss to each target, packets spread evenly over most of the period."""

    targets: tuple[LatencyTargetConfig, ...] = ()
    period_s: PositiveSeconds = 60.0
    packets_count: Annotated[int, Meta(ge=2, le=600)] = 20
    timeout_s: PositiveSeconds = 2.0


Engine = Literal["http", "ndt7", "iperf3", "speedtest", "speedtest-compat"]


class SpeedConfig(Section, frozen=True):
    """Download and upload goodput, by each of the engines named.

    `http` tests against `url`, a server that speaks LibreSpeed's dialect; `ndt7` against `ndt7_url`;
    `iperf3` against the first of `iperf3_servers` (host or host:port) that is free; `speedtest` and
    `speedtest-compat` against the server that speedtest-cli chooses, or the one with `speedtest_server_id`.

    Each engine runs `tests_per_day`, of which `peak_share_ratio` lie in `peak_hours` (local time), at
    random times of this device's own. `period_s` replaces them by a plain period, for a laboratory.
    """

    engines: tuple[Engine, ...] = ("http",)
    url: NonEmpty | None = None
    ndt7_url: NonEmpty | None = None
    iperf3_servers: tuple[NonEmpty, ...] = ()
    speedtest_server_id: Annotated[int, Meta(ge=1)] | None = None
    tests_per_day: Annotated[int, Meta(ge=1, le=96)] = 6
    peak_hours: str = "19:00-22:00"
    peak_share_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.5
    period_s: Annotated[float, Meta(gt=0, le=7 * 86_400)] | None = None
    download_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    upload_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    download_discard_s: Annotated[float, Meta(ge=0, le=30)] = 1.5
    upload_discard_s: Annotated[float, Meta(ge=0, le=30)] = 3.0
    streams_count: Annotated[int, Meta(ge=1, le=32)] | None = None
    stable_stop: bool = True
    max_bytes: Annotated[int, Meta(ge=100_000)] | None = None
    busy_line: Literal["flag", "skip"] = "flag"
    busy_line_wait_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    busy_line_tries: Annotated[int, Meta(ge=0, le=100)] = 10

    def __post_init__(self) -> None:
        """Raise ValueError for peak hours that do not exist, and an engine that knows no place to test."""
        _hours(self.peak_hours)
        if "ndt7" in self.engines and self.ndt7_url is None:
            raise ValueError(_("engine ndt7 needs ndt7_url"))
        if "iperf3" in self.engines and not self.iperf3_servers:
            raise ValueError(_("engine iperf3 needs iperf3_servers"))

    @property
    def peak(self) -> Window:
        """The peak hours."""
        return _hours(self.peak_hours)


class DnsConfig(Section, frozen=True):
    """Names to resolve, with each of the resolvers: `system`, or a server's address, or address and port."""

    names: tuple[NonEmpty, ...] = ()
    resolvers: tuple[NonEmpty, ...] = ("system",)
    period_s: PositiveSeconds = 300.0
    timeout_s: PositiveSeconds = 5.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a host name, or a resolver."""
        for name in self.names:
            _check_host(name)
        for resolver in self.resolvers:
            if resolver != SYSTEM:
                resolver_address(resolver)


class HttpConfig(Section, frozen=True):
    """Pages to fetch, each up to `max_bytes`; redirects are not followed."""

    pages: tuple[NonEmpty, ...] = ()
    period_s: PositiveSeconds = 300.0
    timeout_s: PositiveSeconds = 10.0
    max_bytes: Annotated[int, Meta(ge=1)] = 1_000_000


class BudgetConfig(Section, frozen=True):
    """How many megabytes (10^6 bytes, both directions) the agent may use in a calendar month.

    From `thin_from_ratio` of it on, fewer tests run; when it is spent, none. Without `month_mb` there is no
    limit, and the use is only counted.
    """

    month_mb: Annotated[float, Meta(gt=0)] | None = None
    thin_from_ratio: Annotated[float, Meta(gt=0, le=1)] = 0.8


class RemoteConfig(Section, frozen=True):
    """What an operator may change from afar, by messages signed with the key that belongs to `public_key`.

    `public_key` is the Ed25519 key in base64; without it no message is taken. Targets that a message names
    must stand in `allowed_hosts`, as they are or as `*.example.id` for everything below a domain, or in the
    local configuration; the other keys are hard limits that no message can exceed. `max_tests_per_day` is for
    all engines together; without `max_month_mb` the local `budget.month_mb` is the limit.
    """

    public_key: NonEmpty | None = None
    groups: Annotated[tuple[NonEmpty, ...], Meta(max_length=8)] = ()
    allowed_hosts: tuple[NonEmpty, ...] = ()
    max_tests_per_day: Annotated[int, Meta(ge=1, le=96)] = 24
    max_month_mb: Annotated[float, Meta(gt=0)] | None = None
    min_period_s: PositiveSeconds = 10.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a key, a host or a group."""
        if self.public_key is not None and not _PUBLIC_KEY.fullmatch(self.public_key):
            raise ValueError(_("public_key is not one that `pantau-collector config keygen` printed"))
        for host in self.allowed_hosts:
            _check_host(host.removeprefix("*."))
            if host.startswith("*.") and host.count(".") < _WILDCARD_DOTS:
                text = _("{host} allows too much: name a domain below it, such as *.example.id")
                raise ValueError(text.format(host=repr(host)))
        for group in self.groups:
            topics.check_group_id(group)


class PeriodConfig(Section, frozen=True):
    """How often a probe without a target runs."""

    enabled: bool = True
    period_s: PositiveSeconds = 60.0


class LinkConfig(PeriodConfig, frozen=True):
    """The state of the device's own attachment; asking the gateway sends it one packet a period."""

    ask_gateway: bool = False


class AgentConfig(Section, frozen=True):
    """Everything that can be configured.

    `profile` chooses other defaults: `metered` for lines where data costs money. `timezone` (IANA, such as
    `Asia/Makassar`) is the village's; by default the machine's.

    Without any configuration nothing is sent anywhere but to the broker: targets are named by whoever
    installs the agent.
    """

    device: str = field(default_factory=_machine_name)
    profile: Literal["standard", "metered"] = "standard"
    timezone: NonEmpty | None = None
    language: Literal["id", "en"] | None = None
    log_format: Literal["auto", "text", "json"] = "auto"
    start_spread_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    broker: BrokerConfig = BrokerConfig()
    spool: SpoolConfig = SpoolConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    traffic: TrafficConfig = TrafficConfig()
    latency: LatencyConfig = LatencyConfig()
    speed: SpeedConfig = SpeedConfig()
    budget: BudgetConfig = BudgetConfig()
    remote: RemoteConfig = RemoteConfig()
    dns: DnsConfig = DnsConfig()
    http: HttpConfig = HttpConfig()
    link: LinkConfig = LinkConfig()
    device_health: PeriodConfig = PeriodConfig()

    def __post_init__(self) -> None:
        """Raise ValueError for a device id that cannot stand in a topic, and an unknown time zone."""
        topics.check_device_id(self.device)
        if self.timezone is not None:
            _zone_named(self.timezone)

    @property
    def zone(self) -> tzinfo | None:
        """The village's time zone; None for the machine's own."""
        return None if self.timezone is None else _zone_named(self.timezone)
