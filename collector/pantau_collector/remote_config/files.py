"""Private keys, settings and messages on an operator's disk."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import msgspec

from pantau_collector.errors import RemoteConfigError
from pantau_wire import codec
from pantau_wire.errors import WireError
from pantau_wire.remote import ConfigMessage, RemoteSettings

STANDARD_INPUT = "-"
_ONLY_OWNER = 0o600
_UNKNOWN = "Object contains unknown field"  # msgspec's words
_NOT_FROM_AFAR = "unknown, or not to be changed from afar:"


def write_private_key(file: Path, pem: str) -> None:
    """Write a key that only its owner can read; raises `RemoteConfigError` where a file is there already."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_OWNER)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(pem)
            out.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise RemoteConfigError(f"cannot write {file}: {error.strerror}") from None


def read_text(file: str | Path) -> str:
    """Return a file's text, or the standard input's for `-`; raises `RemoteConfigError`."""
    try:
        if str(file) == STANDARD_INPUT:
            return sys.stdin.read()
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise RemoteConfigError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RemoteConfigError(f"{file} is not text in UTF-8") from None


def read_settings(file: str | Path) -> RemoteSettings:
    """Return what a TOML file wants changed; raises `RemoteConfigError` naming the key that is wrong."""
    try:
        return msgspec.convert(tomllib.loads(read_text(file)), RemoteSettings)
    except tomllib.TOMLDecodeError as error:
        raise RemoteConfigError(f"{file} is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        message, _, place = str(error).replace(_UNKNOWN, _NOT_FROM_AFAR).partition(" - at `$")
        where = place.strip("`.")
        raise RemoteConfigError(f"{file}: {where}: {message}" if where else f"{file}: {message}") from None


def read_message(file: str | Path) -> ConfigMessage:
    """Return a signed message; raises `RemoteConfigError` for what is none."""
    try:
        return codec.decode_config(read_text(file).encode(), codec.JSON)
    except WireError as error:
        raise RemoteConfigError(f"{file} is not a signed configuration: {error}") from None
