"""How a backlog drains while life goes on: devices → Mosquitto → collector → SQLite, all of them processes.

A thousand devices come back from an outage, each with 200 minutes that nobody has taken, and measure on. They
keep the publisher's rules: at most 8 envelopes unanswered, 2 of these places for live ones; backlog oldest
first, 100 records an envelope and 50 records a second; what is deferred comes back when it was told to, what
is not answered after half a minute or more. Every envelope is deflated. The collector is the installed one
with its defaults, `synchronous=FULL` on the disk of the temporary files. All share the machine's cores.

`live_…_s` is from a live envelope's first publish to its ack, while there is backlog: longer than what the
store needs from its arrival. Everything is counted in the store at the end, and must be there once.
`python -m benchmarks.backlog_drain 200000` drains so many points.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import mqtt5

from benchmarks import SkippedError, ingest_path
from benchmarks._acks import AckListener
from benchmarks.ingest_path import HOST
from benchmarks.wire_codec import MINUTE
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire import codec, topics
from pantau_wire.envelope import Ack, Header

if TYPE_CHECKING:
    from collections.abc import Iterator

POINTS = 2_000_000
DEVICES = 1000
WINDOW = 8
RESERVED_LIVE = 2
ENVELOPE_RECORDS = 100
BACKLOG_RECORDS_PER_S = 50.0
LIVE_EACH_S = 60.0
RESEND_S = (30.0, 60.0)
SPOOL = "b7e1c2d4"
_TURN_S = 0.05
_PATIENCE_S = 1200.0
_MINUTE_NS = 60 * 1_000_000_000
_DATA = [codec.encode_measurement(measurement) for measurement in MINUTE]
_CONFIG = """\
log_format = "json"
[broker]
port = {port}
client_id = "collector-benchmark"
[store]
path = "{folder}/pantau.db"
dead_letters_path = "{folder}/dead-letters.db"
[registry]
path = "{folder}/devices.csv"
[identity]
path = "{folder}/none"
[analysis]
enabled = false
[web]
enabled = false
"""


class Envelope(NamedTuple):
    """What is to be sent, and when: `first_sent_s` is None until it was."""

    ready_at: float
    first_seq: int
    records_count: int
    attempt: int = 1
    first_sent_s: float | None = None


@dataclass
class Tally:
    """What came of everybody's envelopes."""

    stored_count: int = 0
    live_s: list[float] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)


