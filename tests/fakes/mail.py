"""A mail server on loopback that keeps what it is given; it wants a login where one is set."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from tests.fakes.brokers import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class MailServer:
    """Where it listens, who may log in, and what came."""

    port: int
    login: tuple[str, str] | None = None
    down: bool = False
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.down:
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"

    def authenticate(self, _server: object, _session: object, _envelope: object, _how: str, data: object):
        given = (getattr(data, "login", b"").decode(), getattr(data, "password", b"").decode())
        return AuthResult(success=given == self.login, handled=False)


@contextmanager
def listening(login: tuple[str, str] | None = None) -> Iterator[MailServer]:
    """Yield a mail server, without encryption: it is on loopback."""
    server = MailServer(free_port(), login)
    controller = Controller(
        server,
        hostname=HOST,
        port=server.port,
        authenticator=server.authenticate,
        auth_require_tls=False,
        auth_required=login is not None,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
