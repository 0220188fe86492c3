"""The registry as an inventory of Ansible's: who stands where, in groups that playbooks can be limited to.

A device is a host; `agents` holds all that are expected to measure, `retired` the others. `province_33` holds
its regencies, `regency_33_10` its devices, `technology_fibre` and `village_33_10_25_2007` theirs. Group names
are what Ansible takes: letters, digits and `_`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pantau_collector.registry import areas
from pantau_collector.registry.timezones import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_collector.registry.model import Placement, Registry

Groups = dict[str, dict[str, dict[str, dict[str, str]]]]
"""Of each group its `hosts` or `children`; empty values are variables, which stand with the hosts."""

_PROVINCE, _REGENCY = 2, 5  # characters of a code


def standing(registry: Registry) -> list[Placement]:
    """Return where each device stands now, or stood last; devices of the future are not there yet."""
    return [found for device in registry.devices if (found := registry.current(device)) is not None]


def hostvars(placement: Placement) -> dict[str, str]:
    """Return what the role `agent` is told of a device, and what people want to read of it."""
    village = areas.find(placement.village)
    names = [village.name, *(area.name for area in village.parents)] if village else []
    return {
        "agent_village": placement.village,
        "agent_timezone": zone_of(placement.village).iana,
        "pantau_place": ", ".join(names),
        "pantau_provider": placement.provider,
        "pantau_profile": placement.profile,
    }


def static(registry: Registry) -> dict[str, Any]:
    """Return the inventory as Ansible's `yaml` plugin reads it."""
    placements = standing(registry)
    hosts = {placement.device: hostvars(placement) for placement in placements}
    return {"all": {"hosts": hosts, "children": _groups(placements)}}


def script(registry: Registry) -> dict[str, Any]:
    """Return the inventory as Ansible's `script` plugin wants it for `--list`."""
    placements = standing(registry)
    hosts = {placement.device: hostvars(placement) for placement in placements}
    groups = {
        name: {kind: list(members) for kind, members in group.items()}
        for name, group in _groups(placements).items()
    }
    return {"_meta": {"hostvars": hosts}, **groups}


def _groups(placements: Iterable[Placement]) -> Groups:
    """Return for each group its hosts, or for a province the groups in it."""
    groups: Groups = {"agents": {"hosts": {}}}
    for placement in placements:
        if not placement.active:
            _put(groups, "retired", "hosts", placement.device)
            continue
        village, regency = placement.village, placement.village[:_REGENCY]
        _put(groups, "agents", "hosts", placement.device)
        _put(groups, _name("village", village), "hosts", placement.device)
        _put(groups, _name("regency", regency), "hosts", placement.device)
        _put(groups, _name("province", village[:_PROVINCE]), "children", _name("regency", regency))
        if placement.technology:
            _put(groups, _name("technology", placement.technology), "hosts", placement.device)
    return groups


def _put(groups: Groups, group: str, kind: str, member: str) -> None:
    groups.setdefault(group, {}).setdefault(kind, {})[member] = {}


def _name(kind: str, code: str) -> str:
    return f"{kind}_{code.replace('.', '_')}"
