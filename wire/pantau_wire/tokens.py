"""Tokens that let a device test against a testpoint: signed by a collector, judged by the testpoint alone.

`1.KEY.NOT_BEFORE.EXPIRES.DEVICE.SIGNATURE`, about 150 characters, fit for a header (RFC 6750, b64token): the
short name of the key, two instants in seconds since 1970, the device's id, and Ed25519 (RFC 8032) in
base64url over `TOKEN_DOMAIN` and everything before the last dot. On libsodium through PyNaCl: imported by
who needs it.
"""

from __future__ import annotations

import base64
import functools
import re
from typing import TYPE_CHECKING, NamedTuple

from pantau_wire import signing
from pantau_wire.errors import KeyFormatError, SignatureError, TokenError

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN_DOMAIN = b"pantau/v1/testpoint-token\x00"
"""Stands before the signed text, so that no other signature of this key can pass for a token's."""

CLOCK_TOLERANCE_S = 300
"""How far the clocks of collector and testpoint may be apart."""

_TOKEN = re.compile(
    r"1\.(?P<key>[0-9a-f]{16})\.(?P<not_before>[0-9]{1,12})\.(?P<expires>[0-9]{1,12})"
    r"\.(?P<device>[A-Za-z0-9][A-Za-z0-9._-]{0,63})\.(?P<signature>[A-Za-z0-9_-]{86})",
    re.ASCII,
)
_KNOWN_TOKENS = 1024


class Claims(NamedTuple):
    """What a token says; the instants in seconds since 1970."""

    device: str
    not_before_s: int
    expires_s: int


class TokenSigner:
    """Makes tokens with one private key (PEM)."""

    def __init__(self, pem: str) -> None:
        """Read the key; raises `KeyFormatError`."""
        self._key = signing.signing_key(pem)
        self._name = signing.key_id(signing.public_key_of(pem))

    def token(self, claims: Claims) -> str:
        """Return the token that says so."""
        text = f"1.{self._name}.{claims.not_before_s}.{claims.expires_s}.{claims.device}"
        signature = self._key.sign(TOKEN_DOMAIN + text.encode("ascii")).signature
        return f"{text}.{_encoded(signature)}"


class TokenKeys:
    """Judges tokens by public keys (base64), of which any may have signed: so keys can be replaced."""

    def __init__(self, public_keys: Iterable[str]) -> None:
        """Read the keys; raises `KeyFormatError`."""
        self._keys = {signing.key_id(key): signing.verify_key(key) for key in public_keys}
        # A test sends its token with each request: only good ones are remembered, so strangers push none out.
        self._signed = functools.lru_cache(_KNOWN_TOKENS)(self._verified)

    def judge(self, token: str, now_s: float) -> Claims:
        """Return what the token says; raises `TokenError` where it is not good at this moment."""
        claims = self._signed(token)
        if now_s < claims.not_before_s - CLOCK_TOLERANCE_S:
            raise TokenError(
                "not_yet_valid", f"the token is not valid for {_away(claims.not_before_s - now_s)}"
            )
        if now_s > claims.expires_s + CLOCK_TOLERANCE_S:
            raise TokenError("expired", f"the token expired {_away(now_s - claims.expires_s)} ago")
        return claims

    def _verified(self, token: str) -> Claims:
        """Return the claims of a token that an owner of our keys has signed; raises `TokenError`."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise TokenError("malformed", "this is no token of a collector")
        name = found["key"]
        key = self._keys.get(name)
        if key is None:
            raise TokenError("unknown_key", f"the token is signed with key {name}, which is not known here")
        text, _dot, encoded = token.rpartition(".")
        signature = base64.urlsafe_b64decode(f"{encoded}==")
        if _encoded(signature) != encoded:  # the last character has bits to spare: one token, one spelling
            raise TokenError("malformed", "this is no token of a collector")
        try:
            signing.check_signature(key, TOKEN_DOMAIN + text.encode("ascii"), signature)
        except SignatureError:
            raise TokenError("forged", f"the token is not signed with key {name}") from None
        return Claims(found["device"], int(found["not_before"]), int(found["expires"]))


def read_public_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a file: one a line in base64, empty lines and lines that begin with `#` left out.

    Raises `KeyFormatError` that names the line.
    """
    keys = []
    for number, line in enumerate((line.strip() for line in text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            signing.key_id(line)
        except KeyFormatError as error:
            raise KeyFormatError(f"line {number}: {error}") from None
        keys.append(line)
    if not keys:
        raise KeyFormatError("it holds no key; pantau-collector testpoint-key makes one")
    return tuple(keys)


def _encoded(signature: bytes) -> str:
    return base64.urlsafe_b64encode(signature).decode("ascii").rstrip("=")


def _away(seconds: float) -> str:
    """Return a span of time as people say it; a wrong clock shows as days or years."""
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"  # noqa: PLR2004 - two hours
