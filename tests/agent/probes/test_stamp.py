"""The STAMP sender against the testpoint's reflector, and against one that plays every trick."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from tests.fakes.stamp_reflector import LOST_BACK, LOST_THERE, NORMAL, Deed, changing, reflecting

from pantau_agent.probes import latency as latency_module
from pantau_agent.probes.base import Context
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.latency import LatencyProbe, LatencyTarget
from pantau_testpoint.stamp import reflector as testpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_wire.fields import Latency

STAMP: dict[str, Any] = {
    "target": "testpoint",
    "host": "127.0.0.1",
    "method": "stamp",
    "count": 10,
    "spread_s": 0.1,
    "timeout_s": 2.0,
}


@pytest.fixture
def reflector_port() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with testpoint.Reflector(sock, structlog.get_logger()):
            yield sock.getsockname()[1]


async def measure(context: Context | None = None, **settings: Any) -> Latency:
    return await LatencyProbe()(LatencyTarget(**{**STAMP, **settings}), context or Context())


async def test_the_testpoint_answers_every_packet(reflector_port: int) -> None:
    found = await measure(stamp_port=reflector_port)
    assert found.failure is None
    assert (found.method, found.server) == ("stamp", f"127.0.0.1:{reflector_port}")
    assert (found.sent_count, found.received_count, found.rt_loss_ratio) == (10, 10, 0.0)
    assert (found.forward_lost_count, found.backward_lost_count) == (0, 0)
    assert found.rtd_p50_ms is not None
    assert 0 < found.rtd_p50_ms < 1000


async def test_ipv6_is_no_different() -> None:
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 on the loopback: {error}")
    with sock, testpoint.Reflector(sock, structlog.get_logger()):
        port = sock.getsockname()[1]
        found = await measure(host="::1", stamp_port=port)
    assert (found.received_count, found.server) == (10, f"[::1]:{port}")


async def test_own_packets_are_booked(reflector_port: int) -> None:
    context = Context()
    await measure(context, stamp_port=reflector_port)
    assert context.test_traffic.totals("lo") == (860, 860)


async def test_each_run_is_a_session_of_its_own_that_begins_with_packet_one() -> None:
    async with reflecting() as reflector:
        for _ in range(2):
            await measure(stamp_port=reflector.port, count=3)
    assert [request.sequence_number for request in reflector.requests] == [1, 2, 3] * 2
    assert 0 not in {request.ssid for request in reflector.requests}


async def test_losses_are_told_apart_by_direction() -> None:
    deeds = {2: LOST_THERE, 5: LOST_THERE, 6: LOST_BACK, 8: LOST_BACK, 9: LOST_BACK}
    async with reflecting(deeds=deeds) as reflector:
        found = await measure(stamp_port=reflector.port, timeout_s=0.3)
    assert (found.sent_count, found.received_count, found.rt_loss_ratio) == (10, 5, 0.5)
    assert (found.forward_lost_count, found.backward_lost_count) == (2, 3)


async def test_what_became_of_the_last_packets_is_not_guessed() -> None:
    async with reflecting(deeds={3: LOST_BACK, 9: LOST_BACK, 10: LOST_THERE}) as reflector:
        found = await measure(stamp_port=reflector.port, timeout_s=0.3)
    assert found.received_count == 7
    assert (found.forward_lost_count, found.backward_lost_count) == (0, 1)


async def test_a_stateless_reflector_leaves_the_direction_open() -> None:
    async with reflecting(stateful=False, deeds={4: LOST_BACK}) as reflector:
        found = await measure(stamp_port=reflector.port, timeout_s=0.3)
    assert (found.received_count, found.forward_lost_count, found.backward_lost_count) == (9, None, None)


async def test_a_late_reply_is_lost_for_the_round_trip_but_in_no_direction() -> None:
    async with reflecting(deeds={2: replace(NORMAL, after_s=0.4)}) as reflector:
        found = await measure(stamp_port=reflector.port, timeout_s=0.2, spread_s=0.6)
    assert (found.received_count, found.forward_lost_count, found.backward_lost_count) == (9, 0, 0)
    assert found.rtd_max_ms is not None
    assert found.rtd_max_ms <= 200


@pytest.mark.parametrize(
    "deed",
    [
        pytest.param(replace(NORMAL, copies=3), id="the reply came three times"),
        pytest.param(replace(NORMAL, arrivals=2), id="the request came twice"),
        pytest.param(replace(NORMAL, after_s=0.1), id="the reply was overtaken"),
        pytest.param(changing(ssid=0), id="the reflector knows no session id"),
    ],
)
async def test_a_packet_counts_once_however_its_reply_comes(deed: Deed) -> None:
    async with reflecting(deeds={1: deed, 4: deed}) as reflector:
        found = await measure(stamp_port=reflector.port)
    assert (found.sent_count, found.received_count) == (10, 10)
    assert (found.forward_lost_count, found.backward_lost_count) == (0, 0)


@pytest.mark.parametrize(
    "deed",
    [
        pytest.param(changing(sender_timestamp=1), id="another timestamp than the sent one"),
        pytest.param(changing(sender_sequence_number=99), id="a number that was never sent"),
        pytest.param(changing(sender_sequence_number=0), id="the number that is never sent"),
        pytest.param(replace(NORMAL, change=lambda reply: reply._replace(ssid=reply.ssid ^ 1)), id="session"),
        pytest.param(replace(NORMAL, octets=b""), id="no octets"),
        pytest.param(replace(NORMAL, octets=b"\xff" * 43), id="43 octets"),
        pytest.param(replace(NORMAL, octets=b"\xff" * 1500), id="garbage"),
    ],
)
async def test_what_is_no_reply_of_ours_is_no_answer(deed: Deed) -> None:
    async with reflecting(default=deed) as reflector:
        found = await measure(stamp_port=reflector.port, count=3, timeout_s=0.2)
    assert (found.failure, found.sent_count, found.received_count) == (None, 3, 0)
    assert (found.forward_lost_count, found.backward_lost_count) == (None, None)


async def test_a_reply_from_another_port_is_not_heard(reflector_port: int) -> None:
    """The request goes to one that is silent; the answer, right in every octet, comes from elsewhere."""
    async with reflecting(default=LOST_BACK) as silent, reflecting() as other:
        answering = asyncio.create_task(measure(stamp_port=silent.port, count=2, timeout_s=0.4))
        await asyncio.sleep(0.1)
        other._send(other._reply(silent.requests[0], NORMAL), silent.sources[0])
        found = await answering
    assert found.received_count == 0


async def test_the_time_at_the_reflector_is_taken_off() -> None:
    """The reflector says that it kept the packet for 80 of at least 100 ms."""
    async with reflecting(default=replace(NORMAL, after_s=0.1, dwell_s=0.08)) as reflector:
        found = await measure(stamp_port=reflector.port)
    assert found.rtd_min_ms is not None
    assert 20 <= found.rtd_min_ms < 100


@pytest.mark.parametrize("dwell_s", [-3600.0, 3600.0], ids=["back", "forward"])
async def test_a_reflector_whose_clock_was_set_does_not_change_the_delay(dwell_s: float) -> None:
    async with reflecting(default=replace(NORMAL, after_s=0.05, dwell_s=dwell_s)) as reflector:
        found = await measure(stamp_port=reflector.port)
    assert found.rtd_min_ms is not None
    assert 50 <= found.rtd_min_ms < 1000


async def test_our_own_clock_may_be_set_while_packets_are_on_their_way(
    monkeypatch: pytest.MonkeyPatch, reflector_port: int
) -> None:
    """Each look at the wall clock is an hour from the one before; the kernel's stamps stay true."""
    steps = iter(range(1000))
    true_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true_ns() + (-1) ** next(steps) * 3600 * 10**9)
    found = await measure(stamp_port=reflector_port)
    assert found.rtd_max_ms is not None
    assert found.rtd_max_ms < 1000


