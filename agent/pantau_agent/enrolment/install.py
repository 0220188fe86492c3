"""What the collector's operator sent back: put in its place once it is known to belong to this device.

The authority that a device believes in is the servers', its own certificate is signed by the devices': one
is no proof of the other. But `pantau-collector ca` names both alike, "NAME servers" and "NAME clients".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pantau_agent.enrolment.request import PRIVATE, PUBLIC, key_file
from pantau_agent.errors import EnrolmentError
from pantau_agent.i18n import _
from pantau_agent.wholefile import replace_file

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

_DEVICES, _SERVERS = " clients", " servers"


class Installed(NamedTuple):
    """Whose certificate is in place, its files, and between which instants it is valid."""

    device: str
    key: Path
    certificate: Path
    authority: Path
    begins_at: dt.datetime
    ends_at: dt.datetime


def install(
    folder: Path, certificate: Path, authority: Path, *, device: str | None, now: dt.datetime
) -> Installed:
    """Check both files against the key in the folder, and put them beside it; raises `EnrolmentError`.

    Without `device` the certificate's own name must have its key there. All checks come before any writing.
    """
    found, found_authority = _read(certificate), _read(authority)
    name = common_name(found)
    if device not in (None, name):
        raise EnrolmentError(
            _("the certificate is for {named}, not for {device}").format(named=name, device=device)
        )
    return place(folder, found, found_authority, key=key_file(folder, name), now=now)


def place(
    folder: Path, found: x509.Certificate, authority: x509.Certificate, *, key: Path, now: dt.datetime
) -> Installed:
    """Check both certificates against the key in a file, and put all three into the folder.

    Raises `EnrolmentError`; all checks come before any writing.
    """
    name = common_name(found)
    key_pem = _key_of(found, key)
    _check_certificate(found, now)
    _check_authority(authority, found, now)
    made = Installed(
        name,
        key_file(folder, name),
        folder / f"{name}.pem",
        folder / "ca.pem",
        found.not_valid_before_utc,
        found.not_valid_after_utc,
    )
    _write(made, key_pem, _pem(found), _pem(authority))
    return made


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        text = _("cannot read {path}: {reason}").format(path=path, reason=error.strerror)
        raise EnrolmentError(text) from None
    except ValueError:
        raise EnrolmentError(_("{path} is no certificate in PEM").format(path=path)) from None


def common_name(certificate: x509.Certificate) -> str:
    """Return whom a certificate names; empty where that is not exactly one."""
    return _common_name(certificate.subject)


def _common_name(name: x509.Name) -> str:
    names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def _key_of(certificate: x509.Certificate, path: Path) -> bytes:
    """Return the file of the key that the certificate belongs to."""
    try:
        pem = path.read_bytes()
        key = serialization.load_pem_private_key(pem, password=None)
    except FileNotFoundError:
        text = _("there is no key {path}: install where pantau-agent enroll --out made it").format(path=path)
        raise EnrolmentError(text) from None
    except OSError as error:
        text = _("cannot read {path}: {reason}").format(path=path, reason=error.strerror)
        raise EnrolmentError(text) from None
    except (ValueError, TypeError):
        raise EnrolmentError(
            _("{path} is no private key in PEM without password").format(path=path)
        ) from None
    if key.public_key() != certificate.public_key():
        raise EnrolmentError(
            _("the certificate does not belong to the key {path}: it answers another request").format(
                path=path
            )
        )
    return pem


def _check_certificate(found: x509.Certificate, now: dt.datetime) -> None:
    if found.not_valid_after_utc <= now:
        day = f"{found.not_valid_after_utc:%Y-%m-%d}"
        raise EnrolmentError(
            _("the certificate expired on {day}, as this clock sees it; is the clock right?").format(day=day)
        )
    try:
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise EnrolmentError(_("the certificate is a server's, not a device's"))


def _check_authority(found: x509.Certificate, certificate: x509.Certificate, now: dt.datetime) -> None:
    try:
        is_authority = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        raise EnrolmentError(_("--authority is no certificate of an authority: it may not sign others"))
    if found.not_valid_after_utc <= now:
        raise EnrolmentError(
            _("the authority expired on {day}").format(day=f"{found.not_valid_after_utc:%Y-%m-%d}")
        )
    issuer, name = _common_name(certificate.issuer), common_name(found)
    wanted = issuer.removesuffix(_DEVICES) + _SERVERS
    if issuer.endswith(_DEVICES) and name != wanted:
        text = _(
            "the certificate belongs to the authority {wanted}, this is {name}: take the ca.pem beside it"
        )
        raise EnrolmentError(text.format(name=repr(name), wanted=repr(wanted)))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(made: Installed, key_pem: bytes, certificate_pem: bytes, authority_pem: bytes) -> None:
    """Write the files; the key anew as well, whatever mode and owner it came with."""
    try:
        replace_file(made.key, key_pem, mode=PRIVATE)
        replace_file(made.authority, authority_pem, mode=PUBLIC)
        replace_file(made.certificate, certificate_pem, mode=PUBLIC)
    except OSError as error:
        text = _("cannot write {path}: {reason}").format(path=made.key.parent, reason=error.strerror)
        raise EnrolmentError(text) from None
