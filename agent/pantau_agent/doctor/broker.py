"""The way to the broker, step by step: name, TCP, TLS, login. The first step that fails is the last."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from pantau_agent.doctor import certificates, login
from pantau_agent.doctor.findings import Finding, ok, problem
from pantau_agent.i18n import _
from pantau_agent.probes.failures import error_of

if TYPE_CHECKING:
    import ssl

    from pantau_agent.config import AgentConfig, BrokerConfig

_CONNECT_S = 8.0
_LISTEN_S = 0.5  # an MQTT broker waits for us: who speaks first is somebody else, or refuses our certificate
_SHOWN_BYTES = 40


async def broker(config: AgentConfig) -> list[Finding]:
    """Go the steps that the agent goes to publish. Nothing is published."""
    findings: list[Finding] = []
    for step in (_tcp, _tls, login.log_in):
        findings += await step(config)
        if any(finding.state == "problem" for finding in findings):
            break
    return findings


async def certificate(config: AgentConfig) -> list[Finding]:
    """Look at this device's own certificate, without the network."""
    return await asyncio.to_thread(certificates.own_certificate, config)


async def _tcp(config: AgentConfig) -> list[Finding]:
    place = f"{config.broker.host}:{config.broker.port}"
    try:
        greeting = await asyncio.to_thread(_first_words, config.broker, None)
    except OSError as fault:
        return [problem("broker-tcp", error_of(fault, place).detail, _tcp_advice(fault))]
    if greeting:
        detail = _("{place} is no MQTT broker: it greets with {words}").format(
            place=place, words=repr(greeting)
        )
        return [problem("broker-tcp", detail, _("Check [broker] host and port."))]
    return [ok("broker-tcp", _("{place} accepts connections").format(place=place))]


def _tcp_advice(fault: OSError) -> str:
    if isinstance(fault, socket.gaierror):
        return _("Check [broker] host, then DNS.")
    if isinstance(fault, ConnectionRefusedError):
        return _("Check [broker] port, and whether the broker runs.")
    return _("Check cable, router and firewall, then [broker] host and port.")


async def _tls(config: AgentConfig) -> list[Finding]:
    """Shake hands as the agent does, and hear whether the broker takes our certificate."""
    context = certificates.context_or_none(config.broker)
    if context is None:
        return []
    try:
        await asyncio.to_thread(_first_words, config.broker, context)
    except OSError as fault:
        return [certificates.tls_problem(config.broker, fault)]
    detail = _("the broker's certificate is valid for {host}").format(host=config.broker.host)
    return [ok("broker-tls", detail)]


def _first_words(broker: BrokerConfig, context: ssl.SSLContext | None) -> bytes:
    """Connect, and return what the other side says unasked; blocks.

    Raises OSError, also where it ends the connection with a TLS alert.
    """
    with socket.create_connection((broker.host, broker.port), _CONNECT_S) as plain:
        sock = plain if context is None else context.wrap_socket(plain, server_hostname=broker.host)
        with sock:
            sock.settimeout(_LISTEN_S)
            try:
                return sock.recv(_SHOWN_BYTES)
            except TimeoutError:
                return b""
