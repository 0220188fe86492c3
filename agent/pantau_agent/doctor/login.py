"""Logging in to the broker without throwing out the agent that is running on this device.

A broker ends a session when another client comes with its id, and ours takes the id from the certificate. So
there is no login while an agent of this spool is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

import psutil

from pantau_agent import clock
from pantau_agent.doctor.findings import Finding, ok, problem
from pantau_agent.errors import AgentError, ConnectionFailedError
from pantau_agent.i18n import _
from pantau_agent.publisher.connection import open_connection
from pantau_agent.spool import in_use
from pantau_wire import __version__, codec, topics
from pantau_wire.envelope import Status

if TYPE_CHECKING:
    from pantau_agent.config import AgentConfig, BrokerConfig
    from pantau_agent.publisher.connection import Connection

_LOGIN_S = 10.0
_TLS_S = 5.0


async def log_in(config: AgentConfig) -> list[Finding]:
    """Log in as this device and subscribe to its acks, or say that the running agent already has."""
    if await asyncio.to_thread(in_use, config.spool.path):
        connected = await asyncio.to_thread(_is_connected, config.broker)
        if connected is not False:
            return [_running(connected=connected)]
    try:
        async with asyncio.timeout(_LOGIN_S):
            connection = await _open(config)
        await connection.close()
    except (AgentError, TimeoutError) as error:
        return [await _refusal(config, error)]
    return [ok("broker-login", _("logged in as {device}").format(device=config.device))]


def _running(*, connected: bool | None) -> Finding:
    untested = _("not logged in a second time, which would end its session")
    if connected:
        return ok("broker-login", _("the agent is running and connected") + "; " + untested)
    return ok("broker-login", _("the agent is running") + "; " + untested)


async def _open(config: AgentConfig) -> Connection:
    stamp = clock.now()
    status = Status(state="lost", agent=__version__, boot=stamp.boot, time_ns=stamp.time_ns)
    return await open_connection(
        config.broker,
        config.device,
        will=(topics.topic(config.device, "status"), codec.encode_status(status)),
        subscribe=topics.topic(config.device, "ack"),
    )


async def _refusal(config: AgentConfig, error: Exception) -> Finding:
    reason = str(error) or _("no answer")
    if config.broker.ca_file is None and await _speaks_tls(config.broker):
        detail = _("the broker at {host}:{port} expects TLS").format(
            host=config.broker.host, port=config.broker.port
        )
        return problem("broker-login", detail, _("Set [broker] ca_file to the file of the broker's CA."))
    return problem("broker-login", reason, _advice(reason, error))


def _advice(reason: str, error: Exception) -> str:
    said = {
        "Bad user name or password": _("Check [broker] username and password."),
        "Not authorized": _(
            "Check [broker] username and password or the certificate, and whether the broker knows this"
            " device and lets it read its topics (ACL)."
        ),
        "Client identifier": _("The broker does not accept this device id: check `device`."),
        "Unsupported protocol version": _(
            "The broker does not speak MQTT 5: it needs Mosquitto 2 or another."
        ),
    }
    found = next((advice for words, advice in said.items() if words in reason), None)
    if found is not None:
        return found
    if isinstance(error, ConnectionFailedError | TimeoutError):
        return _("Check [broker] port: something else than an MQTT broker may answer there.")
    return _("Show this line to whoever runs the broker.")


async def _speaks_tls(broker: BrokerConfig) -> bool:
    """Tell whether the port does TLS at all; nothing is said over it, so nobody needs to be trusted."""
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above
    with contextlib.suppress(OSError):
        async with asyncio.timeout(_TLS_S):
            _reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=context)
        writer.transport.abort()
        return True
    return False


def _is_connected(broker: BrokerConfig) -> bool | None:
    """Tell whether an agent of this machine has a connection to the broker; None if that cannot be seen."""
    try:
        found = socket.getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
        ends = {(str(sockaddr[0]), int(sockaddr[1])) for *_others, sockaddr in found}
        connections = psutil.net_connections("tcp")
    except (OSError, psutil.AccessDenied):
        return None
    return any(
        tuple(each.raddr) in ends and _may_be_agent(each.pid)
        for each in connections
        if each.raddr and each.status == psutil.CONN_ESTABLISHED
    )


def _may_be_agent(pid: int | None) -> bool:
    """Tell whether the process is an agent; whose name cannot be seen may be one."""
    if pid is None:
        return True
    try:
        return any("pantau-agent" in part for part in psutil.Process(pid).cmdline()[:3])
    except psutil.Error:
        return True
