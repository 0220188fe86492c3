"""The router's counters by SNMP, against Debian's snmpd: values, rights, names, and a router that dies."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes import snmpd as router
from tests.fakes.loopback import send_over_loopback

from pantau_agent.probes.base import LOCAL, Context
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.traffic import TrafficProbe, TrafficTarget
from pantau_agent.probes.traffic.rates import Period, SampleLostError
from pantau_agent.probes.traffic.router import Router, RouterCounters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_agent.probes.traffic import RouterTarget
    from pantau_wire.fields import Traffic

pytestmark = pytest.mark.skipif(router.find() is None, reason="snmpd is missing: apt-get install snmpd")

SENT_BYTES = 5_000_000
NOTICED_AFTER_S = 5.0  # so long must it have been up that its restart shows in sysUpTime, however fast it is
PATIENCE_S = 30.0
ALL_RIGHTS = {
    "2c": router.V2C,
    "3 without authentication": router.PLAIN,
    "3 SHA": router.SHA,
    "3 SHA-256": router.SHA256,
    "3 SHA-512": router.SHA512,
    "3 SHA-256 AES-128": router.AES128,
    "3 SHA-512 AES-256": router.AES256,
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[router.Snmpd]:
    with router.snmpd(tmp_path_factory.mktemp("snmpd")) as started:
        yield started


async def read(target: RouterTarget, context: Context | None = None) -> RouterCounters:
    snapshot = await Router(target).read(context or Context())
    assert isinstance(snapshot.counters, RouterCounters)
    return snapshot.counters


async def watch(target: RouterTarget, context: Context | None = None, **settings: Any) -> Traffic:
    wanted = TrafficTarget(**{"router": target, "period_s": 0.6, "sample_s": 0.2, **settings})
    return await TrafficProbe()(wanted, context or Context())


@pytest.mark.parametrize("rights", ALL_RIGHTS.values(), ids=ALL_RIGHTS)
async def test_every_version_and_protocol_is_spoken(running: router.Snmpd, rights: dict[str, Any]) -> None:
    found = await watch(running.target(**rights))
    assert (found.failure, found.failure_detail) == (None, None)
    assert (found.source, found.interface, found.counter_reset_count) == ("router", "lo", 0)
    assert found.sample_count in {2, 3}
    assert found.rx_rate_bps is not None
    assert found.duration_s is not None
    assert found.duration_s >= 0.3


@pytest.mark.parametrize("community", [router.COMMUNITY, router.COMMUNITY_32_BIT])
async def test_the_counters_are_those_of_the_kernel(running: router.Snmpd, community: str) -> None:
    """Never more than the kernel has counted, and all that was sent as soon as snmpd looks again."""
    before, _ = router.kernel_bytes()
    await asyncio.to_thread(send_over_loopback, SENT_BYTES)
    asked = Router(running.target(community=community))
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        counters = (await asked.read(Context())).counters
        assert isinstance(counters, RouterCounters)
        modulus = 2**64 if counters.is_64_bit else 2**32
        grown = (counters.rx_bytes - before) % modulus
        if SENT_BYTES <= grown <= router.kernel_bytes()[0] - before:
            break
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.2)
    assert counters.is_64_bit is (community == router.COMMUNITY)


async def test_a_period_holds_what_crossed_the_port(running: router.Snmpd) -> None:
    period_s = 2 * router.STALE_S + 1
    before = router.kernel_bytes()
    await asyncio.sleep(router.STALE_S + 0.5)  # what snmpd tells first is not older than that
    watching = asyncio.create_task(watch(running.target(), period_s=period_s, sample_s=1.0))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(send_over_loopback, SENT_BYTES)
    found = await watching
    after = router.kernel_bytes()
    assert (found.failure, found.counter_reset_count) == (None, 0)
    assert found.rx_bytes is not None
    assert found.tx_bytes is not None
    assert SENT_BYTES <= found.rx_bytes <= after[0] - before[0]
    assert SENT_BYTES <= found.tx_bytes <= after[1] - before[1]
    assert found.rx_rate_bps == pytest.approx(found.rx_bytes * 8 / (found.duration_s or 0))
    assert (found.rx_peak_bps or 0) > found.rx_rate_bps


async def test_own_tests_that_crossed_the_router_are_subtracted_on_whatever_interface(
    running: router.Snmpd,
) -> None:
    asked, context = Router(running.target()), Context()
    before = await asked.read(context)
    context.test_traffic.purposed("speed").add("eth0", rx_bytes=700, tx_bytes=70)
    context.test_traffic.purposed("latency").add(None, rx_bytes=7, tx_bytes=7)
    context.test_traffic.purposed(LOCAL).add("eth0", rx_bytes=10**9, tx_bytes=10**9)
    period = Period(before)
    period.add(await asked.read(context))
    found = period.result(asked)
    assert (found.test_rx_bytes, found.test_tx_bytes) == (707, 77)


async def test_the_questions_themselves_are_booked_as_local_traffic(running: router.Snmpd) -> None:
    context, before = Context(), router.kernel_bytes()
    await read(running.target(), context)
    after = router.kernel_bytes()
    rx_bytes, tx_bytes = context.test_traffic.totals("lo")
    assert 200 < tx_bytes <= after[1] - before[1]
    assert 200 < rx_bytes <= after[0] - before[0]
    assert context.test_traffic.by_purpose() == {LOCAL: (rx_bytes, tx_bytes)}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "community": ({"community": "salah"}, "is there, but does not take our community"),
    "user": ({**router.SHA256, "username": "siapa"}, "Unknown USM user"),
    "password": ({**router.SHA256, "auth_password": "salah-sekali"}, "Wrong SNMP PDU digest"),
    "privacy password": (
        {**router.AES128, "privacy_password": "salah-sekali"},
        "is there, but does not take our privacy password",
    ),
    "level": ({**router.SHA256, "username": "aes128"}, "error status 16 (not authorised)"),
}


@pytest.mark.parametrize(("rights", "detail"), WRONG.values(), ids=WRONG)
async def test_wrong_rights_are_told_from_a_router_that_is_not_there(
    running: router.Snmpd, rights: dict[str, Any], detail: str
) -> None:
    found = await watch(running.target(timeout_s=0.6, **rights))
    assert (found.failure, found.rx_bytes) == ("permission", None)
    assert detail in str(found.failure_detail)


async def test_an_unknown_port_is_answered_with_those_that_exist(running: router.Snmpd) -> None:
    found = await watch(running.target(interface="ether1"))
    assert found.failure == "unsupported"
    names = [name for _, name in socket.if_nameindex()]
    assert str(found.failure_detail).startswith("the router has no port ether1; it has: ")
    assert all(name in str(found.failure_detail) for name in names[:3])


async def test_a_router_that_shows_no_ports_says_so(running: router.Snmpd) -> None:
    found = await watch(running.target(community=router.COMMUNITY_BLIND))
    assert found.failure == "unsupported"
    assert found.failure_detail == "the router has no port lo; it has: none"


async def test_where_nobody_listens_it_is_refused() -> None:
    found = await watch(router.RouterTarget(**place(router.free_port()), timeout_s=0.3))
    assert found.failure == "refused"
    assert "nobody listens there" in str(found.failure_detail)


@pytest.mark.parametrize("answer", [None, b"", b"\x30\x03\x02\x01\x01", b"\xff" * 1400], ids=repr)
async def test_silence_and_garbage_are_a_time_out(answer: bytes | None) -> None:
    async with silent(answer) as port:
        found = await watch(router.RouterTarget(**place(port), timeout_s=0.3))
    assert found.failure == "timeout"
    assert "does not answer: is SNMP on, and are we allowed to ask?" in str(found.failure_detail)


@pytest.mark.parametrize("rights", [router.V2C, router.AES128], ids=["2c", "3"])
async def test_a_router_that_restarts_costs_one_sample(tmp_path: Any, rights: dict[str, Any]) -> None:
    """Its silence ends no period, and what its counters say afterwards is not compared with those before.

    This snmpd has another engine id afterwards, as a router has that was replaced: version 3 copes.
    """
    with router.snmpd(tmp_path) as mortal:
        asked = Router(mortal.target(timeout_s=0.5, **rights))
        await asyncio.sleep(NOTICED_AFTER_S)
        before = await asked.read(Context())
        mortal.kill()
        with pytest.raises(SampleLostError) as caught:
            await asked.read(Context())
        assert caught.value.failure == "refused"
        mortal.start()
        after = await asked.read(Context())
        assert after.counters.grown_since(before.counters, after.at_s - before.at_s) is None
        again = await asked.read(Context())
        assert again.counters.grown_since(after.counters, again.at_s - after.at_s) is not None


async def test_a_period_goes_on_through_a_restart(tmp_path: Any) -> None:
    with router.snmpd(tmp_path) as mortal:
        watching = asyncio.create_task(
            watch(mortal.target(timeout_s=0.3), period_s=NOTICED_AFTER_S + 4.0, sample_s=0.5)
        )
        await asyncio.sleep(NOTICED_AFTER_S + 1.0)
        await asyncio.to_thread(mortal.kill)
        await asyncio.to_thread(mortal.start)
        found = await watching
    assert (found.failure, found.counter_reset_count) == (None, 1)
    assert found.sample_count is not None
    assert found.sample_count >= 2


async def test_an_unknown_host_is_a_lost_sample() -> None:
    with pytest.raises(ProbeError) as caught:
        await Router(router.RouterTarget(**{**place(161), "host": "tidak-ada.invalid"})).read(Context())
    assert caught.value.failure == "name_resolution"


def place(port: int) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "interface": "lo", "community": "x"}


class silent:  # noqa: N801 - used as a context
    """A port that answers every question with the same octets, or not at all."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer

    async def __aenter__(self) -> int:
        answer = self._answer

        class Answering(asyncio.DatagramProtocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def datagram_received(self, _data: bytes, addr: Any) -> None:
                if answer is not None:
                    self.transport.sendto(answer, addr)

        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(Answering, local_addr=("127.0.0.1", 0))
        return int(self._transport.get_extra_info("sockname")[1])

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()
