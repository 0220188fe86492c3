"""What a person reads of a wrong value: what was expected, in which unit, and what stands there instead.

msgspec says what it expected in its own words ("Expected `int` >= 1"); the value it leaves out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pantau_agent.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_CHARACTERS = 60
_TYPE_ERROR = re.compile(r"Expected `(?P<kinds>[^`]+)`(?:, got `\w+`)?(?P<bound>.*)", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)")


def complaint(key: str, kind: Any, value: Any, error: str) -> str:
    """Return the line for a value at `key` that msgspec refuses with `error`; begins with the place."""
    message, _at, place = error.partition(" - at `$")
    place = place.rstrip("`")
    return f"{key}{place}: {_reason(key, kind, _inner(value, place), message)}"


def unknown_key(path: str, key: str, known: Iterable[str]) -> str:
    """Return the line for a key that does not exist, with the one that may be meant."""
    import difflib  # noqa: PLC0415 - a running agent has no unknown keys

    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"{path}{key}: " + _("unknown key; did you mean {near}?").format(near=near[0])
    return f"{path}{key}: " + _("unknown key")


def _reason(key: str, kind: Any, value: Any, message: str) -> str:
    if message.startswith("Invalid enum value"):
        wanted = _("one of {choices}").format(choices=", ".join(_choices(kind)))
    elif found := _TYPE_ERROR.fullmatch(message):
        wanted = _wanted(key, found["kinds"]) + found["bound"]
    else:
        return message
    return _("expected {wanted}, not {value}").format(wanted=wanted, value=_shown(value))


def _wanted(key: str, kinds: str) -> str:
    words = {
        "int": _("a whole number"),
        "float": _("a number"),
        "str": _("a text"),
        "bool": _("true or false"),
        "array": _("a list"),
        "object": _("a table"),
    }
    named = [words.get(kind, kind) for kind in kinds.split(" | ") if kind != "null"]
    unit = _unit(key) if {"int", "float"} & set(kinds.split(" | ")) else None
    return " / ".join(named) + (f" ({unit})" if unit else "")


def _unit(key: str) -> str | None:
    """Return the unit that a setting's name ends in."""
    units = {"s": _("seconds"), "bytes": _("bytes"), "mb": _("megabytes"), "ratio": _("0 to 1")}
    return units.get(key.rpartition("_")[2]) if "_" in key else None


def _choices(kind: Any) -> list[str]:
    """Return the texts that the type allows, wherever in it they stand."""
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    return [choice for part in get_args(kind) for choice in _choices(part)]


def _inner(value: Any, place: str) -> Any:
    """Return what stands at a place inside a list or table."""
    for index, name in _STEP.findall(place):
        value = value[int(index)] if index else value[name]
    return value


def _shown(value: Any) -> str:
    """Return the value as a TOML file would have it, cut where it is long."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = str(value) if is_number else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
