"""Several processes and threads use one SQLite file at the same time, and files of older versions."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.collector.storage import writing_process
from tests.collector.storage.building import arrival, batch, dns, point_of
from tests.collector.storage.test_sqlite_atomicity import check_whole
from tests.collector.storage.writing_process import numbered

from pantau_collector.errors import StoreUnavailableError
from pantau_collector.storage import tables
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from pathlib import Path


def test_two_processes_on_one_file(tmp_path: Path):
    """A collector and a replay may write the same file, even the same batches: each is there once."""
    path = tmp_path / "pantau.db"
    command = [sys.executable, writing_process.__file__, str(path), "desa-1"]
    processes = [
        subprocess.Popen([*command, first, "60"], stdout=subprocess.DEVNULL) for first in ("1", "31")
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    store = SqliteStore(path)
    assert check_whole(store, "desa-1") == 90
    store.close()


def test_many_open_a_new_file_at_once(tmp_path: Path):
    """Whoever opens a file first makes its tables, and nobody is refused meanwhile."""
    for attempt in range(5):
        path = tmp_path / f"{attempt}.db"
        with ThreadPoolExecutor(8) as pool:
            stores = list(pool.map(lambda _: SqliteStore(path), range(8)))  # noqa: B023 - the pool ends here
        for store in stores:
            store.close()


def test_threads_share_a_store(tmp_path: Path):
    """Writers and readers in many threads neither fail nor see half a batch."""
    store = SqliteStore(tmp_path / "pantau.db")

    def write(worker: int) -> None:
        for number in range(1, 21):
            store.write(numbered(f"desa-{worker}", number))
            assert len(store.points("dns", f"desa-{worker}")) == 5 * number

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert [check_whole(store, f"desa-{worker}") for worker in range(6)] == [20] * 6
    store.close()


def test_readers_do_not_wait_for_a_writer(tmp_path: Path):
    """While another process is in the middle of a write, a reader gets what was there before."""
    path = tmp_path / "pantau.db"
    store = SqliteStore(path)
    store.write(batch(dns(1)))
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE dns SET resolve_ms = 99")
    assert store.points("dns", "desa-1") == [point_of(dns(1))]
    assert store.activity("desa-1")[0].counts == {"dns": 1}
    writer.execute("ROLLBACK")
    writer.close()
    store.close()


def test_a_writer_waits_for_another(tmp_path: Path):
    """A write that finds the file locked waits for the lock instead of failing."""
    path = tmp_path / "pantau.db"
    store = SqliteStore(path)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.5, other.execute, ["ROLLBACK"])
    timer.start()
    assert store.write(batch(dns(1))).new_count == 1
    timer.join()
    other.close()
    store.close()


def test_an_older_file_gains_the_new_columns(tmp_path: Path):
    """A file from before a field existed keeps its rows, absent there, and takes the field from now on."""
    path = tmp_path / "pantau.db"
    _make_old_file(path)
    store = SqliteStore(path)
    (old,) = store.points("dns", "desa-1")
    assert (old.values["resolve_ms"], old.values["answer_count"]) == (1.0, None)
    new = dns(2, answer_count=2)
    assert store.write(batch(dns(1), new)).new_count == 1
    assert store.points("dns", "desa-1")[1] == point_of(new)
    store.close()


def test_many_upgrade_an_older_file_at_once(tmp_path: Path):
    """Collector and command line may both be the first to open an older file."""
    path = tmp_path / "pantau.db"
    _make_old_file(path)
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: SqliteStore(path), range(8)))
    for store in stores:
        store.close()


def _make_old_file(path: Path) -> None:
    """Make a file as it was before `dns` had the last of its columns, and before there was `device`."""
    store = SqliteStore(path)
    store.write(batch(dns(1)))
    store.close()
    db = sqlite3.connect(path)
    db.execute("ALTER TABLE dns DROP COLUMN answer_count")
    db.execute("DROP TABLE device")
    db.commit()
    db.close()


def test_a_file_of_a_newer_version_is_used(tmp_path: Path):
    """A file with a column that this version does not know is read and written, and the column stays."""
    path = tmp_path / "pantau.db"
    SqliteStore(path).close()
    db = sqlite3.connect(path)
    db.execute("ALTER TABLE dns ADD COLUMN of_the_future_ms REAL")
    db.commit()
    store = SqliteStore(path)
    store.write(batch(dns(1)))
    assert store.points("dns", "desa-1") == [point_of(dns(1))]
    assert "of_the_future_ms" in {row[1] for row in db.execute("PRAGMA table_info(dns)")}
    db.close()
    store.close()


def test_a_closed_store_says_so(tmp_path: Path):
    """After `close` a write is refused as unavailable, and nothing worse."""
    store = SqliteStore(tmp_path / "pantau.db")
    store.close()
    with pytest.raises(StoreUnavailableError):
        store.write(batch(dns(1)))


def test_commits_are_synchronous(tmp_path: Path):
    """The connection that writes waits for the disk: WAL with synchronous=FULL."""
    store = SqliteStore(tmp_path / "pantau.db")
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_points_are_found_by_index(tmp_path: Path):
    """A device's points of a time are found without reading the table."""
    store = SqliteStore(tmp_path / "pantau.db")
    plan = store._db.execute(
        f"EXPLAIN QUERY PLAN {tables.select_sql('dns')} WHERE device = ? AND time_ns >= ? AND time_ns < ?"
        " ORDER BY time_ns DESC LIMIT 1",
        ["desa-1", 0, 1],
    ).fetchall()
    assert [row[3] for row in plan] == ["SEARCH dns USING PRIMARY KEY (device=? AND time_ns>? AND time_ns<?)"]
    store.close()


def test_an_unknown_column_type_is_no_surprise(tmp_path: Path):
    """Whole numbers in a column of real ones come back as real numbers."""
    store = SqliteStore(tmp_path / "pantau.db")
    store.write(batch(arrival(Dns(resolver="r", name="n", resolve_ms=2))))
    (point,) = store.points("dns", "desa-1")
    assert isinstance(point.values["resolve_ms"], float)
    store.close()
