"""`pantau-collector notify`: a test message to each contact, or to some."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pantau_collector import contacts
from pantau_collector.config import load
from pantau_collector.errors import ContactsError
from pantau_collector.i18n import marked as _
from pantau_collector.i18n import translate
from pantau_collector.notification.notices import Text
from pantau_collector.notification.services import Service

if TYPE_CHECKING:
    import argparse

_TITLE = _("Pantau: test message")
_BODY = _("Notifications of traffic surges will come this way.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the names of contacts."""
    parser.add_argument("contact", nargs="*", help="a name in the file of contacts (default: all of them)")
    parser.set_defaults(function=_notify)


def _notify(arguments: argparse.Namespace) -> int:
    settings = load(arguments.config).notification
    if settings.contacts is None:
        raise ContactsError("notification.contacts names no file: write it into the configuration")
    known = contacts.read(settings.contacts)
    names = arguments.contact or sorted(known.contact)
    if unknown := sorted(set(names) - set(known.contact)):
        raise ContactsError(f"{settings.contacts}: there is no [contact.{unknown[0]}]")
    failed = False
    for name in names:
        contact = known.contact[name]
        text = Text(translate(_TITLE, contact.language), translate(_BODY, contact.language))
        reason = Service(name, contact, settings.smtp).send(text, "info")
        sys.stdout.write(f"{name}: {reason or 'sent'}\n")
        failed = failed or reason is not None
    return int(failed)
