"""`python -m benchmarks._counting_collector CONFIG FILE`: a collector's ingest, and a store that only counts.

Each half second FILE says what came: `stale` envelopes came after the time at which their device sent them
again, `repeated` records had come before. Of each stale one it tells when it was sent (monotonic ns), and on
which connection it came: on the first one it may have lain in this program's own socket while it was stopped.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.ingest_path import NullStore
from pantau_collector import logs, mqtt
from pantau_collector.config import IngestConfig, load
from pantau_collector.deadletters import DeadLetters
from pantau_collector.ingest.pipeline import Ingest
from pantau_collector.ingest.writer import Writer
from pantau_collector.metrics import Metrics
from pantau_collector.service import relax_garbage_collection
from pantau_wire import codec

if TYPE_CHECKING:
    import mqtt5

    from pantau_collector.storage.base import Batch, WriteReport

_ROUNDING_S = 1.0


@dataclass
class Counts:
    """What came so far."""

    connections: int = 0
    envelopes: int = 0
    stale: list[tuple[int, int]] = field(default_factory=list)
    records: int = 0
    repeated: int = 0


class _Sent(msgspec.Struct):
    agent: str
    sent_uptime_ns: int


class CountingStore(NullStore):
    """Takes everything, and remembers the numbers only."""

    def __init__(self, counts: Counts) -> None:
        """Begin with none."""
        self._counts = counts
        self._seen: dict[str, set[int]] = defaultdict(set)

    def write(self, batch: Batch) -> WriteReport:
        """Count what is new and what is not."""
        for arrival in batch.arrivals:
            seen = self._seen[arrival.device]
            self._counts.repeated += arrival.record.seq in seen
            seen.add(arrival.record.seq)
        self._counts.records = sum(map(len, self._seen.values()))
        return super().write(batch)


class WatchingIngest(Ingest):
    """Looks at each envelope's age before it is taken."""

    def __init__(self, counts: Counts, writer: Writer, config: IngestConfig) -> None:
        """Do nothing yet; `run` does."""
        super().__init__(writer, config, Metrics(), lambda _: True)
        self._counts = counts

    async def _serve(self, options: mqtt.ConnectOptions) -> None:
        self._counts.connections += 1
        await super()._serve(options)

    def _take(self, packet: mqtt5.PublishPacket) -> None:
        sent = msgspec.json.decode(codec.unpack(packet.payload, packet.content_type), type=_Sent)
        age_s = (time.monotonic_ns() - sent.sent_uptime_ns) / 1e9
        self._counts.envelopes += 1
        if age_s > float(sent.agent.partition("+")[2]) + _ROUNDING_S:
            self._counts.stale.append((sent.sent_uptime_ns, self._counts.connections))
        super()._take(packet)


async def main(config_file: Path, told: Path) -> None:
    """Collect until killed."""
    logs.configure("text")
    relax_garbage_collection()
    config, counts = load(config_file), Counts()
    letters = DeadLetters(config.store.dead_letters_path)
    rates = IngestConfig(device_envelopes_per_s=1e6, device_records_per_s=1e6, device_kb_per_s=1e6)
    ingest = WatchingIngest(counts, Writer(CountingStore(counts), letters, Metrics()), rates)  # type: ignore[arg-type]
    running = asyncio.create_task(ingest.run(mqtt.connect_options(config.broker), reconnect_max_s=1.0))
    while not running.done():
        new = told.with_suffix(".new")
        new.write_text(json.dumps(asdict(counts)))
        new.replace(told)
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
