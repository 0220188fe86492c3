"""What an operator hands over: certificate, key and the authority to believe in, each in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.errors import CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity import certificates, folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    from pantau_collector.identity.folder import Folder

    Sign = Callable[[ec.EllipticCurvePublicKey], x509.Certificate]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files that one program needs to prove who it is and to know the other side."""

    certificate: Path
    key: Path
    authority: Path


def with_new_key(out: Path, name: str, files: Folder, sign: Sign) -> Bundle:
    """Make a key, have it signed, and write all three files into `out`. Raises `CertificateError`.

    The certificate is asked for last: nothing is issued that could not be written.
    """
    bundle = _bundle(out, name)
    key = certificates.new_key()
    _begin(out, bundle)
    folder.write(bundle.key, certificates.key_pem(key), private=True)
    certificate = sign(key.public_key())
    folder.write(bundle.certificate, certificates.certificate_pem(certificate))
    folder.write(bundle.authority, _authority(files, certificate))
    return bundle


def for_request(out: Path, name: str, pem: bytes, files: Folder, sign: Sign) -> Bundle:
    """Sign the request of a key that stays where it was made; write the other two files into `out`.

    Raises `CertificateError`, also where the request names somebody else.
    """
    named, key = certificates.read_request(pem)
    if named != name:
        raise CertificateError(
            _("the signing request is for {named}, not for {name}"), named=named, name=name
        )
    bundle = _bundle(out, name)
    _begin(out, bundle)
    certificate = sign(key)
    folder.write(bundle.certificate, certificates.certificate_pem(certificate))
    folder.write(bundle.authority, _authority(files, certificate))
    return bundle


def existing_server(out: Path, name: str, files: Folder, hosts: Sequence[str]) -> Bundle | None:
    """Return the bundle in `out` if it is a server's for exactly these hosts, signed by our authority.

    None where there is none. Raises `CertificateError` where another one is in the way.
    """
    bundle = _bundle(out, name)
    if not bundle.certificate.exists() or not bundle.key.exists():
        return None
    found = certificates.read_certificate(bundle.certificate.read_bytes())
    if not certificates.is_issued_by(found, files.certificate("server")):
        raise CertificateError(_("{path} is there already: choose another folder"), path=bundle.certificate)
    if certificates.hosts_of(found) != set(hosts):
        raise CertificateError(
            _("{path} is for {hosts}: name the same hosts, or choose another folder"),
            path=bundle.certificate,
            hosts=", ".join(sorted(certificates.hosts_of(found))),
        )
    return bundle


def _bundle(out: Path, name: str) -> Bundle:
    return Bundle(out / f"{name}.pem", out / f"{name}.key", out / "ca.pem")


def _begin(out: Path, bundle: Bundle) -> None:
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CertificateError(_("cannot write {path}: {reason}"), path=out, reason=error.strerror) from None
    if bundle.certificate.exists():
        raise CertificateError(_("{path} is there already: choose another folder"), path=bundle.certificate)


def _authority(files: Folder, certificate: x509.Certificate) -> bytes:
    """Return the authority that the owner of the certificate must believe in: that of the other side."""
    is_client = certificate.issuer == files.authority("client").certificate.subject
    return files.authority_certificate("server" if is_client else "client").read_bytes()
