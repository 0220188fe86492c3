"""The key pair of the testpoints' tokens: collectors sign with one half, testpoints judge by the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.errors import CertificateError
from pantau_collector.i18n import marked as _
from pantau_collector.identity import folder
from pantau_wire import signing

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE_NAME, _PUBLIC_NAME = "testpoint-token.pem", "testpoint-token.pub"


def make(out: Path) -> tuple[Path, Path]:
    """Write a new pair into `out`; return the files of the private and of the public key.

    Raises `CertificateError`, also where there is a pair already: devices still have its tokens.
    """
    private, public = out / _PRIVATE_NAME, out / _PUBLIC_NAME
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CertificateError(_("cannot write {path}: {reason}"), path=out, reason=error.strerror) from None
    for path in (private, public):
        if path.exists():
            raise CertificateError(_("{path} is there already: choose another folder"), path=path)
    pem = signing.new_private_pem()
    folder.write(private, pem.encode(), private=True)
    folder.write(public, f"{signing.public_key_of(pem)}\n".encode())
    return private, public
