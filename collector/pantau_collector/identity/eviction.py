"""Ends a revoked device's open connection: a broker looks at a revocation list only when somebody connects.

The broker knows a session by its certificate's common name, and whoever connects under the same name takes
the session over (MQTT 5, section 3.1.4). So we connect once as the device, with a certificate that lives for
minutes and a key that is never kept, and leave again.
"""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector import mqtt
from pantau_collector.identity import certificates, folder

if TYPE_CHECKING:
    from pantau_collector.identity.folder import Folder

_LIFETIME_DAYS = 10 / 1440


async def evict(files: Folder, device: str, host: str, port: int) -> None:
    """Take the device's session and end it. Raises `BrokerError`, `CertificateError`."""
    options = mqtt.ConnectOptions(host=host, port=port, client_id=device, tls=_context(files, device))
    connection = await mqtt.connect(options, lambda _: None)
    connection.close()
    await connection.lost


def _context(files: Folder, device: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files.authority_certificate("server")))
    key = certificates.new_key()
    certificate = certificates.issue(
        files.authority("client"),
        "client",
        device,
        key.public_key(),
        now=dt.datetime.now(dt.UTC),
        days=_LIFETIME_DAYS,
    )
    with tempfile.TemporaryDirectory() as temporary:  # load_cert_chain reads files only
        paths = Path(temporary) / "certificate.pem", Path(temporary) / "key.pem"
        folder.write(paths[0], certificates.certificate_pem(certificate))
        folder.write(paths[1], certificates.key_pem(key), private=True)
        context.load_cert_chain(*paths)
    return context
