"""pysnmp's engine for one router: keys and names that it needs, and a socket for one question at a time.

An open socket would wake the process several times a second, as the engine then looks at its time-outs. It is
connected, so that only the router is heard, and that a closed port shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pyasn1.error import PyAsn1Error
from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.carrier.asyncio.dgram.base import DgramAsyncioProtocol
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.error import PySnmpError

from pantau_agent.probes import interfaces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pantau_agent.probes.traffic.router import RouterTarget

OURS, NOBODY = "pantau", "pantau-nobody"
"""Under which names the engine knows the router: with our right to ask, and as a user that does not exist."""

ATTEMPTS = 2
"""How often a question is sent before its answer counts as lost."""

_MODEL_2C, _MODEL_3 = 1, 3
_HEADERS_BYTES = {socket.AF_INET: 14 + 20 + 8, socket.AF_INET6: 14 + 40 + 8}
"""What Ethernet, IP and UDP add to a message."""
_DOMAINS = {socket.AF_INET: udp.DOMAIN_NAME, socket.AF_INET6: udp6.DOMAIN_NAME}
_ADDRESS_TYPES = {socket.AF_INET: udp.UdpTransportAddress, socket.AF_INET6: udp6.Udp6TransportAddress}
_AUTHENTICATION = {
    "none": config.USM_AUTH_NONE,
    "sha": config.USM_AUTH_HMAC96_SHA,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha512": config.USM_AUTH_HMAC384_SHA512,
}
_PRIVACY = {
    "none": config.USM_PRIV_NONE,
    "aes128": config.USM_PRIV_CFB128_AES,
    "aes256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
}


class Place(NamedTuple):
    """Where the router is."""

    family: socket.AddressFamily
    address: tuple[str, int]


@dataclass(slots=True)
class Meter:
    """What went over the line, with headers, and by which interface; when the last answer came by `clock`."""

    clock: Callable[[], float]
    rx_bytes: int = 0
    tx_bytes: int = 0
    answered_at_s: float = 0.0
    is_refused: bool = False
    interface: str | None = None

    def take_bytes(self) -> tuple[int, int]:
        """Return the bytes received and sent since this was last asked."""
        taken = self.rx_bytes, self.tx_bytes
        self.rx_bytes = self.tx_bytes = 0
        return taken


@contextlib.asynccontextmanager
async def connected(engine: Any, place: Place, meter: Meter) -> AsyncIterator[None]:
    """Give the engine a socket. Raises OSError where there is no way to the router."""
    meter.is_refused = False
    endpoint, transport = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Transport(place, meter), remote_addr=place.address, family=place.family
    )
    meter.interface = interfaces.interface_of(str(endpoint.get_extra_info("sockname")[0]))
    config.add_transport(engine, _DOMAINS[place.family], transport)
    try:
        yield
    finally:
        config.delete_transport(engine, _DOMAINS[place.family])
        endpoint.close()


class _Transport(DgramAsyncioProtocol):  # type: ignore[misc]
    """A connected socket, as the engine sees it."""

    def __init__(self, place: Place, meter: Meter) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.ADDRESS_TYPE = _ADDRESS_TYPES[place.family]
        self._address = self.ADDRESS_TYPE(place.address)
        self._headers_bytes = _HEADERS_BYTES[place.family]
        self._meter = meter

    def send_message(self, octets: bytes, _to: object) -> None:
        self._meter.tx_bytes += len(octets) + self._headers_bytes
        self.transport.sendto(octets)

    def datagram_received(self, octets: bytes, _from: object) -> None:
        self._meter.rx_bytes += len(octets) + self._headers_bytes
        self._meter.answered_at_s = self._meter.clock()
        if self._callback_function is not None:
            with contextlib.suppress(PySnmpError, PyAsn1Error):  # no message of SNMP: as if it had not come
                self._callback_function(self, self._address, octets)

    def error_received(self, fault: Exception) -> None:
        self._meter.is_refused = isinstance(fault, ConnectionRefusedError)


def engine_for(target: RouterTarget, place: Place) -> Any:
    """Return an engine that knows the router, and us, and a user that does not exist; takes about 0.1 s."""
    engine = SnmpEngine()
    if target.version == "2c":
        config.add_v1_system(engine, OURS, target.community)
        config.add_target_parameters(engine, OURS, OURS, "noAuthNoPriv", _MODEL_2C)
    else:
        config.add_v3_user(
            engine,
            target.username,
            _AUTHENTICATION[target.auth_protocol],
            target.auth_password,
            _PRIVACY[target.privacy_protocol],
            target.privacy_password,
        )
        config.add_target_parameters(engine, OURS, target.username, _security_level(target), _MODEL_3)
    config.add_v3_user(engine, NOBODY)
    config.add_target_parameters(engine, NOBODY, NOBODY, "noAuthNoPriv", _MODEL_3)
    wait_cs = round(target.timeout_s * 100)
    for who, retries_count in ((OURS, ATTEMPTS - 1), (NOBODY, 0)):
        config.add_target_address(
            engine, who, _DOMAINS[place.family], place.address, who, wait_cs, retries_count
        )
    return engine


def _security_level(target: RouterTarget) -> str:
    if target.auth_protocol == "none":
        return "noAuthNoPriv"
    return "authNoPriv" if target.privacy_protocol == "none" else "authPriv"
