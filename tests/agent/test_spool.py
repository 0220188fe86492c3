"""The spool keeps what was committed until it is answered for, whatever happens to the process."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pantau_agent.clock import Stamp
from pantau_agent.errors import SpoolDamagedError, SpoolError, SpoolLockedError
from pantau_agent.spool import Spool, queue, read_state
from pantau_wire import ranges
from pantau_wire.envelope import Dropped

MEASUREMENT = b'{"kind":"device","uptime_s":1.0}'


def stamp(time_ns: int = 1_790_000_000_000_000_000, boot: str = "boot-a") -> Stamp:
    return Stamp(time_ns=time_ns, uptime_ns=5, boot=boot, clock="synced")


def open_spool(path, **options) -> Spool:
    return Spool(path, max_bytes=options.pop("max_bytes", 10_000_000), max_age_s=1e9)


@pytest.fixture
def spool(tmp_path):
    with_path = open_spool(tmp_path / "spool.db")
    yield with_path
    with_path.close()


def seqs_of(spool: Spool) -> list[int]:
    return [record.seq for record in spool.peek(1, 10**9, 10**6)]


def test_a_record_appears_only_when_it_is_committed(spool):
    """What is put is not published before it is on disk, so its number cannot be given twice."""
    spool.put(stamp(), MEASUREMENT)
    assert seqs_of(spool) == []
    assert spool.commit() == 1
    assert seqs_of(spool) == [1]


def test_the_measurement_comes_out_as_it_went_in(spool):
    """Stamp and JSON are frozen."""
    spool.put(stamp(time_ns=123, boot="b"), MEASUREMENT)
    spool.commit()
    (record,) = spool.peek(1, 1, 10)
    assert record == (1, 123, 5, "b", "synced", MEASUREMENT)


def test_an_acked_record_is_gone_at_once_and_stays_gone(tmp_path):
    """An ack takes effect immediately for the reader, and durably at the next commit."""
    spool = open_spool(tmp_path / "spool.db")
    for _ in range(5):
        spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool.ack([(2, 4)])
    assert seqs_of(spool) == [1, 5]
    assert spool.state().depth_count == 2
    spool.close()
    again = open_spool(tmp_path / "spool.db")
    assert seqs_of(again) == [1, 5]
    assert again.state().stored_count == 3
    again.close()


def test_an_ack_that_comes_twice_counts_once(spool):
    """Acks are true for ever and may be repeated."""
    for _ in range(3):
        spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool.ack([(1, 2)])
    spool.ack([(1, 3), (2, 2)])
    spool.commit()
    spool.ack([(1, 3)])
    assert spool.state().stored_count == 3
    assert spool.state().depth_count == 0


def test_rejected_records_leave_and_are_counted(spool):
    """What the collector refuses for ever stands in its dead letters; here it is counted."""
    spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool.reject([1, 99])
    spool.commit()
    state = spool.state()
    assert (state.depth_count, state.rejected_count, state.stored_count) == (0, 1, 0)


def test_a_number_is_never_used_twice_even_when_the_spool_was_emptied(tmp_path):
    """After a restart the numbers go on where they were, though nothing is left in the file."""
    spool = open_spool(tmp_path / "spool.db")
    spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool.ack([(1, 1)])
    spool.close()
    again = open_spool(tmp_path / "spool.db")
    again.put(stamp(), MEASUREMENT)
    again.commit()
    assert seqs_of(again) == [2]
    again.close()


def test_an_envelope_holds_one_boot_only(spool):
    """Records of different boots are handed out separately, because the envelope names one boot."""
    spool.put(stamp(boot="first"), MEASUREMENT)
    spool.put(stamp(boot="second"), MEASUREMENT)
    spool.commit()
    assert [record.boot for record in spool.peek(1, 2, 10)] == ["first"]
    assert [record.boot for record in spool.peek(2, 2, 10)] == ["second"]


def test_a_full_spool_drops_the_oldest_and_says_which(tmp_path):
    """Nothing vanishes uncounted: dropped ranges are kept until the collector has heard of them."""
    spool = open_spool(tmp_path / "spool.db", max_bytes=200_000)
    for _ in range(40):
        for _ in range(100):
            spool.put(stamp(), MEASUREMENT + b" " * 100)
        spool.commit()
    state = spool.state()
    dropped = spool.dropped(limit=10_000)
    dropped_seqs = ranges.merge((entry.first_seq, entry.last_seq) for entry in dropped)
    assert state.size_bytes < 400_000
    assert dropped_seqs[0][0] == 1
    assert ranges.count(dropped_seqs) == state.dropped_count > 0
    assert ranges.merge([*dropped_seqs, spool.extent()]) == [(1, 4000)]
    spool.forget_dropped(dropped)
    assert spool.dropped() == []
    assert spool.state().dropped_count == state.dropped_count
    spool.close()


def test_a_second_agent_on_the_same_spool_is_refused(tmp_path):
    """Two agents that send one spool would lie about each other's records."""
    spool = open_spool(tmp_path / "spool.db")
    with pytest.raises(SpoolLockedError, match="another pantau-agent uses"):
        open_spool(tmp_path / "spool.db")
    spool.close()
    open_spool(tmp_path / "spool.db").close()


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


