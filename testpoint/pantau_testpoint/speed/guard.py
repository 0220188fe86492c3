"""Lets in who brings a token of a collector (SPEC.md of the wire, section 8); everybody else is told 401.

This stands before the slots: a stranger costs one signature check, and takes nothing from the devices.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from pantau_testpoint.errors import ConfigurationError, TokenRefusedError
from pantau_wire.errors import KeyFormatError, TokenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pantau_testpoint.speed.request import Request
    from pantau_wire.tokens import TokenKeys

_SCHEME = b"bearer"


class Guard:
    """Judges tokens by this machine's clock; `now_s` is seconds since 1970."""

    def __init__(self, keys: TokenKeys, now_s: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._now_s = now_s
        self._refused: Counter[str] = Counter()

    def device_of(self, request: Request) -> str:
        """Return the device that the request's token was given to; raises TokenRefusedError."""
        scheme, _blank, token = request.headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != _SCHEME:
            raise self._refusal("missing", "this testpoint takes devices with a token of their collector")
        try:
            return self._keys.judge(token.strip().decode("latin-1"), self._now_s()).device
        except TokenError as error:
            raise self._refusal(error.fault, str(error)) from None

    def numbers(self) -> dict[str, object]:
        """Return how many requests were refused since the start, by the reason, for /healthz."""
        return {"refused_tokens": dict(self._refused)}

    def _refusal(self, fault: str, message: str) -> TokenRefusedError:
        self._refused[fault] += 1
        return TokenRefusedError(fault, message)


def open_guard(path: Path) -> Guard:
    """Return a guard that believes the public keys in the file; raises ConfigurationError."""
    try:
        from pantau_wire.tokens import TokenKeys, read_public_keys  # noqa: PLC0415 - libsodium, where wanted

        return Guard(TokenKeys(read_public_keys(path.read_text(encoding="utf-8"))))
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"--token-key-file needs {error.name}: install pantau[testpoint] anew"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot read the token key file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"the token key file {path} is not text") from None
    except KeyFormatError as error:
        raise ConfigurationError(f"the token key file {path}: {error}") from None
