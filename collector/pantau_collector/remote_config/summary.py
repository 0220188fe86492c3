"""What a message changes, line by line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.i18n import Language
    from pantau_wire.remote import Instruction, RemoteSettings

_FOR = _("for {audience}, version {version}, signed with key {key}")
_UNTIL = _("devices take it until {instant}; what is taken stays in force")
_REST = _("everything else stays as it is configured on the device")
_BACK = _("nothing is changed: devices go back to their own configuration")


def summary(instruction: Instruction, key: str, language: Language) -> list[str]:
    """Return the lines that tell people what the message does."""
    head = Message(_FOR, {"audience": instruction.audience, "version": instruction.version, "key": key})
    lines = [head.to(language)]
    if instruction.not_after_ns is not None:
        instant = datetime.fromtimestamp(instruction.not_after_ns // 10**9, UTC)
        lines.append(Message(_UNTIL, {"instant": f"{instant:%Y-%m-%dT%H:%M:%SZ}"}).to(language))
    changes = list(_changes(instruction.settings))
    lines += [f"  {place} = {json.dumps(value, ensure_ascii=False)}" for place, value in changes]
    return [*lines, Message(_REST if changes else _BACK).to(language)]


def _changes(settings: RemoteSettings) -> Iterator[tuple[str, Any]]:
    for section, values in msgspec.to_builtins(settings).items():
        for key, value in values.items():
            yield f"{section}.{key}", value
