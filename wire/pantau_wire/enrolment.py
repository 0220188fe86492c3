"""Enrolment over the network: the line that a technician is given, and what device and portal say.

The line is `https://PORTAL/#DEVICE/TOKEN/FINGERPRINT/CHECK`, about 140 characters. Whoever opens it in a
browser by mistake sends the token nowhere: it stands in the fragment (RFC 3986, section 3.5). The fingerprint
is SHA-256 over the certificate (DER) of the portal, or of the authority that issued it, in base32 (RFC 4648)
like the token: small letters and digits that are hard to mistake. The check tells a slip of the pen from an
attack.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

from pantau_wire import topics
from pantau_wire.errors import InvitationError

PATH = "/enroll"
MAX_REQUEST_BYTES = 8192
"""What a portal reads of a request; a signing request of ours has 400 bytes."""

MAX_ANSWER_BYTES = 65_536
PROBLEM_PREFIX = "urn:pantau:enrolment:"

Fault = Literal[
    "unknown",  # no such invitation, or not this token: strangers learn no more
    "expired",  # the invitation's time is over
    "used",  # a device with another key was there first
    "enrolled",  # the device got a valid certificate in another way
    "request",  # not a request as it must be
    "too_often",  # too many attempts from this network
    "unavailable",  # the authorities cannot be used just now
]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_TOKEN_BYTES = 15  # 120 random bits, 24 characters
_CHECK_CHARACTERS = 4
_ADDRESS = re.compile(r"https://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_LINE = re.compile(
    rf"(?P<url>{_ADDRESS.pattern})/?#(?P<device>[A-Za-z0-9][A-Za-z0-9._-]{{0,63}})"
    r"/(?P<token>[a-z2-7]{24})/(?P<fingerprint>[a-z2-7]{52})/(?P<check>[a-z2-7]{4})"
)
Pem = Annotated[str, Meta(min_length=1, max_length=MAX_REQUEST_BYTES)]
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]


class Invitation(NamedTuple):
    """What the line says. `url` has no path; `fingerprint` is the digest itself, 32 bytes."""

    url: str
    device: str
    token: str
    fingerprint: bytes


class EnrolmentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device posts: the token of its invitation, and a signing request (PKCS #10, PEM) for its key."""

    device: Id
    token: Annotated[str, Meta(pattern=r"^[a-z2-7]{24}\Z")]
    request: Pem


class Introduction(msgspec.Struct, frozen=True):
    """What a portal tells everybody: the authority (PEM) of its own and of the broker's certificate."""

    authority: Pem


class EnrolmentAnswer(msgspec.Struct, frozen=True):
    """What a device gets: its certificate and the broker's authority (PEM), the broker, and its village."""

    device: Id
    village: str
    certificate: Pem
    authority: Pem
    broker_host: Annotated[str, Meta(min_length=1, max_length=253)]
    broker_port: Annotated[int, Meta(ge=1, le=65_535)]


class Problem(msgspec.Struct, frozen=True):
    """A refusal (RFC 9457), as far as a device reads it."""

    type: str = "about:blank"
    detail: str = ""

    @property
    def fault(self) -> Fault | None:
        """What is wrong, in a word; None for what this version does not know."""
        word = self.type.removeprefix(PROBLEM_PREFIX)
        return next((fault for fault in FAULTS if fault == word), None)


def new_token() -> str:
    """Return a token that nobody can guess."""
    return _spelled(secrets.token_bytes(_TOKEN_BYTES))


def fingerprint(certificate: bytes) -> bytes:
    """Return the fingerprint of a certificate in DER."""
    return hashlib.sha256(certificate).digest()


def check_url(url: str) -> str:
    """Return the portal's address without a slash at its end; raises `InvitationError` for what is none."""
    found = url.removesuffix("/")
    if not _ADDRESS.fullmatch(found):
        raise InvitationError("malformed", f"{url[:80]!r} is not a portal's address: https://HOST[:PORT]")
    return found


def to_line(invitation: Invitation) -> str:
    """Return the line; raises `InvitationError` or `InvalidTopicError` for what cannot stand in one."""
    parts = (topics.check_device_id(invitation.device), invitation.token, _spelled(invitation.fingerprint))
    text = f"{check_url(invitation.url)}/#{'/'.join(parts)}"
    return f"{text}/{_check(text)}"


def from_line(line: str) -> Invitation:
    """Return what a line says, also one that was broken in two; raises `InvitationError`."""
    text = "".join(line.split())
    found = _LINE.fullmatch(text)
    if found is None or topics.is_reserved(found["device"]):
        raise InvitationError("malformed", "this is no line of pantau-collector devices invite")
    invitation = Invitation(
        found["url"],
        found["device"],
        found["token"],
        base64.b32decode(f"{found['fingerprint']}====".upper()),
    )
    if to_line(invitation).partition("#")[2] != text.partition("#")[2]:
        raise InvitationError("mistyped", "a letter of the line is wrong")
    return invitation


def _spelled(octets: bytes) -> str:
    return base64.b32encode(octets).decode("ascii").rstrip("=").lower()


def _check(text: str) -> str:
    return _spelled(hashlib.sha256(text.encode("ascii")).digest())[:_CHECK_CHARACTERS]
