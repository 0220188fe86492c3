"""`pantau-collector devices invite`, `invitations` and `uninvite`: the line that a technician is given.

Every command takes the parsed arguments, returns the exit code and raises `CertificateError` where it cannot
be done.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.config import load
from pantau_collector.errors import CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity import certificates, folder
from pantau_collector.identity.invitations import Invitations
from pantau_collector.identity.terminal import (
    files_of,
    identities_of,
    note,
    registry_of,
    say,
    stands_there,
)
from pantau_collector.identity.terms import MAX_INVITED
from pantau_collector.registry import areas
from pantau_collector.registry.instants import format_instant
from pantau_wire import enrolment, topics
from pantau_wire.errors import InvitationError

if TYPE_CHECKING:
    import argparse

    from pantau_collector.config import CollectorConfig
    from pantau_collector.identity.folder import Folder
    from pantau_collector.identity.invitations import Invitation

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LEAST = dt.timedelta(minutes=1)

INVITED = _(
    "{device} may enrol once, until {ends_at}. The line is shown only now: give it to the technician and to"
    " nobody else. On the device, the technician runs this and pastes it:\n"
    "  sudo pantau-agent enroll --token -"
)
KEPT = _("{path} holds the same line, readable by you only; delete it when the device is enrolled")
NOT_PLACED = _(
    "{device} is not in the registry yet; what it measures waits on the device until you run:\n"
    "  pantau-collector registry add {path} {device} {village}"
)
NOT_SERVED = _(
    "no portal enrols devices yet: set [enrolment] broker_host in the collector's configuration, and restart"
    " it"
)
UNINVITED = _("the invitation of {device} is void")
NONE_OPEN = _("no invitation is open")
LISTED = _("{device}  {village}  until {ends_at}  by {who}")


def invite(arguments: argparse.Namespace) -> int:
    """Print the line of a new invitation, alone on standard output; what to do with it beside."""
    topics.check_device_id(arguments.device)
    village = areas.find(arguments.village)
    if village is None or village.level != "village":
        raise CertificateError(
            _("{village} is no village's code: find it with pantau-collector registry search NAME"),
            village=arguments.village,
        )
    config, files, valid = load(arguments.config), files_of(arguments), _span(arguments.valid)
    fingerprint, url = _fingerprint(arguments, config, files), _url(arguments, config)
    placed = stands_there(arguments)
    invitations = Invitations(files, identities_of(arguments))
    token, made = invitations.invite(arguments.device, arguments.village, valid)
    line = enrolment.to_line(enrolment.Invitation(url, made.device, token, fingerprint))
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    _advise(arguments, made, line, placed=placed, served=config.enrolment.broker_host is not None)
    return 0


def _advise(
    arguments: argparse.Namespace, made: Invitation, line: str, *, placed: bool, served: bool
) -> None:
    note(arguments, INVITED, device=made.device, ends_at=_instant(made))
    if arguments.out is not None:
        folder.write(arguments.out, f"{line}\n".encode(), private=True)
        note(arguments, KEPT, path=arguments.out)
    if not placed:
        path = registry_of(arguments)
        note(arguments, NOT_PLACED, device=made.device, path=path, village=made.village)
    if not served:
        note(arguments, NOT_SERVED)


def uninvite(arguments: argparse.Namespace) -> int:
    """Void a device's open invitation."""
    topics.check_device_id(arguments.device)
    Invitations(files_of(arguments), identities_of(arguments)).withdraw(arguments.device)
    say(arguments, UNINVITED, device=arguments.device)
    return 0


def invitations(arguments: argparse.Namespace) -> int:
    """List what is open; neither tokens nor their hashes are shown."""
    found = Invitations(files_of(arguments), identities_of(arguments)).open()
    if arguments.json:
        shown = [
            {name: getattr(one, name) for name in ("device", "village", "who", "made_at", "ends_at", "id")}
            for one in found
        ]
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n")
        return 0
    if not found:
        say(arguments, NONE_OPEN)
    for one in found:
        ends_at, device = _instant(one), f"{one.device:<32}"
        say(arguments, LISTED, device=device, village=one.village, ends_at=ends_at, who=one.who)
    return 0


def _url(arguments: argparse.Namespace, config: CollectorConfig) -> str:
    url = arguments.url or config.enrolment.url
    if url is None:
        raise CertificateError(
            _("where is the portal? Give --url https://HOST[:PORT], or set [enrolment] url")
        )
    try:
        return enrolment.check_url(url)
    except InvitationError:
        raise CertificateError(
            _("{url} is not a portal's address: it is written https://HOST[:PORT]"), url=repr(url)
        ) from None


def _fingerprint(arguments: argparse.Namespace, config: CollectorConfig, files: Folder) -> bytes:
    """Return what the device will know the portal by: our authority, or else the portal's own certificate."""
    authority = files.certificate("server")
    path = arguments.certificate or config.web.cert_file
    if path is not None:
        try:
            own = certificates.read_certificate(path.read_bytes())
        except OSError as error:
            raise CertificateError(
                _("cannot read {path}: {reason}"), path=path, reason=error.strerror
            ) from None
        if not certificates.is_issued_by(own, authority):
            return enrolment.fingerprint(certificates.der(own))
    return enrolment.fingerprint(certificates.der(authority))


def _span(text: str) -> dt.timedelta:
    """Return a span such as 90m, 48h or 7d."""
    found = _SPAN.fullmatch(text)
    span = dt.timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else dt.timedelta()
    if not _LEAST <= span <= MAX_INVITED:
        raise CertificateError(
            _("--valid {span}: write minutes, hours or days, such as 90m, 48h or 7d; at most {most} days"),
            span=text,
            most=MAX_INVITED.days,
        )
    return span


def _instant(invitation: Invitation) -> str:
    return format_instant(int(invitation.ends_at.timestamp()) * 1_000_000_000, invitation.village)
