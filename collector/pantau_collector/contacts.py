"""Who is told of what: the operator's one file (`contacts.toml`), for Grafana and for notifications alike.

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

Types and settings are Grafana's. A setting may name an environment variable.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from pantau_collector.errors import ContactsError
from pantau_collector.i18n import DEFAULT, Language

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ("discord", "email", "googlechat", "slack", "teams", "telegram", "webhook")
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

    def of(self, regency: str) -> ContactName:
        """Return who hears of a regency."""
        return next((route.contact for route in self.route if regency in route.regencies), self.default)


def read(path: Path) -> Contacts:
    """Return the contacts in a file; raises `ContactsError`, which says what is wrong."""
    try:
        contacts = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Contacts)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ContactsError(f"{path}: {error}") from error
    _check(contacts, path)
    return contacts


def _check(contacts: Contacts, path: Path) -> None:
    used = {
        contacts.default,
        contacts.pipeline or contacts.default,
        *(route.contact for route in contacts.route),
    }
    if unknown := sorted(used - set(contacts.contact)):
        raise ContactsError(f"{path}: there is no [contact.{unknown[0]}]")
    for name, contact in contacts.contact.items():
        if contact.type not in TYPES:
            raise ContactsError(
                f"{path}: contact.{name}.type is {contact.type!r}; use one of {', '.join(TYPES)}"
            )
    seen: dict[str, str] = {}
    for route in contacts.route:
        for code in route.regencies:
            if seen.setdefault(code, route.contact) != route.contact:
                raise ContactsError(f"{path}: {code} has two contacts, {seen[code]} and {route.contact}")
