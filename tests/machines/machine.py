"""A machine: a Debian that boots with systemd in a network namespace, and can lose its power.

Its disk is a layer over the base, so that a new machine costs nothing. systemd-nspawn needs no systemd on the
host (`--register=no --keep-unit`); with `SYSTEMD_NSPAWN_API_VFS_WRITABLE` the machine may set the kernel's
network settings, which are its namespace's own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.fakes.network import run
from tests.machines.base import USER, base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.network import Host

BOOTED_WITHIN_S = 60.0
ENDED_WITHIN_S = 60.0
_REBOOTED = 133
"""What nspawn ends with when the machine asks for a reboot and somebody else is to start it again."""

_ENTER = ("nsenter", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--target")
_ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/root", "LC_ALL=C.UTF-8")


class Machine:
    """One machine, off until `boot`."""

    def __init__(self, folder: Path, name: str, host: Host, public_key: str) -> None:
        """Lay its disk over the base; `public_key` may log in as the technician."""
        self.name, self.host = name, host
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.root = folder / "root"
        for part in ("root", "upper", "work"):
            (folder / part).mkdir(parents=True)
        layers = f"lowerdir={base()},upperdir={folder / 'upper'},workdir={folder / 'work'}"
        run("mount", "-t", "overlay", "overlay", "-o", layers, str(self.root))
        self._let_in(public_key)
        (self.root / "etc" / "hostname").write_text(f"{name}\n")
        (self.root / "etc" / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")

    def _let_in(self, public_key: str) -> None:
        keys = self.root / "home" / USER / ".ssh"
        keys.mkdir(mode=0o700)
        (keys / "authorized_keys").write_text(public_key)
        owner = keys.parent.stat()
        for path in (keys, keys / "authorized_keys"):
            os.chown(path, owner.st_uid, owner.st_gid)

    def boot(self) -> None:
        """Give it power, and wait until systemd has started everything."""
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe",
                   "--link-journal=no", "--resolv-conf=off", "--timezone=off", f"--machine={self.name}",
                   f"--network-namespace-path=/run/netns/{self.host.namespace}",
                   f"--directory={self.root}"]  # fmt: skip
        environment = {**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
        with (self._folder / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environment
            )
        deadline = time.monotonic() + BOOTED_WITHIN_S
        while self._state() not in ("running", "degraded"):
            assert self._process.poll() is None, f"{self.name} does not boot\n{self.console()}"
            assert time.monotonic() < deadline, f"{self.name} is {self._state()}\n{self.console()}"
            time.sleep(0.2)

    def console(self) -> str:
        """Return the end of what it printed on its console."""
        return (self._folder / "console.log").read_text(errors="replace")[-3000:]

    def _state(self) -> str:
        return (
            self.run("systemctl", "is-system-running", check=False).stdout.strip() if self._init() else "off"
        )

    def _init(self) -> str | None:
        """Return the process that is number 1 in there, None while there is none."""
        assert self._process is not None, f"{self.name} is off"
        found = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True)
        return found.stdout.split()[0] if found.stdout.split() else None

    def run(self, *command: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in there as root, as from its console."""
        init = self._init()
        assert init is not None, f"{self.name} is off\n{self.console()}"
        done = subprocess.run(
            [*_ENTER, init, "--", "env", "-i", *_ENVIRONMENT, *command],
            capture_output=True,
            text=True,
            input=stdin,
        )
        assert done.returncode == 0 or not check, (
            f"{self.name}: {' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done

    def output(self, *command: str) -> str:
        """Run a command in there; return what it printed."""
        return self.run(*command).stdout

    def reboot(self) -> None:
        """Restart it in order, as `sudo reboot` does."""
        self.run("systemctl", "reboot", check=False)
        assert self._process is not None
        assert self._process.wait(ENDED_WITHIN_S) == _REBOOTED, self.console()
        self.boot()

    def cut_power(self) -> None:
        """End everything at once, without a word; what is on the disk stays."""
        assert self._process is not None
        init = self._init()
        if init is not None:
            os.kill(int(init), signal.SIGKILL)
        self._process.kill()
        self._process.wait(ENDED_WITHIN_S)

    def dispose(self) -> None:
        """Switch it off and throw it away."""
        if self._process is not None and self._process.poll() is None:
            self.cut_power()
        subprocess.run(["umount", "--lazy", str(self.root)], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def machine(folder: Path, name: str, host: Host, public_key: str) -> Iterator[Machine]:
    """Yield a machine that runs."""
    made = Machine(folder, name, host, public_key)
    try:
        made.boot()
        yield made
    finally:
        made.dispose()
