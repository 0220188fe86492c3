"""Portals that enrol: the real application and the real authorities, on loopback, with or without TLS."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
from typing import TYPE_CHECKING

from tests.fakes.memory_store import MemoryStore

from pantau_collector.config import EnrolmentConfig, WebConfig
from pantau_collector.identity import bundles, certificates, folder, journal
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.desk import Desk
from pantau_collector.identity.invitations import Invitations
from pantau_collector.registry.file import RegistryFile
from pantau_collector.web import server
from pantau_collector.web.app import create_app
from pantau_collector.web.tls import ServerCertificate
from pantau_wire import enrolment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

DEVICE, VILLAGE = "desa-1", "33.10.25.2007"


class Office:
    """The authorities, and portals that enrol with them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = folder.Folder(path / "identity")
        self.identities = Identities(self.files)
        self.identities.begin("Klaten")
        (path / "devices.csv").write_text("device,village,since\n")

    def portal(self, *, desk: bool = True, **web: object) -> object:
        """Return a portal's application; each has a desk of its own, as each collector has."""
        config = EnrolmentConfig(broker_host="broker.example.id")
        settings = WebConfig(**{"access_path": self.path / "access.db", **web})
        return create_app(
            MemoryStore(),
            RegistryFile(self.path / "devices.csv"),
            settings,
            health=lambda: {"status": "ok"},
            desk=Desk(config, self.files.path) if desk else None,
        )

    def certificate(self, host: str = "127.0.0.1") -> ServerCertificate:
        """Return a certificate of the portal's, by the servers' authority."""

        def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
            return self.identities.issue("server", "portal", key, hosts=[host])

        bundle = bundles.with_new_key(self.path / f"portal-{host}", "portal", self.files, sign)
        return ServerCertificate(bundle.certificate, bundle.key)

    def withdraw(self) -> None:
        Invitations(self.files, self.identities).withdraw(DEVICE)

    def invite(self, device: str = DEVICE, valid: dt.timedelta = dt.timedelta(hours=1)) -> str:
        return Invitations(self.files, self.identities).invite(device, VILLAGE, valid)[0]

    def line(self, url: str, token: str, pinned: bytes | None = None) -> str:
        """Return the line of an invitation; `pinned` is a certificate (DER) other than our authority's."""
        der = pinned or certificates.der(self.files.certificate("server"))
        return enrolment.to_line(enrolment.Invitation(url, DEVICE, token, enrolment.fingerprint(der)))

    def issued(self) -> list[str]:
        entries = journal.read(self.files.journal)
        return [
            str(entry.subject) for entry in entries if entry.action == "issued" and entry.side == "client"
        ]


@contextlib.asynccontextmanager
async def serving(app: object, certificate: ServerCertificate | None = None) -> AsyncIterator[str]:
    """Serve an application on loopback; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(app, listener, certificate=certificate))
        scheme = "https" if certificate else "http"
        try:
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
