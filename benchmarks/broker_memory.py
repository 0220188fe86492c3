"""What an absent collector costs the broker, and what arrives when it is back.

Mosquitto as `pantau-collector broker-config` configures it, with TLS and a certificate for each device. The
devices (`_fleet`: the agent's own window, message expiry and envelopes) go on measuring while there is no
collector: `never there` (the broker answers that nobody listens, and the devices pause) or `stopped` (by
SIGSTOP: its session lives on until the broker misses its keep-alive of 15 s). Then the collector comes, the
measuring ends, and all of it must be delivered. An agent's minutes are pressed `FASTER` times; the
collector's keep-alive is not: in those seconds the broker gets so many times what a real fleet would send.

`stale` envelopes were sent during the absence, and arrive later than their devices sent the same records
again. The broker must have none: `stale_from_broker_count`. What lay in a stopped collector's own socket
counts as `stale_from_socket_count`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks._fleet import HOST, Device, connect_all
from pantau_collector.identity import bundles, folder
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.broker_config import BrokerFiles, access_list, configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

Absence = Literal["never there", "stopped"]
DEVICES = 2000
ABSENT_S = 180.0
FASTER = 10.0
KEEPALIVE_S = 15
_COLLECTOR = "collector-a"
_DELIVER_S = 300.0
_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin"


def run() -> list[dict[str, object]]:
    """Return a row for each absence; the certificates are made once."""
    with tempfile.TemporaryDirectory() as keys:
        return [measure("never there", keys=Path(keys)), measure("stopped", keys=Path(keys))]


def measure(
    absence: Absence,
    *,
    devices_count: int = DEVICES,
    absent_s: float = ABSENT_S,
    faster: float = FASTER,
    keepalive_s: int = KEEPALIVE_S,
    keys: Path | None = None,
) -> dict[str, object]:
    """Return one row; raises TimeoutError where not everything was delivered in five minutes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * devices_count + 1000)), hard))
    names = [f"desa-{number}" for number in range(devices_count)]
    with tempfile.TemporaryDirectory() as path:
        folder_of_keys = keys or Path(path)
        if not (folder_of_keys / "identity").exists():
            _issue(folder_of_keys, names)
        with _stage(Path(path), folder_of_keys, keepalive_s) as stage:
            found = asyncio.run(_watch(stage, absence, names, absent_s, faster))
    return {
        "absence": absence,
        "devices": devices_count,
        "absent_s": absent_s,
        "as_if_s": absent_s * faster,
        **found,
    }


@dataclass
class Stage:
    """Files and processes."""

    path: Path
    keys: Path
    port: int
    broker: subprocess.Popen[bytes]
    collector: subprocess.Popen[bytes] | None = None
    rss_bytes: list[int] = field(default_factory=list)

    def start_collector(self) -> None:
        """Start the counting collector."""
        command = [sys.executable, "-m", "benchmarks._counting_collector"]
        with (self.path / "collector.log").open("wb") as log:
            self.collector = subprocess.Popen(
                [*command, str(self.path / "collector.toml"), str(self.path / "counts.json")],
                stdout=log,
                stderr=log,
            )

    def counts(self) -> dict[str, Any]:
        """Return what the collector told last."""
        file = self.path / "counts.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def rss(self) -> int:
        """Return the broker's resident memory."""
        status = Path(f"/proc/{self.broker.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024


async def _watch(
    stage: Stage, absence: Absence, names: list[str], absent_s: float, faster: float
) -> dict[str, object]:
    devices = [Device(name, faster) for name in names]
    await connect_all(devices, stage.port, {name: _tls(stage.keys, name) for name in names})
    idle_bytes, over = stage.rss(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[Any]] = [group.create_task(device.live(over)) for device in devices]
        tasks.append(group.create_task(_sample(stage)))
        present = await _stopped(stage) if absence == "stopped" else {}
        sent_before = sum(device.sent_count for device in devices)
        await asyncio.sleep(absent_s)
        absent_bytes = stage.rss()
        sent_count = sum(device.sent_count for device in devices) - sent_before
        refused_count = sum(device.refused_count for device in devices)
        over.set()
        arrived_ns = time.monotonic_ns()
        _arrive(stage)
        delivered_s = await _until_delivered(stage, devices)
        for task in tasks:
            task.cancel()
    for device in devices:
        device.close()
    counts = stage.counts()
    stale = [connection for sent_ns, connection in counts["stale"] if sent_ns < arrived_ns]
    from_socket_count = stale.count(1) if absence == "stopped" else 0
    return {
        "broker_idle_mb": round(idle_bytes / 1e6, 1),
        "broker_peak_mb": round(max(stage.rss_bytes) / 1e6, 1),
        "broker_after_absence_mb": round(absent_bytes / 1e6, 1),
        "sent_while_absent_count": sent_count,
        "refused_count": refused_count,
        "delivered_after_s": round(delivered_s, 1),
        "records_count": sum(device.last_seq for device in devices),
        "stored_count": counts["records"],
        "repeated_count": counts["repeated"] - present.get("repeated", 0),
        "stale_from_socket_count": from_socket_count,
        "stale_from_broker_count": len(stale) - from_socket_count,
    }


async def _sample(stage: Stage) -> None:
    while True:
        stage.rss_bytes.append(stage.rss())
        await asyncio.sleep(0.25)


async def _stopped(stage: Stage) -> dict[str, Any]:
    """Let a collector work for a while and stop it; return what it had counted by then."""
    stage.start_collector()
    async with asyncio.timeout(60):
        while stage.counts().get("records", 0) == 0:  # noqa: ASYNC110 - another process tells it
            await asyncio.sleep(0.2)
    await asyncio.sleep(3)
    assert stage.collector is not None
    stage.collector.send_signal(signal.SIGSTOP)
    return stage.counts()


def _arrive(stage: Stage) -> None:
    if stage.collector is None:
        stage.start_collector()
    else:
        stage.collector.send_signal(signal.SIGCONT)


async def _until_delivered(stage: Stage, devices: list[Device]) -> float:
    began_s = time.monotonic()
    async with asyncio.timeout(_DELIVER_S):
        while not all(device.delivered for device in devices):  # noqa: ASYNC110 - there are thousands
            await asyncio.sleep(0.2)
        delivered_s = time.monotonic() - began_s
        while stage.counts()["records"] < sum(one.last_seq for one in devices):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.2)
    await asyncio.sleep(1)  # for copies that would come yet
    return delivered_s


