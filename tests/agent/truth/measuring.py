"""Our speed engine on a line whose rate is known: the probe in one namespace, the testpoint in the other."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes import network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.network import Host

PORT = 8989
NDT7_PORT, IPERF3_PORT = 8080, 5201
WAYS = ("download", "upload")
MBIT = 1e6
GBIT = 1e9
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Figure:
    """What one direction's test found, and what it cost. Payload is all that moved, ramp-up included."""

    goodput_bps: float | None
    payload_bytes: int | None
    cpu_s: float | None
    duration_s: float
    remark: str | None = None

    @property
    def cpu_s_per_gbit(self) -> float | None:
        """CPU seconds of the client for each Gbit of payload, None where either is unknown."""
        if self.cpu_s is None or not self.payload_bytes:
            return None
        return self.cpu_s / (self.payload_bytes * 8 / GBIT)


def left_bps(rate_mbit: float) -> float:
    """Return the goodput that a shaper of this rate leaves."""
    return rate_mbit * MBIT * network.MSS_SHARE


def error_ratio(goodput_bps: float | None, truth_bps: float) -> float | None:
    """Return by how much the goodput is off, None where there is none."""
    return goodput_bps / truth_bps - 1 if goodput_bps is not None else None


@contextmanager
def testpoint(far: Host) -> Iterator[str]:
    """Run a testpoint on the far host; yield its URL."""
    command = [sys.executable, "-m", "pantau_testpoint", "--listen", far.address, "--http-port", str(PORT)]
    with far.serving([*command, "--stamp-port", "0"], PORT):
        yield f"http://{far.address}:{PORT}"


def ask(near: Host, url: str, **settings: Any) -> dict[str, Figure]:
    """Run the speed probe on the near host; return what it found each way."""
    found = answer(near, url, **settings)
    return {way: _figure(found, way) for way in WAYS}


def answer(near: Host, url: str, **settings: Any) -> dict[str, Any]:
    """Run the speed probe on the near host; return all that `inside` says of it."""
    command = [sys.executable, "-m", "tests.agent.truth.inside", url, json.dumps(settings)]
    found: dict[str, Any] = json.loads(near.output(command, cwd=ROOT))
    return found


def measure(rate_mbit: float | None, **settings: Any) -> dict[str, Figure]:
    """Run one test on a fresh line of this rate each way, None for one without a shaper."""
    with network.two_hosts(rate_mbit=rate_mbit) as (near, far), testpoint(far) as url:
        return ask(near, url, **settings)


def measure_ndt7(rate_mbit: float, **settings: Any) -> dict[str, Figure]:
    """Run one test by the engine `ndt7` on a fresh line of this rate each way."""
    with network.two_hosts(rate_mbit=rate_mbit) as (near, far):
        server = [sys.executable, "-m", "tests.fakes.ndt7", far.address, str(NDT7_PORT)]
        with far.serving(server, NDT7_PORT, cwd=ROOT):
            return ask(near, f"ws://{far.address}:{NDT7_PORT}", engine="ndt7", **settings)


def measure_iperf3(rate_mbit: float, **settings: Any) -> dict[str, Figure]:
    """Run one test by the engine `iperf3` on a fresh line of this rate each way."""
    with network.two_hosts(rate_mbit=rate_mbit) as (near, far):
        server = ["iperf3", "--server", "--port", str(IPERF3_PORT)]
        with far.serving(server, IPERF3_PORT):
            return ask(near, "", engine="iperf3", servers=[f"{far.address}:{IPERF3_PORT}"], **settings)


def _figure(answer: dict[str, Any], way: str) -> Figure:
    speed = answer["speed"]
    return Figure(
        goodput_bps=speed.get(f"{way}_goodput_bps"),
        payload_bytes=speed.get(f"{way}_bytes"),
        cpu_s=answer["cpu_s"].get(way),
        duration_s=answer["elapsed_s"].get(way, 0.0),
        remark=speed.get("failure_detail") or speed.get("limited_by"),
    )
