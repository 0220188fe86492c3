"""How much of what InfluxDB can take gets there: broker → ingest → InfluxDB, beside prepared points.

Both write the same points into an InfluxDB 1.6.7 of their own (Debian's, with `tsi1`, on the disk of the
temporary files). `prepared` posts line protocol that lies ready, so many points a request, on one kept
connection: nothing but the server works. InfluxData recommends 5,000 to 10,000; the most that the collector
sends is a line of its own. The other row is what `ingest_path` measures, every envelope acknowledged when it
is stored. All of it shares the machine's cores. `share_of_…` is the path's points over the prepared ones of
the same round.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import mqtt5
import urllib3

from benchmarks import SkippedError, ingest_path
from benchmarks.ingest_path import HOST, START_NS, cpu_s
from pantau_collector.ingest.sorting import Message, Rules, sort_message
from pantau_collector.storage.influx import pointlines
from pantau_collector.storage.influx.sending import MAX_REQUEST_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 3
MEASURE_S = 10.0
REQUEST_POINTS = (5000, 10_000, MAX_REQUEST_LINES)
_CONFIG = """\
reporting-disabled = true
bind-address = "{host}:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
[monitor]
  store-enabled = false
[http]
  bind-address = "{host}:{port}"
  log-enabled = false
"""


def run() -> list[dict[str, object]]:
    """Return the path's row for each round, after the prepared ones; `SkippedError` without influxd."""
    if shutil.which("influxd") is None:
        raise SkippedError("InfluxDB's influxd is not installed")
    packets = ingest_path.envelopes()
    lines = _lines(packets)
    rows: list[dict[str, object]] = []
    for _ in range(ROUNDS):
        prepared_per_s: dict[str, float] = {}
        for count in REQUEST_POINTS:
            with influxd() as (url, pid):
                prepared = _prepared(url, pid, lines, count)
            rows.append(prepared)
            prepared_per_s[f"share_of_{count}_ratio"] = float(str(prepared["points_per_s"]))
        with influxd() as (url, pid):
            began_s = cpu_s(pid)
            path = ingest_path.measure(url, "deflated", packets, MEASURE_S, "influxdb")
            path["influxd_cpu_s"] = cpu_s(pid) - began_s
        points_per_s = float(str(path["points_per_s"]))
        rows.append(path | {name: round(points_per_s / of, 2) for name, of in prepared_per_s.items()})
    return rows


def _lines(packets: list[bytes]) -> list[bytes]:
    """Return the points of the envelopes as line protocol."""
    rules = Rules(lambda _: True, 1.0, 1.0)
    lines: list[bytes] = []
    for packet in packets:
        publish, _ = mqtt5.read(memoryview(packet))
        assert isinstance(publish, mqtt5.PublishPacket)
        message = Message(publish.topic, bytes(publish.payload), publish.content_type)
        lines += pointlines.lines_of(sort_message(message, rules, 2 * START_NS).parcel).split(b"\n")
    return lines


def _prepared(url: str, pid: int, lines: list[bytes], request_points: int) -> dict[str, object]:
    starts = range(0, len(lines) - request_points + 1, request_points)
    bodies = [b"\n".join(lines[start : start + request_points]) for start in starts]
    pool = urllib3.connection_from_url(url)
    began_s, count = time.monotonic(), 0
    before_s = cpu_s(pid)
    while time.monotonic() < began_s + MEASURE_S:
        body = bodies[count % len(bodies)]
        response = pool.urlopen("POST", "/write?db=pantau&precision=ns", body=body)
        assert response.status == 204, response.data
        count += 1
    elapsed_s = time.monotonic() - began_s
    return {
        "path": f"prepared, {request_points} a request → influxdb",
        "points_per_s": round(count * request_points / elapsed_s),
        "influxd_cpu_s": cpu_s(pid) - before_s,
    }


@contextlib.contextmanager
def influxd() -> Iterator[tuple[str, int]]:
    """Run a new InfluxDB with an empty database `pantau`; yield its URL and process id."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        port, rpc_port = _free_port(), _free_port()
        config = Path(folder) / "influxdb.conf"
        config.write_text(_CONFIG.format(host=HOST, folder=folder, port=port, rpc_port=rpc_port))
        with (Path(folder) / "influxd.log").open("wb") as log:
            process = subprocess.Popen(["influxd", "-config", str(config)], stdout=log, stderr=log)
        url = f"http://{HOST}:{port}"
        try:
            retries = urllib3.Retry(100, backoff_factor=0.1, backoff_max=0.2)
            urllib3.request("POST", f"{url}/query?q=CREATE+DATABASE+pantau", retries=retries)
            yield url, process.pid
        finally:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
