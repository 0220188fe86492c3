"""Reads the configuration: defaults, then a TOML file, then `PANTAU_AGENT_*`; unknown keys fail.

Nested values in the environment are written with two underscores: `PANTAU_AGENT_BROKER__HOST`. Lists are
JSON there.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_origin

import msgspec

from pantau_agent.config.settings import AgentConfig, Secret, Section
from pantau_agent.errors import ConfigError

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
    from_file = path is not None or file.exists()
    values = _read_toml(file) if from_file else {}
    _overlay_environment(values)
    problems: list[str] = []
    config = _build(AgentConfig, values, "", problems)
    if config is None:
        source = f"{file}, with {PREFIX}* over it," if from_file else f"the environment ({PREFIX}*)"
        raise ConfigError("\n  ".join([f"{source} has {len(problems)} wrong setting(s):", *problems]))
    return config


def as_json(config: AgentConfig) -> str:
    """Return the configuration as indented JSON, secrets hidden."""
    return msgspec.json.format(msgspec.json.encode(config, enc_hook=str), indent=2).decode()


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


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
        problems.append(f"{path.rstrip('.')}: expected a table")
        return None
    known_before = len(problems)
    types = {field.name: field.type for field in msgspec.structs.fields(section)}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key in types:
            found[key] = _convert(types[key], value, f"{path}{key}", problems)
        else:
            problems.append(f"{path}{key}: unknown key")
    if len(problems) > known_before:
        return None
    try:
        return section(**found)
    except ValueError as error:
        problems.append(f"{path.rstrip('.')}: {error}".removeprefix(": "))
        return None


def _convert(kind: Any, value: Any, path: str, problems: list[str]) -> Any:
    if isinstance(kind, type) and issubclass(kind, Section):
        return _build(kind, value, f"{path}.", problems)
    try:
        if not isinstance(value, _Text):
            return msgspec.convert(value, kind, dec_hook=_decode_own)
        if get_origin(kind) is tuple:
            return msgspec.convert(msgspec.json.decode(value.encode()), kind)
        return msgspec.convert(str(value), kind, strict=False, dec_hook=_decode_own)
    except msgspec.DecodeError as error:
        message, _, place = str(error).partition(" - at `$")
        problems.append(f"{path}{place.rstrip('`')}: {message}")
        return None


def _decode_own(kind: type[Path | Secret], value: Any) -> Path | Secret:
    """Return a value of a type that msgspec does not know."""
    if not isinstance(value, str) or not value:
        raise TypeError("expected a text that is not empty")
    return kind(value)
