"""Words for kinds and for values of fields; labels of the fields themselves come from the wire's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector import formats
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_wire.schema import columns
from pantau_wire.vocabulary import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_collector.i18n import Language
    from pantau_collector.storage.base import Value
    from pantau_wire.schema import Column

KINDS = {
    "traffic": _("Traffic"),
    "latency": _("Delay and loss"),
    "speed": _("Speed test"),
    "dns": _("Name lookup"),
    "http": _("Page fetch"),
    "link": _("Connection"),
    "device": _("Device"),
}

ENDED_BY = {"time": _("its time"), "stable": _("a stable rate"), "budget": _("the data budget")}
VALUES: dict[str, dict[str, str]] = {
    "failure": {
        "unreachable": _("not reachable"),
        "timeout": _("no answer in time"),
        "refused": _("refused by the server"),
        "busy": _("server busy"),
        "name_resolution": _("name not found"),
        "protocol": _("unexpected answer"),
        "permission": _("not permitted on the device"),
        "unsupported": _("not possible on the device"),
        "budget": _("data budget used up"),
        "internal": _("fault of the agent"),
    },
    "limited_by": {
        "none": _("only by the line"),
        "device": _("by the device"),
        "busy_line": _("by other traffic"),
        "budget": _("by the data budget"),
        "server": _("by the server"),
    },
    "target": {
        "gateway": _("to the village's gateway"),
        "testpoint": _("to the testpoint"),
        "internet": _("to the internet"),
    },
    "medium": {
        "wired": _("cable"),
        "wifi": _("Wi-Fi"),
        "mobile": _("mobile network"),
        "loopback": _("the machine itself"),
        "other": _("other"),
    },
    "clock_state": {
        "synced": _("synchronised"),
        "unsynced": _("not synchronised"),
        "repaired": _("repaired"),
        "estimated": _("estimated"),
        "unknown": _("unknown"),
    },
    "technology": {
        "fibre": _("fibre"),
        "cable": _("coaxial cable"),
        "dsl": "DSL",
        "4g": "4G",
        "5g": "5G",
        "wireless": _("radio link"),
        "satellite": _("satellite"),
        "other": _("other"),
    },
    "source": {"host": _("this device"), "router": _("the village's router")},
    "download_ended_by": ENDED_BY,
    "upload_ended_by": ENDED_BY,
    "budget_state": {
        "ok": _("enough left"),
        "thinned": _("nearly used up: fewer tests run"),
        "spent": _("used up: no tests until next month"),
    },
    "clock_daemon": {
        "chrony": "chrony",
        "timesyncd": "systemd-timesyncd",
        "ntpd": "ntpd",
        "other": _("other"),
        "none": _("none"),
    },
    "method": {"icmp": "ICMP", "stamp": "STAMP", "tcp": "TCP"},
    "engine": {
        "http": "HTTP",
        "ndt7": "ndt7",
        "iperf3": "iperf3",
        "speedtest": "Speedtest",
        "speedtest-compat": "speedtest-cli",
    },
}
YES, NO = _("yes"), _("no")


def column(kind: str, name: str) -> Column:
    """Return a field's row of the wire's table; raises `KeyError` where there is none."""
    for found in columns(kind):
        if found.name == name:
            return found
    raise KeyError(f"{kind}.{name}")


def label(kind: str, name: str, language: Language) -> str:
    """Return a field's label."""
    text = column(kind, name).text
    return text.label_id if language == "id" else text.label_en


def about(kind: str, name: str, language: Language) -> str:
    """Return the sentence that says what a field means."""
    text = column(kind, name).text
    return text.about_id if language == "id" else text.about_en


def of_kind(kind: str, language: Language) -> str:
    """Return what people call a kind of measurement."""
    return translate(KINDS[kind], language)


def of_value(name: str, value: str, language: Language) -> str:
    """Return what people call a value of a field; values that are names stay as they are."""
    known = VALUES.get(name, {}).get(value)
    return translate(known, language) if known else value


def yes_no(value: bool, language: Language) -> str:
    """Return yes or no."""
    return translate(YES if value else NO, language)


def value_text(column: Column, value: Value, language: Language) -> str:
    """Return any field's value as people read it; an en dash where there is none."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return yes_no(value, language)
    if isinstance(value, str):
        return of_value(column.name, value, language)
    if isinstance(value, tuple):
        return series_text(value, column.unit, language)
    if column.unit is Unit.NONE:
        return str(value)
    return formats.quantity(value, column.unit, language)


def series_text(values: Sequence[float], unit: Unit, language: Language) -> str:
    """Return a series with its unit once: `35,1 38,2 38,1 Mbit/s`, all in the unit that fits the largest."""
    if not values:
        return "\N{EN DASH}"
    factor, symbol = formats.scale_of(unit, max(values))
    figures = [formats.number(value / factor, language, 1) for value in values]
    return f"{' '.join(figures)}\N{NO-BREAK SPACE}{symbol}".strip()
