"""The stores that a world may have: SQLite in a file, or an InfluxDB that can be killed like all else."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import urllib3
from tests.chaos.program import Program
from tests.fakes import influxd
from tests.fakes.network import NetworkError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.network import Host

KINDS = ("sqlite", "influxdb")
_HOST = "127.0.0.1"
_PORT = 8086
_URL = f"http://{_HOST}:{_PORT}"
_PATH = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin"


def missing(kind: str) -> str | None:
    """Return what is not installed that this store needs, None where it can run."""
    if kind == "influxdb" and shutil.which("influxd", path=_PATH) is None:
        return "influxd is not installed: apt-get install influxdb"
    return None


def settings(kind: str, disk: Path) -> str:
    """Return the section `[store]` of a collector that uses it; dead letters stay in a file in any case."""
    lines = ["[store]", f'dead_letters_path = "{disk / "dead-letters.db"}"', f'kind = "{kind}"']
    if kind == "sqlite":
        lines.append(f'path = "{disk / "pantau.db"}"')
    else:  # a server that hangs is given up soon: here it is continued soon
        lines += ["[store.influxdb]", f'url = "{_URL}"', "timeout_s = 5"]
    return "\n".join(lines) + "\n"


def program(path: Path, host: Host, disk: Path) -> Program:
    """Return Debian's influxd with its files on the disk; raises NetworkError where it is not installed."""
    if (reason := missing("influxdb")) is not None:
        raise NetworkError(reason)
    config = path / "influxdb.conf"
    config.write_text(
        influxd._CONFIG.format(
            host=_HOST, port=_PORT, rpc_port=_PORT + 2, folder=disk / "influxdb", index="tsi1",
            max_values_per_tag=0, max_body_size=25_000_000, auth="false",
        )
    )  # fmt: skip
    found = shutil.which("influxd", path=_PATH)
    assert found is not None
    log = path / "logs" / "influxd.log"
    mend = [sys.executable, "-m", "tests.chaos.collector", "mend-wal", str(disk / "influxdb" / "wal")]
    return Program("influxd", host, [found, "-config", str(config)], log, before=mend)


def prepare(host: Host) -> None:
    """Make the database, once the server inside the namespace answers."""
    host.output([sys.executable, "-m", "tests.chaos.stores"], timeout=120)


def _make_database() -> None:
    retries = urllib3.Retry(100, backoff_factor=0.1, backoff_max=0.5)
    response = urllib3.request("POST", f"{_URL}/query?q=CREATE+DATABASE+pantau", retries=retries)
    assert response.status == 200, response.data


if __name__ == "__main__":
    _make_database()
