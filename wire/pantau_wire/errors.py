"""Everything the wire can refuse. Each error carries a `reason` fit for a counter's label."""

from __future__ import annotations

from typing import ClassVar, Literal

TokenFault = Literal["malformed", "unknown_key", "forged", "not_yet_valid", "expired"]
LineFault = Literal["malformed", "mistyped"]


class WireError(ValueError):
    """A payload, topic or identifier that the contract does not allow; `str()` says why."""

    reason: ClassVar[str] = "invalid"


class PayloadTooLargeError(WireError):
    """More bytes than the contract allows, before or after inflating."""

    reason = "too_large"


class MalformedPayloadError(WireError):
    """Not the encoding it claims: bad deflate data, bad UTF-8 or bad JSON (NaN is not JSON)."""

    reason = "malformed"


class UnknownVersionError(WireError):
    """A major version of the envelope that this code does not speak."""

    reason = "unknown_version"


class InvalidEnvelopeError(WireError):
    """The envelope around the measurements has a missing or wrong field."""

    reason = "invalid_envelope"


class InvalidRecordError(WireError):
    """One measurement of an envelope has a missing or wrong field."""

    reason = "invalid_record"


class ImplausibleTimeError(WireError):
    """A measurement's time lies too far ahead, or before Pantau existed."""

    reason = "implausible_time"


class InvalidTopicError(WireError):
    """Not a topic of ours, or an identifier that cannot stand in one."""

    reason = "invalid_topic"


class SignatureError(WireError):
    """Something that the owner of the key has not signed."""

    reason = "signature"


class KeyFormatError(WireError):
    """Not an Ed25519 key as it is written here."""

    reason = "key_format"


class TokenError(WireError):
    """A testpoint's token that does not let its bearer in; `fault` is a word for programs."""

    reason = "token"

    def __init__(self, fault: TokenFault, text: str) -> None:
        super().__init__(text)
        self.fault = fault


class InvitationError(WireError):
    """Not the line of an invitation; `fault` is a word for programs."""

    reason = "invitation"

    def __init__(self, fault: LineFault, text: str) -> None:
        super().__init__(text)
        self.fault = fault
