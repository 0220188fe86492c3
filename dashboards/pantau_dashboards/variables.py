"""The variables above the dashboards: province, regency, district, village, and the devices there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_dashboards.i18n import marked as _
from pantau_dashboards.influxql import tag_values
from pantau_dashboards.places import LEVELS
from pantau_dashboards.spec import Picker, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL_REGEX = r"/(?<text>.+)\|(?<value>.+)/"
LEVEL_TITLES: Mapping[str, str] = {
    "province": _("Province"),
    "regency": _("Regency"),
    "district": _("District"),
    "village": _("Village"),
}
_ABOUT: Mapping[str, str] = {
    "province": _("Provinces with registered devices"),
    "regency": _("Regencies of the province with registered devices"),
    "district": _("Districts of the regency with registered devices"),
    "village": _("Villages of the district with registered devices"),
}


def inside(level: str) -> str:
    """Return the condition that an area is the chosen one, or any where all are chosen."""
    return f'"{level}" =~ /^${{{level}:regex}}$/'


def within(*levels: str) -> tuple[str, ...]:
    """Return the conditions for several levels."""
    return tuple(inside(level) for level in levels)


def chain(**pickers: Picker) -> tuple[Variable, ...]:
    """Return the variables of these levels, each offering what lies in those before it."""
    found = []
    for level, picker in pickers.items():
        above = [before for before in LEVELS[: LEVELS.index(level)] if before in pickers]
        statement = tag_values("registry", f"{level}_label", within(*above))
        variable = Variable(
            name=level,
            label=LEVEL_TITLES[level],
            about=_ABOUT[level],
            statement=statement,
            picker=picker,
            regex=LABEL_REGEX,
        )
        found.append(variable)
    return tuple(found)


def devices(*levels: str) -> Variable:
    """Return the hidden variable with the devices that are placed there: raw points know no village."""
    return Variable(
        name="device",
        label=_("Device"),
        about=_("Devices that are registered there now"),
        statement=tag_values("registry", "device", within(*levels)),
        picker="several",
        hidden=True,
    )


OF_DEVICE = inside("device")
