"""From the line of an invitation to a certificate in its place."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509

from pantau_agent.enrolment import refusals
from pantau_agent.enrolment.install import place
from pantau_agent.enrolment.portal import Portal
from pantau_agent.enrolment.request import begin_key, key_file, pending_file, read_key, request_pem
from pantau_agent.errors import EnrolmentError, InvitationUsedError
from pantau_agent.i18n import _
from pantau_wire import codec, enrolment
from pantau_wire.errors import InvitationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pantau_agent.enrolment.install import Installed
    from pantau_wire.enrolment import EnrolmentAnswer, Invitation

_NOTED = dt.timedelta(minutes=5)


def read_line(line: str) -> Invitation:
    """Return what the line of an invitation says; raises `EnrolmentError`."""
    try:
        return enrolment.from_line(line)
    except InvitationError as error:
        mistyped = error.fault == "mistyped"
        raise EnrolmentError(refusals.mistyped() if mistyped else refusals.no_line()) from None


def enrol(
    invitation: Invitation, folder: Path, *, now: dt.datetime, note: Callable[[str], None]
) -> tuple[Installed, EnrolmentAnswer]:
    """Get the certificate and put it into the folder with key and authority; raises `EnrolmentError`.

    The token is not sent before the portal is known to be the right one, and the clock to be possible.
    """
    device = invitation.device
    pending, installed = pending_file(folder, device), key_file(folder, device)
    begin_key(folder, device)
    portal = Portal(invitation)
    portal.meet()
    _check_clock(now, portal.time, note)
    key = pending
    try:
        answer = _ask(portal, invitation, key)
    except InvitationUsedError:
        if not installed.exists():
            raise
        key = installed  # perhaps by this device itself: then the same certificate comes again
        answer = _ask(portal, invitation, key)
    certificate, authority = _certificate(answer.certificate), _certificate(answer.authority)
    made = place(folder, certificate, authority, key=key, now=now)
    pending.unlink(missing_ok=True)
    return made, answer


def _ask(portal: Portal, invitation: Invitation, key: Path) -> EnrolmentAnswer:
    device = invitation.device
    pem = request_pem(read_key(key), device).decode()
    answer = portal.enrol(enrolment.EnrolmentRequest(device, invitation.token, pem))
    if answer.device != device:
        raise EnrolmentError(refusals.no_portal(portal.host))
    return answer


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise EnrolmentError(
            _("the portal's answer holds no certificate: show this line to the operator")
        ) from None


def _check_clock(now: dt.datetime, right: dt.datetime | None, note: Callable[[str], None]) -> None:
    """Refuse a clock that was lost with the power; tell of one that differs from the portal's."""
    if now.timestamp() < codec.EARLIEST_NS / 1e9:
        raise EnrolmentError(refusals.wrong_clock(now, right))
    if right is not None and abs(now - right) > _NOTED:
        text = _("note: this clock says {now}, the portal's {right}; one of them is wrong")
        note(text.format(now=f"{now:%Y-%m-%d %H:%M} UTC", right=f"{right:%Y-%m-%d %H:%M} UTC"))
