"""Torn entries in the log of a real InfluxDB 1.6.7: what they cost, and that mending saves it."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.collector.ingest.processes import COMMAND
from tests.fakes import influxd

from pantau_collector.errors import StoreError
from pantau_collector.storage.influx import wal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.influxd import Influxd


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Influxd]:
    with influxd.running(tmp_path) as started:
        started.run("CREATE DATABASE pantau")
        yield started


def write(server: Influxd, first: int, last: int) -> None:
    for number in range(first, last + 1):
        text = "".join(random.Random(number).choices("abcdefgh", k=200))
        server.write(f'dns,device=desa-1 value={number},note="{text}" {number}', "pantau")


def count(server: Influxd) -> int:
    answer = server.run("SELECT count(value) FROM dns", "pantau")
    return int(answer.rpartition('",')[2].partition("]")[0])


def segment(server: Influxd) -> Path:
    (found,) = server.folder.glob("wal/pantau/autogen/*/_*.wal")
    return found


def tear(server: Influxd) -> None:
    """Leave half of an entry at the end, as a power cut in the middle of a write does."""
    path = segment(server)
    data = path.read_bytes()
    (first, end), *_ = wal._entries(memoryview(data))
    path.write_bytes(data + data[first : (first + end) // 2])


def after_a_power_cut(server: Influxd, *, mended: bool) -> int:
    """Write, cut the power in a write, write again, cut, and once more; return how many points are there."""
    write(server, 1, 10)
    server.kill()
    tear(server)
    for last in (20, 30):
        if mended:
            wal.mend(server.folder / "wal")
        server.start()
        write(server, last - 9, last)
        server.kill()
    if mended:
        wal.mend(server.folder / "wal")
    server.start()
    return count(server)


def test_without_mending_what_was_taken_after_a_torn_entry_is_lost(server: Influxd) -> None:
    """The trap itself: 20 acknowledged points are gone. Where this fails, mending is not needed any more."""
    assert after_a_power_cut(server, mended=False) == 10


def test_with_mending_nothing_is_lost(server: Influxd) -> None:
    assert after_a_power_cut(server, mended=True) == 30


def test_what_stands_behind_a_hole_is_saved(server: Influxd) -> None:
    """A server that was started without mending, and stopped: its next start would lose what it took."""
    write(server, 1, 10)
    server.kill()
    tear(server)
    server.start()
    write(server, 11, 20)
    server.kill()
    assert wal.mend(server.folder / "wal").keys() == {segment(server)}
    server.start()
    assert count(server) == 20


def test_a_whole_log_is_left_as_it_is(server: Influxd) -> None:
    """Also that of a delete; the command says nothing."""
    write(server, 1, 5)
    server.run("DELETE FROM dns WHERE time = 3", "pantau")
    server.kill()
    before = segment(server).read_bytes()
    done = subprocess.run([*COMMAND, "mend-wal", str(server.folder / "wal")], capture_output=True, check=True)
    assert (done.stdout, segment(server).read_bytes()) == (b"", before)


def test_the_log_of_a_running_server_is_not_touched(server: Influxd) -> None:
    write(server, 1, 1)
    with pytest.raises(StoreError, match="stop influxd first"):
        wal.mend(server.folder / "wal")


def test_the_command_says_what_it_took_out(server: Influxd) -> None:
    write(server, 1, 5)
    server.kill()
    tear(server)
    done = subprocess.run(
        [*COMMAND, "mend-wal", str(server.folder / "wal")], capture_output=True, check=True, text=True
    )
    assert done.stdout.startswith(f"{segment(server)}: ")
    assert "bytes of torn entries taken out" in done.stdout
