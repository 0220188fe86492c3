"""Remote configuration: what an operator may change on devices from afar, and the signed message for it.

`RemoteSettings` can only express what may be changed. Who the device is, its broker, its credentials, its
spool and its router cannot even be said, so no message can touch them; an unknown key is refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pantau_wire import topics
from pantau_wire.vocabulary import INT64_MAX, Code, Line, Nanoseconds

CONFIG_VERSION = 1
MAX_SIGNED_CHARS = 16 * 1024
SIGNATURE_DOMAIN = b"pantau/v1/config\x00"
"""Stands before the signed text, so that no other signature of this key can pass for one of these."""

RefusalReason = Literal[
    "malformed",  # not a message at all, or too large
    "signature",  # not signed by the owner of the key that this device trusts
    "audience",  # meant for somebody else than the topic says
    "expired",  # its not_after_ns has passed
    "old_version",  # an older version, or another message of the same version
    "invalid_settings",  # an unknown key or a wrong value
    "host",  # a target that the device does not allow
    "limit",  # more than the device's own limits allow
    "contradiction",  # settings that do not go together
    "not_kept",  # the device's disk does not take it
]
ConfigVersion = Annotated[int, Meta(ge=1, le=INT64_MAX)]
Audience = Annotated[str, Meta(pattern=r"^(device|group):[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]

# Spelled so narrowly that no two parsers read a different host out of it: no user name, zone or escape.
_PORT = r"(:\d{1,5})?"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}"
_IPV6 = r"[0-9A-Fa-f:.]{2,45}"
_HOST = re.compile(rf"{_NAME}{_PORT}|\[{_IPV6}\]{_PORT}|{_IPV6}")
_PATH = r"(/[A-Za-z0-9._~%!$&'()*+,;=:@/?-]{0,500})?"
_ADDRESS = re.compile(rf"(https?|wss?)://({_NAME}|\[{_IPV6}\]){_PORT}{_PATH}")
_Period = Annotated[float, Meta(gt=0, le=86_400)]
_Port = Annotated[int, Meta(ge=1, le=65_535)]


def _check_hosts(hosts: str | tuple[str, ...] | UnsetType) -> None:
    for host in (hosts,) if isinstance(hosts, str) else hosts or ():
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host[:80]!r} is not a host name or an address")


def _check_addresses(*urls: str | UnsetType) -> None:
    for url in urls:
        if isinstance(url, str) and not _ADDRESS.fullmatch(url):
            raise ValueError(f"{url[:80]!r} is not a web address: SCHEME://HOST/..., without a user name")


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A section; what is left out stays as it is on the device."""


class RemotePeriod(_Part, frozen=True, kw_only=True):
    """How often a probe without targets runs."""

    period_s: _Period | UnsetType = UNSET


class RemoteTarget(_Part, frozen=True, kw_only=True):
    """One target of the latency probe; a gateway without a host is the default route's."""

    target: Literal["gateway", "testpoint", "internet"]
    host: str | UnsetType = UNSET
    tcp_port: _Port | UnsetType = UNSET
    stamp_port: _Port | UnsetType = UNSET
    method: Literal["auto", "icmp", "tcp", "stamp"] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a host."""
        _check_hosts(self.host)


class RemoteLatency(_Part, frozen=True, kw_only=True):
    """Delay and loss: the targets (all of them, not those that are added), and how many packets a period."""

    targets: Annotated[tuple[RemoteTarget, ...], Meta(max_length=8)] | UnsetType = UNSET
    period_s: _Period | UnsetType = UNSET
    packets_count: Annotated[int, Meta(ge=2, le=600)] | UnsetType = UNSET


class RemoteSpeed(_Part, frozen=True, kw_only=True):
    """Speed tests. An empty list of engines ends them."""

    engines: (
        Annotated[
            tuple[Literal["http", "ndt7", "iperf3", "speedtest", "speedtest-compat"], ...], Meta(max_length=5)
        ]
        | UnsetType
    ) = UNSET
    url: str | UnsetType = UNSET
    ndt7_url: str | UnsetType = UNSET
    iperf3_servers: Annotated[tuple[str, ...], Meta(max_length=8)] | UnsetType = UNSET
    speedtest_server_id: Annotated[int, Meta(ge=1, le=INT64_MAX)] | UnsetType = UNSET
    tests_per_day: Annotated[int, Meta(ge=1, le=96)] | UnsetType = UNSET
    peak_hours: Annotated[str, Meta(pattern=r"^\d{2}:\d{2}-\d{2}:\d{2}\Z")] | UnsetType = UNSET
    peak_share_ratio: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET
    max_bytes: Annotated[int, Meta(ge=100_000, le=1_000_000_000)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a server or a web address."""
        _check_addresses(self.url, self.ndt7_url)
        _check_hosts(self.iperf3_servers)


