"""Invitations: a token that lets one device, once and until a moment, have its certificate from the portal.

A file for each device, in the folder of the authorities: the token's hash, and once it was used the
certificate that was given for it, so that an answer that was lost on the way can be given again. The
certificate is kept before it is journalled, and journalled before anybody sees it: a power cut between leaves
an invitation that still works.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.errors import CertificateError, EnrolmentRefusedError
from pantau_collector.i18n import marked as _
from pantau_collector.identity import certificates, folder
from pantau_collector.people import who
from pantau_wire import enrolment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec

    from pantau_collector.identity.authority import Identities
    from pantau_collector.identity.folder import Folder
    from pantau_collector.identity.journal import Action

_ID_BYTES = 8
_NO_DIGEST = "0" * 64
_REMEMBERED = dt.timedelta(days=30)  # so that who comes late is told why
_ASK_AGAIN = "ask the operator for a new one (pantau-collector devices invite)"


class Invitation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One invitation. `id` is no secret, `digest` is SHA-256 of the token in hex; `certificate` is PEM."""

    id: str
    device: str
    village: str
    digest: str
    who: str
    made_at: dt.datetime
    ends_at: dt.datetime
    used_at: dt.datetime | None = None
    certificate: str | None = None

    def open_at(self, now: dt.datetime) -> bool:
        """Tell whether a device can still come with it."""
        return self.used_at is None and now < self.ends_at


class Invitations:
    """The invitations of one folder. Every method raises `CertificateError` where files cannot be used."""

    def __init__(self, files: Folder, identities: Identities) -> None:
        """Read nothing yet."""
        self._files = files
        self._identities = identities

    def invite(self, device: str, village: str, valid: dt.timedelta) -> tuple[str, Invitation]:
        """Return a new token, which cannot be shown again; an earlier one of the device is void from now on.

        Refuses a device that holds a valid certificate.
        """
        token = enrolment.new_token()
        with self._files.locked():
            self._identities.refuse_second(device)
            now = self._identities.time()
            self._sweep(now)
            earlier = self._read(device)
            if earlier is not None and earlier.open_at(now):
                self._journal("uninvited", earlier)
            made = Invitation(
                id=secrets.token_hex(_ID_BYTES),
                device=device,
                village=village,
                digest=_digest(token),
                who=who(),
                made_at=now,
                ends_at=now + valid,
            )
            self._journal("invited", made)
            self._write(made)
        return token, made

    def withdraw(self, device: str) -> None:
        """Void the device's open invitation."""
        with self._files.locked():
            found = self._read(device)
            if found is None or not found.open_at(self._identities.time()):
                raise CertificateError(_("{name} has no open invitation"), name=device)
            self._journal("uninvited", found)
            self._files.invitation(device).unlink()

    def open(self) -> list[Invitation]:
        """Return the open invitations, those that end first in front."""
        now = self._identities.time()
        return sorted((found for found in self._all() if found.open_at(now)), key=lambda found: found.ends_at)

    def admit(self, device: str, token: str) -> Invitation:
        """Return the invitation that the token belongs to. Raises `EnrolmentRefusedError`.

        Who has not the token is told nothing of the device; the comparison takes the same time wherever they
        differ.
        """
        found = self._read(device)
        if not hmac.compare_digest(_digest(token), found.digest if found else _NO_DIGEST) or found is None:
            raise EnrolmentRefusedError(
                "unknown",
                f"there is no such invitation, or it was withdrawn: check the line, or {_ASK_AGAIN}",
            )
        if self._identities.time() >= found.ends_at:
            raise EnrolmentRefusedError(
                "expired", f"the invitation ended at {found.ends_at:%Y-%m-%d %H:%M} UTC: {_ASK_AGAIN}"
            )
        return found

    def redeem(self, device: str, token: str, key: ec.EllipticCurvePublicKey) -> Invitation:
        """Return the invitation with a certificate for the key: exactly one key ever gets one for a token.

        The same key gets the same certificate again. Raises `EnrolmentRefusedError`.
        """
        with self._files.locked():
            found = self.admit(device, token)
            if found.certificate is None:
                found = self._sign(found, key)
            certificate = certificates.read_certificate((found.certificate or "").encode())
            mine = certificate.public_key() == key
            if not mine or not self._identities.record(certificate, device, found.village, found.id):
                raise EnrolmentRefusedError(
                    "used",
                    f"the invitation was used at {found.used_at:%Y-%m-%d %H:%M} UTC by another key: if that"
                    " was somebody else, have the operator revoke the device at once, and invite it again",
                )
        return found

    def _sign(self, found: Invitation, key: ec.EllipticCurvePublicKey) -> Invitation:
        if self._identities.holds_valid(found.device):
            raise EnrolmentRefusedError(
                "enrolled",
                "the device got a certificate in another way meanwhile: if it is not here, have the operator"
                " revoke it and invite the device again",
            )
        pem = certificates.certificate_pem(self._identities.sign(found.device, key)).decode()
        used = msgspec.structs.replace(found, used_at=self._identities.time(), certificate=pem)
        self._write(used)
        return used

    def _read(self, device: str) -> Invitation | None:
        return _decoded(self._files.invitation(device))

    def _all(self) -> Iterator[Invitation]:
        for path in sorted(self._files.invitations.glob("*.json")):
            found = _decoded(path)
            if found is not None:
                yield found

    def _write(self, invitation: Invitation) -> None:
        path = self._files.invitation(invitation.device)
        self._files.make_invitations()
        folder.write(path, msgspec.json.encode(invitation) + b"\n", private=True)

    def _sweep(self, now: dt.datetime) -> None:
        for found in self._all():
            if found.ends_at + _REMEMBERED <= now:
                self._files.invitation(found.device).unlink()

    def _journal(self, action: Action, invitation: Invitation) -> None:
        self._identities.append(
            action,
            side="client",
            subject=invitation.device,
            ends_at=invitation.ends_at,
            village=invitation.village,
            invitation=invitation.id,
        )


def _digest(token: str) -> str:
    """Return SHA-256, which is enough for a token that nobody can guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def _decoded(path: Path) -> Invitation | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Invitation)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CertificateError(_("cannot read {path}: {reason}"), path=path, reason=error.strerror) from None
    except msgspec.DecodeError as error:
        raise CertificateError(_("{path} is damaged: {error}"), path=path, error=error) from None
