"""Debian's influxd (1.6.7) as a peer on loopback, with a configuration and files of its own."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
import urllib3
from tests.fakes.brokers import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_TIMEOUT_S = 60.0
_CONFIG = """\
reporting-disabled = true
bind-address = "{host}:{rpc_port}"
[meta]
  dir = "{folder}/meta"
  logging-enabled = false
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "{index}"
  query-log-enabled = false
  max-values-per-tag = {max_values_per_tag}
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[http]
  bind-address = "{host}:{port}"
  auth-enabled = {auth}
  log-enabled = false
  max-body-size = {max_body_size}
"""
_databases = itertools.count(1)


@dataclass
class Influxd:
    """One server. Its port and its files stay the same when it is started again."""

    folder: Path
    index: str = "tsi1"
    max_values_per_tag: int = 0  # which only the index "inmem" keeps to
    max_body_size: int = 25_000_000
    auth: bool = False
    port: int = field(default_factory=free_port)
    login: tuple[str, str] | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start it, and return when it answers; skip the test where it is not installed."""
        program = shutil.which("influxd", path="/usr/bin:/usr/local/bin:/usr/sbin")
        if program is None:
            pytest.skip("influxd is not installed: apt-get install influxdb")
        config = self.folder / "influxdb.conf"
        settings = {
            "host": HOST,
            "port": self.port,
            "rpc_port": free_port(),
            "folder": self.folder,
            "index": self.index,
            "max_values_per_tag": self.max_values_per_tag,
            "max_body_size": self.max_body_size,
            "auth": str(self.auth).lower(),
        }
        config.write_text(_CONFIG.format(**settings))
        with (self.folder / "influxd.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-config", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None, f"influxd ended; see {self.folder}"
            assert time.monotonic() < deadline, f"influxd does not answer; see {self.folder}"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def new_database(self, options: str = "") -> str:
        """Return the name of three new databases; `options` are InfluxQL's, such as `WITH DURATION 1d`."""
        name = f"pantau_{next(_databases)}"
        for suffix in ("", "_rollup", "_history"):
            self.run(f"CREATE DATABASE {name}{suffix} {options}")
        return name

    def run(self, statement: str, database: str = "") -> str:
        """Run InfluxQL as an administrator; return the answer."""
        headers = urllib3.make_headers(basic_auth=":".join(self.login)) if self.login else {}
        question = urlencode({"q": statement, "db": database})
        response = urllib3.request("POST", f"{self.url}/query?{question}", headers=headers)
        text = response.data.decode()
        assert '"error"' not in text, text
        return text

    def write(self, text: str, database: str) -> None:
        """Write line protocol as somebody else would."""
        response = urllib3.request("POST", f"{self.url}/write?db={database}", body=text.encode())
        assert response.status == 204, response.data

    def _answers(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/ping", retries=False, timeout=5).status == 204
        except (urllib3.exceptions.HTTPError, OSError):
            return False


@contextlib.contextmanager
def running(folder: Path, **options: object) -> Iterator[Influxd]:
    """Yield a started server; it is killed at the end."""
    server = Influxd(folder, **options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
