"""The configuration of a Mosquitto that believes certificates only, derived from the wire's topics.

Who may do what: a device writes its own measurements and status, reads its own acks and configurations;
collectors read all measurements and statuses and write acks; operators write signed configurations and
nothing else, so that a fallen collector cannot even bring back an old one. The user name is the
certificate's common name, and the client id is the user name: nobody can take another's session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_wire import topics
from pantau_wire.envelope import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_USER = "%u"  # Mosquitto puts the user name here
_PACKET_ROOM_BYTES = 4096  # topic and properties beside the payload
_QUEUED_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFiles:
    """Where the broker finds what it needs; all paths as the broker sees them."""

    server_certificate: Path
    server_key: Path
    client_authority: Path
    revocation_list: Path
    access_list: Path


def access_list(collectors: Sequence[str], operators: Sequence[str] = ()) -> str:
    """Return Mosquitto's `acl_file`: patterns for devices, and a section for each collector and operator."""
    devices = [
        f"pattern write {_topic(_USER, 'measurements')}",
        f"pattern write {_topic(_USER, 'status')}",
        f"pattern read {_topic(_USER, 'ack')}",
        f"pattern read {_topic(_USER, 'config')}",
        f"pattern read {topics.PREFIX}/groups/+/config",
    ]
    sections = ["\n".join([_HEAD, *devices]), *map(_collector, collectors), *map(_operator, operators)]
    return "\n\n".join(sections) + "\n"


def configuration(files: BrokerFiles, *, port: int, address: str | None = None) -> str:
    """Return `mosquitto.conf`. `address` is where it listens; everywhere by default."""
    lines = [
        _HEAD,
        f"listener {port} {address}" if address else f"listener {port}",
        f"certfile {files.server_certificate}",
        f"keyfile {files.server_key}",
        "",
        "# Who: the common name of a certificate of our client authority, and nobody else.",
        f"cafile {files.client_authority}",
        f"crlfile {files.revocation_list}",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        "tls_version tlsv1.2",
        f"acl_file {files.access_list}",
        "",
        "# How much: every queue has an end. What the broker drops, the agents send again.",
        "persistence false",
        "max_inflight_messages 0",
        "max_queued_messages 0",
        f"max_queued_bytes {_QUEUED_BYTES}",
        f"max_packet_size {MAX_PAYLOAD_BYTES + _PACKET_ROOM_BYTES}",
        "max_keepalive 3600",
        "persistent_client_expiration 1h",
        "",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages true",
    ]
    return "\n".join(lines) + "\n"


_HEAD = "# Written by pantau-collector broker-config: change its arguments, not this file."


def _collector(name: str) -> str:
    return "\n".join(
        [
            f"user {name}",
            f"topic read {_topic('+', 'measurements')}",
            f"topic read {_topic('+', 'status')}",
            f"topic write {_topic('+', 'ack')}",
        ]
    )


def _operator(name: str) -> str:
    return "\n".join(
        [
            f"user {name}",
            f"topic write {_topic('+', 'config')}",
            f"topic write {topics.PREFIX}/groups/+/config",
        ]
    )


def _topic(device: str, channel: topics.Channel) -> str:
    return f"{topics.PREFIX}/{device}/{channel}"
