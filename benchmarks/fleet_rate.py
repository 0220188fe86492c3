"""What it costs to be the nation: `pantau-demo fleet --devices 84000 --rate 1x` in one process.

Broker (Mosquitto) and collector are real processes on the same machine; the collector's store takes all
and keeps nothing (`ingest_path collect null`), so that the figures are the simulator's. `cpu_cores` and
`rss_bytes` are its own; `behind_s` is how late it was with the worst second, `lag_*` from when a minute was
due until its ack. A few per cent of the devices are switched off or without a line at any time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.ingest_path import broker

DEVICES = 84_000
DURATION_S = 60
_WANTED = (
    "devices",
    "connections",
    "envelopes_per_s",
    "records_per_s",
    "records_unanswered",
    "envelopes_again",
    "lag_p50_s",
    "lag_p95_s",
    "lag_max_s",
    "behind_s",
    "cpu_cores",
    "rss_bytes",
)


def run() -> list[dict[str, object]]:
    """Return one row."""
    with tempfile.TemporaryDirectory() as name, broker(Path(name)) as (_, port):
        folder = Path(name)
        collect = [sys.executable, "-m", "benchmarks.ingest_path", "collect", "null", str(port), str(folder)]
        collector = subprocess.Popen(collect, stderr=subprocess.DEVNULL)
        program = Path(sys.executable).parent / "pantau-demo"
        fleet = [
            str(program),
            "fleet",
            "--devices",
            str(DEVICES),
            "--rate",
            "1x",
            "--duration",
            str(DURATION_S),
        ]
        try:
            fleet += ["--broker", f"127.0.0.1:{port}", "--json"]
            done = subprocess.run(fleet, stdout=subprocess.PIPE, check=True)
        finally:
            collector.kill()
            collector.wait()
    account = json.loads(done.stdout)
    account["records_per_s"] = round(account["records_measured"] / account["elapsed_s"])
    return [{key: account[key] for key in _WANTED}]


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
