"""What a server says it has counted: ndt7's measurement messages, in JSON. Whatever is missing is unknown."""

from __future__ import annotations

import json
from typing import Any


def received_payload_bytes(text: bytes) -> int | None:
    """Return the payload that the server received so far, None if it does not say."""
    return _count(_parse(text), "AppInfo", "NumBytes")


def received_octets(text: bytes) -> int | None:
    """Return what the server's TCP received so far, framing and TLS included; None if it does not say."""
    return _count(_parse(text), "TCPInfo", "BytesReceived")


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _count(message: Any, part: str, name: str) -> int | None:
    values = message.get(part) if isinstance(message, dict) else None
    number = values.get(name) if isinstance(values, dict) else None
    return number if isinstance(number, int) and number >= 0 else None
