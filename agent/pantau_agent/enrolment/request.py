"""The device's own key, and the request to have it certified (PKCS #10, RFC 2986)."""

from __future__ import annotations

import os
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
        make_folder(folder)
        replace_file(made.key, _key_pem(key), mode=PRIVATE)
        replace_file(made.request, request_pem(key, device), mode=PUBLIC)
    except OSError as error:
        text = _("cannot write {path}: {reason}").format(path=folder, reason=error.strerror)
        raise EnrolmentError(text) from None
    return made


def begin_key(folder: Path, device: str) -> None:
    """Make the key of an enrolment, unless one is under way; raises `EnrolmentError`.

    It is on the disk before anybody hears of it, and stays until its certificate is: an answer that was lost
    can be asked for again.
    """
    path = pending_file(folder, device)
    try:
        make_folder(folder)
        if not path.exists():
            replace_file(path, _key_pem(ec.generate_private_key(ec.SECP256R1())), mode=PRIVATE)
    except OSError as error:
        text = _("cannot write {path}: {reason}; use sudo, or name a folder of yours with --out")
        raise EnrolmentError(text.format(path=folder, reason=error.strerror)) from None


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key in a file; raises `EnrolmentError`."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        text = _("cannot read {path}: {reason}").format(path=path, reason=error.strerror)
        raise EnrolmentError(text) from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise EnrolmentError(_("{path} is damaged: delete it and begin anew").format(path=path))
    return key


def pending_file(folder: Path, device: str) -> Path:
    """Return where the key of an enrolment under way is."""
    return folder / f".{device}.key.pending"


def make_folder(folder: Path) -> None:
    """Make the folder for its owner alone, whose is that of the folder it lies in; raises `OSError`."""
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and os.geteuid() == 0:
        owner = folder.parent.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)


def key_file(folder: Path, device: str) -> Path:
    """Return where the device's key is."""
    return folder / f"{device}.key"


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def request_pem(key: ec.EllipticCurvePrivateKey, device: str) -> bytes:
    """Return the signing request for a key, as PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)
