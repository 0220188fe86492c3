"""Tokens for testpoints, handed out with the acks: who publishes here may test there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pantau_collector.errors import ConfigError
from pantau_wire.errors import KeyFormatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pantau_collector.config import TokenConfig
    from pantau_wire.tokens import TokenSigner

_MAX_DEVICES = 200_000  # more than a nation's, about 30 MB at most
_LOST_AFTER_S = 20.0  # an ack may be lost; a device sends again no sooner than this


class TokenDesk:
    """Remembers which device was given a token when; the one that waits longest is forgotten first."""

    def __init__(
        self,
        signer: TokenSigner,
        *,
        valid_s: float,
        renew_s: float,
        now_s: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        max_devices: int = _MAX_DEVICES,
    ) -> None:
        """Give tokens that are good for `valid_s`, to each device one in `renew_s` seconds."""
        self._signer = signer
        self._valid_s = valid_s
        self._renew_s = renew_s
        self._now_s = now_s
        self._clock = clock
        self._max_devices = max_devices
        self._given_at: dict[str, float] = {}  # in the order of the giving

    def token_for(self, device: str, *, sent_again: bool) -> str | None:
        """Return a token, None while the device has one.

        A device that sends records again has perhaps not heard the ack that carried its last one.
        """
        now = self._clock()
        given_at = self._given_at.get(device)
        if given_at is not None and now - given_at < (_LOST_AFTER_S if sent_again else self._renew_s):
            return None
        self._remember(device, now)
        return self._made(device)

    def _remember(self, device: str, now: float) -> None:
        self._given_at.pop(device, None)
        if len(self._given_at) >= self._max_devices:
            del self._given_at[next(iter(self._given_at))]
        self._given_at[device] = now

    def _made(self, device: str) -> str:
        from pantau_wire.tokens import Claims  # noqa: PLC0415 - loaded by who has a key, see open_desk

        now_s = int(self._now_s())
        return self._signer.token(Claims(device, now_s, now_s + int(self._valid_s)))


def open_desk(config: TokenConfig) -> TokenDesk | None:
    """Return the desk, None without a key; raises `ConfigError` for a key that cannot be used."""
    if config.key_file is None:
        return None
    from pantau_wire.tokens import TokenSigner  # noqa: PLC0415 - libsodium is for who signs

    try:
        signer = TokenSigner(_read(config.key_file))
    except KeyFormatError as error:
        raise ConfigError(f"testpoint.key_file: {config.key_file}: {error}") from None
    return TokenDesk(signer, valid_s=config.token_valid_s, renew_s=config.token_renew_s)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError as error:
        raise ConfigError(f"testpoint.key_file: cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"testpoint.key_file: {file} is not a key in PEM") from None
