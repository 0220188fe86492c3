"""The operator's desk: inventory, registry, releases, and Ansible as it is run by hand."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.machines.base import ROOT, USER

from pantau_wire import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.network import Host

BIN = Path(sys.executable).parent
MACHINE = f"cp311-{platform.machine()}"
"""Debian 12's Python on this processor."""
_SOURCES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "wire",
    "agent",
    "testpoint",
    "collector",
    "dashboards",
    "demo",
)
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


class Played(NamedTuple):
    """What a run of Ansible did: how many tasks changed something on each host, and what it said."""

    changed: dict[str, int]
    output: str
    code: int


class Operator:
    """Whoever runs Ansible, from a namespace that reaches all machines."""

    def __init__(self, folder: Path, host: Host) -> None:
        """Make the key for SSH, and a wheelhouse with the release of this source."""
        self.folder, self._host = folder, host
        self.registry = folder / "devices.csv"
        self.inventory = folder / "inventory"
        self.inventory.mkdir()
        self.wheelhouse = folder / "wheelhouse"
        self._key = folder / "key"
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._key))
        _run(
            sys.executable,
            "scripts/wheelhouse.py",
            "--pythons",
            "3.11",
            "--architectures",
            platform.machine(),
        )
        self.wheelhouse.mkdir()
        for archive in (ROOT / "build" / "wheelhouse").glob(f"*-{__version__}-{MACHINE}.tar"):
            shutil.copy(archive, self.wheelhouse)
        collection = folder / "collections" / "ansible_collections" / "pantau"
        collection.mkdir(parents=True)
        (collection / "network").symlink_to(ROOT / "ansible")

    @property
    def public_key(self) -> str:
        """What lets this operator in."""
        return self._key.with_suffix(".pub").read_text()

    def collector(self, *arguments: str) -> str:
        """Run `pantau-collector` at this desk."""
        return _run(str(BIN / "pantau-collector"), *arguments)

    def describe(self, settings: dict[str, Any]) -> None:
        """Write the inventory: the devices from the registry, the rest as given."""
        devices = self.collector("registry", "inventory", str(self.registry))
        (self.inventory / "devices.json").write_text(devices)
        (self.inventory / "site.json").write_text(json.dumps(settings))

    def play(self, playbook: str, *arguments: str) -> Played:
        """Run a playbook of the collection to its end."""
        command = [str(BIN / "ansible-playbook"), "-i", str(self.inventory), "--private-key", str(self._key)]
        command += ["--user", USER, f"pantau.network.{playbook}", *arguments]
        options = "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "0",
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_SSH_COMMON_ARGS": options,
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(self._host.command(command), capture_output=True, text=True, env=environment)
        output = done.stdout + done.stderr
        changed = {host: int(count) for host, _, count, *_ in _RECAP.findall(output)}
        return Played(changed, output, done.returncode)

    def played(self, playbook: str, *arguments: str) -> Played:
        """Run a playbook that must succeed."""
        run = self.play(playbook, *arguments)
        assert run.code == 0, f"{playbook} {' '.join(arguments)}\n{run.output[-6000:]}"
        return run

    def release(self, version: str, damage: Callable[[Path], None] | None = None) -> None:
        """Put another release of the agent into the wheelhouse, built from this source."""
        source = self.folder / f"source-{version}"
        source.mkdir()
        for name in _SOURCES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, source / name)
        own = source / "wire" / "pantau_wire" / "__init__.py"
        own.write_text(own.read_text().replace(f'"{__version__}"', f'"{version}"'))
        if damage is not None:
            damage(source)
        build = ["build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
        _run(str(BIN / "uv"), *build, "--out-dir", str(source / "dist"), str(source))
        self._repack(next((source / "dist").glob("*.whl")), version)

    def _repack(self, wheel: Path, version: str) -> None:
        old = self.wheelhouse / f"pantau-agent-{__version__}-{MACHINE}.tar"
        new = self.wheelhouse / f"pantau-agent-{version}-{MACHINE}.tar"
        with tarfile.open(old) as before, tarfile.open(new, "w") as after:
            for entry in before:
                content = before.extractfile(entry).read()
                if entry.name == "requirements.txt":
                    lines = [
                        line for line in content.decode().splitlines() if not line.startswith("pantau==")
                    ]
                    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
                    lines.append(f"pantau=={version} --hash=sha256:{digest}\n")
                    content = "\n".join(lines).encode()
                if not entry.name.startswith("pantau-"):
                    _add(after, entry.name, content)
            _add(after, wheel.name, wheel.read_bytes())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout
