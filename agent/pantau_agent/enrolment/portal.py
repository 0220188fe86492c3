"""The portal as a device meets it first: known by a fingerprint, and by no public authority.

The first connection believes nobody and says nothing secret: it shows the portal's certificate, and fetches
the authority that may have issued it; one of them must have the fingerprint. Only then the token is sent, on
a connection that is verified by it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import hmac
import http.client
import socket
import ssl
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from pantau_agent.enrolment import refusals
from pantau_agent.errors import EnrolmentError
from pantau_wire import enrolment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_wire.enrolment import EnrolmentAnswer, EnrolmentRequest, Invitation

_TIMEOUT_S = 20.0
_TRIES = 3
_PAUSE_S = 1.0
_JSON = "application/json"
_OK = 200
_Body = TypeVar("_Body")


class Portal:
    """The portal of an invitation. Every method blocks, and raises `EnrolmentError`."""

    def __init__(self, invitation: Invitation) -> None:
        """Connect nowhere yet."""
        parts = urlsplit(invitation.url)
        self.host, self.port = parts.hostname or "", parts.port or 443
        self.time: dt.datetime | None = None
        """The portal's clock, once it was met; nobody vouches for it."""
        self._wanted = invitation.fingerprint
        self._place = invitation.url.removeprefix("https://")
        self._trust: ssl.SSLContext | None = None

    def meet(self) -> None:
        """Make sure that this is the portal of the invitation."""
        with self._explained(), contextlib.closing(self._connected(_trusting_nobody())) as connection:
            known = self._is_wanted(_certificate(connection))
            answer = self._answer(connection, "GET", enrolment.Introduction, None)
        if not known:
            self._trust = self._trusting(answer.authority)

    def enrol(self, request: EnrolmentRequest) -> EnrolmentAnswer:
        """Return the answer; where it is lost on the way the same is asked again."""
        for rest in reversed(range(_TRIES)):
            try:
                return self._enrol(request)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise EnrolmentError(refusals.not_trusted(error, self.host, self.time)) from None
                if not rest:
                    raise EnrolmentError(refusals.answer_lost(self._place)) from None
                time.sleep(_PAUSE_S)
        raise AssertionError  # the last try returns or raises

    def _enrol(self, request: EnrolmentRequest) -> EnrolmentAnswer:
        with contextlib.closing(self._connected(self._trust or _trusting_nobody())) as connection:
            if self._trust is None and not self._is_wanted(_certificate(connection)):
                raise EnrolmentError(refusals.other_fingerprint(self._place))
            return self._answer(connection, "POST", enrolment.EnrolmentAnswer, msgspec.json.encode(request))

    def _connected(self, context: ssl.SSLContext) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=_TIMEOUT_S, context=context)
        connection.connect()
        return connection

    def _answer(
        self, connection: http.client.HTTPSConnection, method: str, kind: type[_Body], body: bytes | None
    ) -> _Body:
        """Return what the portal answers; raises `OSError` and `HTTPException` too."""
        connection.request(method, enrolment.PATH, body, {"Content-Type": _JSON, "Accept": _JSON})
        response = connection.getresponse()
        octets = response.read(enrolment.MAX_ANSWER_BYTES)
        self.time = _instant(response.getheader("Date")) or self.time
        if response.status != _OK:
            wait = response.getheader("Retry-After")
            raise refusals.refused(self._place, response.status, octets, wait)
        try:
            return msgspec.json.decode(octets, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise EnrolmentError(refusals.no_portal(self._place)) from None

    def _trusting(self, authority: str) -> ssl.SSLContext:
        """Return a context that believes this authority and nobody else, if it is the wanted one."""
        try:
            octets = ssl.PEM_cert_to_DER_cert(authority.strip())
            if self._is_wanted(octets):
                return ssl.create_default_context(cadata=octets)
        except ValueError:  # ssl.SSLError is another matter: nobody can make one with the right fingerprint
            pass
        raise EnrolmentError(refusals.other_fingerprint(self._place))

    def _is_wanted(self, certificate: bytes) -> bool:
        return hmac.compare_digest(enrolment.fingerprint(certificate), self._wanted)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except socket.gaierror:
            raise EnrolmentError(refusals.no_address(self.host)) from None
        except ssl.SSLError as error:
            raise EnrolmentError(refusals.no_tls(self._place, error)) from None
        except (OSError, http.client.HTTPException) as error:
            raise EnrolmentError(refusals.not_reached(self._place, error)) from None


def _trusting_nobody() -> ssl.SSLContext:
    """Return a context for connections whose certificate is compared by its fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _certificate(connection: http.client.HTTPSConnection) -> bytes:
    assert isinstance(connection.sock, ssl.SSLSocket)
    return connection.sock.getpeercert(binary_form=True) or b""


def _instant(header: str | None) -> dt.datetime | None:
    try:
        return email.utils.parsedate_to_datetime(header or "").astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
