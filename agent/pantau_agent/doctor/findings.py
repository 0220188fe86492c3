"""What a check says: one line each, with what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from pantau_agent.config import AgentConfig

State = Literal["ok", "warning", "problem"]


class Finding(msgspec.Struct, frozen=True):
    """One line. `name` and `state` are the same in every language; `detail` and `advice` are for people."""

    name: str
    state: State
    detail: str
    advice: str | None = None


Check = Callable[[AgentConfig], Awaitable[list[Finding]]]
"""The one signature of all checks: looks once and returns what it saw, nothing where it does not apply."""


def ok(name: str, detail: str) -> Finding:
    """Return that all is well."""
    return Finding(name, "ok", detail)


def warning(name: str, detail: str, advice: str) -> Finding:
    """Return what the agent can live with."""
    return Finding(name, "warning", detail, advice)


def problem(name: str, detail: str, advice: str) -> Finding:
    """Return what keeps the agent from its work."""
    return Finding(name, "problem", detail, advice)
