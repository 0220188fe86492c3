"""A batch is in the SQLite file whole or not at all, whatever happens in the middle of it."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.collector.storage import writing_process
from tests.collector.storage.disks import make_read_only, make_writable, small_disk
from tests.collector.storage.writing_process import POINTS, numbered

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire import ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KILLS = 6
DISK_BYTES = 6 * 1024 * 1024  # of which the empty tables take one


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "pantau.db")
    yield store
    store.close()


def check_whole(store: SqliteStore, device: str) -> int:
    """Fail where a batch is there in part; return how many there are."""
    received = [(entry.first_seq, entry.last_seq) for entry in store.deliveries(device)]
    assert store.stored_seqs(device, "s1") == ranges.merge(received)
    counts = {kind: len(store.points(kind, device)) for kind in ("dns", "latency")}
    for found in store.activity(device):
        assert found.counts == counts
    assert sum(counts.values()) == POINTS * len(received)
    return len(received)


@pytest.mark.parametrize("table", ["dns", "latency", "delivery", "activity"])
def test_a_failure_in_the_middle_leaves_nothing(store: SqliteStore, tmp_path: Path, table: str):
    """When any of its statements fails, nothing of a batch is stored, and the store can go on."""
    store.write(numbered("desa-1", 1))
    with sqlite3.connect(tmp_path / "pantau.db") as saboteur:
        saboteur.execute(
            f"CREATE TRIGGER sabotage BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'sabotage'); END"
        )
    with pytest.raises(StoreUnavailableError, match="sabotage"):
        store.write(numbered("desa-1", 2))
    assert check_whole(store, "desa-1") == 1
    saboteur.execute("DROP TRIGGER sabotage")
    saboteur.close()
    store.write(numbered("desa-1", 2))
    assert check_whole(store, "desa-1") == 2


def test_sigkill_keeps_what_write_returned_for(tmp_path: Path):
    """After a SIGKILL every batch that `write` returned for is there, and none is there in part."""
    path = tmp_path / "pantau.db"
    confirmed = 0
    for _ in range(KILLS):
        confirmed = _write_and_kill(path, first=confirmed + 1)
        store = SqliteStore(path)
        whole = check_whole(store, "desa-1")
        store.close()
        assert whole in (confirmed, confirmed + 1)  # the last one may be there without having been said
        confirmed = whole


def _write_and_kill(path: Path, first: int) -> int:
    command = [sys.executable, writing_process.__file__, str(path), "desa-1", str(first), "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)
    said = [int(line) for line in rest if line.endswith("\n")]
    return said[-1] if said else first + 19


def test_a_full_disk_is_survived(tmp_path: Path):
    """A full disk refuses a batch whole; what was written stays, and with room again the store goes on."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
        ballast = folder / "ballast"
        ballast.write_bytes(b"\0" * (DISK_BYTES // 2))
        store = SqliteStore(folder / "pantau.db")
        number = _fill(store)
        assert check_whole(store, "desa-1") == number - 1
        ballast.unlink()
        store.write(numbered("desa-1", number))
        assert check_whole(store, "desa-1") == number
        store.close()


def _fill(store: SqliteStore) -> int:
    """Write until the disk is full; return the number of the batch that was refused."""
    numbers = itertools.count(1)
    with pytest.raises(StoreUnavailableError, match="full"):
        _write_all(store, numbers)
    return next(numbers) - 1


def _write_all(store: SqliteStore, numbers: Iterable[int]) -> None:
    for number in numbers:
        store.write(numbered("desa-1", number))


def test_a_disk_full_from_the_start(tmp_path: Path):
    """A store that cannot be made for want of room says so."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
        with pytest.raises(OSError, match="No space"):
            (folder / "ballast").write_bytes(b"\0" * DISK_BYTES * 2)
        with pytest.raises(StoreUnavailableError, match=r"pantau\.db"):
            SqliteStore(folder / "pantau.db")


def test_a_disk_that_turns_read_only(tmp_path: Path):
    """A disk that turns read-only refuses a batch whole, keeps what it has, and is used when mended."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
        store = SqliteStore(folder / "pantau.db")
        store.write(numbered("desa-1", 1))
        store.close()
        make_read_only(folder)
        with pytest.raises(StoreUnavailableError, match=r"pantau\.db"):
            SqliteStore(folder / "pantau.db").write(numbered("desa-1", 2))
        make_writable(folder)
        store = SqliteStore(folder / "pantau.db")
        assert check_whole(store, "desa-1") == 1
        store.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    """A store below something that is no folder says so."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="file"):
        SqliteStore(tmp_path / "file" / "pantau.db")


def test_a_file_that_is_no_database(tmp_path: Path):
    """A file that holds something else is refused, and left as it is."""
    path = tmp_path / "pantau.db"
    path.write_bytes(b"these are the minutes of the village meeting\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreUnavailableError, match="not a database"):
        SqliteStore(path)
    assert path.read_bytes() == before
