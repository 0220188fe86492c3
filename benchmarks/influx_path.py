"""How much of what InfluxDB can take gets there: broker → ingest → InfluxDB, beside prepared points.

Both write the same points into an InfluxDB 1.6.7 of their own (Debian's, with `tsi1`, on the disk of the
temporary files). `prepared` posts line protocol that lies ready, 5,000 points a request, on one kept
connection: nothing but the server works. The other row is what `ingest_path` measures, every envelope
acknowledged when it is stored. All of it shares the machine's cores. `share_ratio` is the path's points over
the prepared ones of the same round.
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
from pantau_collector.storage.influx import lines
from pantau_collector.storage.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 2
MEASURE_S = 10.0
REQUEST_POINTS = 5000
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
    """Return two rows for each round; raises `SkippedError` where there is no influxd."""
    if shutil.which("influxd") is None:
        raise SkippedError("InfluxDB's influxd is not installed")
    packets = ingest_path.envelopes()
    bodies = _bodies(packets)
    rows: list[dict[str, object]] = []
    for _ in range(ROUNDS):
        with influxd() as (url, pid):
            prepared = _prepared(url, pid, bodies)
        with influxd() as (url, pid):
            began_s = cpu_s(pid)
            path = ingest_path.measure(url, "deflated", packets, MEASURE_S, "influxdb")
            path["influxd_cpu_s"] = cpu_s(pid) - began_s
        share_ratio = float(str(path["points_per_s"])) / float(str(prepared["points_per_s"]))
        rows += [prepared, {**path, "share_ratio": round(share_ratio, 2)}]
    return rows


def _bodies(packets: list[bytes]) -> list[bytes]:
    """Return the points of the envelopes as line protocol."""
    rules = Rules(lambda _: True, 1.0, 1.0)
    texts: list[str] = []
    for packet in packets:
        publish, _ = mqtt5.read(memoryview(packet))
        assert isinstance(publish, mqtt5.PublishPacket)
        message = Message(publish.topic, bytes(publish.payload), publish.content_type)
        for kind, row in rows_of(sort_message(message, rules, 2 * START_NS).parcel):
            texts.append(lines.point_line(kind, lines.series_of(kind, row), row))
    starts = range(0, len(texts), REQUEST_POINTS)
    return ["\n".join(texts[start : start + REQUEST_POINTS]).encode() for start in starts]


def _prepared(url: str, pid: int, bodies: list[bytes]) -> dict[str, object]:
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
        "path": "prepared → influxdb",
        "points_per_s": round(count * REQUEST_POINTS / elapsed_s),
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
