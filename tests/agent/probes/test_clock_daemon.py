"""Which service keeps the clock: from a tree of files, and from real processes. No clock is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pantau_agent.probes.device import clock_daemon
from pantau_agent.probes.device.clock_daemon import ClockDaemonFinder

CHRONYD = shutil.which("chronyd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
needs_proc = pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="needs Linux' /proc")


def process(proc: Path, number: int, name: str) -> Path:
    """Add a process to the tree."""
    folder = proc / str(number)
    folder.mkdir()
    (folder / "comm").write_text(f"{name}\n")
    return folder


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["systemd", "chronyd", "sshd"], "chrony"),
        (["systemd-timesyn"], "timesyncd"),
        (["ntpd"], "ntpd"),
        (["ntp-daemon"], "other"),
        (["sshd", "kworker/0:1"], "none"),
        ([], "none"),
    ],
)
def test_the_daemon_is_known_by_its_name(tmp_path: Path, names: list[str], expected: str) -> None:
    (tmp_path / "sys").mkdir()
    for number, name in enumerate(names, start=1):
        process(tmp_path, number, name)
    assert ClockDaemonFinder(tmp_path).find("unsynced") == expected


def test_a_synchronised_clock_without_a_daemon_in_sight_has_another(tmp_path: Path) -> None:
    assert ClockDaemonFinder(tmp_path).find("synced") == "other"


def test_where_processes_cannot_be_seen_nothing_is_known(tmp_path: Path) -> None:
    assert ClockDaemonFinder(tmp_path / "absent").find("synced") is None


def test_a_daemon_that_ends_and_another_that_begins_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends at once; one that begins when it is time to look again."""
    monkeypatch.setattr(clock_daemon, "_LOOK_AGAIN_S", 3600.0)
    finder = ClockDaemonFinder(tmp_path)
    first = process(tmp_path, 7, "chronyd")
    assert finder.find("unsynced") == "chrony"
    (first / "comm").write_text("sh\n")
    process(tmp_path, 8, "ntpd")
    assert finder.find("unsynced") == "ntpd"
    (tmp_path / "8" / "comm").unlink()
    assert finder.find("unsynced") == "none"
    process(tmp_path, 9, "systemd-timesyn")
    assert finder.find("unsynced") == "none"
    monkeypatch.setattr(clock_daemon, "_LOOK_AGAIN_S", 0.0)
    assert finder.find("unsynced") == "timesyncd"


def test_the_processes_are_read_once_for_many_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process(tmp_path, 7, "chronyd")
    looked = []
    real = ClockDaemonFinder._processes
    monkeypatch.setattr(ClockDaemonFinder, "_processes", lambda self: looked.append(self) or real(self))
    finder = ClockDaemonFinder(tmp_path)
    assert {finder.find("synced") for _ in range(60)} == {"chrony"}
    assert len(looked) == 1


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """A folder of processes in which the test shows real ones, and no other."""
    folder = tmp_path / "proc"
    folder.mkdir()
    return folder


@needs_proc
def test_a_real_process_with_timesyncd_s_long_name_is_found(tmp_path: Path, seen: Path) -> None:
    """The kernel cuts its name at 15 characters."""
    program = tmp_path / "systemd-timesyncd"
    shutil.copy(str(shutil.which("cat")), program)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b"running under that name\n")
        running.stdin.flush()
        assert running.stdout.readline()
        (seen / str(running.pid)).symlink_to(f"/proc/{running.pid}")
        finder = ClockDaemonFinder(seen)
        assert finder.find("unsynced") == "timesyncd"
    assert finder.find("unsynced") == "none"


@needs_proc
@pytest.mark.skipif(CHRONYD is None or os.geteuid() != 0, reason="needs chronyd and root")
def test_a_real_chronyd_is_found(tmp_path: Path, seen: Path) -> None:
    """With -x it leaves the clock alone; without servers and ports it talks to nobody."""
    config = tmp_path / "chrony.conf"
    config.write_text(f"port 0\ncmdport 0\nbindcmdaddress /\npidfile {tmp_path}/chronyd.pid\nuser root\n")
    command = [str(CHRONYD), "-x", "-d", "-f", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        assert b"starting" in running.stderr.readline()
        (seen / str(running.pid)).symlink_to(f"/proc/{running.pid}")
        found = ClockDaemonFinder(seen).find("unsynced")
        running.terminate()
    assert found == "chrony"
