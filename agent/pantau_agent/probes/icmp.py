"""Round trips by ICMP echo (RFC 792, RFC 4443) on unprivileged sockets, through icmplib.

One socket serves all packets of a run; answers are matched by sequence number. icmplib stamps packets with
the wall clock, which NTP may step, so the delays are taken from the monotonic clock here, up to the kernel's
moment of reception.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any, Self

from pantau_agent.probes import arrival, interfaces
from pantau_agent.probes.failures import ProbeError, error_of

ROUND_TRIP_BYTES = 14 + 20 + 8 + 56
"""What one echo weighs each way on Ethernet and IPv4."""

_RECEIVE_BYTES = 2048


class Pinger:
    """Sends echo requests to one address; use it as an asynchronous context."""

    def __init__(self, family: socket.AddressFamily, address: str, timeout_s: float) -> None:
        self._family = family
        self._address = address
        self._timeout_s = timeout_s
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._sequence = 0
        self._icmp: Any = None
        self.interface: str | None = None

    async def __aenter__(self) -> Self:
        """Open the socket and listen. Raises ProbeError `permission` where the kernel forbids it."""
        self._icmp = await asyncio.to_thread(_open, self._family)
        self._icmp.blocking = False
        self.interface = _interface_towards(self._family, self._address)
        if arrival.can_tell(self._icmp.sock):
            arrival.request_stamps(self._icmp.sock)
            asyncio.get_running_loop().add_reader(self._icmp.sock.fileno(), self._receive)
        else:
            self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is None:
            asyncio.get_running_loop().remove_reader(self._icmp.sock.fileno())
        else:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        self._icmp.close()

    async def round_trip_ms(self) -> float | None:
        """Return one round-trip delay in ms, or None if nobody answered in time.

        Raises ProbeError if the packet could not be sent.
        """
        self._sequence += 1
        sequence = self._sequence
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = answer
        try:
            begun_ns = time.monotonic_ns()
            self._send(sequence)
            await asyncio.wait([answer], timeout=self._timeout_s)
        finally:
            del self._waiting[sequence]
        if not answer.done():
            return None
        delay_ms = max(answer.result() - begun_ns, 0) / 1e6
        return round(delay_ms, 3) if delay_ms <= self._timeout_s * 1000 else None

    def _send(self, sequence: int) -> None:
        import icmplib  # type: ignore[import-untyped]  # noqa: PLC0415 - see _open

        if self._listener is None:
            self._receive()  # so that no burst after a busy time makes the kernel's queue overflow
        request = icmplib.ICMPRequest(self._address, id=sequence, sequence=sequence)
        try:
            self._icmp.send(request)
        except icmplib.ICMPLibError as error:
            raise _typed(error, f"ICMP echo to {self._address}") from error

    def _receive(self) -> None:
        """Take all that waits. An error is about one of our packets: that one stays unanswered."""
        while True:
            try:
                packet, at_ns = arrival.receive(self._icmp.sock, _RECEIVE_BYTES)
            except OSError:
                return
            self._take(packet, at_ns)

    async def _listen(self) -> None:
        """Do the same where the kernel does not tell when a packet came."""
        loop = asyncio.get_running_loop()
        sock = self._icmp.sock
        while True:
            try:
                packet = await loop.sock_recv(sock, _RECEIVE_BYTES)
            except OSError:  # an ICMP error about one of our packets: that one stays unanswered
                await asyncio.sleep(0)
                continue
            self._take(packet, time.monotonic_ns())

    def _take(self, packet: bytes, at_ns: int) -> None:
        reply = self._icmp._parse_reply(packet, None, 0)  # noqa: SLF001 - icmplib's own receive is not concurrent
        answer = self._waiting.get(reply.sequence) if reply is not None else None
        if answer is not None and not answer.done() and reply.type == _echo_reply(self._family):
            answer.set_result(at_ns)


def _echo_reply(family: socket.AddressFamily) -> int:
    return 129 if family == socket.AF_INET6 else 0


def _open(family: socket.AddressFamily) -> Any:
    """Import icmplib and open its socket; run in a thread, as the import takes a moment.

    Only devices that may use ICMP pay for the import.
    """
    import icmplib  # noqa: PLC0415 - see above

    kind = icmplib.ICMPv6Socket if family == socket.AF_INET6 else icmplib.ICMPv4Socket
    try:
        return kind(privileged=False)
    except icmplib.SocketPermissionError as error:
        hint = "net.ipv4.ping_group_range does not include this user's group"
        raise ProbeError("permission", f"ICMP is not permitted: {hint}") from error
    except icmplib.ICMPLibError as error:
        raise _typed(error, "open an ICMP socket") from error


def _typed(error: Exception, doing: str) -> ProbeError:
    """Return the failure for icmplib's error, which hides the system's own as its context."""
    fault = error.__context__
    if isinstance(fault, OSError):
        return error_of(fault, doing)
    return ProbeError("internal", f"{doing}: {error}")


def _interface_towards(family: socket.AddressFamily, address: str) -> str | None:
    """Return the interface by which packets to `address` leave; asking sends nothing."""
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((address, 9))
        return interfaces.interface_of(str(sock.getsockname()[0]))
    return None
