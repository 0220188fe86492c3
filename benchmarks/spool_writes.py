"""How fast the spool takes, hands out and lets go of records, and what a record costs on disk.

`synchronous=FULL`, as the agent runs: each commit is on the disk before it returns, so these figures are
the disk's as much as ours. Records are a device's typical minute. A backlog of 20,000 records lies in the
spool while its reading is measured. `python -m benchmarks.spool_writes` prints the rows.
"""

import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import wire_codec
from pantau_agent.clock import Stamp
from pantau_agent.spool import Spool
from pantau_wire import codec

BATCHES = (1, 10, 100)
RUN_S = 3.0
BACKLOG_RECORDS = 20_000
ENVELOPE_RECORDS = 100
FOLDER = Path(__file__).parent.parent / "build"  # on a disk: /tmp may be memory
RECORDS = [codec.encode_measurement(measurement) for measurement in wire_codec.MINUTE]


def run() -> list[dict[str, object]]:
    """Return a row for each size of a commit, and one for reading and acking."""
    return [*(_commits(batch) for batch in BATCHES), _peek_and_ack()]


def _commits(batch: int) -> dict[str, object]:
    latencies_s: list[float] = []
    with _spool() as spool:
        began = time.monotonic()
        while time.monotonic() - began < RUN_S:
            _put(spool, batch)
            before = time.perf_counter()
            spool.commit()
            latencies_s.append(time.perf_counter() - before)
        elapsed_s = time.monotonic() - began
        state = spool.state()
    percentiles_ms = [value * 1000 for value in statistics.quantiles(latencies_s, n=20)]
    return {
        "operation": f"commit {batch}",
        "records_per_s": round(len(latencies_s) * batch / elapsed_s),
        "commits_per_s": round(len(latencies_s) / elapsed_s),
        "commit_p50_ms": round(percentiles_ms[9], 3),
        "commit_p95_ms": round(percentiles_ms[18], 3),
        "disk_bytes_per_record": round(state.size_bytes / state.depth_count),
        "json_bytes_per_record": round(sum(map(len, RECORDS)) / len(RECORDS)),
    }


def _peek_and_ack() -> dict[str, object]:
    """Take the backlog out in envelopes and ack each; commit every tenth, as acks of a minute would be."""
    with _spool() as spool:
        _put(spool, BACKLOG_RECORDS)
        spool.commit()
        began = time.monotonic()
        for number, first in enumerate(range(1, BACKLOG_RECORDS, ENVELOPE_RECORDS)):
            records = spool.peek(first, BACKLOG_RECORDS, ENVELOPE_RECORDS)
            spool.ack([(records[0].seq, records[-1].seq)])
            if number % 10 == 0:
                spool.commit()
        elapsed_s = time.monotonic() - began
        assert spool.state().depth_count == 0
    return {"operation": "peek and ack", "records_per_s": round(BACKLOG_RECORDS / elapsed_s)}


@contextlib.contextmanager
def _spool() -> Iterator[Spool]:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        spool = Spool(Path(folder) / "spool.db", max_bytes=10**9)
        try:
            yield spool
        finally:
            spool.close()


def _put(spool: Spool, count: int) -> None:
    now_ns = time.time_ns()
    for number in range(count):
        stamp = Stamp(time_ns=now_ns + number, uptime_ns=number, boot="5f0c7e9a-1d7e-4c58", clock="synced")
        spool.put(stamp, RECORDS[number % len(RECORDS)])


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
