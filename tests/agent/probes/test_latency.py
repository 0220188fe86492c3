"""The latency probe against real listeners: TCP on the loopback, ICMP in a network namespace of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pantau_agent.probes import interfaces
from pantau_agent.probes.base import LOCAL, Context, Line, Progress
from pantau_agent.probes.latency import LatencyProbe, LatencyTarget
from pantau_wire.fields import Latency

if TYPE_CHECKING:
    from collections.abc import Iterator

TCP: dict[str, Any] = {
    "target": "testpoint",
    "host": "127.0.0.1",
    "method": "tcp",
    "count": 10,
    "spread_s": 0.5,
    "timeout_s": 2.0,
}


@pytest.fixture
def listener_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


async def measure(context: Context | None = None, **settings: Any) -> Latency:
    return await LatencyProbe()(LatencyTarget(**{**TCP, **settings}), context or Context())


async def test_a_listener_answers_every_packet(listener_port: int) -> None:
    found = await measure(tcp_port=listener_port)
    assert found.failure is None
    assert (found.sent_count, found.received_count, found.rt_loss_ratio) == (10, 10, 0.0)
    assert found.method == "tcp"
    assert found.server == f"127.0.0.1:{listener_port}"
    assert found.rtd_min_ms is not None
    assert found.rtd_p50_ms is not None
    assert found.rtd_max_ms is not None
    assert 0 < found.rtd_min_ms <= found.rtd_p50_ms <= found.rtd_max_ms < 1000
    assert found.rtd_pdv_p95_ms is not None
    assert found.rtd_ipdv_p95_ms is not None


async def test_the_refusal_of_a_closed_port_is_an_answer(unused_tcp_port: int) -> None:
    found = await measure(tcp_port=unused_tcp_port)
    assert found.failure is None
    assert found.received_count == 10
    assert found.rtd_min_ms


async def test_a_host_name_is_resolved(listener_port: int) -> None:
    found = await measure(host="localhost", tcp_port=listener_port, count=1)
    assert found.received_count == 1


async def test_packets_are_spread_and_reported(listener_port: int) -> None:
    told: list[Progress] = []
    await measure(Context(on_progress=told.append), tcp_port=listener_port, count=5, spread_s=1.0)
    assert [round(progress.elapsed_s, 1) for progress in told] == pytest.approx(
        [0, 0.2, 0.4, 0.6, 0.8], abs=0.15
    )
    assert all(progress.rtd_ms is not None for progress in told)


class BusyLine(Line):
    """A line that our own test loads from one moment to another, in seconds from now."""

    def __init__(self, first_s: float, end_s: float) -> None:
        super().__init__()
        self._begun_s, self._first_s, self._end_s = time.monotonic(), first_s, end_s

    @property
    def loaded(self) -> bool:
        return self._first_s <= time.monotonic() - self._begun_s < self._end_s


async def test_packets_that_fall_into_our_own_load_are_left_out(listener_port: int) -> None:
    """They are neither sent nor lost."""
    context = Context(line=BusyLine(0.55, 1.45))
    found = await measure(context, tcp_port=listener_port, spread_s=2.0)
    assert found.failure is None
    assert found.sent_count is not None
    assert found.skipped_count is not None
    assert 3 <= found.skipped_count <= 5
    assert found.sent_count == 10 - found.skipped_count
    assert (found.received_count, found.rt_loss_ratio) == (found.sent_count, 0.0)


@pytest.mark.parametrize("method", ["tcp", "stamp"])
async def test_a_minute_of_nothing_but_load_has_no_delay_no_loss_and_no_failure(
    listener_port: int, method: str
) -> None:
    context = Context(line=BusyLine(0, 600))
    found = await measure(context, tcp_port=listener_port, stamp_port=listener_port, method=method)
    assert (found.failure, found.sent_count, found.received_count, found.skipped_count) == (None, 0, 0, 10)
    assert (found.rt_loss_ratio, found.rtd_p50_ms, found.forward_lost_count) == (None, None, None)
    assert context.test_traffic.by_purpose() == {}


async def test_the_gateways_packets_stay_in_the_village(listener_port: int) -> None:
    """They are ours, so traffic leaves them out, but they cost nothing of the data budget."""
    context = Context()
    await measure(context, target="gateway", tcp_port=listener_port)
    assert list(context.test_traffic.by_purpose()) == [LOCAL]
    assert context.test_traffic.totals("lo")[1] > 0


async def test_own_packets_are_booked(listener_port: int) -> None:
    """Of each of the ten SYN, ACK and RST go out, and a SYN/ACK comes in."""
    context = Context()
    await measure(context, tcp_port=listener_port)
    assert context.test_traffic.totals("lo") == (10 * 74, 10 * (74 + 66 + 54))


async def test_a_run_that_is_cut_short_is_booked_as_far_as_it_came(listener_port: int) -> None:
    context = Context()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            await measure(context, tcp_port=listener_port, spread_s=600.0)
    assert context.test_traffic.totals("lo") == (74, 74 + 66 + 54)


async def test_silence_is_a_valid_measurement_of_total_loss() -> None:
    """A full backlog drops the SYN: packets were sent, nobody answered, and nothing failed on this side."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(address)
        found = await measure(tcp_port=address[1], count=3, spread_s=0.1, timeout_s=0.5)
        for filler in fillers:
            filler.close()
    assert found.failure is None
    assert (found.sent_count, found.received_count, found.rt_loss_ratio) == (3, 0, 1.0)
    assert found.rtd_min_ms is None
    assert found.rtd_p95_ms is None