async def test_a_busy_event_loop_does_not_lengthen_the_delay(reflector_port: int) -> None:
    async def hold_the_loop() -> None:
        await asyncio.sleep(0.01)
        for _ in range(20):
            time.sleep(0.05)  # noqa: ASYNC251 - that is what the test is about
            await asyncio.sleep(0)

    holding = asyncio.create_task(hold_the_loop())
    found = await measure(stamp_port=reflector_port, count=40, spread_s=0.8)
    await holding
    assert found.received_count == 40
    assert found.rtd_p50_ms is not None
    assert found.rtd_p50_ms < 10


async def test_a_closed_port_is_silence_and_every_packet_is_sent() -> None:
    """ICMP says "port unreachable" on the next send, which must be sent all the same."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    found = await measure(stamp_port=port, count=5, timeout_s=0.2)
    assert (found.failure, found.sent_count, found.received_count) == (None, 5, 0)


async def test_auto_prefers_stamp_where_a_port_is_given(reflector_port: int) -> None:
    found = await measure(method="auto", stamp_port=reflector_port, tcp_port=1)
    assert found.method == "stamp"


async def test_auto_stays_with_stamp_once_it_was_answered(unused_tcp_port: int) -> None:
    probe = LatencyProbe()
    async with reflecting() as reflector:
        settings = {**STAMP, "method": "auto", "stamp_port": reflector.port, "tcp_port": unused_tcp_port}
        target = LatencyTarget(**{**settings, "timeout_s": 0.2})
        assert (await probe(target, Context())).received_count == 10
        reflector.default = LOST_THERE
        found = await probe(target, Context())
    assert (found.method, found.sent_count, found.received_count) == ("stamp", 10, 0)


async def test_auto_falls_back_where_nobody_reflects(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    def forbidden(*_: object) -> None:
        raise ProbeError("permission", "ICMP is not permitted")

    monkeypatch.setattr(latency_module.icmp, "Pinger", forbidden)
    async with reflecting(default=LOST_THERE) as reflector:
        found = await measure(
            method="auto", stamp_port=reflector.port, tcp_port=unused_tcp_port, timeout_s=1.0
        )
    assert (found.method, found.received_count, found.forward_lost_count) == ("tcp", 10, None)


def test_the_method_stamp_needs_its_port() -> None:
    with pytest.raises(ValueError, match="stamp_port"):
        LatencyTarget(**STAMP)
