"""Keys, certificates and revocation lists: ECDSA P-256 with SHA-256, X.509 as RFC 5280 profiles it.

Servers and clients have authorities of their own, and every certificate says by its extended key usage on
which side of a connection it may stand: a stolen device certificate cannot play the broker.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pantau_collector.errors import CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity.terms import AUTHORITY_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantau_collector.identity.terms import Reason, Side

_BACKDATED = dt.timedelta(hours=1)  # a certificate works at once on a device whose clock is a little behind
_USAGE = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that must not be believed any more."""

    serial: int
    at: dt.datetime
    reason: Reason


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a fresh private key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_authority(side: Side, name: str, now: dt.datetime) -> Authority:
    """Return a new authority, signed by itself, that may sign certificates but no further authorities."""
    key = new_key()
    subject = _name(f"{name} {side}s")
    certificate = (
        _builder(subject, subject, key.public_key())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + dt.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def issue(
    authority: Authority,
    side: Side,
    name: str,
    public_key: ec.EllipticCurvePublicKey,
    *,
    now: dt.datetime,
    days: float,
    hosts: Sequence[str] = (),
) -> x509.Certificate:
    """Return a certificate whose common name is `name`; `hosts` are names and addresses of a server.

    It never outlives the authority.
    """
    builder = (
        _builder(_name(name), authority.certificate.subject, public_key)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(min(now + dt.timedelta(days=days), authority.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_USAGE[side]]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
        )
    return builder.sign(authority.key, hashes.SHA256())


def revocation_list(
    authority: Authority, revoked: Iterable[Revoked], number: int, now: dt.datetime, days: int
) -> x509.CertificateRevocationList:
    """Return the list of what is revoked, good for `days`. `number` grows with each list (section 5.2.3)."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - _BACKDATED)
        .next_update(now + dt.timedelta(days=days))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(_revoked(entry))
    return builder.sign(authority.key, hashes.SHA256())


def read_request(pem: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """Return common name and key of a signing request. Raises `CertificateError` for an unusable one."""
    try:
        request = x509.load_pem_x509_csr(pem)
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        good = request.is_signature_valid
        key = request.public_key()
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise CertificateError(_("this is no certificate signing request: {error}"), error=error) from None
    if not good or len(names) != 1:
        raise CertificateError(_("the signing request is damaged, or does not name exactly one device"))
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateError(
            _("the signing request's key must be ECDSA P-256: make it with pantau-agent enroll")
        )
    return str(names[0].value), key


def read_certificate(pem: bytes) -> x509.Certificate:
    """Return a certificate, the first one of a chain. Raises `CertificateError`."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise CertificateError(_("this is no certificate in PEM: {error}"), error=error) from None


def der(certificate: x509.Certificate) -> bytes:
    """Return a certificate as DER, over which fingerprints are taken."""
    return certificate.public_bytes(serialization.Encoding.DER)


def is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Tell whether the authority has signed the certificate itself."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def hosts_of(certificate: x509.Certificate) -> set[str]:
    """Return the names and addresses that a server's certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in found if isinstance(name, x509.DNSName | x509.IPAddress)}


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def list_pem(crl: x509.CertificateRevocationList) -> bytes:
    """Return a revocation list as PEM."""
    return crl.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM (PKCS #8), not encrypted: the file's mode guards it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_authority(certificate: bytes, key: bytes) -> Authority:
    """Return the authority of two PEM files. Raises `CertificateError` where they do not belong together."""
    try:
        found = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError) as error:
        raise CertificateError(_("a file of the authority is damaged: {error}"), error=error) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or found.public_key() != private.public_key():
        raise CertificateError(_("the authority's key does not belong to its certificate"))
    return Authority(found, private)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _revoked(entry: Revoked) -> x509.RevokedCertificate:
    return (
        x509.RevokedCertificateBuilder()
        .serial_number(entry.serial)
        .revocation_date(entry.at)
        .add_extension(x509.CRLReason(x509.ReasonFlags[entry.reason]), critical=False)
        .build()
    )
