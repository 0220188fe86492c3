"""The token as the agent keeps it: the newest, in memory at once, and on disk for its owner only."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from tests.agent.support.collector import Collector, ack
from tests.agent.support.device import Device, running, until
from tests.fakes import brokers

from pantau_agent.config import AgentConfig
from pantau_agent.config.settings import SpeedConfig
from pantau_agent.live.choosing import jobs_wanted
from pantau_agent.testpoint_token import TokenKeeper
from pantau_agent.wholefile import replace_file

if TYPE_CHECKING:
    from pathlib import Path

NAME = "desa-1"
FIRST, SECOND = "1.a.first", "1.b.second"


def test_the_newest_is_kept_over_a_restart_for_its_owner_only(tmp_path: Path) -> None:
    spool = tmp_path / "spool.db"
    keeper = TokenKeeper(spool)
    assert keeper.current() is None
    keeper.take(FIRST)
    keeper.take(SECOND)
    assert keeper.current() == SECOND
    assert TokenKeeper(spool).current() == SECOND
    file = tmp_path / "testpoint-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_the_same_token_is_not_written_again(tmp_path: Path) -> None:
    keeper = TokenKeeper(tmp_path / "spool.db")
    keeper.take(FIRST)
    before = (tmp_path / "testpoint-token").stat().st_mtime_ns
    keeper.take(FIRST)
    assert (tmp_path / "testpoint-token").stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"\xff", b"a\r\nX-Evil: 1\n", b"a" * 401, b"a b\n"])
def test_a_damaged_file_is_no_token(tmp_path: Path, content: bytes) -> None:
    """Nothing that would not fit into a header gets into one."""
    (tmp_path / "testpoint-token").write_bytes(content)
    assert TokenKeeper(tmp_path / "spool.db").current() is None


def test_a_disk_that_refuses_costs_one_line_of_log_and_no_token(tmp_path, logs) -> None:
    keeper = TokenKeeper(tmp_path / "gone" / "spool.db")
    keeper.take(FIRST)
    keeper.take(SECOND)
    assert keeper.current() == SECOND
    assert [line["event"] for line in logs] == ["testpoint.token_not_kept"]


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch) -> None:
    """Where the disk fails in the middle the old content stays, and nothing is left beside it."""
    file = tmp_path / "file"
    replace_file(file, b"old", mode=0o600)
    (tmp_path / ".file.new").write_bytes(b"of a power cut")

    def failing(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("pantau_agent.wholefile.os.fsync", failing)
        with pytest.raises(OSError, match="No space left"):
            replace_file(file, b"new", mode=0o600)
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"old", [file])
    replace_file(file, b"new", mode=0o644)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o644)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    """A technician runs it with sudo; the service, which is another user, must read the file."""
    folder = tmp_path / "of-the-service"
    folder.mkdir()
    os.chown(folder, 12_345, 12_346)
    replace_file(folder / "file", b"x", mode=0o600)
    found = (folder / "file").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12_345, 12_346, 0o600)


async def test_an_ack_brings_it_even_one_that_stores_nothing_and_one_for_another_spool(
    tmp_path, spool
) -> None:
    """The token is the device's, whatever became of its records."""
    taken: list[str] = []
    with (
        brokers.running("embedded", tmp_path) as broker,
        Collector(broker.port, NAME, lambda found: ack(found, testpoint_token=FIRST)) as collector,
    ):
        device = Device(spool, NAME, broker.port)
        device.publisher.on_token = taken.append
        async with running(device):
            device.measure(1)
            await until(lambda: FIRST in taken)
            collector.send(ack(collector.envelopes[0], spool="another", testpoint_token=SECOND))
            await until(lambda: SECOND in taken)
            assert device.depth == 1


def own(url: str | None, *, server: str | None = None) -> list[bool]:
    """Whether each speed test of `pantau-agent test` is against the device's own testpoint."""
    config = AgentConfig(device=NAME, speed=SpeedConfig(url=url))
    return [job.target.own_testpoint for job in jobs_wanted(config, engine="http", server=server)]


def test_a_server_named_on_the_command_line_is_not_the_device_s_own() -> None:
    mine, other = "http://testpoint.example.id:8989", "http://elsewhere.example.id"
    assert own(mine) == [True]
    assert own(mine, server=other) == [False]
    assert own(None, server=other) == [False]
    assert own(mine, server=mine) == [True]
