"""Reads the configuration: defaults, the profile's, a TOML file, then `PANTAU_AGENT_*`; unknown keys fail.

Nested values in the environment are written with two underscores: `PANTAU_AGENT_BROKER__HOST`. Lists are
JSON there.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from pantau_agent.config.complaints import complaint, unknown_key
from pantau_agent.config.presets import lay_under
from pantau_agent.config.settings import AgentConfig, Secret, Section
from pantau_agent.errors import ConfigError
from pantau_agent.i18n import _

DEFAULT_PATH = "/etc/pantau/agent.toml"
PREFIX = "PANTAU_AGENT_"

_SectionT = TypeVar("_SectionT", bound=Section)


class _Text(str):
    """A value out of the environment: always text, whatever is asked for."""

    __slots__ = ()


def load(path: Path | None) -> AgentConfig:
    """Return the configuration; raises `ConfigError` naming each wrong key.

    Without a path the default file is read if it is there; a path that is given must be there.
    """
    file = path or Path(DEFAULT_PATH)
    from_file = path is not None or _exists(file)
    values = _read_toml(file) if from_file else {}
    _overlay_environment(values)
    lay_under(values)
    problems: list[str] = []
    config = _build(AgentConfig, values, "", problems)
    if config is None:
        raise ConfigError("\n  ".join([_heading(file if from_file else None, len(problems)), *problems]))
    return config


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except PermissionError:  # in a folder that this user may not look into: reading it says so
        return True


def _heading(file: Path | None, count: int) -> str:
    if file is None:
        return _("the environment ({prefix}*) has {count} wrong setting(s):").format(
            prefix=PREFIX, count=count
        )
    return _("{file}, with {prefix}* over it, has {count} wrong setting(s):").format(
        file=file, prefix=PREFIX, count=count
    )


def as_json(config: AgentConfig) -> str:
    """Return the configuration as indented JSON, secrets hidden."""
    return msgspec.json.format(msgspec.json.encode(config, enc_hook=str), indent=2).decode()


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            _("cannot read {file}: {reason}").format(file=file, reason=error.strerror)
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(_("{file} is not TOML: {reason}").format(file=file, reason=error)) from None


def _overlay_environment(values: dict[str, Any]) -> None:
    for name, text in sorted(os.environ.items()):
        if name.startswith(PREFIX):
            *sections, key = name.removeprefix(PREFIX).lower().split("__")
            inner = values
            for section in sections:
                if not isinstance(inner.get(section), dict):
                    inner[section] = {}
                inner = inner[section]
            inner[key] = _Text(text)


def _build(section: type[_SectionT], values: Any, path: str, problems: list[str]) -> _SectionT | None:
    """Return the section, or None after adding what is wrong to `problems`."""
    if not isinstance(values, dict):
        problems.append(f"{path.rstrip('.')}: " + _("expected a table"))
        return None
    known_before = len(problems)
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key in fields:
            found[key] = _convert(fields[key].type, value, f"{path}{key}", problems)
        else:
            problems.append(unknown_key(path, key, fields))
    missing = [name for name, field in fields.items() if field.required and name not in found]
    problems += [f"{path}{name}: " + _("is missing") for name in missing]
    if len(problems) > known_before:
        return None
    try:
        return section(**found)
    except ValueError as error:
        problems.append(f"{path.rstrip('.')}: {error}".removeprefix(": "))
        return None


def _convert(kind: Any, value: Any, path: str, problems: list[str]) -> Any:
    section = _section_in(kind)
    if section is not None and get_origin(kind) is not tuple:
        return _build(section, value, f"{path}.", problems)
    try:
        if isinstance(value, _Text) and get_origin(kind) is tuple:
            value = msgspec.json.decode(value.encode())
        if section is not None and isinstance(value, list):
            return tuple(_build(section, each, f"{path}[{i}].", problems) for i, each in enumerate(value))
        if isinstance(value, _Text):
            return msgspec.convert(str(value), kind, strict=False, dec_hook=_decode_own)
        return msgspec.convert(value, kind, dec_hook=_decode_own)
    except msgspec.DecodeError as error:
        problems.append(complaint(path, kind, value, str(error)))
        return None


def _section_in(kind: Any) -> type[Section] | None:
    """Return the table that a type is, may be, or is a list of; None for plain values."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind
    return next((found for part in get_args(kind) if (found := _section_in(part)) is not None), None)


def _decode_own(kind: type[Path | Secret], value: Any) -> Path | Secret:
    """Return a value of a type that msgspec does not know."""
    if not isinstance(value, str) or not value:
        raise TypeError(_("expected a text that is not empty"))
    return kind(value)
