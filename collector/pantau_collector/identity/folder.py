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

    def authority_certificate(self, side: Side) -> Path:
        """Return the file that the other side of a connection believes in."""
        return self.path / f"{side}-ca.pem"

    def _authority_key(self, side: Side) -> Path:
        return self.path / f"{side}-ca.key"

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

    def keep_authority(self, side: Side, authority: Authority) -> None:
        """Write an authority's certificate and key."""
        write(self._authority_key(side), certificates.key_pem(authority.key), private=True)
        write(self.authority_certificate(side), certificates.certificate_pem(authority.certificate))

    def authority(self, side: Side) -> Authority:
        """Return an authority. Raises `CertificateError` where it is missing or damaged."""
        if not self.exists():
            raise CertificateError(
                _("there is no authority in {path}: run pantau-collector ca init first"), path=self.path
            )
        try:
            certificate = self.authority_certificate(side).read_bytes()
            key = self._authority_key(side).read_bytes()
        except OSError as error:
            raise CertificateError(
                _("cannot read {path}: {reason}"), path=error.filename, reason=error.strerror
            ) from None
        return certificates.read_authority(certificate, key)


def write(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file in one step, durably; a private one is for its owner alone. Raises `CertificateError`."""
    try:
        wholefile.replace(path, content, _PRIVATE if private else _PUBLIC)
    except OSError as error:
        raise CertificateError(_("cannot write {path}: {reason}"), path=path, reason=error.strerror) from None
