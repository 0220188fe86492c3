"""A process that writes numbered batches into a SQLite store and says which of them `write` returned for.

`python writing_process.py FILE DEVICE FIRST COUNT`: each batch is ten points of two kinds and one delivery.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pantau_collector.storage.base import Arrival, Batch, Delivery
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire.envelope import Record
from pantau_wire.fields import Dns, Latency

START_NS = 1_750_000_000_000_000_000
POINTS = 10


def numbered(device: str, number: int) -> Batch:
    """Return batch `number`, which holds the sequence numbers from ten times that on."""
    first = number * POINTS
    arrivals = []
    for seq in range(first, first + POINTS):
        data = (
            Latency(target="gateway", method="icmp", rtd_min_ms=1.5)
            if seq % 2
            else Dns(resolver="r", name="n", resolve_ms=2.5)
        )
        record = Record(seq=seq, time_ns=START_NS + seq, uptime_ns=seq, clock="synced", data=data)
        arrivals.append(Arrival(device, "s1", "b1", record))
    return Batch.of(arrivals, [Delivery(device, "s1", first, first + POINTS - 1, "received", START_NS)])


def main() -> None:
    path, device, first, count = sys.argv[1:]
    store = SqliteStore(Path(path))
    for number in range(int(first), int(first) + int(count)):
        store.write(numbered(device, number))
        print(number, flush=True)  # noqa: T201 - the parent reads it
    store.close()


if __name__ == "__main__":
    main()