def test_only_the_owner_can_read_the_spool(spool):
    """The file says what a village measured; it is nobody else's business on a shared laptop."""
    assert spool.path.stat().st_mode & 0o077 == 0


KILLED_WRITER = """
import sys
from pathlib import Path
from pantau_agent.clock import Stamp
from pantau_agent.spool import Spool
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


def test_the_state_can_be_read_while_an_agent_uses_the_spool(spool):
    """`pantau-agent spool` works beside the running agent."""
    spool.put(stamp(), MEASUREMENT)
    spool.commit()
    assert read_state(spool.path).last_seq == 1


def test_records_behind_many_acked_ones_are_found(spool):
    """Acked records are in the file until the next commit; a reader must see past all of them."""
    for _ in range(300):
        spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool.ack([(1, 250), (252, 299)])
    assert [record.seq for record in spool.peek(1, 300, 10)] == [251, 300]


def test_no_record_is_passed_over_when_boots_alternate(spool):
    """A cloned card may interleave two boots; each envelope then ends where the boot changes."""
    for boot in ("a", "b", "a"):
        spool.put(stamp(boot=boot), MEASUREMENT)
    spool.commit()
    assert [record.seq for record in spool.peek(1, 3, 10)] == [1]


def test_an_ack_may_span_quintillions(spool):
    """It is taken for what is here and committed, in no time, and never for what comes later."""
    for _ in range(3):
        spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool.put(stamp(), MEASUREMENT)
    spool.ack([(2, 2**63 - 1)])
    spool.commit()
    assert seqs_of(spool) == [1, 4]
    spool.ack([(10, 2**63 - 1)])
    assert spool.state().stored_count == 2


def test_what_is_over_age_is_dropped_from_the_front(tmp_path):
    """By the clock of those stamped when it was synchronised; what lies before them is older still."""
    spool = open_spool(tmp_path / "spool.db")
    spool._max_age_s = 3600
    now_ns = time.time_ns()
    for time_ns, clock in (
        (5, "unsynced"),
        (now_ns - 7200 * 10**9, "synced"),
        (5, "unsynced"),
        (now_ns, "synced"),
    ):
        spool.put(Stamp(time_ns=time_ns, uptime_ns=1, boot="b", clock=clock), MEASUREMENT)
    spool.commit()
    spool.put(stamp(time_ns=now_ns, boot="b"), MEASUREMENT)
    spool.commit()
    assert seqs_of(spool) == [3, 4, 5]
    assert [(entry.first_seq, entry.last_seq) for entry in spool.dropped()] == [(1, 2)]
    spool.close()


def test_what_is_given_up_is_counted_announced_and_gone(tmp_path):
    """At once and durably; giving it up twice counts once."""
    spool = open_spool(tmp_path / "spool.db")
    for _ in range(3):
        spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool.give_up([2], "too_large")
    spool.give_up([2], "too_large")
    assert (spool.state().depth_count, spool.state().dropped_count) == (2, 1)
    spool.close()
    again = open_spool(tmp_path / "spool.db")
    assert (again.state().depth_count, again.state().dropped_count) == (2, 1)
    assert again.dropped() == [Dropped(first_seq=2, last_seq=2, reason="too_large")]
    again.close()


def test_a_confirmed_announcement_is_forgotten_durably_at_the_next_commit(tmp_path):
    """It costs no write of its own; after a crash before that the collector is told twice: harmless."""
    spool = open_spool(tmp_path / "spool.db")
    for _ in range(3):
        spool.put(stamp(), MEASUREMENT)
    spool.commit()
    spool.give_up([1, 3], "too_large")
    spool.forget_dropped(spool.dropped(limit=1))
    assert [entry.first_seq for entry in spool.dropped()] == [3]
    spool.close()
    again = open_spool(tmp_path / "spool.db")
    assert [entry.first_seq for entry in again.dropped()] == [3]
    again.close()


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
    spool.put(stamp(time_ns=1), MEASUREMENT)
    spool.commit()
    spool.ack([(1, 1)])
    spool.put(stamp(time_ns=2), MEASUREMENT)
    spool._db.execute("PRAGMA query_only = ON")
    for time_ns in (3, 4):
        with pytest.raises(SpoolError, match="cannot use"):
            spool.commit()
        spool.put(stamp(time_ns=time_ns), MEASUREMENT)
    assert (spool.state().depth_count, spool.last_seq) == (0, 1)
    spool._db.execute("PRAGMA query_only = OFF")
    assert spool.commit() == 3
    assert [record.time_ns for record in spool.peek(1, 99, 99)] == [2, 3, 4]
    assert spool.state() == read_state(spool.path)


def test_a_disk_that_refuses_for_days_costs_no_more_than_so_much_memory(spool, monkeypatch):
    """The oldest goes first, and is counted."""
    monkeypatch.setattr(queue, "_UNCOMMITTED_LIMIT", 10)
    for time_ns in range(25):
        spool.put(stamp(time_ns=time_ns), MEASUREMENT)
    spool.commit()
    assert [record.time_ns for record in spool.peek(1, 99, 99)] == list(range(15, 25))
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


class SpoolMachine(RuleBasedStateMachine):
    """Whatever is put, committed, acked, rejected or restarted: every number is accounted for once."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool.db"
        self.spool = open_spool(self.path)
        self.uncommitted = 0
        self.here: set[int] = set()
        self.answered = 0
        self.last = 0

    @rule(count=st.integers(1, 5))
    def put(self, count):
        for _ in range(count):
            self.spool.put(stamp(), MEASUREMENT)
        self.uncommitted += count

    @rule()
    def commit(self):
        assert self.spool.commit() == self.uncommitted
        self.here |= set(range(self.last + 1, self.last + 1 + self.uncommitted))
        self.last += self.uncommitted
        self.uncommitted = 0

    @precondition(lambda self: self.last)
    @rule(data=st.data())
    def answer(self, data):
        first = data.draw(st.integers(1, self.last))
        last = data.draw(st.integers(first, self.last))
        if data.draw(st.booleans()):
            self.spool.ack([(first, last)])
        else:
            self.spool.reject(range(first, last + 1))
        gone = self.here & set(range(first, last + 1))
        self.answered += len(gone)
        self.here -= gone

    @rule()
    def restart(self):
        self.spool.close()  # commits
        self.here |= set(range(self.last + 1, self.last + 1 + self.uncommitted))
        self.last += self.uncommitted
        self.uncommitted = 0
        self.spool = open_spool(self.path)

    @invariant()
    def everything_is_accounted_for(self):
        state = self.spool.state()
        assert set(seqs_of(self.spool)) == self.here
        assert state.depth_count == len(self.here)
        assert state.last_seq == self.last
        assert state.stored_count + state.rejected_count == self.answered

    def teardown(self):
        self.spool.close()
        self.folder.cleanup()


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
