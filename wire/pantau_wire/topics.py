"""The MQTT topics: who writes and reads which stands in SPEC.md."""

from __future__ import annotations

import re
from typing import Literal, cast, get_args

from pantau_wire.errors import InvalidTopicError

Channel = Literal["measurements", "ack", "status", "config"]

PREFIX = "pantau/v1"
ALL_MEASUREMENTS = f"{PREFIX}/+/measurements"
SHARED_MEASUREMENTS = f"$share/ingest/{ALL_MEASUREMENTS}"
COLLECTOR_PREFIX, OPERATOR_PREFIX = "collector-", "operator-"
RESERVED_ID_PREFIXES = (COLLECTOR_PREFIX, OPERATOR_PREFIX)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CHANNELS = get_args(Channel)


def check_device_id(device: str) -> str:
    """Return the id, or raise `InvalidTopicError` saying what an id may be."""
    if not is_id(device):
        raise InvalidTopicError(
            f"{device[:80]!r} cannot be a device id: use 1 to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit"
        )
    if is_reserved(device):
        raise InvalidTopicError(f"{device!r} is reserved: choose another device id")
    return device


def is_id(text: str) -> bool:
    """Tell whether a text can be an id, if perhaps a reserved one."""
    return _ID.fullmatch(text) is not None


def is_reserved(text: str) -> bool:
    """Tell whether an id is not for devices."""
    return text.startswith(RESERVED_ID_PREFIXES) or text == "groups"


def check_group_id(group: str) -> str:
    """Return the id, or raise `InvalidTopicError` saying what an id may be."""
    if not is_id(group):
        raise InvalidTopicError(
            f"{group[:80]!r} cannot be a group id: use 1 to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit"
        )
    return group


def group_config_topic(group: str) -> str:
    """Return `pantau/v1/groups/{group}/config`; raises `InvalidTopicError` for a bad id."""
    return f"{PREFIX}/groups/{check_group_id(group)}/config"


def topic(device: str, channel: Channel) -> str:
    """Return `pantau/v1/{device}/{channel}`; raises `InvalidTopicError` for a bad id."""
    return f"{PREFIX}/{check_device_id(device)}/{channel}"


def parse(name: str) -> tuple[str, Channel]:
    """Return device and channel of a topic; raises `InvalidTopicError` for any other topic."""
    head, _, channel = name.rpartition("/")
    prefix, _, device = head.rpartition("/")
    if prefix != PREFIX or channel not in _CHANNELS:
        raise InvalidTopicError(f"{name[:80]!r} is not a topic of Pantau's: {PREFIX}/DEVICE/CHANNEL")
    return check_device_id(device), cast("Channel", channel)
