"""Who is told: the operator's file (`pantau_collector.contacts`) as Grafana's contact points and policies.

A setting may name an environment variable: Grafana fills it in when it reads the file, `push` when it sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector import contacts as file
from pantau_collector.errors import ContactsError
from pantau_dashboards.errors import DashboardsError

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_collector.contacts import Contact, Contacts
    from pantau_dashboards.alerting.shapes import Json

# Where each of Grafana's integrations takes the title and the text of a message.
_TEXTS: dict[str, tuple[str, str]] = {
    "discord": ("title", "message"),
    "email": ("subject", "message"),
    "googlechat": ("title", "message"),
    "slack": ("title", "text"),
    "teams": ("title", "message"),
    "telegram": ("", "message"),
    "webhook": ("title", "message"),
}


def read(path: Path) -> Contacts:
    """Return the contacts in a file; raises `DashboardsError`, which says what is wrong."""
    try:
        return file.read(path)
    except ContactsError as error:
        raise DashboardsError(str(error)) from error


def contact_points(contacts: Contacts) -> list[Json]:
    """Return the contact points as files hold them."""
    return [_contact_point(name, contact) for name, contact in sorted(contacts.contact.items())]


def policy(contacts: Contacts) -> Json:
    """Return the policy tree: the pipeline's contact, each regency's, and the default for the rest.

    A message tells of one rule: all of a regency's villages that it concerns. What calls for people is
    repeated every two hours, tickets twice a day, what is only worth knowing once a day.
    """
    pipeline = contacts.pipeline or contacts.default
    routes = [_route(pipeline, ["scope", "=", "pipeline"])]
    routes += [_route(route.contact, _of(route.regencies)) for route in contacts.route]
    return {
        "receiver": receiver(contacts.default),
        "group_by": ["grafana_folder", "alertname"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "12h",
        "routes": [*routes, *_BY_SEVERITY],
    }


def receiver(contact: str) -> str:
    """Return the contact point's name in Grafana."""
    return f"pantau-{contact}"


_BY_SEVERITY: list[Json] = [
    {"object_matchers": [["severity", "=", "page"]], "group_wait": "10s", "repeat_interval": "2h"},
    {"object_matchers": [["severity", "=", "info"]], "group_wait": "1m", "repeat_interval": "1d"},
]


def _route(contact: str, matcher: list[str]) -> Json:
    return {"receiver": receiver(contact), "object_matchers": [matcher], "routes": _BY_SEVERITY}


def _of(regencies: tuple[str, ...]) -> list[str]:
    if len(regencies) == 1:
        return ["regency", "=", regencies[0]]
    return ["regency", "=~", "|".join(code.replace(".", r"\.") for code in regencies)]


def _contact_point(name: str, contact: Contact) -> Json:
    title, text = _TEXTS[contact.type]
    templates = {
        title: f'{{{{ template "pantau.{contact.language}.title" . }}}}',
        text: f'{{{{ template "pantau.{contact.language}.message" . }}}}',
    }
    settings = {**{key: value for key, value in templates.items() if key}, **contact.settings}
    kind = {"uid": receiver(name), "type": contact.type, "settings": settings, "disableResolveMessage": False}
    return {"orgId": 1, "name": receiver(name), "receivers": [kind]}
