"""The world that is shaken: devices in one network namespace, broker and collectors in another, TLS
between them.

Everything is a process of its own that can be killed, stopped and started again. Spools and store lie on
small disks (tmpfs) that can be filled.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos import stores
from tests.chaos.program import Program
from tests.fakes.network import FAR_ADDRESS, Host, NetworkError, run, two_hosts

from pantau_collector.identity import bundles, folder
from pantau_collector.identity.authority import Identities
from pantau_collector.identity.broker_config import BrokerFiles, access_list, configuration
from pantau_collector.registry.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

PORT = 8883
COLLECTORS = ("collector-a", "collector-b")
DISK_MB = 512  # fifty spools with a write-ahead log of 4 MiB each must fit
VILLAGE = "33.10.25.2007"
_MOSQUITTO_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def mosquitto() -> str | None:
    """Return Mosquitto's program, None where it is not installed."""
    return shutil.which("mosquitto", path=_MOSQUITTO_PATH)


@dataclass
class World:
    """All that runs, by name, and the disks."""

    near: Host
    far: Host
    programs: dict[str, Program]
    disks: dict[str, Path]
    device_names: list[str]
    collector_config: Path
    ledger: Path
    broker_memory: Path

    def cut(self) -> None:
        """Take the line between devices and broker away."""
        run("ip", "-n", self.near.namespace, "link", "set", "link0", "down")

    def mend(self) -> None:
        """Give the line back."""
        run("ip", "-n", self.near.namespace, "link", "set", "link0", "up")

    def fill(self, disk: str) -> None:
        """Leave nothing on a disk."""
        with contextlib.suppress(OSError), (self.disks[disk] / "filler").open("wb") as file:
            while True:
                file.write(bytes(65_536))
                file.flush()

    def clear(self, disk: str) -> None:
        """Give the room back; InfluxDB is started anew, as whoever made room would do."""
        (self.disks[disk] / "filler").unlink(missing_ok=True)
        if disk == "store" and (server := self.programs.get("influxd")) is not None:
            server.kill()  # 1.6 takes nothing any more after that, until it is started again
            server.start()

    def move(self, program: str) -> None:
        """Make the program's machine another one."""
        file = self.ledger / f"{program}.machine"
        file.write_text(str(int(file.read_text()) + 1 if file.exists() else 1))

    def heal(self) -> None:
        """Undo every fault: everything runs, the line is there, the disks have room."""
        self.mend()
        for disk in self.disks:
            self.clear(disk)
        for program in self.programs.values():
            program.send(signal.SIGCONT)
            program.start()

    def devices(self) -> list[Program]:
        """Return the processes of devices."""
        return [program for name, program in self.programs.items() if name.startswith("devices")]


@contextlib.contextmanager
def world(
    path: Path, *, store: str = "sqlite", processes: int = 5, devices_each: int = 10
) -> Iterator[World]:
    """Yield a world that runs. Raises NetworkError where the machine cannot have one."""
    with contextlib.ExitStack() as stack:
        near, far = stack.enter_context(two_hosts())
        disks = {name: stack.enter_context(_disk(path / name)) for name in ("store", "spools")}
        names = [[f"desa-{group}-{number}" for number in range(devices_each)] for group in range(processes)]
        made = _build(path, (near, far), disks, names, store)
        stack.callback(_end, made)
        if (server := made.programs.get("influxd")) is not None:
            server.start()
            stores.prepare(far)
        for program in made.programs.values():
            program.start()
        yield made


def _build(
    path: Path, hosts: tuple[Host, Host], disks: dict[str, Path], names: list[list[str]], store: str
) -> World:
    near, far = hosts
    for made in ("certificates", "ledger", "logs", "broker"):
        (path / made).mkdir()
    devices = [name for group in names for name in group]
    _registry(path / "devices.csv", devices)
    files = _identities(path, devices)
    programs = [stores.program(path, far, disks["store"])] if store == "influxdb" else []
    programs += [_broker(path, far, files)]
    settings = stores.settings(store, disks["store"])
    programs += [_collector(path, far, settings, name) for name in COLLECTORS]
    programs += [_devices(path, near, disks["spools"], group) for group in names]
    return World(
        near=near,
        far=far,
        programs={program.name: program for program in programs},
        disks=disks,
        device_names=devices,
        collector_config=path / f"{COLLECTORS[0]}.toml",
        ledger=path / "ledger",
        broker_memory=path / "broker" / "mosquitto.db",
    )


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[Path]:
    path.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(path))
    try:
        yield path
    finally:
        run("umount", str(path))


