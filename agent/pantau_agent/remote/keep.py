"""The newest message of each audience, on disk: what is in force survives restarts, and versions do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pantau_agent.errors import RemoteConfigError
from pantau_agent.wholefile import replace_file
from pantau_wire.remote import Audience, ConfigMessage

if TYPE_CHECKING:
    from pathlib import Path

_FILE_NAME = "remote-config.json"
_MODE = 0o644  # no secret: `pantau-agent config` shows it to whoever asks


class _Kept(msgspec.Struct):
    messages: dict[Audience, ConfigMessage]


def file_beside(spool: Path) -> Path:
    """Return where the messages of the agent with this spool are kept."""
    return spool.with_name(_FILE_NAME)


def read(file: Path) -> dict[str, ConfigMessage]:
    """Return the messages by audience; raises `RemoteConfigError` for a file that cannot be used."""
    try:
        return dict(msgspec.json.decode(file.read_bytes(), type=_Kept).messages)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RemoteConfigError(f"cannot read {file}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteConfigError(f"{file} is damaged: {error}") from None


def write(file: Path, messages: dict[str, ConfigMessage]) -> None:
    """Replace the file at one stroke, and return when it would survive a power cut; raises `OSError`."""
    text = msgspec.json.format(msgspec.json.encode(_Kept(messages)), indent=2)
    replace_file(file, text + b"\n", mode=_MODE)
