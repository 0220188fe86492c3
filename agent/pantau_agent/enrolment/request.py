"""The device's own key, and the request to have it certified (PKCS #10, RFC 2986)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pantau_agent.errors import EnrolmentError
from pantau_agent.i18n import _
from pantau_agent.wholefile import replace_file

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE, PUBLIC = 0o600, 0o644


class Request(NamedTuple):
    """The files of a key and of the signing request for it."""

    key: Path
    request: Path


def make_request(folder: Path, device: str) -> Request:
    """Make a key (ECDSA P-256) and its request in the folder; raises `EnrolmentError`.

    A key that is there already stays: its request may be on its way.
    """
    made = Request(key_file(folder, device), folder / f"{device}.csr")
    for path in made:
        if path.exists():
            raise EnrolmentError(_("{path} is there already: choose another folder").format(path=path))
    key = ec.generate_private_key(ec.SECP256R1())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(made.key, _key_pem(key), mode=PRIVATE)
        replace_file(made.request, _request_pem(key, device), mode=PUBLIC)
    except OSError as error:
        text = _("cannot write {path}: {reason}").format(path=folder, reason=error.strerror)
        raise EnrolmentError(text) from None
    return made


def key_file(folder: Path, device: str) -> Path:
    """Return where the device's key is."""
    return folder / f"{device}.key"


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _request_pem(key: ec.EllipticCurvePrivateKey, device: str) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)
