"""Settings of a message over a configuration: pure, key by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pantau_agent.remote.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_agent.config import AgentConfig
    from pantau_agent.config.settings import LatencyTargetConfig, Section
    from pantau_wire.remote import RemoteSettings

_SectionT = TypeVar("_SectionT", bound="Section")


def applied(config: AgentConfig, wanted: RemoteSettings) -> AgentConfig:
    """Return the configuration with what the message changes; raises `RefusedError`.

    Each value must also be one that the configuration file could have.
    """
    changed: dict[str, Section] = {}
    for name in wanted.__struct_fields__:
        try:
            changed[name] = _section(getattr(config, name), _values(getattr(wanted, name)))
        except (ValueError, msgspec.ValidationError) as error:
            raise RefusedError("contradiction", f"{name}: {error}") from None
    return msgspec.structs.replace(config, **changed)


def _values(part: msgspec.Struct) -> dict[str, Any]:
    """Return what was said; what was left out is not there."""
    said: dict[str, Any] = msgspec.to_builtins(part)
    return said


def _section(section: _SectionT, values: dict[str, Any]) -> _SectionT:
    types = {field.name: field.type for field in msgspec.structs.fields(section)}
    converted = {name: msgspec.convert(value, types[name]) for name, value in values.items()}
    if "targets" in converted:
        converted["targets"] = tuple(_with_keys(converted["targets"], getattr(section, "targets", ())))
    if "tests_per_day" in converted:
        converted["period_s"] = None  # a plain period would win over it
    return msgspec.structs.replace(section, **converted)


def _with_keys(
    wanted: Iterable[LatencyTargetConfig], own: Iterable[LatencyTargetConfig]
) -> Iterable[LatencyTargetConfig]:
    """Give a target the key file that it has here: a message cannot name files."""
    keys = {(target.host, target.stamp_port): target.stamp_key_file for target in own}
    for target in wanted:
        key = keys.get((target.host, target.stamp_port))
        yield msgspec.structs.replace(target, stamp_key_file=key) if key else target
