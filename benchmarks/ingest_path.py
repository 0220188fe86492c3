"""How much a collector takes: broker → ingest → store → acks, all of them real processes on this machine.

A hundred devices publish envelopes of ten measurements, the typical minute of `wire_codec`, encoded
beforehand and sent with QoS 1 over one raw connection; never more are unanswered than `WINDOW`. An envelope
counts when the collector's ack says `stored`. The null store takes everything and keeps nothing: it shows
what the ingest costs. SQLite keeps it with `synchronous=FULL`, on the disk that holds the temporary files.
The collector shares the machine's cores with broker and publisher: what one core would do alone is 100,000
divided by `collector_cpu_s_per_100k_envelopes`. `python -m benchmarks.ingest_path` prints the rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import mqtt5

from benchmarks._acks import AckListener
from benchmarks.wire_codec import MINUTE
from pantau_collector import logs
from pantau_collector.config import InfluxConfig, IngestConfig
from pantau_collector.deadletters import DeadLetters
from pantau_collector.ingest.pipeline import Ingest
from pantau_collector.ingest.writer import Writer
from pantau_collector.metrics import Metrics
from pantau_collector.mqtt import ConnectOptions
from pantau_collector.service import relax_garbage_collection
from pantau_collector.storage.base import WriteReport
from pantau_collector.storage.influx.store import InfluxStore
from pantau_collector.storage.sqlite import SqliteStore
from pantau_demo import broker as recipes
from pantau_wire import codec, ranges, topics
from pantau_wire.envelope import MAX_PAYLOAD_BYTES, Header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pantau_collector.storage.base import Batch, Parcel, SeriesRow
    from pantau_wire.envelope import Ack

HOST = "127.0.0.1"
DEVICES = 100
ENVELOPES = 30_000  # after so many the same ones come again, which a store that keeps them would notice
WINDOW = 3_000
CHUNK = 50
WARM_UP_S = 1.0
MEASURE_S = 3.0
START_NS = time.time_ns()  # and on into the future: nothing of it is late
MINUTE_NS = 60 * 1_000_000_000


class NullStore:
    """Takes everything and keeps nothing."""

    def make_ready(self, parcel: Parcel) -> None:
        """Want the records themselves."""

    def write(self, batch: Batch) -> WriteReport:
        """Say that all of it was new."""
        return WriteReport(new_count=batch.records_count)

    def write_series(self, rows: Sequence[SeriesRow]) -> None:
        """Take marks of what came late."""


def run() -> list[dict[str, object]]:
    """Return one row for each path."""
    deflated = envelopes()
    with mock.patch.object(codec, "DEFLATE_FROM_BYTES", MAX_PAYLOAD_BYTES + 1):
        plain = envelopes()
    return [
        measure("null", "plain", plain),
        measure("null", "deflated", deflated),
        measure("sqlite", "deflated", deflated),
    ]


def envelopes() -> list[bytes]:
    """Return PUBLISH packets, one device's after the other's, each with points of its own."""
    data = [codec.encode_measurement(measurement) for measurement in MINUTE]
    return [_packet(number, data) for number in range(ENVELOPES)]


def _packet(number: int, data: list[bytes]) -> bytes:
    minute, device = divmod(number, DEVICES)
    name = f"desa-3310252007-{device}"
    first_seq = minute * len(data) + 1
    header = Header(
        v=1, device=name, agent="0.1.0", spool="b7e1c2d4", boot="5f0c7e9a", oldest_unacked_seq=first_seq
    )
    records = [
        codec.encode_record(
            seq=first_seq + at,
            time_ns=START_NS + minute * MINUTE_NS + at,
            uptime_ns=at,
            clock="synced",
            data=one,
        )
        for at, one in enumerate(data)
    ]
    payload, content_type = codec.encode_envelope(header, records)
    return mqtt5.PublishPacket(
        topics.topic(name, "measurements"),
        payload,
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        packet_id=number % 65_000 + 1,
        content_type=content_type,
    ).write()


def measure(
    store: str, encoding: str, packets: list[bytes], measure_s: float = MEASURE_S, name: str = ""
) -> dict[str, object]:
    """Return the row of one path; `store` is `null`, `sqlite`, or an InfluxDB's URL (database `pantau`)."""
    with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as (kind, port):
        collector = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.ingest_path", "collect", store, str(port), folder]
        )
        try:
            answered, elapsed_s, cpu_s = asyncio.run(_publish(port, packets, collector.pid, measure_s))
            rss_bytes = peak_rss_bytes(collector.pid)
        finally:
            collector.kill()
            collector.wait()
    return {
        "path": f"{kind} → {name or store}, {encoding}",
        "envelopes_per_s": round(answered / elapsed_s),
        "points_per_s": round(answered * len(MINUTE) / elapsed_s),
        "collector_cpu_s_per_100k_envelopes": round(cpu_s / answered * 100_000, 2),
        "collector_rss_bytes": rss_bytes,
        "envelope_bytes": len(packets[0]),
    }


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[tuple[str, int]]:
    """Run Mosquitto if it is there, else the embedded broker; yield its kind and port."""
    kind = "mosquitto" if shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin") else "embedded"
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(recipes.command(kind, port, folder), stdout=log, stderr=log)
    try:
        while not _listens(port):
            if process.poll() is not None:
                raise RuntimeError(f"{kind} ended: {(folder / 'broker.log').read_text()}")
            time.sleep(0.02)
        yield kind, port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