class RemoteDns(_Part, frozen=True, kw_only=True):
    """Names to resolve, and the resolvers to ask."""

    names: Annotated[tuple[str, ...], Meta(max_length=20)] | UnsetType = UNSET
    resolvers: Annotated[tuple[str, ...], Meta(max_length=8)] | UnsetType = UNSET
    period_s: _Period | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a name or a resolver."""
        _check_hosts(self.names)
        _check_hosts(self.resolvers)


class RemoteHttp(_Part, frozen=True, kw_only=True):
    """Pages to fetch."""

    pages: Annotated[tuple[str, ...], Meta(max_length=20)] | UnsetType = UNSET
    period_s: _Period | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be a web address."""
        _check_addresses(*(self.pages or ()))


class RemoteBudget(_Part, frozen=True, kw_only=True):
    """The data budget of a month, in megabytes (10^6 bytes)."""

    month_mb: Annotated[float, Meta(gt=0, le=1e9)] | UnsetType = UNSET


class RemoteSettings(_Part, frozen=True, kw_only=True):
    """Everything that can be changed from afar. Empty, it means: back to the device's own configuration.

    Sections and keys are called as in the agent's configuration.
    """

    traffic: RemotePeriod = RemotePeriod()
    latency: RemoteLatency = RemoteLatency()
    speed: RemoteSpeed = RemoteSpeed()
    dns: RemoteDns = RemoteDns()
    http: RemoteHttp = RemoteHttp()
    link: RemotePeriod = RemotePeriod()
    device_health: RemotePeriod = RemotePeriod()
    budget: RemoteBudget = RemoteBudget()


class Instruction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is signed. `version` only ever rises for an audience; after `not_after_ns` nobody takes it."""

    audience: Audience
    version: ConfigVersion
    issued_at_ns: Nanoseconds
    not_after_ns: Nanoseconds | None = None
    settings: RemoteSettings


class ConfigMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What travels on a `config` topic: the JSON of an `Instruction` as text, and the signature over it.

    `key` says which key signed, for people and for a clear refusal; `signature` is Ed25519 (RFC 8032) in
    base64, over `SIGNATURE_DOMAIN` and the text's UTF-8 bytes.
    """

    v: int = CONFIG_VERSION
    key: Code
    signature: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{86}==\Z")]
    signed: Annotated[str, Meta(max_length=MAX_SIGNED_CHARS)]


class ConfigReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device says of the remote configuration for one audience, in its status.

    `version` is in force. The newest message on the topic may have been refused: then `refused` says why, one
    word of the list in SPEC.md, with `refused_version` where it could be trusted.
    """

    audience: Audience
    version: ConfigVersion | None = None
    refused: Code | None = None
    refused_version: ConfigVersion | None = None
    refused_detail: Line | None = None


def signed_bytes(text: str) -> bytes:
    """Return the bytes that the signature of a text covers."""
    return SIGNATURE_DOMAIN + text.encode()


def config_topic(audience: str) -> str:
    """Return the topic on which messages for `device:ID` or `group:ID` travel.

    Raises `InvalidTopicError` for an id that cannot stand in a topic.
    """
    kind, _, name = audience.partition(":")
    return topics.group_config_topic(name) if kind == "group" else topics.topic(name, "config")
