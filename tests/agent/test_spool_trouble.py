"""The spool under a disk that is slow, full, damaged or cut off, and a process that is killed."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from tests.agent.support.spools import MEASUREMENT, START_NS, open_spool, seqs_of, stamp

from pantau_agent.errors import SpoolDamagedError, SpoolError
from pantau_agent.spool import queue, read_state
from pantau_wire import ranges


@pytest.fixture
def spool(tmp_path):
    opened = open_spool(tmp_path / "spool.db")
    yield opened
    opened.close()


def test_a_file_that_is_no_database_is_set_aside_and_a_new_spool_begins(tmp_path):
    """Damage does not stop the measuring, and the damaged file is kept for whoever wants to look."""
    path = tmp_path / "spool.db"
    path.write_bytes(b"not a database at all" * 1000)
    spool = open_spool(path)
    spool.put(stamp(), MEASUREMENT)
    assert spool.commit() == 1
    spool.close()
    (aside,) = tmp_path.glob("spool.db.damaged-*")
    assert aside.read_bytes().startswith(b"not a database")


def test_a_file_with_a_page_of_rubbish_is_set_aside(tmp_path):
    """Damage inside a page is found when the spool is opened, not a week later."""
    path = tmp_path / "spool.db"
    spool = open_spool(path)
    for _ in range(2000):
        spool.put(stamp(), MEASUREMENT)
    spool.commit()
    first_id = spool.spool_id
    spool.close()
    sqlite3.connect(path).close()
    with path.open("r+b") as file:
        for page in range(3, 12):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    again = open_spool(path)
    assert again.spool_id != first_id
    again.close()
    assert list(tmp_path.glob("spool.db.damaged-*"))


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    """A technician reads what is wrong, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="cannot write"):
        open_spool(tmp_path / "file" / "spool.db")


KILLED_WRITER = """
import sys
from pathlib import Path
from pantau_agent import logs
from pantau_agent.clock import Stamp
from pantau_agent.spool import Spool
logs.configure("text")  # to stderr: what is read here are the numbers
spool = Spool(Path(sys.argv[1]), max_bytes=10**8, max_age_s=1e9)
stamp = Stamp(time_ns=1_790_000_000_000_000_000, uptime_ns=5, boot="b", clock="synced")
while True:
    for _ in range(20):
        spool.put(stamp, b'{"kind":"device"}')
    spool.commit()
    extent = spool.extent()
    print(extent[1], flush=True)
    spool.ack([(extent[0], extent[0] + 2)])
"""


def test_sigkill_in_any_write_loses_nothing_that_was_committed(tmp_path):
    """Killed again and again while writing, the spool keeps all it reported as committed."""
    path = tmp_path / "spool.db"
    highest = 0
    for round_number in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", KILLED_WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        first = writer.stdout.readline()
        time.sleep(0.05 + 0.04 * round_number)
        writer.send_signal(signal.SIGKILL)
        lines = [first, *writer.stdout.read().splitlines()]
        writer.wait()
        writer.stdout.close()
        reported = max(int(line) for line in lines if line.strip().isdigit())
        assert int(first) > highest, "a number was used twice"
        spool = open_spool(path)
        state = spool.state()
        held = ranges.from_numbers(seqs_of(spool))
        spool.close()
        assert state.last_seq >= reported
        assert ranges.count(held) + state.stored_count == state.last_seq
        highest = state.last_seq


def test_measuring_does_not_wait_for_the_disk(spool):
    """An SD card may take seconds for a commit; the event loop, and the delays it measures, must not."""
    spool.put(stamp(), MEASUREMENT)
    with spool._disk:
        busy = threading.Thread(target=spool.commit)
        busy.start()
        began = time.monotonic()
        for _ in range(100):
            spool.put(stamp(), MEASUREMENT)
            assert spool.state().depth_count == spool.last_seq == 0
        assert time.monotonic() - began < 5
        assert busy.is_alive()
    busy.join()
    spool.commit()
    assert len(seqs_of(spool)) == 101


def test_a_commit_that_fails_forgets_nothing_and_repeats_nothing(spool, monkeypatch):
    """Whatever the disk refused, and whatever was put meanwhile, is written once when it works again."""
    spool.put(stamp(START_NS + 1), MEASUREMENT)
    spool.commit()
    spool.ack([(1, 1)])
    spool.put(stamp(START_NS + 2), MEASUREMENT)
    spool._db.execute("PRAGMA query_only = ON")
    for number in (3, 4):
        with pytest.raises(SpoolError, match="cannot use"):
            spool.commit()
        spool.put(stamp(START_NS + number), MEASUREMENT)
    assert (spool.state().depth_count, spool.last_seq) == (0, 1)
    spool._db.execute("PRAGMA query_only = OFF")
    assert spool.commit() == 3
    assert [record.time_ns - START_NS for record in spool.peek(1, 99, 99)] == [2, 3, 4]
    assert spool.state() == read_state(spool.path)


def test_a_disk_that_refuses_for_days_costs_no_more_than_so_much_memory(spool, monkeypatch):
    """The oldest goes first, and is counted."""
    monkeypatch.setattr(queue, "_UNCOMMITTED_LIMIT", 10)
    for number in range(25):
        spool.put(stamp(START_NS + number), MEASUREMENT)
    spool.commit()
    assert [record.time_ns - START_NS for record in spool.peek(1, 99, 99)] == list(range(15, 25))
    assert read_state(spool.path).dropped_count == 15


def test_damage_that_is_met_while_running_ends_the_agent(tmp_path):
    """It cannot be mended in place; the next start puts the file aside and begins anew."""
    spool = open_spool(tmp_path / "spool.db")
    for _ in range(2000):
        spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with spool.path.open("r+b") as file:
        for page in range(2, 30):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    spool._db.execute("PRAGMA cache_size = 0")
    with pytest.raises(SpoolDamagedError, match="put aside"):
        spool.peek(1, 2000, 2000)
    with contextlib.suppress(SpoolError):
        spool.close()


def test_another_database_is_not_taken_for_a_spool(tmp_path):
    """A path given by mistake: nothing is moved, nothing is made in it."""
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE cows (name)")
    other.execute("PRAGMA user_version = 7")
    other.commit()
    other.close()
    with pytest.raises(SpoolError, match="is not a spool"):
        open_spool(tmp_path / "other.db")
    open_spool(tmp_path / "spool.db").close()


def test_what_runs_every_minute_does_not_read_the_whole_file(spool, monkeypatch):
    """A spool of 500 MB on an SD card: commit, peek, ack and extent stay fast because they stop early."""
    for _ in range(20_000):
        spool.put(stamp(time_ns=time.time_ns()), MEASUREMENT + b" " * 200)
    spool.commit()
    steps = 0

    def count():
        nonlocal steps
        steps += 1
        return 0

    spool._db.set_progress_handler(count, 1000)
    for seq in range(10_000, 10_010):
        spool.put(stamp(time_ns=time.time_ns()), MEASUREMENT)
        spool.peek(seq, 20_000, 10)
        spool.ack([(seq, seq)])
        spool.extent()
        spool.dropped()
        spool.commit()
    assert steps < 20_000 * 10 / 1000, "some of it reads all records"
