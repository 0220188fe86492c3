"""Authenticated STAMP: the sender against the testpoint's reflector, and against whoever has not the key."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from tests.fakes.stamp_reflector import LOST_BACK, LOST_THERE, NORMAL, Deed, changing, reflecting

from pantau_agent.probes.base import Context
from pantau_agent.probes.latency import LatencyProbe, LatencyTarget
from pantau_testpoint.stamp.modes import Acceptance, Authenticated
from pantau_testpoint.stamp.reflector import Reflector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_wire.fields import Latency

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
SIGNED = Authenticated(KEY)


async def measure(port: int, context: Context | None = None, **settings: Any) -> Latency:
    target = LatencyTarget(
        **{
            "target": "testpoint",
            "host": "127.0.0.1",
            "method": "stamp",
            "stamp_port": port,
            "stamp_key": KEY,
            "count": 10,
            "spread_s": 0.1,
            "timeout_s": 2.0,
            **settings,
        }
    )
    return await LatencyProbe()(target, context or Context())


@contextmanager
def reflecting_testpoint(acceptance: Acceptance) -> Iterator[tuple[Reflector, int]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with Reflector(sock, structlog.get_logger(), acceptance=acceptance) as reflector:
            yield reflector, sock.getsockname()[1]


@pytest.mark.parametrize("keys", [[KEY], [OTHER_KEY, KEY]], ids=["one key", "while keys are replaced"])
async def test_the_testpoint_answers_every_signed_packet(keys: list[bytes]) -> None:
    context = Context()
    with reflecting_testpoint(Acceptance(keys)) as (_, port):
        found = await measure(port, context)
    assert (found.failure, found.authenticated) == (None, True)
    assert (found.sent_count, found.received_count, found.rt_loss_ratio) == (10, 10, 0.0)
    assert (found.forward_lost_count, found.backward_lost_count) == (0, 0)
    assert context.test_traffic.totals("lo") == (10 * 154, 10 * 154)


async def test_without_a_key_the_result_says_so_and_other_methods_say_nothing(unused_tcp_port: int) -> None:
    with reflecting_testpoint(Acceptance([KEY], unauthenticated=True)) as (_, port):
        found = await measure(port, stamp_key=None)
        tcp = await measure(port, method="tcp", tcp_port=unused_tcp_port, count=1)
    assert (found.authenticated, found.received_count) == (False, 10)
    assert tcp.authenticated is None


async def test_a_testpoint_with_another_key_is_silence() -> None:
    with reflecting_testpoint(Acceptance([OTHER_KEY])) as (reflector, port):
        found = await measure(port, timeout_s=0.2)
    assert (found.failure, found.sent_count, found.received_count) == (None, 10, 0)
    assert reflector.forged_count == 10


async def test_losses_are_told_apart_by_direction() -> None:
    deeds = {2: LOST_THERE, 5: LOST_THERE, 6: LOST_BACK, 8: LOST_BACK, 9: LOST_BACK}
    async with reflecting(deeds=deeds, mode=SIGNED) as reflector:
        found = await measure(reflector.port, timeout_s=0.3)
    assert (found.sent_count, found.received_count) == (10, 5)
    assert (found.forward_lost_count, found.backward_lost_count) == (2, 3)


class Forger(Authenticated):
    """Reads what is signed with the key, and signs with another."""

    def pack_reflected(self, packet: Any) -> bytes:
        return Authenticated(OTHER_KEY).pack_reflected(packet)


async def test_answers_with_a_wrong_hmac_are_lost() -> None:
    async with reflecting(mode=Forger(KEY)) as reflector:
        found = await measure(reflector.port, timeout_s=0.3)
    assert len(reflector.requests) == 10
    assert (found.sent_count, found.received_count, found.rt_loss_ratio) == (10, 0, 1.0)
    assert (found.forward_lost_count, found.backward_lost_count) == (None, None)


@pytest.mark.parametrize(
    "deed",
    [
        pytest.param(replace(NORMAL, octets=SIGNED.pack_sender((1, 2, 3, 4))), id="signed, but a request"),
        pytest.param(changing(sender_timestamp=1), id="signed, but another timestamp than the sent one"),
        pytest.param(changing(sender_sequence_number=99), id="signed, but a number that was never sent"),
        pytest.param(replace(NORMAL, octets=b"\xff" * 111), id="111 octets"),
        pytest.param(replace(NORMAL, octets=b"\xff" * 1500), id="garbage"),
    ],
)
async def test_what_is_no_reply_of_ours_is_no_answer(deed: Deed) -> None:
    async with reflecting(default=deed, mode=SIGNED) as reflector:
        found = await measure(reflector.port, count=3, timeout_s=0.2)
    assert (found.failure, found.sent_count, found.received_count) == (None, 3, 0)


async def test_auto_falls_back_where_nobody_has_the_key(unused_tcp_port: int) -> None:
    with reflecting_testpoint(Acceptance([OTHER_KEY])) as (_, port):
        found = await measure(port, method="auto", tcp_port=unused_tcp_port, timeout_s=0.2, count=2)
    assert found.method in {"icmp", "tcp"}
    assert found.authenticated is None
