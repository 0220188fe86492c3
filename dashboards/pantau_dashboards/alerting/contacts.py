"""Who is told: the operator's one file (`contacts.toml`), as Grafana's contact points and policy tree.

    default = "noc"                       # whoever nothing else names
    pipeline = "operators"                # collectors and certificates; the default where absent

    [contact.noc]
    type = "email"
    language = "id"
    settings = { addresses = "noc@example.id" }

    [contact.klaten]
    type = "telegram"
    settings = { bottoken = "$PANTAU_TELEGRAM_TOKEN", chatid = "-1001234567890" }

    [[route]]
    regencies = ["33.10"]
    contact = "klaten"

A setting may name an environment variable: Grafana fills it in when it reads the file, `push` when it sends.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from pantau_dashboards.errors import DashboardsError
from pantau_dashboards.i18n import DEFAULT, Language

if TYPE_CHECKING:
    from pathlib import Path

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

ContactName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
RegencyCode = Annotated[str, Meta(pattern=r"^\d{2}\.\d{2}$")]


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to reach people: the integration's type and Grafana's own settings for it."""

    type: str
    settings: dict[str, Any]
    language: Language = DEFAULT


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which contact hears of which regencies."""

    regencies: Annotated[tuple[RegencyCode, ...], Meta(min_length=1)]
    contact: ContactName


class Contacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    default: ContactName
    contact: dict[ContactName, Contact]
    route: tuple[Route, ...] = ()
    pipeline: ContactName | None = None


def read(path: Path) -> Contacts:
    """Return the contacts in a file; raises `DashboardsError`, which says what is wrong."""
    try:
        contacts = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Contacts)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise DashboardsError(f"{path}: {error}") from error
    _check(contacts, path)
    return contacts


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


def _check(contacts: Contacts, path: Path) -> None:
    used = {
        contacts.default,
        contacts.pipeline or contacts.default,
        *(route.contact for route in contacts.route),
    }
    if unknown := sorted(used - set(contacts.contact)):
        raise DashboardsError(f"{path}: there is no [contact.{unknown[0]}]")
    for name, contact in contacts.contact.items():
        if contact.type not in _TEXTS:
            raise DashboardsError(
                f"{path}: contact.{name}.type is {contact.type!r}; use one of {', '.join(sorted(_TEXTS))}"
            )
    seen: dict[str, str] = {}
    for route in contacts.route:
        for code in route.regencies:
            if seen.setdefault(code, route.contact) != route.contact:
                raise DashboardsError(f"{path}: {code} has two contacts, {seen[code]} and {route.contact}")
