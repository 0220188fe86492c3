"""What an operator does with identities: begin, issue, revoke, rotate, renew the list; each is journalled."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pantau_collector.errors import CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity import certificates, folder, journal
from pantau_collector.identity.journal import Entry
from pantau_collector.identity.terms import (
    CERTIFICATE_DAYS,
    EXPIRY_WARNING_DAYS,
    LIST_DAYS,
    LIST_WARNING_DAYS,
    OVERLAP_DAYS,
)
from pantau_collector.people import who

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    from pantau_collector.identity.certificates import Revoked
    from pantau_collector.identity.folder import Folder
    from pantau_collector.identity.journal import Issued
    from pantau_collector.identity.terms import Reason, Side


@dataclass(frozen=True, slots=True)
class Standing:
    """How the identities stand at one moment, for people and for metrics."""

    at: dt.datetime
    valid_count: int
    revoked_count: int
    expiring: tuple[Issued, ...]
    """Subjects whose newest certificate ends within 45 days."""
    list_ends_at: dt.datetime
    list_ends_soon: bool
    """Within 14 days: a lapsed list locks the whole fleet out."""
    authority_ends_at: dt.datetime


class Identities:
    """The authorities in one folder. Every method raises `CertificateError` where it cannot be done."""

    def __init__(self, files: Folder, now: dt.datetime | None = None) -> None:
        """Use the folder; `now` stands still, for tests."""
        self._files = files
        self._now = now

    def begin(self, name: str) -> None:
        """Make both authorities and an empty revocation list. Refuses where there are any."""
        with self._files.locked():
            if self._files.exists():
                raise CertificateError(
                    _("{path} already holds authorities: a new pair would lock out every device"),
                    path=self._files.path,
                )
            for side in ("server", "client"):
                authority = certificates.make_authority(side, name, self.time())
                self._files.keep_authority(side, authority)
                self._note("began", authority.certificate, side)
            self._renew_list()

    def issue(
        self,
        side: Side,
        name: str,
        key: ec.EllipticCurvePublicKey,
        *,
        hosts: Sequence[str] = (),
        days: int = CERTIFICATE_DAYS,
        village: str | None = None,
    ) -> x509.Certificate:
        """Return a certificate for `key`. A client that holds a valid one is refused: rotate it."""
        with self._files.locked():
            if side == "client":
                self.refuse_second(name)
            return self._issue(side, name, key, hosts=hosts, days=days, village=village)

    def holds_valid(self, name: str) -> bool:
        """Tell whether a client holds a valid certificate."""
        return bool(self._valid(name))

    def refuse_second(self, name: str) -> None:
        """Raise `CertificateError` where a client holds a valid certificate."""
        if self.holds_valid(name):
            raise CertificateError(
                _("{name} holds a valid certificate: rotate or revoke it instead"), name=name
            )

    def sign(self, name: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """Return a client's certificate that nobody may see before `record` has journalled it."""
        authority = self._files.authority("client")
        return certificates.issue(authority, "client", name, key, now=self.time(), days=CERTIFICATE_DAYS)

    def record(self, certificate: x509.Certificate, name: str, village: str, invitation: str) -> bool:
        """Journal what `sign` made, unless it is there; the caller holds the folder's lock from `sign` on.

        Return whether it is valid: it may have been revoked meanwhile.
        """
        serial = f"{certificate.serial_number:x}"
        issued = next((found for found in self.certificates() if found.serial == serial), None)
        if issued is None:
            self._note("issued", certificate, "client", name, village=village, invitation=invitation)
        return issued is None or issued.valid_at(self.time())

    def rotate(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        *,
        overlap_days: int = OVERLAP_DAYS,
        days: int = CERTIFICATE_DAYS,
    ) -> x509.Certificate:
        """Return a new certificate; the old ones are believed for `overlap_days` more."""
        with self._files.locked():
            old = self._valid(name)
            if not old:
                raise CertificateError(_("{name} holds no valid certificate"), name=name)
            certificate = self._issue("client", name, key, days=days)
            ends_at = self.time() + dt.timedelta(days=overlap_days)
            for issued in old:  # one that already ends earlier keeps its end
                self._end(issued, "superseded", "superseded", ends_at)
            if not overlap_days:
                self._renew_list()
            return certificate

    def revoke(self, name: str, reason: Reason = "unspecified") -> int:
        """Revoke all of a client's valid certificates and renew the list; return how many they were."""
        with self._files.locked():
            valid = self._valid(name)
            if not valid:
                raise CertificateError(_("{name} holds no valid certificate"), name=name)
            for issued in valid:
                self._end(issued, "revoked", reason, None)
            self._renew_list()
            return len(valid)

    def renew_list(self) -> dt.datetime:
        """Sign a new revocation list; return when it lapses."""
        with self._files.locked():
            return self._renew_list()

    def certificates(self) -> list[Issued]:
        """Return every certificate ever issued."""
        return journal.certificates(self._entries())

    def standing(self) -> Standing:
        """Return how the identities stand."""
        now, found = self.time(), self.certificates()
        soon = now + dt.timedelta(days=EXPIRY_WARNING_DAYS)
        newest = {issued.subject: issued for issued in found if issued.valid_at(now)}
        lists = [entry.ends_at for entry in self._entries() if entry.action == "list_renewed"]
        list_ends_at = lists[-1] if lists and lists[-1] else now
        return Standing(
            at=now,
            valid_count=sum(issued.valid_at(now) for issued in found),
            revoked_count=sum(issued.revoked_at is not None and issued.revoked_at <= now for issued in found),
            expiring=tuple(issued for issued in newest.values() if issued.ends_at < soon),
            list_ends_at=list_ends_at,
            list_ends_soon=list_ends_at < now + dt.timedelta(days=LIST_WARNING_DAYS),
            authority_ends_at=self._files.authority("client").certificate.not_valid_after_utc,
        )

    def time(self) -> dt.datetime:
        """Return this moment, to the second."""
        return self._now or dt.datetime.now(dt.UTC).replace(microsecond=0)

    def _entries(self) -> list[Entry]:
        return journal.read(self._files.journal)

    def _valid(self, name: str) -> list[Issued]:
        """Return a client's certificates that are believed now, those on their way out included."""
        now = self.time()
        return [
            issued
            for issued in self.certificates()
            if (issued.side, issued.subject) == ("client", name) and issued.valid_at(now)
        ]

    def _issue(
        self,
        side: Side,
        name: str,
        key: ec.EllipticCurvePublicKey,
        *,
        hosts: Sequence[str] = (),
        days: int,
        village: str | None = None,
    ) -> x509.Certificate:
        authority = self._files.authority(side)
        certificate = certificates.issue(authority, side, name, key, now=self.time(), days=days, hosts=hosts)
        self._note("issued", certificate, side, name, village=village)
        return certificate

    def _note(
        self,
        action: journal.Action,
        certificate: x509.Certificate,
        side: Side,
        subject: str | None = None,
        **more: str | None,
    ) -> None:
        self.append(
            action,
            side=side,
            subject=subject,
            serial=f"{certificate.serial_number:x}",
            ends_at=certificate.not_valid_after_utc,
            **more,
        )

    def _end(
        self, issued: Issued, action: journal.Action, reason: Reason, ends_at: dt.datetime | None
    ) -> None:
        self.append(
            action,
            side=issued.side,
            subject=issued.subject,
            serial=issued.serial,
            ends_at=ends_at,
            reason=reason,
        )

    def append(self, action: journal.Action, **deed: Any) -> None:
        """Journal a deed of this moment, by whoever is at the keyboard."""
        journal.append(self._files.journal, Entry(at=self.time(), who=who(), action=action, **deed))

    def _renew_list(self) -> dt.datetime:
        now, entries = self.time(), self._entries()
        number = 1 + sum(entry.action == "list_renewed" for entry in entries)
        revoked: list[Revoked] = journal.revoked_clients(entries, now)
        authority = self._files.authority("client")
        crl = certificates.revocation_list(authority, revoked, number, now, LIST_DAYS)
        folder.write(self._files.revocation_list, certificates.list_pem(crl))
        ends_at = now + dt.timedelta(days=LIST_DAYS)
        self.append("list_renewed", side="client", ends_at=ends_at)
        return ends_at
