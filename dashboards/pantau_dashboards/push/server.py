"""A running Grafana: what it has of ours, and how it is given what it shall have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException

from pantau_dashboards.errors import DashboardsError
from pantau_dashboards.push.built import ALERTS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_dashboards.alerting.shapes import Json
    from pantau_dashboards.push.built import Sort, Thing

_TIMEOUT_S = 30.0
_NOT_FOUND = 404
_OURS = "pantau"


class Grafana:
    """Grafana's API by `grafana-client`; what it refuses becomes a `DashboardsError` with its words."""

    def __init__(self, url: str, token: str) -> None:
        base = url if url.endswith("/") else f"{url}/"
        self._url = url
        self._api = GrafanaApi.from_url(base, credential=token, timeout=_TIMEOUT_S)
        self._put: dict[Sort, Callable[[Thing, Json | None], object]] = {
            "folder": self._put_folder,
            "dashboard": self._put_dashboard,
            "template": self._put_template,
            "contact point": self._put_contact_point,
            "policies": self._put_policies,
            "rules": self._put_rules,
        }

    def current(self, thing: Thing) -> Json | None:
        """Return what Grafana has in the thing's place, or None."""
        alerting = self._api.alertingprovisioning
        match thing.sort:
            case "folder":
                return self._found(self._api.folder.get_folder, thing.name)
            case "dashboard":
                return _placed(self._found(self._api.dashboard.get_dashboard, thing.name))
            case "template":
                return self._found(alerting.get_template, thing.name)
            case "contact point":
                return self._contact_points().get(thing.name)
            case "policies":
                return self._found(alerting.get_notification_policy_tree)
            case "rules":
                return self._found(alerting.get_rule_group, ALERTS_FOLDER, thing.name)

    def put(self, thing: Thing, current: Json | None) -> None:
        """Give Grafana the thing, in place of `current` where it has something there."""
        self._ask(self._put[thing.sort], thing, current)

    def rule_groups(self) -> dict[str, list[str]]:
        """Return the uids of the rules in our folder, by the name of their group."""
        found: dict[str, list[str]] = {}
        for rule in self._ask(self._api.alertingprovisioning.get_alertrules_all):
            if rule["folderUID"] == ALERTS_FOLDER:
                found.setdefault(rule["ruleGroup"], []).append(rule["uid"])
        return found

    def contact_points(self) -> list[str]:
        """Return the uids of our contact points."""
        return [uid for uid in self._contact_points() if uid.startswith(f"{_OURS}-")]

    def remove_rule(self, uid: str) -> None:
        """Remove one rule."""
        self._ask(self._api.alertingprovisioning.delete_alertrule, uid)

    def remove_contact_point(self, uid: str) -> None:
        """Remove a contact point that no policy names any more."""
        self._ask(self._api.alertingprovisioning.delete_contactpoint, uid)

    def _contact_points(self) -> dict[str, Json]:
        return {point["uid"]: point for point in self._ask(self._api.alertingprovisioning.get_contactpoints)}

    def _put_folder(self, thing: Thing, current: Json | None) -> object:
        title = thing.wanted["title"]
        if current is None:
            return self._api.folder.create_folder(title, uid=thing.name)
        return self._api.folder.update_folder(thing.name, title=title, overwrite=True)

    def _put_dashboard(self, thing: Thing, _current: Json | None) -> object:
        return self._api.dashboard.update_dashboard({**thing.wanted, "overwrite": True})

    def _put_template(self, thing: Thing, _current: Json | None) -> object:
        return self._api.alertingprovisioning.create_or_update_template(thing.name, thing.wanted)

    def _put_contact_point(self, thing: Thing, current: Json | None) -> object:
        if current is None:
            return self._api.alertingprovisioning.create_contactpoint(thing.wanted)
        return self._api.alertingprovisioning.update_contactpoint(thing.name, thing.wanted)

    def _put_policies(self, thing: Thing, _current: Json | None) -> object:
        return self._api.alertingprovisioning.set_notification_policy_tree(thing.wanted)

    def _put_rules(self, thing: Thing, _current: Json | None) -> object:
        return self._api.alertingprovisioning.update_rule_group(ALERTS_FOLDER, thing.name, thing.wanted)

    def _found(self, function: Callable[..., Any], *names: str) -> Json | None:
        try:
            found: Json = self._ask(function, *names)
        except _NotFoundError:
            return None
        return found

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except GrafanaClientError as error:
            if error.status_code == _NOT_FOUND:
                raise _NotFoundError(f"{self._url}: {error.message}") from error
            raise DashboardsError(f"{self._url}: {error.message}") from error
        except (GrafanaException, requests.RequestException, ValueError) as error:
            raise DashboardsError(f"{self._url}: {error}") from error


class _NotFoundError(DashboardsError):
    """There is no such thing."""


def _placed(found: Json | None) -> Json | None:
    """Return a dashboard as it is wanted: beside its folder."""
    return found and {"folderUid": found["meta"].get("folderUid", ""), "dashboard": found["dashboard"]}