async def test_a_name_that_does_not_resolve_is_a_failure_without_numbers() -> None:
    found = await measure(host="no-such-host.invalid", tcp_port=1)
    assert found.failure == "name_resolution"
    assert found.sent_count is None
    assert found.rt_loss_ratio is None


async def test_without_a_default_route_the_gateway_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "default_route", lambda: None)
    found = await measure(target="gateway", host=None, tcp_port=80)
    assert (found.failure, found.server, found.sent_count) == ("unreachable", None, None)


@pytest.mark.parametrize(
    "settings",
    [
        {"target": "internet", "host": None, "tcp_port": 1},
        {"tcp_port": None},
        {"tcp_port": 1, "count": 0},
        {"tcp_port": 1, "timeout_s": 0},
    ],
)
def test_a_target_that_cannot_be_probed_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"needs|must"):
        LatencyTarget(**{**TCP, **settings})


def in_namespace(ping_group_range: str, *, loopback_up: bool = True, **settings: Any) -> Latency:
    """Run the probe in a fresh network namespace, whose ICMP permission is its own."""
    if sys.platform != "linux" or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs Linux with unshare and ip")
    code = f"""
import asyncio, msgspec
from pantau_agent.probes.base import Context
from pantau_agent.probes.latency import LatencyProbe, LatencyTarget
found = asyncio.run(LatencyProbe()(LatencyTarget(**{settings!r}), Context()))
print(msgspec.json.encode(found).decode())
"""
    setup = f"ip link set lo {'up' if loopback_up else 'down'}"
    permit = f"echo '{ping_group_range}' > /proc/sys/net/ipv4/ping_group_range"
    script = f'{setup} && {permit} && exec "$0" -c "$1"'
    ran = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode and ("ermission" in ran.stderr or "not permitted" in ran.stderr):
        pytest.skip("not allowed to make a network namespace")
    assert ran.returncode == 0, ran.stderr
    fields = json.loads(ran.stdout)
    fields.pop("kind")
    return Latency(**fields)


ICMP: dict[str, Any] = {"target": "internet", "host": "127.0.0.1", "count": 10, "spread_s": 0.3}


def test_icmp_is_used_where_it_is_permitted() -> None:
    found = in_namespace("0 2147483647", **ICMP, tcp_port=1)
    assert found.failure is None
    assert (found.method, found.sent_count, found.received_count) == ("icmp", 10, 10)
    assert found.rtd_p50_ms is not None
    assert 0 < found.rtd_p50_ms < 1000


def test_icmp_that_is_not_permitted_falls_back_to_tcp() -> None:
    found = in_namespace("1 0", **ICMP, tcp_port=1)
    assert (found.failure, found.method, found.received_count) == (None, "tcp", 10)


def test_icmp_that_nobody_answers_falls_back_to_tcp_which_names_itself() -> None:
    """Nobody is at 192.0.2.1, and the namespace has no route: nothing leaves the machine."""
    found = in_namespace("0 2147483647", **{**ICMP, "host": "192.0.2.1"}, tcp_port=1)
    assert (found.failure, found.method, found.sent_count) == ("unreachable", "tcp", None)


def test_icmp_that_is_not_permitted_and_cannot_be_replaced_is_a_permission_failure() -> None:
    found = in_namespace("1 0", **ICMP)
    assert (found.failure, found.sent_count, found.rt_loss_ratio) == ("permission", None, None)


def test_without_a_route_nothing_was_sent() -> None:
    found = in_namespace("0 2147483647", **{**ICMP, "host": "192.0.2.1"}, method="icmp")
    assert (found.failure, found.method, found.sent_count) == ("unreachable", "icmp", None)
