"""A spool whose file was damaged: named after the damage. Whatever happened, measuring goes on, and what is
gone is named as dropped, as far as the file still says what it was.
"""

import os
import sqlite3

from tests.agent.support.spools import MEASUREMENT, START_NS, open_spool, seqs_of, stamp
from tests.collector.storage.disks import small_disk

from pantau_agent.errors import SpoolError
from pantau_wire.envelope import Dropped

PAGE_BYTES = 4096


def filled(path, count=2000, stored=0, rejected=0):
    """A spool that held so many, of which some came to a good end; closed, its log written back."""
    spool = open_spool(path)
    for number in range(count):
        spool.put(stamp(START_NS + number), MEASUREMENT)
    spool.commit()
    spool.ack([(1, stored)] if stored else [])
    spool.reject(range(stored + 1, stored + rejected + 1))
    spool.close()
    return spool.spool_id


def overwrite(path, first_page, last_page):
    with path.open("r+b") as file:
        for page in range(first_page, last_page):
            file.seek(page * PAGE_BYTES)
            file.write(os.urandom(PAGE_BYTES))


def page_of_records(path):
    """A page in the middle of the records: what stands in it is gone, the rest can be read."""
    with sqlite3.connect(path) as db:
        return db.execute("PRAGMA page_count").fetchone()[0] // 2


def goes_on(spool):
    """Whether a new measurement gets a number that none had before."""
    last = spool.last_seq
    spool.put(stamp(), MEASUREMENT)
    assert spool.commit() == 1
    return seqs_of(spool) == [last + 1]


def test_pages_of_rubbish_are_announced_as_dropped_under_the_old_id(tmp_path):
    """What had arrived stays counted as stored; all numbers are told, so that an audit names the others."""
    path = tmp_path / "spool.db"
    old = filled(path, stored=100, rejected=20)
    page = page_of_records(path)
    overwrite(path, page, page + 3)
    spool = open_spool(path)
    assert spool.spool_id != old
    assert spool.dropped() == [Dropped(first_seq=1, last_seq=2000, reason="spool_damaged", spool=old)]
    state = spool.state()
    assert (state.stored_count, state.rejected_count, state.dropped_count) == (100, 20, 1880)
    assert goes_on(spool)
    assert spool.eras.of_seq(2001).first_seq == 2001
    spool.close()
    assert list(tmp_path.glob("spool.db.damaged-*"))


def test_a_spool_that_is_damaged_twice_is_named_twice(tmp_path):
    path = tmp_path / "spool.db"
    ids = [filled(path)]
    overwrite(path, page_of_records(path), page_of_records(path) + 2)
    ids.append(filled(path))
    overwrite(path, page_of_records(path), page_of_records(path) + 2)
    spool = open_spool(path)
    assert [(entry.spool, entry.first_seq, entry.last_seq) for entry in spool.dropped()] == [
        (ids[0], 1, 2000),
        (ids[1], 1, 2000),
    ]
    assert goes_on(spool)
    spool.close()


def test_a_truncated_file_is_set_aside(tmp_path):
    """The half that is left is not believed; which numbers it gave can be read or not, and both is said."""
    path = tmp_path / "spool.db"
    old = filled(path)
    os.truncate(path, path.stat().st_size // 2 // PAGE_BYTES * PAGE_BYTES)
    spool = open_spool(path)
    assert spool.spool_id != old
    assert {entry.spool for entry in spool.dropped()} <= {old}
    assert goes_on(spool)
    spool.close()
    assert list(tmp_path.glob("spool.db.damaged-*"))


def test_a_file_cut_in_its_first_page_is_set_aside(tmp_path):
    path = tmp_path / "spool.db"
    filled(path)
    os.truncate(path, 1000)
    spool = open_spool(path)
    assert spool.dropped() == []
    assert goes_on(spool)
    spool.close()


def test_an_empty_file_is_a_new_spool(tmp_path):
    """What an interrupted copy or a full disk may leave."""
    path = tmp_path / "spool.db"
    path.touch()
    spool = open_spool(path)
    assert goes_on(spool)
    spool.close()
    assert not list(tmp_path.glob("spool.db.damaged-*"))


def test_a_torn_end_of_the_log_costs_nothing_that_was_written_before_it(tmp_path):
    """A power cut in the middle of a write: the end of the log is not whole, and is left out."""
    path = tmp_path / "spool.db"
    spool = open_spool(path)
    spool.put(stamp(START_NS + 1), MEASUREMENT)
    spool.commit()
    whole = path.with_name("spool.db-wal").read_bytes()
    spool.put(stamp(START_NS + 2), MEASUREMENT)
    spool.commit()
    torn = path.with_name("spool.db-wal").read_bytes()[: len(whole) + 100]
    copy = tmp_path / "copy" / "spool.db"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    copy.with_name("spool.db-wal").write_bytes(torn)
    spool.close()
    again = open_spool(copy)
    assert [record.time_ns - START_NS for record in again.peek(1, 9, 9)] == [1]
    assert goes_on_after(again, 1)
    again.close()


def goes_on_after(spool, last):
    spool.put(stamp(), MEASUREMENT)
    return spool.commit() == 1 and spool.last_seq == last + 1


def test_a_full_disk_loses_nothing_that_was_committed_or_put(tmp_path):
    """A real disk without room refuses the commit; with room again all of it is written, once."""
    with small_disk(tmp_path / "disk", 2_000_000) as folder:
        spool = open_spool(folder / "spool.db")
        spool.put(stamp(START_NS), MEASUREMENT)
        spool.commit()
        ballast = folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            fill(file)
        put = put_until_refused(spool)
        assert seqs_of(spool) == list(range(1, spool.last_seq + 1))
        ballast.unlink()
        spool.commit()
        times = [record.time_ns - START_NS for record in spool.peek(1, 10**6, 10**6)]
        assert times == list(range(put + 1))
        spool.close()


def fill(file):
    while True:
        try:
            file.write(bytes(PAGE_BYTES))
        except OSError:
            return


def put_until_refused(spool):
    """Measure and commit until the disk refuses; return how many were put."""
    for number in range(1, 10_000):
        spool.put(stamp(START_NS + number), MEASUREMENT)
        try:
            spool.commit()
        except SpoolError:
            return number
    raise AssertionError("the disk was never full")
