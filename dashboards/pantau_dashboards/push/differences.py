"""How what Grafana has differs from what is wanted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

REDACTED = "[REDACTED]"
"""What Grafana answers instead of a secret."""
ABSENT = "(absent)"

Difference = tuple[str, Any, Any]
"""Where (a path such as `rules[0].for`), what Grafana has there, and what is wanted."""


def differences(current: Any, wanted: Any, path: str = "") -> Iterator[Difference]:
    """Yield where `wanted` does not stand in `current`. What Grafana adds of its own is no difference."""
    if isinstance(wanted, dict) and isinstance(current, dict):
        for key, value in wanted.items():
            yield from differences(current.get(key, ABSENT), value, f"{path}.{key}" if path else key)
    elif isinstance(wanted, list) and isinstance(current, list) and len(current) == len(wanted):
        for at, (one, other) in enumerate(zip(current, wanted, strict=True)):
            yield from differences(one, other, f"{path}[{at}]")
    elif not _same(current, wanted):
        yield path, current, wanted


def _same(current: Any, wanted: Any) -> bool:
    return current in (wanted, REDACTED) or (current == ABSENT and not wanted)


def holds_secrets(current: Any) -> bool:
    """Return whether Grafana keeps a secret in it, so that nobody can tell whether that is the wanted one."""
    if isinstance(current, dict):
        return any(map(holds_secrets, current.values()))
    return bool(current == REDACTED)
