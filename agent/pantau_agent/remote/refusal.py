"""Why a message is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_agent.errors import AgentError

if TYPE_CHECKING:
    from pantau_wire.remote import RefusalReason

_DETAIL_LENGTH = 200


class RefusedError(AgentError):
    """A message that is not taken. `version` is known once the signature is verified."""

    def __init__(self, reason: RefusalReason, detail: str, version: int | None = None) -> None:
        clean = "".join(char if char.isprintable() else " " for char in detail)[:_DETAIL_LENGTH]
        super().__init__(clean)
        self.reason = reason
        self.version = version
