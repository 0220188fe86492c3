"""The line before a test: traffic of others between two network namespaces, and our own that is none."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.truth import measuring
from tests.fakes import network

from pantau_agent.probes.base import TestTraffic
from pantau_agent.probes.speed.account import InterfaceBytes, LineAccount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.network import Host

ROOT = Path(__file__).parents[3]
NOISE_PORT = 9
EARLIER = InterfaceBytes(1_000_000, 1_000_000)
QUICK: dict[str, Any] = {
    "download_s": 0.8,
    "upload_s": 0.8,
    "download_discard_s": 0.2,
    "upload_discard_s": 0.2,
    "idle_pings": 2,
    "line_wait_s": 2.0,
}


@pytest.fixture(scope="module")
def _lines() -> None:
    if reason := network.why_not():
        pytest.skip(reason)


@contextmanager
def others(near: Host, far: Host, bytes_per_s: float, until_s: float = 1000.0) -> Iterator[None]:
    """Send datagrams from the near host to the far one, as somebody else on the line would."""
    command = [sys.executable, "-m", "tests.fakes.datagrams", far.address, str(NOISE_PORT)]
    with near.start([*command, str(bytes_per_s), str(until_s)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.terminate()


def measure(*, noise_bytes_per_s: float, until_s: float = 1000.0, **settings: Any) -> dict[str, Any]:
    """Test over a line of 20 Mbit/s that others use; return the measurement and the phases told of."""
    with (
        network.two_hosts(rate_mbit=20) as (near, far),
        measuring.testpoint(far) as url,
        others(near, far, noise_bytes_per_s, until_s),
    ):
        return measuring.answer(near, url, **{**QUICK, **settings})


def others_mbits(detail: str) -> float:
    """Return how much other traffic a text tells of."""
    told = re.search(r"other traffic of ([\d.]+) Mbit/s", detail)
    assert told is not None, detail
    return float(told[1])


@pytest.mark.usefixtures("_lines")
def test_a_quiet_line_is_not_waited_for() -> None:
    found = measure(noise_bytes_per_s=5_000, line_tries=3)
    assert found["speed"]["line_wait_s"] == 0
    assert found["speed"]["limited_by"] in {"none", "device"}
    assert "waiting_line" not in found["phases"]


@pytest.mark.usefixtures("_lines")
def test_a_busy_line_is_waited_for_until_it_is_free() -> None:
    found = measure(noise_bytes_per_s=100_000, until_s=9.0, line_tries=20)
    assert found["speed"]["line_wait_s"] >= 2
    assert found["speed"]["limited_by"] in {"none", "device"}
    assert found["phases"][:2] == ["waiting_line", "idle"]
    assert found["begun_after_s"] >= found["speed"]["line_wait_s"]


@pytest.mark.usefixtures("_lines")
def test_a_line_that_stays_busy_is_measured_and_the_test_says_so() -> None:
    found = measure(noise_bytes_per_s=100_000, line_tries=1)["speed"]
    assert found["download_goodput_bps"] > 10e6
    assert found["line_wait_s"] == pytest.approx(2.0, abs=1.0)
    if found["limited_by"] != "device":  # a busy machine is the graver finding
        assert found["limited_by"] == "busy_line"
        assert others_mbits(found["limit_detail"]) == pytest.approx(0.8, rel=0.3)


@pytest.mark.usefixtures("_lines")
def test_a_line_that_stays_busy_may_be_skipped() -> None:
    found = measure(noise_bytes_per_s=100_000, line_tries=1, skip_busy_line=True)["speed"]
    assert (found["failure"], found["limited_by"]) == ("busy", "busy_line")
    assert others_mbits(found["failure_detail"]) == pytest.approx(0.8, rel=0.3)
    assert "download_goodput_bps" not in found
    assert "idle_rtd_p50_ms" not in found


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> LineAccount:
    """An account of an interface that has received 300 kB more than at `EARLIER`, and sent 10 kB more."""
    account = LineAccount(("127.0.0.1", 9), TestTraffic())
    now = InterfaceBytes(EARLIER.rx_bytes + 300_000, EARLIER.tx_bytes + 10_000)
    monkeypatch.setattr(account, "counters", lambda: now)
    account.is_loopback = False
    return account


def test_bytes_of_our_own_tests_are_not_other_traffic(account: LineAccount) -> None:
    assert account.others_bps(EARLIER, 2.0) == 300_000 * 8 / 2
    account.exchanged(290_000)
    assert account.others_bps(EARLIER, 2.0) == 10_000 * 8 / 2


def test_counters_that_began_anew_are_no_traffic(account: LineAccount) -> None:
    assert account.others_bps(InterfaceBytes(10**9, 10**9), 2.0) == 0
