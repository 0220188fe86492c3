"""Passwords: what makes a good one, and their hashes by scrypt (RFC 7914)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata

from pantau_collector.errors import AccessError
from pantau_collector.i18n import marked as _

# OWASP's password storage cheat sheet, 2024: as hard as N=2^17, p=1, in a quarter of the memory (32 MiB).
_LOG2_N, _R, _P = 15, 8, 3
_SALT_BYTES, _HASH_BYTES = 16, 32
MIN_CHARACTERS = 12
MAX_CHARACTERS = 256


def check_strength(name: str, password: str) -> None:
    """Refuse what is guessed first. Raises `AccessError`."""
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise AccessError(
            _("a password has {least} to {most} characters"), least=MIN_CHARACTERS, most=MAX_CHARACTERS
        )
    if name in password.lower() or len(set(password)) < MIN_CHARACTERS // 2:
        raise AccessError(_("this password is guessed easily: take several words, without the name in them"))


def hashed(password: str) -> str:
    """Return what is kept of a password: parameters, salt and hash."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return _written(_LOG2_N, _R, _P, salt, _scrypt(password, salt, _LOG2_N, _R, _P))


def matches(password: str, kept: str | None) -> bool:
    """Tell whether it is the password. Without an account (None) the same work is done, to take as long."""
    _name, log2_n, r, p, salt, digest = (kept or _DECOY).split("$")
    found = _scrypt(password, base64.b64decode(salt), int(log2_n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(digest)) and kept is not None


def _scrypt(password: str, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
    text = unicodedata.normalize("NFC", password).encode(errors="replace")
    memory_bytes = 128 * r * 2**log2_n + 2**21  # what RFC 7914 needs, and OpenSSL's own beside it
    return hashlib.scrypt(text, salt=salt, n=2**log2_n, r=r, p=p, maxmem=memory_bytes, dklen=_HASH_BYTES)


def _written(log2_n: int, r: int, p: int, salt: bytes, digest: bytes) -> str:
    parts = (base64.b64encode(salt).decode(), base64.b64encode(digest).decode())
    return "$".join(("scrypt", str(log2_n), str(r), str(p), *parts))


_DECOY = _written(_LOG2_N, _R, _P, bytes(_SALT_BYTES), bytes(_HASH_BYTES))
