"""A resolver asked directly, by dnspython; imported only where one is configured, for its 5 MiB.

As the system does it: A and AAAA at once, each over a socket of its own and so from a random port, with EDNS
(RFC 6891) for answers of up to 1232 bytes, and over TCP what did not fit (RFC 7766). A resolver that does not
know EDNS is asked again without. Nothing is sent twice because an answer is missing: a lost packet is a
`timeout`, as the user's program would hang as well.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from typing import TYPE_CHECKING, Any

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.inet
import dns.message
import dns.name
import dns.rcode
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.OPT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA  # these would be loaded while the first answer is timed
from dns.message import Message, QueryMessage
from dns.rcode import BADVERS, FORMERR, NOERROR, NOTIMP

from pantau_agent.probes import interfaces
from pantau_agent.probes.dns.answer import Answer
from pantau_agent.probes.failures import ProbeError

if TYPE_CHECKING:
    from dns.name import Name as DnsName

    from pantau_agent.probes.base import TestTraffic

_BACKEND: Any = dns.asyncbackend.get_backend("asyncio")
_FAMILIES = ("A", "AAAA")
_UDP_ANSWER_BYTES = 1232
_KNOWS_NO_EDNS = {FORMERR, NOTIMP, BADVERS}
_IP_BYTES = {socket.AF_INET: 14 + 20, socket.AF_INET6: 14 + 40}  # with Ethernet's
_UDP_BYTES, _TCP_BYTES = 8, 32
_TCP_PACKETS = 5  # each way: hello, acknowledgements, the message itself, farewell


async def ask(name: str, address: str, port: int, traffic: TestTraffic) -> Answer:
    """Resolve `name` to addresses of both families.

    Raises OSError where nobody can be asked, and ProbeError for what is no answer, or no name.
    """
    try:
        wanted = dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError) as fault:
        raise ProbeError("name_resolution", f"{name} cannot be a host name: {fault}") from fault
    resolver = _Resolver(address, port)
    try:
        answers = await _both(resolver, wanted)
        addresses = [rdata.address for answer in answers for rdata in answer.resolve_chaining().answer or ()]
    except (dns.exception.DNSException, EOFError) as fault:
        raise ProbeError("protocol", f"look up {name}: {type(fault).__name__}: {fault}") from fault
    finally:
        resolver.book(traffic)
    return Answer(resolver.elapsed_ms, frozenset(addresses), dns.rcode.to_text(_rcode(answers, addresses)))


async def _both(resolver: _Resolver, name: DnsName) -> list[QueryMessage]:
    """Return the answers for both families; the first that fails ends the other's question."""
    asking = [asyncio.create_task(resolver.ask(name, family)) for family in _FAMILIES]
    try:
        return await asyncio.gather(*asking)
    finally:
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)


def _rcode(answers: list[QueryMessage], addresses: list[str]) -> dns.rcode.Rcode:
    """Return the code of both answers: one family without the other is no fault, if it has addresses."""
    faults = [answer.rcode() for answer in answers if answer.rcode() != NOERROR]
    return faults[0] if faults and not addresses else NOERROR


class _Resolver:
    """One server, what is sent to it, and when: from the first packet sent to the last received."""

    def __init__(self, address: str, port: int) -> None:
        self._where = address, port
        self._family = socket.AddressFamily(dns.inet.af_for_address(address))
        self._ip_bytes = _IP_BYTES[self._family]
        self._local_address: str | None = None
        self._rx_bytes = 0
        self._tx_bytes = 0
        self._first_sent_s = math.inf
        self._last_received_s = math.nan

    @property
    def elapsed_ms(self) -> float:
        """The time that the answers took, without our own work before and after."""
        return round((self._last_received_s - self._first_sent_s) * 1000, 3)

    def sent(self, size_bytes: int) -> None:
        """Take note of a packet that leaves."""
        self._tx_bytes += size_bytes
        self._first_sent_s = min(self._first_sent_s, time.perf_counter())

    def received(self, size_bytes: int) -> None:
        """Take note of what has come."""
        self._rx_bytes += size_bytes
        self._last_received_s = time.perf_counter()

    def book(self, traffic: TestTraffic) -> None:
        """Book all bytes on the interface that leads to the resolver."""
        if self._local_address is not None:
            interface = interfaces.interface_of(self._local_address)
            traffic.add(interface, rx_bytes=self._rx_bytes, tx_bytes=self._tx_bytes)

    async def ask(self, name: DnsName, family: str) -> QueryMessage:
        """Return the resolver's answer to one question, whatever its code."""
        query = dns.message.make_query(name, family, use_edns=0, payload=_UDP_ANSWER_BYTES)
        answer = await self._exchange(query)
        if answer.rcode() in _KNOWS_NO_EDNS:
            answer = await self._exchange(dns.message.make_query(name, family))
        assert isinstance(answer, QueryMessage), "dnspython compares the opcode with the question's"
        return answer

    async def _exchange(self, query: Message) -> Message:
        try:
            return await self._by_udp(query)
        except dns.message.Truncated:
            return await self._by_tcp(query)

    async def _by_udp(self, query: Message) -> Message:
        """Ask over a connected socket: only so does the system tell of a closed port."""
        async with await self._socket(socket.SOCK_DGRAM) as sock:
            weighed: Any = _WeighedSocket(sock, self, self._ip_bytes + _UDP_BYTES)
            address, port = self._where
            return await dns.asyncquery.udp(query, address, port=port, sock=weighed, raise_on_truncation=True)

    async def _by_tcp(self, query: Message) -> Message:
        async with await self._socket(socket.SOCK_STREAM) as sock:
            headers_bytes = _TCP_PACKETS * (self._ip_bytes + _TCP_BYTES)
            self.sent(headers_bytes + len(query.to_wire(prepend_length=True)))
            answer = await dns.asyncquery.tcp(query, self._where[0], sock=sock)
            self.received(headers_bytes + len(answer.wire or b""))
            return answer

    async def _socket(self, kind: int) -> Any:
        sock = await _BACKEND.make_socket(self._family, kind, destination=self._where)
        self._local_address = (await sock.getsockname())[0]
        return sock


class _WeighedSocket:
    """Counts each packet with its headers, also those that turn out to be no answer."""

    def __init__(self, inner: Any, resolver: _Resolver, headers_bytes: int) -> None:
        self.family = inner.family
        self._inner = inner
        self._resolver = resolver
        self._headers_bytes = headers_bytes

    async def sendto(self, what: bytes, destination: Any, timeout: float | None) -> int:  # noqa: ASYNC109 - dnspython's
        """Send and count."""
        self._resolver.sent(len(what) + self._headers_bytes)
        sent_bytes: int = await self._inner.sendto(what, destination, timeout)
        return sent_bytes

    async def recvfrom(self, size: int, timeout: float | None) -> tuple[bytes, Any]:  # noqa: ASYNC109 - dnspython's
        """Receive and count."""
        octets, peer = await self._inner.recvfrom(size, timeout)
        self._resolver.received(len(octets) + self._headers_bytes)
        return octets, peer
