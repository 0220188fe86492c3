"""A STAMP reflector on the loopback that does to each packet what the test tells it to.

Beside it, the testpoint's own reflector does only what is right.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pantau_testpoint.stamp.modes import Mode, Unauthenticated
from pantau_testpoint.stamp.packet import ReflectedPacket, ntp_timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pantau_testpoint.stamp.packet import SenderPacket


@dataclass(frozen=True, slots=True)
class Deed:
    """What becomes of one packet: without `arrives` it is lost on the way there, without `copies` back."""

    arrives: bool = True
    copies: int = 1
    after_s: float = 0.0
    arrivals: int = 1
    dwell_s: float = 0.0
    change: Callable[[ReflectedPacket], ReflectedPacket] = lambda reply: reply
    octets: bytes | None = None


NORMAL = Deed()
LOST_THERE = Deed(arrives=False)
LOST_BACK = Deed(copies=0)


@dataclass
class Reflector(asyncio.DatagramProtocol):
    """Reflects; the packet with number n meets with `deeds[n]`, others with `default`."""

    deeds: dict[int, Deed] = field(default_factory=dict)
    default: Deed = NORMAL
    stateful: bool = True
    mode: Mode = field(default_factory=Unauthenticated)
    transport: Any = None
    next_number: int = 0
    requests: list[SenderPacket] = field(default_factory=list)
    sources: list[Any] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        request = self.mode.unpack_sender(data)
        self.requests.append(request)
        self.sources.append(addr)
        deed = self.deeds.get(request.sequence_number, self.default)
        for _ in range(deed.arrivals if deed.arrives else 0):
            octets = deed.octets if deed.octets is not None else self._reply(request, deed)
            for _ in range(deed.copies):
                asyncio.get_running_loop().call_later(deed.after_s, self._send, octets, addr)

    def _reply(self, request: SenderPacket, deed: Deed) -> bytes:
        number = self.next_number if self.stateful else request.sequence_number
        self.next_number += 1
        now_ns = time.time_ns()
        reply = ReflectedPacket(
            sequence_number=number,
            timestamp=ntp_timestamp(now_ns + int(deed.dwell_s * 1e9)),
            error_estimate=1,
            ssid=request.ssid,
            receive_timestamp=ntp_timestamp(now_ns),
            sender_sequence_number=request.sequence_number,
            sender_timestamp=request.timestamp,
            sender_error_estimate=request.error_estimate,
            sender_ttl=64,
        )
        return self.mode.pack_reflected(deed.change(reply))

    def _send(self, octets: bytes, addr: Any) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(octets, addr)


def changing(**fields: int) -> Deed:
    """Return the deed that overwrites fields of the reply."""
    return replace(NORMAL, change=lambda reply: reply._replace(**fields))


@asynccontextmanager
async def reflecting(**settings: Any) -> AsyncIterator[Reflector]:
    """Run a reflector on a free port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    transport, reflector = await loop.create_datagram_endpoint(
        lambda: Reflector(**settings), local_addr=("127.0.0.1", 0)
    )
    try:
        yield reflector
    finally:
        transport.close()
