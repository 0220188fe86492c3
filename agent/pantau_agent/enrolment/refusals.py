"""What goes wrong between device and portal, in words that say what to do."""

from __future__ import annotations

import datetime as dt
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from pantau_agent.errors import EnrolmentError, InvitationUsedError
from pantau_agent.i18n import _
from pantau_wire import enrolment

if TYPE_CHECKING:
    import ssl

_NOT_YET_VALID, _EXPIRED = 9, 10  # OpenSSL's X509_V_ERR_*
_OTHER_NAME = {62, 64}
_MAX_DETAIL = 300


def mistyped() -> str:
    """Say that a letter is wrong."""
    return _("a letter of the line is wrong: compare it with what the operator gave you, or paste it whole")


def no_line() -> str:
    """Say what is wanted."""
    return _(
        "this is no line of an invitation: it begins with https:// and has a # in it; the operator makes one"
        " with pantau-collector devices invite"
    )


def wrong_clock(now: dt.datetime, right: dt.datetime | None) -> str:
    """Say how to set the clock: with the portal's time, where it told one."""
    text = _(
        "this device's clock says {now}: with a wrong clock no certificate is accepted. Set it with"
        " sudo date -u -s '{right}', install fake-hwclock so that it survives a power cut, then try again;"
        " the invitation is still good"
    )
    shown = f"{right:%Y-%m-%d %H:%M}" if right else "YYYY-MM-DD HH:MM"
    return text.format(now=f"{now:%Y-%m-%d %H:%M} UTC", right=shown)


def no_address(host: str) -> str:
    """Say that the name leads nowhere."""
    return _(
        "{host} has no address: does this network reach the internet, is its DNS right, is the line right?"
    ).format(host=host)


def not_reached(place: str, error: Exception) -> str:
    """Say that nobody answers."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return _(
        "{place} cannot be reached: {reason}. Check cable, router and firewall, then ask the operator whether"
        " the portal runs; the invitation is still good"
    ).format(place=place, reason=reason)


def no_tls(place: str, error: ssl.SSLError) -> str:
    """Say that something else than TLS answers."""
    return _("{place} does not speak TLS ({reason}): is the line right, is a proxy in between?").format(
        place=place, reason=error.reason or error
    )


def no_portal(place: str) -> str:
    """Say that something else than a portal of ours answers."""
    return _(
        "what answers at {place} is no portal of Pantau's: is the line right? On a network with a login page,"
        " log in there first"
    ).format(place=place)


def other_fingerprint(place: str) -> str:
    """Say that somebody else may be in between."""
    return _(
        "{place} is NOT the portal of the invitation: its certificate has another fingerprint. The token was"
        " not sent. Try another network; if it stays so, ask the operator whether the portal has a new"
        " certificate, and for a new line"
    ).format(place=place)


def not_trusted(error: ssl.SSLCertVerificationError, host: str, right: dt.datetime | None) -> str:
    """Say why the portal's certificate is not good, though its authority is the right one."""
    now = dt.datetime.now(dt.UTC)
    off = right is None or abs(right - now) > dt.timedelta(hours=1)
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED) and off:
        return wrong_clock(now, right)
    if error.verify_code in _OTHER_NAME:
        text = _("the portal's certificate is for another name than {host}: ask the operator for a new line")
        return text.format(host=host)
    text = _("the portal's certificate cannot be trusted ({reason}): show this line to the operator")
    return text.format(reason=error.verify_message)


def answer_lost(place: str) -> str:
    """Say that the same may be tried again."""
    return _(
        "the connection to {place} broke before the certificate came. Run the same command again: this device"
        " gets it as long as the invitation is valid, even if it was issued already"
    ).format(place=place)


def refused(place: str, status: int, body: bytes, retry_after: str | None) -> EnrolmentError:
    """Return the error that says what the portal's refusal means."""
    problem = _problem(body)
    if problem is None:
        return EnrolmentError(no_portal(place))
    text = _meant(problem.fault) or _met_elsewhere(status)
    seconds = retry_after if retry_after and retry_after.isdecimal() else "60"
    detail = "".join(filter(str.isprintable, problem.detail))[:_MAX_DETAIL]
    kind = InvitationUsedError if problem.fault == "used" else EnrolmentError
    return kind(text.format(place=place, status=status, detail=detail, seconds=seconds))


def _meant(fault: enrolment.Fault | None) -> str | None:
    """Return what the desk's own refusals mean; None for others."""
    known: dict[enrolment.Fault | None, str] = {
        "unknown": _(
            "the portal does not know this invitation: it was withdrawn, or replaced by a newer one. Ask the"
            " operator for a new line"
        ),
        "expired": _("the invitation has expired: ask the operator for a new line"),
        "used": _(
            "the invitation was used already, by another key. If nobody of yours did that, tell the operator"
            " at once: somebody else may have this device's certificate"
        ),
        "enrolled": _(
            "this device has a valid certificate already. If it is lost, the operator revokes it and makes a"
            " new line"
        ),
        "request": _("the portal does not take the request ({detail}): is this pantau-agent up to date?"),
        "too_often": _too_often(),
        "unavailable": _(
            "the portal cannot issue certificates just now; the invitation is still good. Try again in some"
            " minutes, then tell the operator"
        ),
    }
    return known.get(fault)


def _met_elsewhere(status: int) -> str:
    """Return what a refusal means that is not the desk's own."""
    known: dict[int, str] = {
        HTTPStatus.NOT_FOUND: _("{place} enrols no devices: ask the operator to set [enrolment] there"),
        HTTPStatus.TOO_MANY_REQUESTS: _too_often(),
        HTTPStatus.MISDIRECTED_REQUEST: _(
            "the portal does not know itself as {place}: the operator adds that name to web.allowed_hosts"
        ),
    }
    other = _("{place} refuses with status {status} ({detail}): show this line to the operator")
    return known.get(status, other)


def _too_often() -> str:
    return _("too many attempts from this network: wait {seconds} seconds, then try again")


def _problem(body: bytes) -> enrolment.Problem | None:
    try:
        return msgspec.json.decode(body, type=enrolment.Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
