"""The files of the authorities: one folder, secrets for its owner only, each file replaced in one step."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pantau_collector import wholefile
from pantau_collector.errors import CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity import certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography import x509

    from pantau_collector.identity.certificates import Authority
    from pantau_collector.identity.terms import Side

_PRIVATE, _PUBLIC = 0o600, 0o644


class Folder:
    """Where authorities, revocation list and journal are kept."""

    def __init__(self, path: Path) -> None:
        """Read and write nothing yet."""
        self.path = path
        self.journal = path / "journal.jsonl"
        self.revocation_list = path / "client-revoked.pem"
        self.invitations = path / "invitations"

    def authority_certificate(self, side: Side) -> Path:
        """Return the file that the other side of a connection believes in."""
        return self.path / f"{side}-ca.pem"

    def _authority_key(self, side: Side) -> Path:
        return self.path / f"{side}-ca.key"

    def invitation(self, device: str) -> Path:
        """Return the file of a device's invitation."""
        return self.invitations / f"{device}.json"

    def exists(self) -> bool:
        """Tell whether the authorities are there."""
        return self._authority_key("client").exists()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, so that two who issue at once do not overwrite each other."""
        with contextlib.ExitStack() as held:
            try:
                self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
                held.enter_context(wholefile.locked(self.path))
            except OSError as error:
                raise CertificateError(
                    _("cannot use {path}: {reason}"), path=self.path, reason=error.strerror
                ) from None
            yield

    def make_invitations(self) -> None:
        """Make the folder of the invitations, for its owner alone. Raises `CertificateError`."""
        try:
            if not self.invitations.exists():
                self.invitations.mkdir(mode=0o700)
                wholefile.hand_over(self.invitations, self.path)
        except OSError as error:
            raise CertificateError(
                _("cannot write {path}: {reason}"), path=self.invitations, reason=error.strerror
            ) from None

    def keep_authority(self, side: Side, authority: Authority) -> None:
        """Write an authority's certificate and key."""
        write(self._authority_key(side), certificates.key_pem(authority.key), private=True)
        write(self.authority_certificate(side), certificates.certificate_pem(authority.certificate))

    def certificate(self, side: Side) -> x509.Certificate:
        """Return an authority's certificate. Raises `CertificateError` where it is missing or damaged."""
        return certificates.read_certificate(self._read(self.authority_certificate(side)))

    def authority(self, side: Side) -> Authority:
        """Return an authority. Raises `CertificateError` where it is missing or damaged."""
        certificate, key = map(self._read, (self.authority_certificate(side), self._authority_key(side)))
        return certificates.read_authority(certificate, key)

    def _read(self, path: Path) -> bytes:
        if not self.exists():
            raise CertificateError(
                _("there is no authority in {path}: run pantau-collector ca init first"), path=self.path
            )
        try:
            return path.read_bytes()
        except OSError as error:
            raise CertificateError(
                _("cannot read {path}: {reason}"), path=path, reason=error.strerror
            ) from None


def write(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file in one step, durably; a private one is for its owner alone. Raises `CertificateError`."""
    try:
        wholefile.replace(path, content, _PRIVATE if private else _PUBLIC)
    except OSError as error:
        raise CertificateError(_("cannot write {path}: {reason}"), path=path, reason=error.strerror) from None