class Publisher(AckListener):
    """Keeps `WINDOW` envelopes unanswered and counts those that are stored."""

    client_id = "publisher"
    keep_alive_s = 600

    def __init__(self, packets: list[bytes]) -> None:
        """Send these packets, again and again."""
        super().__init__()
        chunks = [b"".join(packets[at : at + CHUNK]) for at in range(0, len(packets), CHUNK)]
        self._chunks = itertools.cycle(chunks)
        self.sent_count = 0
        self.answered_count = 0

    def acked(self, device: str, ack: Ack) -> None:  # noqa: ARG002 - whose it is does not matter here
        """Count what is stored."""
        assert not ack.rejected
        assert not ack.deferred
        self.answered_count += ranges.count(ack.stored) // len(MINUTE)

    def data_received(self, data: bytes) -> None:
        """Count what is stored, and send as much again."""
        super().data_received(data)
        if self.sent_count:
            self.fill()

    def fill(self) -> None:
        """Send until the window is full."""
        while self.sent_count - self.answered_count <= WINDOW - CHUNK:
            self._transport.write(next(self._chunks))
            self.sent_count += CHUNK


async def _publish(
    port: int, packets: list[bytes], collector_pid: int, measure_s: float
) -> tuple[int, float, float]:
    """Return the envelopes answered, in how much time, and for how much of the collector's CPU time (s)."""
    _, publisher = await asyncio.get_running_loop().create_connection(lambda: Publisher(packets), HOST, port)
    await publisher.subscribed
    async with asyncio.timeout(20):
        while (
            not publisher.answered_count
        ):  # nobody listens yet: what is sent is not answered, and sent again
            publisher.sent_count = 0
            publisher.fill()
            await asyncio.sleep(0.5)
    await asyncio.sleep(WARM_UP_S)
    before = (publisher.answered_count, time.monotonic(), cpu_s(collector_pid))
    await asyncio.sleep(measure_s)
    after = (publisher.answered_count, time.monotonic(), cpu_s(collector_pid))
    publisher.close()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def collect(store: str, port: int, folder: Path) -> None:
    """Be a collector without registry and portal, until killed."""
    logs.configure("text")
    relax_garbage_collection()
    letters, metrics = DeadLetters(folder / "dead-letters.db"), Metrics()
    stores: dict[str, Callable[[], Any]] = {
        "null": NullStore,
        "sqlite": lambda: SqliteStore(folder / "pantau.db"),
    }
    kept = stores.get(store, lambda: InfluxStore(InfluxConfig(url=store)))()
    config = IngestConfig(device_envelopes_per_s=1e6, device_records_per_s=1e6, device_kb_per_s=1e6)
    ingest = Ingest(Writer(kept, letters, metrics), config, metrics, lambda _: True)
    options = ConnectOptions(HOST, port, "collector-benchmark", receive_max=2000)
    asyncio.run(ingest.run(options, reconnect_max_s=0.1))


def cpu_s(pid: int) -> float:
    """User and system time of a process so far (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_bytes(pid: int) -> int:
    """Return the most memory that a process has had resident so far (proc(5), VmHWM)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["collect"]:
        collect(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        for row in run():
            print(json.dumps(row, ensure_ascii=False))
