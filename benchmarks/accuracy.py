"""How true speed tests are: engines on lines whose rate is known, and what each costs the client.

Two network namespaces are joined by a veth pair; `tbf` shapes each way. The truth is the goodput that the
shaper leaves: its rate times the payload's share of a full frame, which is looked at in a capture first.

  http            our speed probe as it ships: 4 connections, at most 10 s each way, 1.5 s and 3 s left out,
                  ended as soon as the rate is stable
  http full time  the same without the early end
  ndt7            our engine of that name, against tests/fakes/ndt7.py: 1 connection, the same times
  iperf3          4 connections, 10 s each way, 2 s and 3 s left out (it takes whole seconds)
  speedtest-cli   2.1.3 as it ships, against tests/fakes/legacy_speedtest.py

Each test has a line of its own. CPU seconds are user and system time of the client process while it
transfers, per Gbit of payload it counted itself, ramp-up included; Python's start is left out. On a veth
pair the far end's packet work is partly done in the client's time: compare the engines with each other.
RATES=7,60 chooses other rates (Mbit/s). What is not known is null. `remark` says what the engine itself
thought of the test; `device` means that no processor time was left: it is measured once more, and said.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.agent.truth import frames, inside, measuring
from tests.agent.truth.measuring import MBIT, ROOT, WAYS, Figure
from tests.fakes import network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RATES_MBIT = (1.0, 2.0, 5.0, 10.0, 38.16, 100.0, 300.0, 500.0)
LEGACY_FOLDER = ROOT / "build" / "speedtest-cli"
LEGACY = "speedtest-cli==2.1.3"
LEGACY_PORT, IPERF_PORT = 8080, 5201
OMIT_S = {"download": 2, "upload": 3}
DURATION_S = 10
GIVE_UP_S = 120.0

TRUE_FROM_MBIT = 2.0
TRUE_WITHIN_RATIO = 0.03
BEHIND_IPERF3_RATIO = 0.01
CPU_S_PER_GBIT = {"download": 0.03, "upload": 0.04}
LOOPBACK_BPS = 2e9

Row = dict[str, Any]


def run() -> list[Row]:
    """Return a row for each engine, rate and direction. Raises NetworkError where no line can be made."""
    reason = network.why_not()
    if reason is not None:
        raise network.NetworkError(reason)
    _say_share()
    engines = _engines()
    rows = [row for rate in _rates() for engine in engines for row in _rows(engine, rate)]
    rows += _loopback_rows()
    for line in verdicts(rows):
        _say(line)
    return rows


def _say_share() -> None:
    frame = frames.full_frame()
    share = f"{frame.payload_bytes / frame.frame_bytes:.4f}, assumed {network.MSS_SHARE:.4f}"
    _say(f"captured frames carry {frame.payload_bytes} of {frame.frame_bytes} octets: share {share}")
    _say(f"tbf counts {frames.counted_bytes():.0f} octets a packet in the mean, small ones included")


def _rates() -> list[float]:
    text = os.environ.get("RATES", "")
    return [float(part) for part in text.split(",")] if text else list(RATES_MBIT)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# The engines.


@dataclass(frozen=True, slots=True)
class Engine:
    """A name, and what measures both ways on fresh lines of a rate."""

    name: str
    measure: Callable[[float], dict[str, Figure]]


def _engines() -> list[Engine]:
    """Return the engines that can run here; say of the others what to install."""
    engines = [
        Engine("http", measuring.measure),
        Engine("http full time", lambda rate: measuring.measure(rate, stable_stop=False)),
        Engine("ndt7", measuring.measure_ndt7),
    ]
    if shutil.which("iperf3") is None:
        _say("no rows for iperf3: apt-get install iperf3")
    else:
        engines.append(Engine("iperf3", lambda rate: {way: iperf3(rate, way) for way in WAYS}))
    if _has_legacy():
        engines.append(Engine("speedtest-cli", lambda rate: {way: speedtest_cli(rate, way) for way in WAYS}))
    return engines


def _has_legacy() -> bool:
    """Tell whether speedtest-cli is in its folder; install it there if not."""
    if (LEGACY_FOLDER / "speedtest.py").exists():
        return True
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command = [*pip, "--target", str(LEGACY_FOLDER), LEGACY]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        _say(f"no rows for speedtest-cli: pip install {LEGACY} failed: {done.stderr.strip()[-300:]}")
    return done.returncode == 0


def iperf3(rate_mbit: float, way: str) -> Figure:
    """Run iperf3 one way on a fresh line; the goodput is what the receiver counted."""
    with network.two_hosts(rate_mbit=rate_mbit) as (near, far):
        server = ["iperf3", "--server", "--one-off", "--port", str(IPERF_PORT)]
        with far.serving(server, IPERF_PORT):
            return _iperf3_client(near, far, way)


def _iperf3_client(near: network.Host, far: network.Host, way: str) -> Figure:
    omit_s = OMIT_S[way]
    options = ["--parallel", "4", "--time", str(DURATION_S - omit_s), "--omit", str(omit_s), "--json"]
    if way == "download":
        options.append("--reverse")
    command = ["iperf3", "--client", far.address, "--port", str(IPERF_PORT), *options]
    begun_s, cpu_begun_s = time.monotonic(), inside.cpu_s()
    answer = json.loads(near.output(command, timeout=GIVE_UP_S))
    cpu_s, duration_s = inside.cpu_s() - cpu_begun_s, time.monotonic() - begun_s
    received = answer["end"]["sum_received"]["bits_per_second"]
    payload_bytes = sum(interval["sum"]["bytes"] for interval in answer["intervals"])
    return Figure(received, payload_bytes, cpu_s, duration_s)


def speedtest_cli(rate_mbit: float, way: str) -> Figure:
    """Run speedtest-cli one way on a fresh line; the goodput is what it reports."""
    with network.two_hosts(rate_mbit=rate_mbit) as (near, far):
        server = [sys.executable, "-m", "tests.fakes.legacy_speedtest", far.address, str(LEGACY_PORT)]
        with far.serving(server, LEGACY_PORT, cwd=ROOT):
            return _speedtest_cli_client(near, far, way)


def _speedtest_cli_client(near: network.Host, far: network.Host, way: str) -> Figure:
    """Run it so that it finds its configuration and list of servers on the far host."""
    proxy = {"http_proxy": f"http://{far.address}:{LEGACY_PORT}", "no_proxy": far.address}
    environment = {**os.environ, **proxy, "PYTHONPATH": f"{LEGACY_FOLDER}:{ROOT}"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.accuracy", way]
    answer = near.output(command, cwd=ROOT, env=environment, timeout=GIVE_UP_S)
    return Figure(**json.loads(answer))


def speedtest_cli_inside(way: str) -> None:
    """Run speedtest-cli in this process, and print what it found as JSON."""
    test = importlib.import_module("speedtest").Speedtest()
    test.get_servers()
    test.get_best_server()
    begun_s, cpu_begun_s = time.monotonic(), inside.cpu_s()
    goodput_bps = getattr(test, way)()
    cpu_s, duration_s = inside.cpu_s() - cpu_begun_s, time.monotonic() - begun_s
    payload = test.results.bytes_received if way == "download" else test.results.bytes_sent
    found = {"goodput_bps": goodput_bps, "payload_bytes": payload, "cpu_s": cpu_s, "duration_s": duration_s}
    print(json.dumps(found))


# Rows.


def _rows(engine: Engine, rate_mbit: float) -> Iterator[Row]:
    """Measure both ways; once more if the machine was too busy, which is said."""
    figures = engine.measure(rate_mbit)
    if any(figure.remark == "device" for figure in figures.values()):
        _say(f"{engine.name} at {rate_mbit:g} Mbit/s: no processor time left, once more")
        figures = engine.measure(rate_mbit)
    for way, figure in figures.items():
        row = _row(engine.name, way, rate_mbit, figure)
        _say(_line(row))
        yield row


def _row(name: str, way: str, rate_mbit: float | None, figure: Figure) -> Row:
    truth_bps = measuring.left_bps(rate_mbit) if rate_mbit is not None else None
    error = measuring.error_ratio(figure.goodput_bps, truth_bps) if truth_bps is not None else None
    return {
        "engine": name,
        "direction": way,
        "shaped_bps": round(rate_mbit * MBIT) if rate_mbit is not None else None,
        "goodput_bps": _rounded(figure.goodput_bps, 0),
        "error_ratio": _rounded(error, 5),
        "cpu_s_per_gbit": _rounded(figure.cpu_s_per_gbit, 4),
        "duration_s": round(figure.duration_s, 1),
        "remark": figure.remark,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return round(value, digits) if value is not None else None


def _line(row: Row) -> str:
    return "  ".join(str(value) for value in row.values())


def _loopback_rows() -> list[Row]:
    """Return what our engine does where nothing shapes: both ends on one host."""
    with network.two_hosts() as (near, _), measuring.testpoint(near) as url:
        figures = measuring.ask(near, url, download_s=4.0, upload_s=5.0)
    return [_row("http loopback", way, None, figure) for way, figure in figures.items()]


# Verdicts.


def verdicts(rows: list[Row]) -> list[str]:
    """Return a line for each goal: whether it is met, and where it is not."""
    ours = [row for row in rows if row["engine"] == "http"]
    true = [row for row in ours if row["shaped_bps"] >= TRUE_FROM_MBIT * MBIT]
    loopback = [row for row in rows if row["engine"] == "http loopback"]
    received = [row for row in loopback if row["direction"] == "download"]
    return [
        _verdict("http within 3% from 2 Mbit/s up", true, lambda row: _off(row) <= TRUE_WITHIN_RATIO),
        _verdict("http truer than speedtest-cli", ours, lambda row: _better(row, rows, "speedtest-cli", 0.0)),
        _verdict(
            "http at most one point behind iperf3",
            ours,
            lambda row: _better(row, rows, "iperf3", BEHIND_IPERF3_RATIO),
        ),
        _verdict("http CPU at most 0.03 s per Gbit down, 0.04 up", ours, _is_cheap),
        _verdict("the same on loopback", loopback, _is_cheap),
        _verdict("http CPU at most iperf3's", ours, lambda row: _is_cheaper(row, rows, "iperf3")),
        _verdict("http loopback at least 2 Gbit/s down", received, lambda row: _bps(row) >= LOOPBACK_BPS),
    ]


def _verdict(goal: str, rows: list[Row], holds: Callable[[Row], bool]) -> str:
    failing = [_where(row) for row in rows if not holds(row)]
    if not rows:
        return f"goal: {goal}: not measured"
    return f"goal: {goal}: " + (f"NOT MET at {', '.join(failing)}" if failing else "met")


def _where(row: Row) -> str:
    shaped = f"{row['shaped_bps'] / MBIT:g} Mbit/s" if row["shaped_bps"] else "loopback"
    return f"{shaped} {row['direction']} ({row['error_ratio']}, {row['cpu_s_per_gbit']} CPU-s/Gbit)"


def _off(row: Row) -> float:
    """Return how far a row is from the truth; one without a figure is as far as can be."""
    return abs(row["error_ratio"]) if row["error_ratio"] is not None else float("inf")


def _bps(row: Row) -> float:
    return row["goodput_bps"] or 0.0


def _twin(row: Row, rows: list[Row], engine: str) -> Row | None:
    same = ("direction", "shaped_bps")
    return next((r for r in rows if r["engine"] == engine and all(r[key] == row[key] for key in same)), None)


def _better(row: Row, rows: list[Row], engine: str, allowance: float) -> bool:
    other = _twin(row, rows, engine)
    return other is None or _off(row) <= _off(other) + allowance


def _is_cheap(row: Row) -> bool:
    cost = row["cpu_s_per_gbit"]
    return cost is not None and cost <= CPU_S_PER_GBIT[row["direction"]]


def _is_cheaper(row: Row, rows: list[Row], engine: str) -> bool:
    other = _twin(row, rows, engine)
    return other is None or (row["cpu_s_per_gbit"] or 0) <= (other["cpu_s_per_gbit"] or float("inf"))


if __name__ == "__main__":
    speedtest_cli_inside(sys.argv[1])
