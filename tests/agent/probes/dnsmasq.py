"""Debian's dnsmasq on the loopback, with names of its own and no way to any other server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOMAIN = "uji.example"
MANY_COUNT = 120
"""So many addresses of four bytes do not fit into 1232 bytes."""
_READY_WITHIN_S = 20.0


def program() -> str | None:
    """Return dnsmasq's path, or None where it is not installed."""
    return shutil.which("dnsmasq", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin")


@contextmanager
def running(folder: Path, address: str, port: int) -> Iterator[None]:
    """Serve the names below `DOMAIN` until the end of the context."""
    many = [f"192.0.2.{number} banyak.{DOMAIN}" for number in range(1, MANY_COUNT + 1)]
    (folder / "hosts").write_text("\n".join(many) + "\n")
    command = [
        str(program()), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
        f"--pid-file={folder / 'pid'}", f"--port={port}", f"--listen-address={address}", "--bind-interfaces",
        "--user=root", "--log-facility=-", f"--addn-hosts={folder / 'hosts'}", f"--local=/{DOMAIN}/",
        f"--host-record=dua.{DOMAIN},192.0.2.1,2001:db8::1", f"--host-record=satu.{DOMAIN},192.0.2.2",
        f"--cname=alias.{DOMAIN},dua.{DOMAIN}", f"--txt-record=teks.{DOMAIN},tanpa alamat",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(process, address, port, folder / "log")
        yield
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, port: int, log: Path) -> None:
    """Return when it listens."""
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline_s and process.poll() is None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            if sock.connect_ex((address, port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"dnsmasq does not serve: {log.read_text()}")
