"""The filter `to_toml`: settings as a TOML document, in a fixed order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: to_toml
author: Pantau's makers
version_added: 0.1.0
short_description: Settings as a TOML document
description: Tables become sections; tables in lists are written in one line; empty values are left out.
options:
  _input:
    description: The settings.
    type: dict
    required: true
"""
EXAMPLES = """
toml: "{{ {'device': 'klaten-1', 'broker': {'port': 8883}} | pantau.network.to_toml }}"
"""
RETURN = """
_value:
  description: The document.
  type: str
"""


def to_toml(settings: Mapping[str, Any]) -> str:
    """Return the settings as TOML; raises `AnsibleFilterError` for what TOML has no form for."""
    if not isinstance(settings, Mapping):
        raise AnsibleFilterError(f"to_toml wants a dictionary of settings, not {settings!r}")
    return "\n".join(_section(settings, ())).strip() + "\n"


def _section(settings: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """Return the lines of a table: its own values first, then the tables in it."""
    present = {str(key): value for key, value in settings.items() if value is not None}
    values = {key: value for key, value in present.items() if not isinstance(value, Mapping)}
    lines = ["", f"[{'.'.join(map(_key, path))}]"] if path and (values or not present) else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in values.items()]
    for key, value in present.items():
        if key not in values:
            lines += _section(value, (*path, key))
    return lines


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inside = ", ".join(
            f"{_key(str(key))} = {_value(one)}" for key, one in value.items() if one is not None
        )
        return f"{{ {inside} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    raise AnsibleFilterError(f"to_toml knows no TOML for {value!r} ({type(value).__name__})")


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return str(key) if bare else _text(key)


def _text(text: str) -> str:
    """Return a basic string, whose escapes are JSON's."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"to_toml": to_toml}
