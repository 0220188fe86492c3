"""Random keys, for programs and for browsers: an id to find them by, and a secret of which a hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

_ID_BYTES = 8
_ID = re.compile(r"[0-9a-f]{16}")
_SECRET_BYTES = 32
PROGRAM_PREFIX = "pantau_"  # scanners for leaked secrets find our tokens by it


class Key(NamedTuple):
    """A new key. `text` is shown once; `id` and `digest` are kept."""

    text: str
    id: str
    digest: bytes


def new(prefix: str = "") -> Key:
    """Return a key with a secret of 256 random bits."""
    name, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    return Key(f"{prefix}{name}_{secret}", name, _digest(secret))


def id_of(text: str, prefix: str = "") -> str:
    """Return the part of a key that it is found by; empty where the text is no key."""
    found = text.removeprefix(prefix).partition("_")[0]
    return found if _ID.fullmatch(found) else ""


def matches(text: str, digest: bytes, prefix: str = "") -> bool:
    """Tell, in a time that does not depend on where they differ, whether the key is the one that was kept."""
    return hmac.compare_digest(_digest(text.removeprefix(prefix).partition("_")[2]), digest)


def _digest(secret: str) -> bytes:
    """Return SHA-256, which is enough for a secret that nobody can guess."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()
