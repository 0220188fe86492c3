"""Debian's snmpd as the village router, on a free port of 127.0.0.1, with this machine's interfaces.

Its counters are up to 3 s old: it reads the kernel's no more often.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pantau_agent.probes.traffic import RouterTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

STALE_S = 3.0
COMMUNITY, COMMUNITY_32_BIT, COMMUNITY_BLIND = "rahasia", "rahasia32", "rahasia0"
AUTH_PASSWORD, PRIVACY_PASSWORD = "kata-sandi", "kata-rahasia"
_READY_WITHIN_S = 20.0
_CONFIGURATION = f"""
agentaddress udp:127.0.0.1:PORT
view without64 included .1
view without64 excluded .1.3.6.1.2.1.31.1.1.1.6
view without64 excluded .1.3.6.1.2.1.31.1.1.1.10
view system included .1.3.6.1.2.1.1
rocommunity {COMMUNITY} 127.0.0.1
rocommunity {COMMUNITY_32_BIT} 127.0.0.1 -V without64
rocommunity {COMMUNITY_BLIND} 127.0.0.1 -V system
view ports included .1.3.6.1.2.1.1.3
view ports included .1.3.6.1.2.1.2.2
view ports included .1.3.6.1.2.1.31.1.1
createUser plain
createUser sha SHA {AUTH_PASSWORD}
createUser sha256 SHA-256 {AUTH_PASSWORD}
createUser sha512 SHA-512 {AUTH_PASSWORD}
createUser aes128 SHA-256 {AUTH_PASSWORD} AES {PRIVACY_PASSWORD}
createUser aes256 SHA-512 {AUTH_PASSWORD} AES-256 {PRIVACY_PASSWORD}
rouser plain noauth
rouser sha auth
rouser sha256 auth
rouser sha512 auth
rouser aes128 priv -V ports
rouser aes256 priv
"""

V2C: dict[str, Any] = {"version": "2c", "community": COMMUNITY}
PLAIN: dict[str, Any] = {"version": "3", "username": "plain"}
SHA: dict[str, Any] = {
    "version": "3",
    "username": "sha",
    "auth_protocol": "sha",
    "auth_password": AUTH_PASSWORD,
}
SHA256 = {**SHA, "username": "sha256", "auth_protocol": "sha256"}
SHA512 = {**SHA, "username": "sha512", "auth_protocol": "sha512"}
AES128 = {
    **SHA256,
    "username": "aes128",
    "privacy_protocol": "aes128",
    "privacy_password": PRIVACY_PASSWORD,
}
AES256 = {**AES128, "username": "aes256", "auth_protocol": "sha512", "privacy_protocol": "aes256"}


def find() -> str | None:
    """Return the path of snmpd, or None."""
    return shutil.which("snmpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def free_port() -> int:
    """Return a UDP port of the loopback that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Snmpd:
    """One snmpd in a folder; it can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "snmpd.conf").write_text(_CONFIGURATION.replace("PORT", str(self.port)))

    def target(self, **settings: Any) -> RouterTarget:
        """Return how to ask it about the loopback, which moves real bytes."""
        place = {"host": "127.0.0.1", "port": self.port, "interface": "lo", "timeout_s": 2.0}
        return RouterTarget(**{**place, **V2C, **settings})

    def start(self) -> None:
        """Start it, and wait until it listens."""
        program = find()
        assert program is not None
        log = self._folder / f"{time.monotonic_ns()}.log"
        command = [program, "-f", "-C", "-c", str(self._folder / "snmpd.conf"), "-Lf", str(log)]
        environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(self._folder / "state")}
        self._process = subprocess.Popen(
            [*command, "-p", str(self._folder / "pid"), "-I", "-smux"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + _READY_WITHIN_S
        while not (log.exists() and "NET-SNMP version" in log.read_text()):
            assert self._process.poll() is None, log.read_text() if log.exists() else "snmpd ended"
            assert time.monotonic() < deadline_s, "snmpd did not begin in time"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def snmpd(folder: Path) -> Iterator[Snmpd]:
    """Run an snmpd that keeps its state in `folder`."""
    running = Snmpd(folder)
    running.start()
    try:
        yield running
    finally:
        running.kill()


def kernel_bytes(interface: str = "lo") -> tuple[int, int]:
    """Return what the kernel says that the interface received and sent."""
    folder = Path("/sys/class/net") / interface / "statistics"
    return int((folder / "rx_bytes").read_text()), int((folder / "tx_bytes").read_text())
