"""What the agent imports: nothing that exists on Linux only, nothing that a small device pays for in vain."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

NO_LINUX = """
import builtins, importlib, pkgutil, socket, sys, time
import asyncio, psutil, sqlite3, structlog, paho.mqtt.client  # their own imports are their affair

POSIX = {"fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "posix"}
real = builtins.__import__

def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "")
    if name.split(".")[0] in POSIX and importer.startswith(("pantau_agent", "pantau_wire")):
        raise ModuleNotFoundError(f"{importer} imports {name} at load")
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = guarded
for module, names in {
    socket: ("AF_NETLINK", "AF_PACKET", "SO_BINDTODEVICE", "TCP_INFO", "IP_RECVERR", "MSG_DONTWAIT"),
    time: ("CLOCK_BOOTTIME", "clock_gettime", "clock_gettime_ns"),
}.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
import pantau_agent
for found in pkgutil.walk_packages(pantau_agent.__path__, "pantau_agent."):
    importlib.import_module(found.name)
"""
LOADED = """
import sys
import pantau_agent.cli, pantau_agent.service
from pantau_agent import logs
logs.configure("text")
print(*sorted(sys.modules))
"""
HEAVY = {
    "rich": "draws the bars of `pantau-agent test`; 4 MiB",
    "dns": "only where a DNS resolver is asked by its address; 5 MiB",
    "pydantic": "10 MiB, and msgspec does it",
    "pydantic_settings": "the same",
    "pysnmp": "9 MiB, only where a router is configured",
    "cryptography": "the same",
    "mqtt5": "the collector's client",
    "nacl": "only for who has a remote configuration; 1.5 MiB",
    "iotcore": "the demo's broker",
    "pantau_collector": "another part",
    "pantau_testpoint": "another part",
    "pantau_demo": "another part",
    "pantau_agent.live": "only for `pantau-agent test`",
    "pantau_agent.doctor": "only for `pantau-agent doctor`",
    "pantau_agent.enrolment": "only for `pantau-agent enroll`",
    "unittest": "nobody tests here",
    "multiprocessing": "nobody forks here",
}


def python(code):
    # Without the coverage tool, which would load modules of its own into the process.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_no_module_needs_linux_to_be_imported():
    """The agent also runs on Windows laptops: what only Linux has is asked for when it is used."""
    done = python(NO_LINUX)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def loaded():
    done = python(LOADED)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_a_running_agent_does_not_carry_what_it_does_not_use(loaded, name):
    """Each of these costs memory for the whole life of the device."""
    assert name not in loaded, HEAVY[name]


def test_dnspython_is_hidden_from_paho_only():
    """A resolver that is asked by its address still has it."""
    code = "import pantau_agent.service, pantau_agent.probes.dns.direct, dns; print(dns.asyncquery)"
    done = python(code)
    assert "asyncquery" in done.stdout, done.stderr


def test_rich_is_hidden_from_structlog_only():
    """`pantau-agent test` still finds it."""
    done = python("import pantau_agent.cli, rich.console, pantau_agent.live; print(rich.console.Console)")
    assert "Console" in done.stdout, done.stderr
