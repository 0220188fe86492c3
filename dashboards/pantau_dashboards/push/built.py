"""What `pantau-dashboards build` wrote, as things to bring into Grafana."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pantau_dashboards.alerting import cli as alerting
from pantau_dashboards.alerting.files import NOTIFICATIONS
from pantau_dashboards.alerting.shapes import unescaped
from pantau_dashboards.errors import DashboardsError
from pantau_dashboards.i18n import LANGUAGES
from pantau_dashboards.places import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pantau_dashboards.alerting.shapes import Json

Sort = Literal["folder", "dashboard", "template", "contact point", "policies", "rules"]
ALERTS_FOLDER = "pantau-alerts"
"""The uid of the folder that holds the rules."""
POLICIES = "policies"
_UNITS_S = {"h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that Grafana shall have: its sort, its uid or name, and what the API takes for it."""

    sort: Sort
    name: str
    wanted: Json


def things(built: Path) -> list[Thing]:
    """Return everything in a folder that `build` wrote; raises `DashboardsError` where there is nothing."""
    found = [*_dashboards(built), *_alerting(built / alerting.FOLDER)]
    if not found:
        raise DashboardsError(f"{built}: nothing was built there; run pantau-dashboards build first")
    return found


def _dashboards(built: Path) -> Iterator[Thing]:
    for language in LANGUAGES:
        paths = sorted(built.glob(f"**/{language}/*.json"))
        uid, title = FOLDERS[language]
        if paths:
            yield Thing("folder", uid, {"uid": uid, "title": title})
        for path in paths:
            dashboard = _json(path)
            yield Thing("dashboard", dashboard["uid"], {"folderUid": uid, "dashboard": dashboard})


def _alerting(folder: Path) -> Iterator[Thing]:
    if (folder / NOTIFICATIONS).is_file():
        yield from _notifications(_json(folder / NOTIFICATIONS))
    groups = [group for path in sorted(folder.glob("rules-*.json")) for group in _json(path)["groups"]]
    if groups:
        title = unescaped(groups[0]["folder"])
        yield Thing("folder", ALERTS_FOLDER, {"uid": ALERTS_FOLDER, "title": title})
    for group in groups:
        yield _group(group)


def _notifications(content: Json) -> Iterator[Thing]:
    for template in content.get("templates", ()):
        yield Thing("template", template["name"], {"template": template["template"]})
    for point in content.get("contactPoints", ()):
        for receiver in point["receivers"]:
            filled = {**receiver, "settings": _filled(receiver["settings"])}
            yield Thing("contact point", receiver["uid"], {**filled, "name": point["name"]})
    for policy in content.get("policies", ()):
        yield Thing("policies", POLICIES, {key: value for key, value in policy.items() if key != "orgId"})


def _group(group: Json) -> Thing:
    name = unescaped(group["name"])
    where = {"folderUID": ALERTS_FOLDER, "ruleGroup": name, "orgID": 1}
    rules = [{**_rule(rule), **where} for rule in group["rules"]]
    wanted = {
        "title": name,
        "folderUid": ALERTS_FOLDER,
        "interval": _seconds(group["interval"]),
        "rules": rules,
    }
    return Thing("rules", name, wanted)


def _rule(rule: Json) -> Json:
    labels = {name: unescaped(value) for name, value in rule["labels"].items()}
    return {**rule, "title": unescaped(rule["title"]), "labels": labels}


def _seconds(duration: str) -> int:
    parts = re.findall(r"(\d+)([hms])", duration)
    return sum(int(number) * _UNITS_S[unit] for number, unit in parts)


def _filled(value: Any) -> Any:
    """Return settings with the environment's values where they name a variable, as Grafana reads files."""
    if isinstance(value, dict):
        return {key: _filled(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_filled(inside) for inside in value]
    return re.sub(r"\$\$|\$\{?(\w+)\}?", _variable, value) if isinstance(value, str) else value


def _variable(found: re.Match[str]) -> str:
    if found[1] is None:
        return "$"
    if found[1] not in os.environ:
        raise DashboardsError(f"a contact's settings name ${found[1]}, which the environment does not have")
    return os.environ[found[1]]


def _json(path: Path) -> Json:
    try:
        content: Json = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DashboardsError(f"{path}: {error}") from error
    return content
