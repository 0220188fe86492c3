"""A line that delays by 5, 20, 100 and 300 ms shows that delay to every method, within 1 ms or 2%."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.impairments import FAR_DELAYED_ADDRESS, delayed, permit_icmp, why_no_delay
from tests.fakes.network import two_hosts

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_wire.fields import Latency

pytestmark = pytest.mark.alone

STAMP_PORT, HTTP_PORT = 862, 8989
PACKETS = 60
METHODS: list[dict[str, Any]] = [
    {"method": "icmp"},
    {"method": "stamp", "stamp_port": STAMP_PORT},
    {"method": "tcp", "tcp_port": HTTP_PORT},
]
TARGET: dict[str, Any] = {
    "target": "testpoint",
    "host": FAR_DELAYED_ADDRESS,
    "count": PACKETS,
    "spread_s": 0.9,
    "timeout_s": 2.0,
}
DRAWS = 6
"""Other work on the same machine may hold up the relay itself; the methods that were off measure again."""


def is_true(found: Latency, delay_ms: float) -> bool:
    assert found.failure is None, found.failure_detail
    assert found.rtd_p50_ms is not None
    assert found.rtd_min_ms is not None
    assert found.rtd_min_ms >= delay_ms - 0.1  # nothing makes a packet faster than the line
    return abs(found.rtd_p50_ms - delay_ms) <= max(1.0, 0.02 * delay_ms)


@pytest.fixture(autouse=True, scope="module")
def _able():
    reason = why_no_delay()
    if reason is not None:
        pytest.skip(reason)


@pytest.mark.parametrize("delay_ms", [5, 20, 100, 300])
def test_the_median_is_the_delay_of_the_line(
    delay_ms: float, measure: Any, testpoint_on: Any, stamp_key_file: Path
) -> None:
    with (
        two_hosts() as (near, far),
        delayed(near, far, delay_ms / 1000),
        testpoint_on(far, stamp_port=STAMP_PORT, http_port=HTTP_PORT),
    ):
        permit_icmp(near)
        left = [*METHODS, {**METHODS[1], "stamp_key_file": str(stamp_key_file)}]
        for _ in range(DRAWS):
            found = measure(near, [{**TARGET, **method} for method in left])
            report(delay_ms, found)
            left = [method for method, one in zip(left, found, strict=True) if not is_true(one, delay_ms)]
            if not left:
                return
    pytest.fail(f"{delay_ms} ms: {left} off by more than 1 ms or 2%, {DRAWS} times")


def report(delay_ms: float, found: list[Latency]) -> None:
    """Show the figures with `pytest -rP`."""
    for one in found:
        print(f"{delay_ms} ms", one.method, one.authenticated, one.rtd_min_ms, one.rtd_p50_ms, one.rtd_p95_ms)  # noqa: T201
