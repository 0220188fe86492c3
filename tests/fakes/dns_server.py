"""A DNS server on the loopback that answers each question with what the test makes of it, over UDP and TCP.

Beside it, dnsmasq does only what is right.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from dns.message import Message

    Deed = Callable[["Message"], bytes | None]
    """What goes back for a question: octets, or None for silence."""

ADDRESSES = {"A": "192.0.2.7", "AAAA": "2001:db8::7"}


def right(question: Message) -> bytes:
    """The address of the family that was asked for."""
    answer = dns.message.make_response(question)
    (asked,) = question.question
    address = ADDRESSES[dns.rdatatype.to_text(asked.rdtype)]
    answer.answer.append(dns.rrset.from_text(asked.name, 60, asked.rdclass, asked.rdtype, address))
    return answer.to_wire()


def with_code(code: str) -> Deed:
    """No address, only a code."""

    def answer(question: Message) -> bytes:
        made = dns.message.make_response(question)
        made.set_rcode(dns.rcode.from_text(code))
        return made.to_wire()

    return answer


def cut_short(question: Message) -> bytes:
    """Nothing but the flag that says: ask again over TCP."""
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.TC
    return answer.to_wire()


def by_family(**deeds: Deed) -> Deed:
    """One deed for A, another for AAAA."""
    return lambda question: deeds[dns.rdatatype.to_text(question.question[0].rdtype)](question)


def silent(question: Message) -> None:
    """No answer."""


@dataclass
class DnsServer(asyncio.DatagramProtocol):
    """Its port, for both transports, and the questions by transport."""

    by_udp: Deed
    by_tcp: Deed
    after_s: dict[str, float] = field(default_factory=dict)
    port: int = 0
    transport: Any = None
    udp_questions: list[Message] = field(default_factory=list)
    udp_sources: list[Any] = field(default_factory=list)
    tcp_questions: list[Message] = field(default_factory=list)
    received_bytes: int = 0
    sent_bytes: int = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = dns.message.from_wire(data)
        self.udp_questions.append(question)
        self.udp_sources.append(addr)
        self.received_bytes += len(data)
        answer = self.by_udp(question)
        if answer is not None:
            self.sent_bytes += len(answer)
            after_s = self.after_s.get(dns.rdatatype.to_text(question.question[0].rdtype), 0.0)
            asyncio.get_running_loop().call_later(after_s, self.transport.sendto, answer, addr)

    async def serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            question = dns.message.from_wire(
                await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            )
            self.tcp_questions.append(question)
            answer = self.by_tcp(question)
            if answer is not None:
                writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()


@asynccontextmanager
async def serving(by_udp: Deed = right, by_tcp: Deed = right, **after_s: float) -> AsyncIterator[DnsServer]:
    """Serve on one free port of 127.0.0.1 for both transports; by UDP with a delay for each family."""
    server = DnsServer(by_udp, by_tcp, after_s)
    streams = await asyncio.start_server(server.serve_stream, "127.0.0.1", 0)
    server.port = streams.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", server.port)
    )
    async with streams:
        try:
            yield server
        finally:
            transport.close()
