"""What was done to identities, when and by whom: a file that only grows, and what follows from it.

One JSON object a line. Whoever asks later why a device could or could not connect finds the answer here;
which certificates are valid follows from reading it from the beginning.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Literal

import msgspec

from pantau_collector import wholefile
from pantau_collector.errors import CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity.certificates import Revoked
from pantau_collector.identity.terms import Reason, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Action = Literal["began", "issued", "revoked", "superseded", "list_renewed", "invited", "uninvited"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One deed. `serial` is a certificate's, in hex; `ends_at` when it, the list or the invitation ends.

    `superseded` is a revocation that takes effect at `ends_at`. `invitation` is an invitation's id; a
    certificate that has one was issued by the portal, to whoever held the invitation's token.
    """

    at: dt.datetime
    who: str
    action: Action
    side: Side | None = None
    subject: str | None = None
    serial: str | None = None
    ends_at: dt.datetime | None = None
    reason: Reason | None = None
    village: str | None = None
    invitation: str | None = None


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and what became of it: `revoked_at` may lie in the future."""

    side: Side
    subject: str
    serial: str
    issued_at: dt.datetime
    ends_at: dt.datetime
    revoked_at: dt.datetime | None = None
    reason: Reason | None = None

    def valid_at(self, now: dt.datetime) -> bool:
        """Tell whether it is believed at that time."""
        return now < self.ends_at and (self.revoked_at is None or now < self.revoked_at)


def read(path: Path) -> list[Entry]:
    """Return all entries, oldest first. Raises `CertificateError` naming a line that cannot be read."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CertificateError(_("cannot read {path}: {reason}"), path=path, reason=error.strerror) from None
    return list(_entries(path, lines))


def _entries(path: Path, lines: Iterable[bytes]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        try:
            yield msgspec.json.decode(line, type=Entry)
        except msgspec.DecodeError as error:
            raise CertificateError(
                _("{path}, line {number} is damaged: {error}"), path=path, number=number, error=error
            ) from None


def append(path: Path, entry: Entry) -> None:
    """Add an entry, durably. Raises `CertificateError`."""
    try:
        wholefile.append(path, msgspec.json.encode(entry), 0o600)
    except OSError as error:
        raise CertificateError(_("cannot write {path}: {reason}"), path=path, reason=error.strerror) from None


def certificates(entries: Iterable[Entry]) -> list[Issued]:
    """Return every certificate that was ever issued, with what became of it, oldest first."""
    found: dict[str, Issued] = {}
    for entry in entries:
        if entry.action == "issued":
            issued = _issued(entry)
            found[issued.serial] = issued
        elif entry.action in ("revoked", "superseded") and entry.serial in found:
            found[entry.serial] = _earlier(found[entry.serial], entry)
    return list(found.values())


def _issued(entry: Entry) -> Issued:
    assert entry.side is not None
    assert entry.subject is not None
    assert entry.serial is not None
    assert entry.ends_at is not None
    return Issued(
        side=entry.side,
        subject=entry.subject,
        serial=entry.serial,
        issued_at=entry.at,
        ends_at=entry.ends_at,
    )


def _earlier(issued: Issued, entry: Entry) -> Issued:
    """Return the certificate with the earlier end of its own revocation and the entry's."""
    at = entry.ends_at if entry.action == "superseded" and entry.ends_at else entry.at
    if issued.revoked_at is not None and issued.revoked_at <= at:
        return issued
    return msgspec.structs.replace(issued, revoked_at=at, reason=entry.reason or "unspecified")


def revoked_clients(entries: Iterable[Entry], now: dt.datetime) -> list[Revoked]:
    """Return what a revocation list of this moment must hold: what is revoked and has not ended by itself."""
    return [
        Revoked(int(issued.serial, 16), issued.revoked_at, issued.reason or "unspecified")
        for issued in certificates(entries)
        if issued.side == "client"
        and issued.revoked_at is not None
        and issued.revoked_at <= now < issued.ends_at
    ]
