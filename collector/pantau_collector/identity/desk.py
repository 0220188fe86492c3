"""The desk where invited devices get their certificates; the portal is its window, and knows HTTP alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantau_collector.errors import CertificateError, EnrolmentRefusedError
from pantau_collector.identity import certificates
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.folder import Folder
from pantau_collector.identity.invitations import Invitations
from pantau_wire.enrolment import EnrolmentAnswer, EnrolmentRequest, Introduction

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec

    from pantau_collector.config import EnrolmentConfig


class Desk:
    """Every method blocks, and raises `CertificateError` while the authorities cannot be used."""

    def __init__(self, config: EnrolmentConfig, identity_path: Path, now: dt.datetime | None = None) -> None:
        """Read nothing yet; `now` stands still, for tests."""
        assert config.broker_host is not None
        self._broker = (config.broker_host, config.broker_port)
        self._files = Folder(identity_path)
        self._invitations = Invitations(self._files, Identities(self._files, now))

    def introduce(self) -> Introduction:
        """Return what everybody may know."""
        return Introduction(certificates.certificate_pem(self._files.certificate("server")).decode())

    def enrol(self, request: EnrolmentRequest) -> EnrolmentAnswer:
        """Return the device's certificate. Raises `EnrolmentRefusedError`.

        Who has no token makes nobody read the signing request.
        """
        self._invitations.admit(request.device, request.token)
        key = _key(request)
        host, port = self._broker
        found = self._invitations.redeem(request.device, request.token, key)
        return EnrolmentAnswer(
            device=found.device,
            village=found.village,
            certificate=found.certificate or "",
            authority=self.introduce().authority,
            broker_host=host,
            broker_port=port,
        )


def _key(request: EnrolmentRequest) -> ec.EllipticCurvePublicKey:
    try:
        named, key = certificates.read_request(request.request.encode())
    except CertificateError as error:
        raise EnrolmentRefusedError("request", str(error)) from None
    if named != request.device:
        raise EnrolmentRefusedError("request", "the signing request is for another device")
    return key
