"""The regencies of a registry, with what their rules need: names, zone, profiles."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.errors import RegistryError
from pantau_collector.registry import areas, reader
from pantau_collector.registry.timezones import zone_of
from pantau_dashboards.alerting.bounds import SATELLITE_PROFILE
from pantau_dashboards.errors import DashboardsError

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_collector.registry.model import Registry

_REGENCY_LENGTH = 5
_PROVINCE_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Regency:
    """One regency or city: its code, name and province, its zone's name (WIB, WITA, WIT), and its villages.

    `villages` are code and name in order of code; `satellites` the codes of those whose profile allows the
    delay of a satellite.
    """

    code: str
    name: str
    province: str
    province_name: str
    zone: str
    villages: tuple[tuple[str, str], ...] = ()
    satellites: tuple[str, ...] = ()


def of_file(path: Path) -> list[Regency]:
    """Return the regencies where an active device stands now; raises `DashboardsError` for a wrong file."""
    try:
        return of_registry(reader.read(path))
    except RegistryError as error:
        raise DashboardsError(str(error)) from error


def of_registry(registry: Registry) -> list[Regency]:
    """Return the regencies of a registry's villages, in order of code."""
    villages: dict[str, list[str]] = defaultdict(list)
    for village in registry.villages():
        villages[village[:_REGENCY_LENGTH]].append(village)
    return [_regency(code, inside, registry) for code, inside in sorted(villages.items())]


def name_of(code: str) -> str:
    """Return an area's name, or its code where nobody knows it."""
    area = areas.find(code)
    return area.name if area else code


def _regency(code: str, villages: list[str], registry: Registry) -> Regency:
    province = code[:_PROVINCE_LENGTH]
    return Regency(
        code=code,
        name=name_of(code),
        province=province,
        province_name=name_of(province),
        zone=zone_of(code).name,
        villages=tuple((village, name_of(village)) for village in villages),
        satellites=tuple(village for village in villages if _by_satellite(village, registry)),
    )


def _by_satellite(village: str, registry: Registry) -> bool:
    return any(placement.profile == SATELLITE_PROFILE for placement in registry.devices_of(village))
