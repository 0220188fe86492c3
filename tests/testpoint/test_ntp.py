"""The NTP server answers real clients on loopback: our own packets, field by field, and chronyd."""

import asyncio
import contextlib
import getpass
import os
import re
import shutil
import socket
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from pantau_testpoint.listening import listen_udp
from pantau_testpoint.ntp import packet
from pantau_testpoint.ntp.server import NtpServer
from pantau_testpoint.stamp.clock import UNKNOWN, ClockQuality
from pantau_testpoint.stamp.packet import ntp_timestamp
from pantau_testpoint.stamp.sessions import SourceAllowance

GOOD = ClockQuality(synchronised=True, error_ns=2_500_000)
NTP_SECOND = 2**32
PATIENCE_S = 20
TOOLS = Path(__file__).parents[2] / "build" / "tools" / "usr" / "sbin"  # see scripts/test-needs.sh
CHRONYD = shutil.which("chronyd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:{TOOLS}")


def request(version: int = 4, mode: int = 3, poll: int = 6, transmit: int = 0x0123_4567_89AB_CDEF) -> bytes:
    """A client's packet (RFC 4330, section 5): all zero but for the first octet, poll and transmit time."""
    return struct.pack("!BBbb36xQ", version << 3 | mode, 0, poll, 0, transmit)


class Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.arrived.put_nowait(data)

    async def answer(self) -> bytes:
        return await asyncio.wait_for(self.arrived.get(), PATIENCE_S)


@contextlib.asynccontextmanager
async def serving(
    quality: ClockQuality = GOOD, host: str = "127.0.0.1", allowance: SourceAllowance | None = None
) -> AsyncIterator[tuple[NtpServer, int]]:
    log = structlog.get_logger()
    with (
        listen_udp(host, 0, option="ntp-port") as sock,
        NtpServer(sock, log, quality=lambda: quality, allowance=allowance) as server,
    ):
        yield server, sock.getsockname()[1]


@contextlib.asynccontextmanager
async def asking(
    port: int, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.DatagramTransport, Client]]:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=(host, port))
    try:
        yield transport, client
    finally:
        transport.close()


async def ask(port: int, data: bytes, host: str = "127.0.0.1") -> bytes:
    async with asking(port, host) as (transport, client):
        transport.sendto(data)
        return await client.answer()


async def test_the_answer_has_the_fields_that_the_rfc_asks_for() -> None:
    """RFC 4330, section 6: server mode, the client's version, poll and transmit time, and right times."""
    before = ntp_timestamp(time.time_ns())
    async with serving() as (server, port):
        data = await ask(port, request(poll=7))
    after = ntp_timestamp(time.time_ns())
    assert len(data) == 48
    reply = packet.unpack(data)
    assert (reply.leap, reply.version, reply.mode, reply.stratum) == (0, 4, 4, 10)
    assert (reply.poll_exponent, reply.precision_exponent, reply.root_delay) == (7, -20, 0)
    assert reply.root_dispersion == round(0.0025 * 2**16)
    assert reply.reference_id == b"\x7f\x7f\x01\x01"
    assert reply.origin_timestamp == 0x0123_4567_89AB_CDEF
    assert before <= reply.receive_timestamp <= reply.transmit_timestamp <= after
    assert before <= reply.reference_timestamp <= reply.transmit_timestamp
    assert server.numbers()["ntp_answered_count"] == 1


async def test_a_machine_that_is_not_synchronised_says_so_and_logs_it_once() -> None:
    """Leap 3 and stratum 16: a client must not take a time from that (RFC 5905, figures 9 and 11)."""
    with capture_logs() as logs:
        async with serving(UNKNOWN) as (_, port):
            replies = [packet.unpack(await ask(port, request())) for _ in range(3)]
    assert {(reply.leap, reply.stratum, reply.reference_timestamp) for reply in replies} == {(3, 16, 0)}
    assert [entry["event"] for entry in logs] == ["ntp.own_clock_not_synchronised"]


@pytest.mark.parametrize("version", [1, 2, 3, 4])
async def test_old_clients_are_answered_in_their_version(version: int) -> None:
    async with serving() as (_, port):
        assert packet.unpack(await ask(port, request(version))).version == version


async def test_an_answer_is_never_longer_than_its_request() -> None:
    """A request with extension fields and a digest gets the same 48 octets."""
    async with serving() as (_, port):
        assert len(await ask(port, request() + bytes(400))) == 48


async def test_what_is_no_clients_request_is_counted_and_not_answered() -> None:
    """Answers of other servers above all: two servers would never stop."""
    async with serving() as (server, port), asking(port) as (transport, client):
        others = [request(mode=mode) for mode in (0, 1, 2, 4, 5, 6, 7)] + [
            request(0),
            request(5),
            b"",
            bytes(47),
        ]
        for data in others:
            transport.sendto(data)
        transport.sendto(request(transmit=5))
        assert packet.unpack(await client.answer()).origin_timestamp == 5
        assert client.arrived.empty()
    # An empty datagram may be left out by the client's event loop.
    assert server.ignored_count in (len(others) - 1, len(others))


async def test_a_source_that_asks_too_fast_is_limited() -> None:
    allowance = SourceAllowance(per_s=0.0, burst=2.0)
    async with serving(allowance=allowance) as (server, port), asking(port) as (transport, client):
        for _ in range(5):
            transport.sendto(request())
        await client.answer()
        await client.answer()
        async with asyncio.timeout(PATIENCE_S):
            while server.limited_count < 3:  # noqa: ASYNC110 - it happens in the server
                await asyncio.sleep(0.01)
        assert client.arrived.empty()


async def test_ipv6_is_served() -> None:
    try:
        async with serving(host="::1") as (_, port):
            assert packet.unpack(await ask(port, request(), "::1")).mode == 4
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback here: {error}")


async def test_a_client_that_went_away_does_not_disturb_the_next() -> None:
    async with serving() as (server, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.sendto(request(), ("127.0.0.1", port))
        for _ in range(3):
            await ask(port, request())
        assert server.answered_count == 4


@pytest.mark.parametrize(
    ("quality", "taken"), [(GOOD, True), (UNKNOWN, False)], ids=["good", "not synchronised"]
)
async def test_chronyd_takes_the_time_of_a_synchronised_machine_only(
    tmp_path: Path, quality: ClockQuality, *, taken: bool
) -> None:
    """A real client, which only looks (-Q): the clock of this machine is not touched."""
    if CHRONYD is None:
        pytest.skip("needs chronyd, which is not installed: it is asked what it thinks of our answers")
    async with serving(quality) as (_, port):
        client = await asyncio.create_subprocess_exec(
            *(CHRONYD, "-Q", "-x", "-t", "10", "-u", getpass.getuser(), "cmdport 0"),
            *(f"server 127.0.0.1 port {port} iburst maxsamples 4", f"pidfile {tmp_path}/chronyd.pid"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await client.communicate())[0].decode()
    found = re.search(r"System clock wrong by (-?[\d.]+) seconds", said)
    assert (found is not None) == taken, said
    assert "Fatal" not in said
    if found is not None:
        assert abs(float(found[1])) < 0.01
