"""What systemd is told, against a real socket, and by a real agent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest
from tests.agent.support.process import AgentProcess, running

from pantau_agent.service_manager import ServiceManager


@pytest.fixture(params=["file", "abstract"])
def listener(request, tmp_path):
    """A socket as systemd has it, and its name as it stands in the environment."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@pantau-{tmp_path.name}-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1))
        listening.settimeout(20)
        yield listening, name


def test_a_running_agent_says_ready_alive_and_stopping(tmp_path, listener, monkeypatch):
    listening, name = listener
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    with running(AgentProcess(tmp_path, port=1)) as agent:
        told = [listening.recv(1000).decode() for _ in range(4)]
        assert "READY=1" in told
        alive = [text for text in told if text.startswith("WATCHDOG=1\n")]
        assert len(alive) == 3
        assert all("\nSTATUS=desa-1: not connected, " in text for text in alive)
        agent.process.send_signal(signal.SIGTERM)
        while listening.recv(1000) != b"STOPPING=1":
            pass


async def test_who_is_not_watched_says_no_word(listener):
    listening, name = listener
    listening.settimeout(0)
    for environment in (
        {},
        {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
    ):
        manager = ServiceManager({"NOTIFY_SOCKET": name, **environment})
        assert manager.alive_period_s is None
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(manager.keep_alive(lambda: "fine"), 0.01)
        with pytest.raises(BlockingIOError):
            listening.recv(1000)


def test_a_service_manager_that_is_not_there_disturbs_nothing(tmp_path):
    for name in ("", "relative", str(tmp_path / "nobody"), "@nobody-listens-here"):
        ServiceManager({"NOTIFY_SOCKET": name}).ready()