def _registry(path: Path, devices: list[str]) -> None:
    rows = [",".join(COLUMNS)]
    empty = "," * (len(COLUMNS) - 3)
    rows += [f"{device},{VILLAGE},2026-01-01T00:00:00+07:00{empty}" for device in devices]
    path.write_text("\n".join(rows) + "\n")


def _identities(path: Path, devices: list[str]) -> folder.Folder:
    files = folder.Folder(path / "identity")
    identities = Identities(files)
    identities.begin("chaos")
    for name in (*devices, *COLLECTORS):

        def sign(key: ec.EllipticCurvePublicKey, name: str = name) -> x509.Certificate:
            return identities.issue("client", name, key)

        bundles.with_new_key(path / "certificates" / name, name, files, sign)

    def sign_server(key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        return identities.issue("server", "broker", key, hosts=[FAR_ADDRESS])

    bundles.with_new_key(path / "certificates" / "broker", "broker", files, sign_server)
    return files


def _broker(path: Path, far: Host, files: folder.Folder) -> Program:
    program = mosquitto()
    if program is None:
        raise NetworkError("mosquitto is not installed: apt-get install mosquitto")
    own = path / "certificates" / "broker"
    where = BrokerFiles(
        server_certificate=own / "broker.pem",
        server_key=own / "broker.key",
        client_authority=files.authority_certificate("client"),
        revocation_list=files.revocation_list,
        access_list=path / "broker" / "acl",
    )
    folder.write(where.access_list, access_list(COLLECTORS).encode(), private=True)
    text = configuration(where, port=PORT, address=FAR_ADDRESS).replace(
        "persistence false",
        f"persistence true\npersistence_location {path / 'broker'}/\nautosave_interval 2\nuser root",
    )
    config = path / "broker" / "mosquitto.conf"
    config.write_text(text)
    return Program("broker", far, [program, "-c", str(config)], path / "logs" / "broker.log")


def _collector(path: Path, far: Host, store: str, name: str) -> Program:
    own = path / "certificates" / name
    config = path / f"{name}.toml"
    config.write_text(
        f'[broker]\nhost = "{FAR_ADDRESS}"\nport = {PORT}\nclient_id = "{name}"\nreconnect_max_s = 2\n'
        f'ca_file = "{own / "ca.pem"}"\ncert_file = "{own / f"{name}.pem"}"\n'
        f'key_file = "{own / f"{name}.key"}"\nkeepalive_s = 5\n'
        f'{store}[registry]\npath = "{path / "devices.csv"}"\n[identity]\npath = "{path / "none"}"\n'
        "[ingest]\nstore_retry_s = 2\n[web]\nenabled = false\n[analysis]\nenabled = false\n"
    )
    command = [sys.executable, "-m", "tests.chaos.collector", "--config", str(config), "run"]
    return Program(name, far, command, path / "logs" / f"{name}.log")


def _devices(path: Path, near: Host, spools: Path, names: list[str]) -> Program:
    command = [sys.executable, "-m", "tests.chaos.devices", "--spools", str(spools)]
    command += ["--ledger", str(path / "ledger"), "--certificates", str(path / "certificates")]
    name = f"devices-{names[0].split('-')[1]}"
    command += ["--machine", str(path / "ledger" / f"{name}.machine")]
    command += ["--host", FAR_ADDRESS, "--port", str(PORT), *names]
    return Program(name, near, command, path / "logs" / f"{name}.log")


def _end(made: World) -> None:
    for program in made.programs.values():
        program.send(signal.SIGCONT)
        program.kill()
