"""The agent where Linux is not: on Windows its modules load, and it measures and keeps what it measured.

No Windows was at hand: what only Linux has is taken away, and Windows' own file lock stands in.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT_LINUX = """
import asyncio, functools, importlib, os, pkgutil, selectors, signal, socket, sqlite3, subprocess, sys, time
import types, zoneinfo
import cryptography.x509, cryptography.hazmat.primitives.asymmetric.ec, dns.asyncresolver, icmplib, msgspec
import nacl.signing, paho.mqtt.client, psutil, pysnmp.hlapi.v3arch.asyncio, rich.live, rich.table, speedtest
import structlog

for name in ("fcntl", "grp", "pwd", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None
LINUX_ONLY = {
    socket: ("AF_NETLINK", "AF_PACKET", "AF_UNIX", "MSG_ERRQUEUE", "SO_BINDTODEVICE", "TCP_INFO"),
    os: ("geteuid", "getuid", "fork", "statvfs", "sched_getaffinity", "getloadavg", "fchmod", "chown"),
    time: ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "clock_gettime", "clock_gettime_ns"),
    signal: ("SIGKILL", "SIGHUP", "SIGUSR1"),
}
pair = functools.partial(socket.socketpair, socket.AF_UNIX)
socket.socketpair = lambda: pair()  # what Windows' own event loop and Python's emulation do without it
for module, names in LINUX_ONLY.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
"""
LOADS = """
import pantau_agent

loaded = 0
for found in pkgutil.walk_packages(pantau_agent.__path__, "pantau_agent."):
    importlib.import_module(found.name)
    loaded += 1
print(loaded)
"""
MEASURES = """
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *_: None)
sys.platform = "win32"


def no_handlers(*_):
    raise NotImplementedError


from pathlib import Path
from pantau_agent.config import load
from pantau_agent.service import Agent
from pantau_agent.spool import read_state


async def work(config):
    asyncio.get_running_loop().add_signal_handler = no_handlers
    agent = asyncio.create_task(Agent(config).run())
    await asyncio.sleep(3)
    agent.cancel()
    await asyncio.gather(agent, return_exceptions=True)


config = load(Path(sys.argv[1]))
asyncio.run(work(config))
print(read_state(config.spool.path).depth_count + read_state(config.spool.path).waiting_count)
"""
CONFIG = """
device = "laptop-1"
start_spread_ratio = 0
[spool]
path = "{path}"
commit_interval_s = 0.2
[broker]
port = 1
[device_health]
period_s = 0.2
[link]
period_s = 0.2
[traffic]
period_s = 0.4
sample_s = 0.2
"""


@pytest.fixture
def configuration(tmp_path):
    path = tmp_path / "agent.toml"
    path.write_text(CONFIG.format(path=tmp_path / "spool.db"))
    return path


def run(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.splitlines()[-1]), done.stdout + done.stderr


def test_every_module_loads_without_what_only_linux_has():
    loaded, _ = run(WITHOUT_LINUX + LOADS)
    assert loaded > 80


def test_it_measures_and_keeps_what_it_measured(configuration):
    kept, log = run(WITHOUT_LINUX + MEASURES, configuration)
    assert kept > 5
    assert "Traceback" not in log
