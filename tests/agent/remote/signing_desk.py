"""An operator with a key, who signs what agents are told."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from pantau_wire import codec, signing
from pantau_wire.remote import ConfigMessage, Instruction, RemoteSettings

PEM = signing.new_private_pem()
PUBLIC_KEY = signing.public_key_of(PEM)
DEVICE = "device:desa-1"
GROUP = "group:klaten"
DEVICE_TOPIC = "pantau/v1/desa-1/config"
GROUP_TOPIC = "pantau/v1/groups/klaten/config"


def signed_text(text: str, pem: str = PEM) -> bytes:
    """Return the message around any text at all."""
    return msgspec.json.encode(signing.sign(text, pem))


def order(
    settings: dict[str, Any] | None = None,
    *,
    version: int = 1,
    audience: str = DEVICE,
    not_after_ns: int | None = None,
    pem: str = PEM,
) -> bytes:
    """Return a good message."""
    instruction = Instruction(
        audience=audience,
        version=version,
        issued_at_ns=time.time_ns(),
        not_after_ns=not_after_ns,
        settings=msgspec.convert(settings or {}, RemoteSettings),
    )
    return signed_text(codec.encode_instruction(instruction), pem)


def forged(message: bytes, old: str, new: str) -> bytes:
    """Return the message with its text changed, and its signature kept."""
    found = codec.decode_config(message, None)
    assert old in found.signed
    fields = {"key": found.key, "signature": found.signature, "signed": found.signed.replace(old, new)}
    return msgspec.json.encode(ConfigMessage(**fields))
