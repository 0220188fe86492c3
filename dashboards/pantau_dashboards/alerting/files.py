"""The provisioning files of alerting: one of rules a regency, one of contacts, policies and messages."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from pantau_dashboards.alerting import contacts as contacts_file
from pantau_dashboards.alerting import messages, rules
from pantau_dashboards.alerting.shapes import group_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pantau_collector.contacts import Contacts
    from pantau_dashboards.alerting.model import Group
    from pantau_dashboards.alerting.regencies import Regency
    from pantau_dashboards.alerting.shapes import Json
    from pantau_dashboards.i18n import Language

FOLDER: dict[Language, str] = {"id": "Pantau: peringatan", "en": "Pantau: alerts"}
"""The title of the folder that holds the rules."""
NOTIFICATIONS = "notifications.json"


def contents(
    regencies: Sequence[Regency],
    language: Language,
    *,
    contacts: Contacts | None = None,
    by_province: bool = False,
) -> dict[str, Json]:
    """Return the files by name. Without `contacts` nobody is told, and Grafana's own policies stay."""
    make = rules.province_groups if by_province else rules.groups
    by_place: dict[str, list[Group]] = defaultdict(list)
    for group in make(regencies, language):
        by_place[group.name.split(" ", 1)[0]].append(group)
    found = {
        f"rules-{place}.json": group_file(inside, FOLDER[language]) for place, inside in by_place.items()
    }
    return {**found, NOTIFICATIONS: _notifications(regencies, contacts)}


def write(folder: Path, files: dict[str, Json]) -> None:
    """Write the files into a folder, and remove those of an earlier time."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("rules-*.json"), *folder.glob(NOTIFICATIONS)]:
        if old.name not in files:
            old.unlink()
    for name, content in files.items():
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (folder / name).write_text(f"{text}\n", "utf-8")


def _notifications(regencies: Sequence[Regency], contacts: Contacts | None) -> Json:
    templates = [
        {"orgId": 1, "name": "pantau", "template": messages.words()},
        {"orgId": 1, "name": "pantau-names", "template": messages.names(regencies)},
    ]
    found: Json = {"apiVersion": 1, "templates": templates}
    if contacts is not None:
        found["contactPoints"] = contacts_file.contact_points(contacts)
        found["policies"] = [{"orgId": 1, **contacts_file.policy(contacts)}]
    return found