class Device:
    """One device with its backlog, which keeps the publisher's rules."""

    def __init__(self, name: str, backlog_count: int, live_at: float, tally: Tally) -> None:
        """Have a backlog of so many records, and a minute's live records from `live_at` on."""
        self.name = name
        self.backlog_count = backlog_count
        self._tally = tally
        self._live_at = live_at
        self._next_seq = backlog_count + 1
        self._began_ns = time.time_ns() - backlog_count // len(_DATA) * _MINUTE_NS
        self._backlog_at = 0.0
        self._live: list[Envelope] = []
        self._in_flight: dict[int, tuple[Envelope, float]] = {}
        starts = range(1, backlog_count + 1, ENVELOPE_RECORDS)
        sizes = (min(ENVELOPE_RECORDS, backlog_count + 1 - start) for start in starts)
        self._backlog = [Envelope(0.0, start, size) for start, size in zip(starts, sizes, strict=True)]
        self._unstored_backlog = len(self._backlog)

    @property
    def drained(self) -> bool:
        """Whether all of the backlog is stored."""
        return not self._unstored_backlog

    def due(self, now_s: float) -> Iterator[bytes]:
        """Yield the packets that may go out now."""
        if now_s >= self._live_at:
            self._live_at += LIVE_EACH_S
            self._live.append(Envelope(now_s, self._next_seq, len(_DATA)))
            self._next_seq += len(_DATA)
        for first_seq in [seq for seq, (_, until) in self._in_flight.items() if until <= now_s]:
            self._tally.events["unanswered"] += 1
            self._give_back(first_seq, now_s)
        while self._live and self._live[0].ready_at <= now_s and len(self._in_flight) < WINDOW:
            yield self._send(heapq.heappop(self._live), now_s)
        while now_s >= self._backlog_at and self._backlog_room() and self._backlog[0].ready_at <= now_s:
            envelope = heapq.heappop(self._backlog)
            self._backlog_at = now_s + envelope.records_count / BACKLOG_RECORDS_PER_S
            yield self._send(envelope, now_s)

    def answered(self, ack: Ack, now_s: float) -> None:
        """Take an ack."""
        assert not ack.rejected, ack.rejected
        for first_seq in list(self._in_flight):
            envelope, _ = self._in_flight[first_seq]
            last_seq = first_seq + envelope.records_count - 1
            if any(first <= first_seq and last_seq <= last for first, last in ack.stored):
                del self._in_flight[first_seq]
                self._stored(envelope, now_s)
                continue
            for entry in ack.deferred:
                if entry.first_seq <= first_seq <= entry.last_seq:
                    self._tally.events[f"deferred, {entry.reason}"] += 1
                    self._give_back(first_seq, now_s + entry.retry_after_s * random.uniform(1.0, 1.5))
                    break

    def _stored(self, envelope: Envelope, now_s: float) -> None:
        self._tally.stored_count += envelope.records_count
        if envelope.first_seq <= self.backlog_count:
            self._unstored_backlog -= 1
        elif envelope.first_sent_s is not None:
            self._tally.live_s.append(now_s - envelope.first_sent_s)

    def _backlog_room(self) -> bool:
        on_the_way = sum(seq <= self.backlog_count for seq in self._in_flight)
        room = min(WINDOW - len(self._in_flight), WINDOW - RESERVED_LIVE - on_the_way)
        return bool(self._backlog) and room > 0

    def _give_back(self, first_seq: int, ready_at: float) -> None:
        envelope, _ = self._in_flight.pop(first_seq)
        again = envelope._replace(ready_at=ready_at, attempt=envelope.attempt + 1)
        heapq.heappush(self._backlog if first_seq <= self.backlog_count else self._live, again)

    def _send(self, envelope: Envelope, now_s: float) -> bytes:
        first_sent_s = now_s if envelope.first_sent_s is None else envelope.first_sent_s
        patience_s = random.uniform(*RESEND_S)
        sent = envelope._replace(first_sent_s=first_sent_s)
        self._in_flight[envelope.first_seq] = (sent, now_s + patience_s)
        return self._packet(sent, int(patience_s) + 1)

    def _packet(self, envelope: Envelope, expiry_s: int) -> bytes:
        header = Header(
            v=1,
            device=self.name,
            agent="0.1.0",
            spool=SPOOL,
            boot="5f0c7e9a",
            attempt=envelope.attempt,
            oldest_unacked_seq=min(self._in_flight),
        )
        seqs = range(envelope.first_seq, envelope.first_seq + envelope.records_count)
        payload, content_type = codec.encode_envelope(
            header,
            [
                codec.encode_record(
                    seq=seq,
                    time_ns=self._time_ns(seq),
                    uptime_ns=seq * 1_000_000_000,
                    clock="synced",
                    data=_DATA[(seq - 1) % len(_DATA)],
                )
                for seq in seqs
            ],
        )
        return mqtt5.PublishPacket(
            topics.topic(self.name, "measurements"),
            payload,
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            packet_id=next(_PACKET_IDS),
            content_type=content_type,
            message_expiry_interval=expiry_s,
        ).write()

    def _time_ns(self, seq: int) -> int:
        return self._began_ns + (seq - 1) // len(_DATA) * _MINUTE_NS + seq


_PACKET_IDS = itertools.cycle(range(1, 65_001))


