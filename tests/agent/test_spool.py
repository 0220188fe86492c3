"""The spool keeps what was committed until it is answered for, whatever happens to the process."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.agent.support.spools import MEASUREMENT, START_NS, open_spool, seqs_of, stamp

from pantau_agent.clock import Stamp
from pantau_agent.errors import SpoolLockedError
from pantau_agent.spool import read_state
from pantau_agent.timekeeping import Timekeeper
from pantau_wire import ranges
from pantau_wire.envelope import Dropped


@pytest.fixture
def spool(tmp_path):
    with_path = open_spool(tmp_path / "spool.db")
    yield with_path
    with_path.close()


def test_a_record_appears_only_when_it_is_committed(spool):
    """What is put is not published before it is on disk, so its number cannot be given twice."""
    spool.put(stamp(), MEASUREMENT)
    assert seqs_of(spool) == []
    assert spool.commit() == 1
    assert seqs_of(spool) == [1]


def test_the_measurement_comes_out_as_it_went_in(spool):
    """Stamp and JSON are frozen."""
    spool.put(stamp(time_ns=START_NS + 123, boot="b"), MEASUREMENT)
    spool.commit()
    (record,) = spool.peek(1, 1, 10)
    assert record == (1, START_NS + 123, 128, "b", "synced", MEASUREMENT)


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


def test_only_the_owner_can_read_the_spool(spool):
    """The file says what a village measured; it is nobody else's business on a shared laptop."""
    assert spool.path.stat().st_mode & 0o077 == 0


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
    """By the times that somebody vouches for; what lies before them is older still."""
    now = stamp(START_NS + 7200 * 10**9)
    spool = open_spool(tmp_path / "spool.db", max_age_s=3600, timekeeper=Timekeeper(lambda: now))
    for time_ns in (START_NS, START_NS + 10**9, now.time_ns - 10**9, now.time_ns):
        spool.put(stamp(time_ns), MEASUREMENT)
    spool.commit()
    spool._db.execute("UPDATE record SET clock = 'estimated' WHERE seq IN (1, 3)")
    spool._db.execute("UPDATE record SET time_ns = ? WHERE seq = 3", (START_NS,))
    spool._db.commit()
    spool.put(now, MEASUREMENT)
    spool.commit()
    assert seqs_of(spool) == [3, 4, 5]
    assert [(entry.first_seq, entry.last_seq) for entry in spool.dropped()] == [(1, 2)]
    spool.close()


def test_nothing_is_over_age_while_the_time_is_not_known(tmp_path):
    """A clock that came up in 2036 must not empty the spool."""
    lost = Stamp(2_085_000_000 * 10**9, 1, "boot-b", "unsynced")
    spool = open_spool(tmp_path / "spool.db", max_age_s=3600, timekeeper=Timekeeper(lambda: lost))
    spool.put(stamp(), MEASUREMENT)
    for _ in range(2):
        spool.put(lost, MEASUREMENT)
        spool.commit()
    assert seqs_of(spool) == [1]
    assert (spool.state().depth_count, spool.state().waiting_count) == (3, 2)
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
