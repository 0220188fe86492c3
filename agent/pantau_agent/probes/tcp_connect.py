"""Round trips by TCP connect: from SYN to SYN/ACK, or to the RST of a closed port.

On Linux the kernel's own figure of the handshake is taken (TCP_INFO), so that a busy event loop does not
lengthen it. A SYN that the kernel had to repeat (after 1 s) counts as lost, as the packet was, unless
the answer was to the first one.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
import time
from typing import Self

from pantau_agent.probes import interfaces, tcp_info
from pantau_agent.probes.failures import error_of

SENT_BYTES, ANSWER_BYTES = 74 + 66 + 54, 74
"""What one connect weighs on Ethernet and IPv4: SYN, ACK and the RST that ends it; the SYN/ACK."""

_REPEATED_SYN_S = 0.5


class Pinger:
    """Connects to one address and port, any number of times at once."""

    def __init__(self, family: socket.AddressFamily, address: str, port: int, timeout_s: float) -> None:
        self._family = family
        self._address = address
        self._port = port
        self._timeout_s = timeout_s
        self.interface: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hold nothing: each round trip closes its socket."""

    async def round_trip_ms(self) -> float | None:
        """Return one round-trip delay in ms, or None if nobody answered in time.

        Raises ProbeError if the SYN could not be sent.
        """
        with self._socket() as sock:
            begun_s = time.perf_counter()
            refused = not self._send(sock)
            if refused or await self._answered(sock):
                return _delay_ms(sock, begun_s)
            return None

    def _send(self, sock: socket.socket) -> bool:
        """Send the SYN; return False if a RST came at once. Raises ProbeError if it cannot leave."""
        try:
            if sys.platform != "win32":  # there the event loop's own connect is the only one
                sock.connect((self._address, self._port))
        except BlockingIOError:
            pass
        except ConnectionRefusedError:
            return False
        except OSError as fault:
            raise error_of(fault, f"connect to {self._address} port {self._port}") from fault
        self._note_interface(sock)
        return True

    def _socket(self) -> socket.socket:
        try:
            sock = socket.socket(self._family, socket.SOCK_STREAM)
        except OSError as fault:
            raise error_of(fault, "open a TCP socket") from fault
        sock.settimeout(0)
        tcp_info.reset_on_close(sock)  # no TIME_WAIT for each of a day's 28,800 round trips
        return sock

    def _note_interface(self, sock: socket.socket) -> None:
        if self.interface is None:
            self.interface = interfaces.interface_of(str(sock.getsockname()[0]))

    async def _answered(self, sock: socket.socket) -> bool:
        """Wait for the end of the handshake; a closed port is an answer too.

        What routers say about the packet later (ICMP unreachable) means that it was sent and lost.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                await loop.sock_connect(sock, (self._address, self._port))
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False
        except OSError as fault:
            return fault.errno == errno.EISCONN  # macOS says so when the handshake had ended already
        return True


def _elapsed_ms(begun_s: float) -> float:
    return round((time.perf_counter() - begun_s) * 1000, 3)


def _delay_ms(sock: socket.socket, begun_s: float) -> float | None:
    elapsed_ms = _elapsed_ms(begun_s)
    with contextlib.suppress(OSError):
        sock.getpeername()  # raises if the answer was a RST: then TCP_INFO knows no round trip
        info = tcp_info.read(sock)
        if info is not None and info.rtt_us:
            kernel_ms = info.rtt_us / 1000
            repeated = info.total_retrans > 0 and elapsed_ms - kernel_ms > _REPEATED_SYN_S * 1000
            return None if repeated else kernel_ms
    return elapsed_ms