class Fleet(AckListener):
    """All devices on one connection: their packets go out, their acks come in."""

    client_id = "fleet"
    keep_alive_s = 0

    def __init__(self, devices: dict[str, Device]) -> None:
        """Speak for these."""
        super().__init__()
        self._devices = devices

    def acked(self, device: str, ack: Ack) -> None:
        """Hand it to its device."""
        self._devices[device].answered(ack, time.monotonic())

    async def live(self) -> None:
        """Let the devices send until their backlog is stored."""
        async with asyncio.timeout(_PATIENCE_S):
            while not all(device.drained for device in self._devices.values()):
                for device in self._devices.values():
                    for packet in device.due(time.monotonic()):
                        self._transport.write(packet)
                    await asyncio.sleep(0)
                await asyncio.sleep(_TURN_S)


def run(points: int = POINTS) -> list[dict[str, object]]:
    """Return one row."""
    with tempfile.TemporaryDirectory() as folder, ingest_path.broker(Path(folder)) as (kind, port):
        if kind != "mosquitto":
            raise SkippedError("Mosquitto is not installed")
        names = [f"desa-3310252007-{number}" for number in range(DEVICES)]
        with _collector(Path(folder), port, names) as pid:
            tally, drained_s = asyncio.run(_drain(port, names, points // DEVICES))
            rss_bytes, cpu_s = ingest_path.peak_rss_bytes(pid), ingest_path.cpu_s(pid)
        stored_count = _points_in(Path(folder) / "pantau.db")
    assert stored_count >= tally.stored_count, (stored_count, tally.stored_count)
    live_s = sorted(tally.live_s)
    return [
        {
            "backlog_points": points // DEVICES * DEVICES,
            "drained_s": round(drained_s, 1),
            "points_per_s": round(tally.stored_count / drained_s),
            "live_envelopes": len(live_s),
            "live_p50_s": round(statistics.median(live_s), 2),
            "live_p99_s": round(live_s[int(len(live_s) * 0.99)], 2),
            "live_max_s": round(live_s[-1], 2),
            "collector_rss_bytes": rss_bytes,
            "collector_cpu_s": round(cpu_s, 1),
            "sent_again": dict(tally.events),
        }
    ]


async def _drain(port: int, names: list[str], backlog_count: int) -> tuple[Tally, float]:
    """Return what came of everything, and how long the backlog took (s)."""
    tally, now_s = Tally(), time.monotonic()
    live_at = [now_s + LIVE_EACH_S * number / len(names) for number in range(len(names))]
    random.shuffle(live_at)
    devices = {name: Device(name, backlog_count, at, tally) for name, at in zip(names, live_at, strict=True)}
    _, fleet = await asyncio.get_running_loop().create_connection(lambda: Fleet(devices), HOST, port)
    await fleet.subscribed
    began_s = time.monotonic()
    await fleet.live()
    drained_s = time.monotonic() - began_s
    fleet.close()
    return tally, drained_s


@contextlib.contextmanager
def _collector(folder: Path, port: int, names: list[str]) -> Iterator[int]:
    """Run a collector that knows these devices; yield its process id."""
    rows = [f"{name},33.10.25.2007,2025-01-01T00:00:00+07:00" for name in names]
    (folder / "devices.csv").write_text("\n".join(["device,village,since", *rows, ""]), encoding="utf-8")
    config, log = folder / "collector.toml", folder / "collector.log"
    config.write_text(_CONFIG.format(port=port, folder=folder), encoding="utf-8")
    command = [sys.executable, "-c", "from pantau_collector.cli import main; raise SystemExit(main())"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "--config", str(config), "run"], stderr=output)
    try:
        while "broker.connected" not in log.read_text():
            if process.poll() is not None:
                raise RuntimeError(f"the collector ended: {log.read_text()}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _points_in(file: Path) -> int:
    with contextlib.closing(SqliteStore(file)) as store:
        return sum(sum(device.counts.values()) for device in store.activity())


if __name__ == "__main__":
    for row in run(*map(int, sys.argv[1:2])):
        print(json.dumps(row, ensure_ascii=False))
