"""The file with the keys of authenticated STAMP (RFC 8762, section 4.4), as agent and testpoint read it.

One key a line, in hexadecimal or base64; empty lines and lines that begin with `#` are left out. The agent
signs with the first key, the testpoint accepts every one: so the same file serves both, and a key is replaced
by giving the testpoint the old and the new one until all agents have the new one.
"""

from __future__ import annotations

import base64
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

MIN_KEY_OCTETS = 16
"""As long as the truncated HMAC: a shorter key would be the weaker part."""

_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_FOR_OTHERS = stat.S_IRWXO
ADVICE = "whoever reads this file can sign as we do: chmod 600"


class StampKeys(NamedTuple):
    """The keys, the one to sign with first; `exposed` if not only owner and group may use the file."""

    keys: tuple[bytes, ...]
    exposed: bool


def read(path: Path) -> StampKeys:
    """Return the keys of the file; raises ValueError with what to mend."""
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except OSError as error:
        raise ValueError(f"cannot read the STAMP key file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the STAMP key file {path} is not text") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    keys = tuple(_key(line, f"{path}, line {number}") for number, line in lines if line and line[0] != "#")
    if not keys:
        raise ValueError(f"the STAMP key file {path} holds no key; make one with: openssl rand -hex 32")
    return StampKeys(keys, exposed=bool(mode & _FOR_OTHERS))


def _key(line: str, place: str) -> bytes:
    """Return the key of one line; no part of it goes into a message."""
    try:
        key = bytes.fromhex(line) if _HEXADECIMAL.fullmatch(line) else base64.b64decode(line, validate=True)
    except ValueError:
        raise ValueError(f"{place}: a STAMP key is written in hexadecimal or base64") from None
    if len(key) < MIN_KEY_OCTETS:
        raise ValueError(f"{place}: a STAMP key has at least {MIN_KEY_OCTETS} octets, this one {len(key)}")
    return key
