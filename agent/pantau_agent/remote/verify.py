"""From bytes that anybody may have sent to an instruction that the owner of the key has signed for us."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pantau_agent.remote.refusal import RefusedError
from pantau_wire import codec
from pantau_wire.errors import SignatureError, WireError

if TYPE_CHECKING:
    from pantau_wire.remote import ConfigMessage, Instruction


def read_message(payload: bytes, content_type: str | None) -> ConfigMessage:
    """Return the message, not verified yet; raises `RefusedError` where the bytes are none."""
    try:
        return codec.decode_config(payload, content_type)
    except WireError as error:
        raise RefusedError("malformed", str(error)) from None


def verified(message: ConfigMessage, public_key: str, audience: str) -> Instruction:
    """Return what the message says; raises `RefusedError` where it is not ours to follow.

    The text is looked at only after its signature: what a stranger wrote is never parsed.
    """
    from pantau_wire import signing  # noqa: PLC0415 - 1.5 MiB that only those pay who use it

    try:
        signing.verify(message, public_key)
    except SignatureError as error:
        raise RefusedError("signature", str(error)) from None
    try:
        instruction = codec.decode_instruction(message.signed)
    except WireError as error:
        raise RefusedError("invalid_settings", str(error)) from None
    if instruction.audience != audience:
        raise RefusedError("audience", f"it is meant for {instruction.audience}", instruction.version)
    return instruction


def check_age(instruction: Instruction, now_ns: int) -> None:
    """Raise `RefusedError` for a message that should have been taken earlier."""
    limit_ns = instruction.not_after_ns
    if limit_ns is not None and now_ns > limit_ns:
        limit = dt.datetime.fromtimestamp(min(limit_ns // 10**9, 253_402_300_799), dt.UTC)
        raise RefusedError(
            "expired", f"it was to be taken before {limit:%Y-%m-%dT%H:%M:%SZ}", instruction.version
        )