@contextlib.contextmanager
def _stage(path: Path, keys: Path, keepalive_s: int) -> Iterator[Stage]:
    """Configure the broker, and run it."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    config = _configure(path, keys, port, keepalive_s)
    program = shutil.which("mosquitto", path=_PATH)
    if program is None:
        raise FileNotFoundError("mosquitto is not installed: apt-get install mosquitto")
    with (path / "broker.log").open("wb") as log:
        broker = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
    stage = Stage(path, keys, port, broker)
    try:
        _await_listener(stage)
        yield stage
    finally:
        for process in (broker, stage.collector):
            if process is not None:
                process.kill()
                process.wait()


def _await_listener(stage: Stage) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, stage.port), timeout=1):
            return
        if stage.broker.poll() is not None:
            raise RuntimeError((stage.path / "broker.log").read_text())
        time.sleep(0.05)


def _issue(keys: Path, names: list[str]) -> None:
    files = folder.Folder(keys / "identity")
    identities = Identities(files)
    identities.begin("benchmark")

    def issue(role: Literal["client", "server"], name: str, hosts: list[str]) -> None:
        def sign(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
            return identities.issue(role, name, key, hosts=hosts)

        bundles.with_new_key(keys / "certificates" / name, name, files, sign)

    for name in (*names, _COLLECTOR):
        issue("client", name, [])
    issue("server", "broker", [HOST])


def _configure(path: Path, keys: Path, port: int, keepalive_s: int) -> Path:
    files = folder.Folder(keys / "identity")
    own = keys / "certificates" / "broker"
    where = BrokerFiles(
        server_certificate=own / "broker.pem",
        server_key=own / "broker.key",
        client_authority=files.authority_certificate("client"),
        revocation_list=files.revocation_list,
        access_list=path / "acl",
    )
    folder.write(where.access_list, access_list([_COLLECTOR]).encode(), private=True)
    config = path / "mosquitto.conf"
    config.write_text(configuration(where, port=port, address=HOST) + "user root\n")
    own = keys / "certificates" / _COLLECTOR
    (path / "collector.toml").write_text(
        f'[broker]\nhost = "{HOST}"\nport = {port}\nclient_id = "{_COLLECTOR}"\nkeepalive_s = {keepalive_s}\n'
        f'ca_file = "{own / "ca.pem"}"\ncert_file = "{own / f"{_COLLECTOR}.pem"}"\n'
        f'key_file = "{own / f"{_COLLECTOR}.key"}"\n'
        f'[store]\ndead_letters_path = "{path / "dead-letters.db"}"\n'
    )
    return config


def _tls(keys: Path, name: str) -> ssl.SSLContext:
    own = keys / "certificates" / name
    context = ssl.create_default_context(cafile=own / "ca.pem")
    context.load_cert_chain(own / f"{name}.pem", own / f"{name}.key")
    return context
