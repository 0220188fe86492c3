"""Records wait in the spool until it is known when they were measured; then their time never changes."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.agent.support.machine import EPOCH_1970_NS, START_NS, Machine, S
from tests.agent.support.spools import MEASUREMENT, open_spool, seqs_of

from pantau_agent.errors import SpoolError
from pantau_agent.spool import read_state, settling
from pantau_agent.timekeeping import Timekeeper
from pantau_wire import ranges
from pantau_wire.codec import EARLIEST_NS

VERSION_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ns INTEGER NOT NULL,
    uptime_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    clock TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE dropped (first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('spool_id', 'old-spool');
INSERT INTO counter VALUES ('stored_count', 6);
INSERT INTO record VALUES (7, 17, 5, 'boot-old', 'unsynced', '{}');
PRAGMA user_version = 1;
"""


class Device:
    """A machine with a spool. Records carry the true time in their data, to compare with."""

    def __init__(self, folder: Path, machine: Machine, **options) -> None:
        self.machine = machine
        self._path = folder / "spool.db"
        self._options = options
        self.start()

    def start(self) -> None:
        self.keeper = Timekeeper(self.machine.read)
        self.spool = open_spool(self._path, timekeeper=self.keeper, **self._options)

    def measure(self, count: int = 1, every_s: float = 60) -> None:
        for _ in range(count):
            self.spool.put(self.machine.read(), b'{"true_ns":%d}' % self.machine.true_ns)
            self.machine.run(every_s)

    def ask_collector(self, round_trip_s: float = 0.2) -> None:
        sent_uptime_ns = self.machine.uptime_ns
        self.machine.run(round_trip_s / 2)
        server_ns = self.machine.true_ns
        self.machine.run(round_trip_s / 2)
        self.keeper.learn(server_ns, sent_uptime_ns)

    def cut_power(self, wall_ns: int = EPOCH_1970_NS, off_s: float = 20, state: str = "unsynced") -> None:
        """Pull the plug: what was not committed is gone. Then a new boot."""
        self.spool._uncommitted.clear()
        self.spool.close()
        self.machine.reboot(wall_ns, state, off_s)
        self.start()

    def records(self) -> list:
        found, first = [], 1
        while page := self.spool.peek(first, 10**9, 10**6):
            found += page
            first = page[-1].seq + 1
        return found

    def errors_ns(self) -> list[int]:
        """How wrong each record's time is."""
        return [abs(record.time_ns - true_ns(record)) for record in self.records()]

    @property
    def counts(self) -> tuple[int, int]:
        state = self.spool.state()
        return state.depth_count, state.waiting_count


def true_ns(record) -> int:
    return msgspec.json.decode(record.data)["true_ns"]


@contextlib.contextmanager
def device(folder: Path, machine: Machine, **options):
    one = Device(folder, machine, **options)
    try:
        yield one
    finally:
        one.spool.close()


def test_what_has_no_time_waits_and_is_not_published(tmp_path):
    """It counts as kept, has no number, and survives a restart of the agent."""
    with device(tmp_path, Machine(EPOCH_1970_NS, "unsynced")) as one:
        one.measure(3)
        assert one.spool.commit() == 0
        assert (one.records(), one.counts, one.spool.last_seq, one.spool.extent()) == ([], (3, 3), 0, None)
        assert one.spool.state() == read_state(one.spool.path)
        one.spool.close()
        one.start()
        assert one.counts == (3, 3)


def test_ntp_that_comes_late_dates_all_that_waited(tmp_path):
    """A Pi that came up in 1970: in the order of measuring, and exactly."""
    with device(tmp_path, Machine(EPOCH_1970_NS, "unsynced")) as one:
        one.measure(5)
        one.spool.commit()
        one.measure(5)
        one.machine.synchronise()
        assert one.spool.commit() == 10
        assert [record.seq for record in one.records()] == list(range(1, 11))
        assert {record.clock for record in one.records()} == {"repaired"}
        assert one.errors_ns() == [0] * 10
        assert one.counts == (10, 0)
        assert one.spool.state() == read_state(one.spool.path)


def test_with_ntp_blocked_for_good_the_collector_dates_them(tmp_path):
    """Within half a round trip and the crystal's drift; also what is measured from then on."""
    with device(tmp_path, Machine(EPOCH_1970_NS, "unsynced", drift_ppm=50)) as one:
        one.measure(60)
        one.ask_collector(round_trip_s=1)
        one.measure(60)
        one.spool.commit()
        assert max(one.errors_ns()) <= S // 2 + 3600 * S // 10_000
        assert {record.clock for record in one.records()} == {"repaired"}


def test_a_reboot_before_the_time_came_leaves_an_estimate(tmp_path):
    """They wait until a later boot knows the time, and lie between what was known before and that boot."""
    with device(tmp_path, Machine()) as one:
        one.measure(2)
        one.spool.commit()
        known_ns = one.machine.true_ns
        for _ in range(3):
            one.cut_power(off_s=600)
            one.measure(4)
            one.spool.commit()
        one.cut_power()
        booted_ns = one.machine.true_ns
        one.measure(1)
        one.ask_collector()
        assert one.spool.commit() == 13
        times = [record.time_ns for record in one.records() if record.clock == "estimated"]
        assert len(times) == 12
        assert times == sorted(times)
        assert known_ns - S <= times[0] < times[-1] <= booted_ns + S
        assert [record.clock for record in one.records()][-1] == "repaired"


def test_an_estimate_survives_that_only_a_part_of_it_was_settled(tmp_path, monkeypatch):
    """Power fails again while the waiting is being settled: the rest of a boot keeps its distances."""
    monkeypatch.setattr(settling, "_SETTLED_AT_ONCE", 3)
    with device(tmp_path, Machine(EPOCH_1970_NS, "unsynced")) as one:
        one.measure(7)
        one.spool.commit()
        one.cut_power()
        one.ask_collector()
        assert one.spool.commit() == 3
        one.cut_power(off_s=5000)
        one.ask_collector(round_trip_s=3)
        while one.counts[1]:
            one.spool.commit()
        times = [record.time_ns for record in one.records()]
        assert [later - times[0] for later in times] == [60 * S * number for number in range(7)]


def test_a_boot_that_knew_the_time_is_repaired_even_after_it_ended(tmp_path, monkeypatch):
    """Its reference is kept as long as something of it waits."""
    monkeypatch.setattr(settling, "_SETTLED_AT_ONCE", 2)
    with device(tmp_path, Machine(EPOCH_1970_NS, "unsynced")) as one:
        one.measure(6)
        one.spool.commit()
        one.machine.synchronise()
        one.spool.commit()
        one.cut_power()
        one.ask_collector()
        while one.counts[1]:
            one.spool.commit()
        assert {record.clock for record in one.records()} == {"repaired"}
        assert one.errors_ns() == [0] * 6
        assert one.spool._db.execute("SELECT boot FROM reference").fetchall() == [(one.machine.boot,)]


def test_a_step_back_of_an_hour_moves_nothing_that_has_a_number(tmp_path):
    """What was committed before the correction stays as it is; what was not is repaired."""
    with device(tmp_path, Machine(START_NS + 3600 * S)) as one:
        one.measure(2)
        one.spool.commit()
        before = one.records()
        one.measure(2)
        one.machine.synchronise()
        one.measure(2)
        one.spool.commit()
        assert one.records()[:2] == before
        assert one.errors_ns()[2:] == [0] * 4
        assert [record.clock for record in one.records()[2:]] == ["repaired"] * 2 + ["synced"] * 2


def test_a_full_spool_drops_the_oldest_that_wait_under_numbers_of_their_own(tmp_path):
    """Weeks without time on a small disk: what is lost is counted and announced, and nothing else."""
    with device(tmp_path, Machine(EPOCH_1970_NS, "unsynced"), max_bytes=200_000) as one:
        for _ in range(40):
            for _ in range(100):
                one.spool.put(one.machine.read(), MEASUREMENT + b" " * 100)
                one.machine.run(60)
            one.spool.commit()
        assert one.spool.state().size_bytes < 400_000
        one.machine.synchronise()
        one.spool.commit()
        state = one.spool.state()
        gone = ranges.merge((entry.first_seq, entry.last_seq) for entry in one.spool.dropped(limit=10_000))
        assert ranges.count(gone) == state.dropped_count > 0
        assert ranges.merge([*gone, one.spool.extent()]) == [(1, 4000)]
        assert state == read_state(one.spool.path)


def test_many_that_wait_are_settled_a_part_at_a_time(tmp_path, monkeypatch):
    """So that a commit on a slow card stays short; what is new does not wait for them."""
    monkeypatch.setattr(settling, "_SETTLED_AT_ONCE", 10)
    with device(tmp_path, Machine(EPOCH_1970_NS, "unsynced")) as one:
        one.measure(25)
        one.spool.commit()
        one.machine.synchronise()
        one.measure(1)
        assert [one.spool.commit() for _ in range(4)] == [11, 10, 5, 0]
        assert sorted(true_ns(record) for record in one.records()) == sorted(
            START_NS + 60 * S * number for number in range(26)
        )


def test_a_spool_of_the_first_version_opens_and_keeps_what_it_holds(tmp_path):
    """What was given a number may have been sent: its time stays, even 1970. New records may wait."""
    path = tmp_path / "spool.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1)
    assert read_state(path).depth_count == 1
    with device(tmp_path, Machine(EPOCH_1970_NS, "unsynced")) as one:
        one.measure(1)
        one.spool.commit()
        assert one.records() == [(7, 17, 5, "boot-old", "unsynced", "{}")]
        assert (one.spool.spool_id, one.counts, one.spool.state().stored_count) == ("old-spool", (2, 1), 6)
        one.machine.synchronise()
        one.spool.commit()
        assert seqs_of(one.spool) == [7]
        assert [record.seq for record in one.spool.peek(8, 9, 9)] == [8]


def test_another_database_of_version_1_is_left_as_it_is(tmp_path):
    """A path given by mistake."""
    path = tmp_path / "spool.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE cows (name); PRAGMA user_version = 1;")
    with pytest.raises(SpoolError):
        open_spool(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("cows",)]


class TimesMachine(RuleBasedStateMachine):
    """Whatever befalls clock, network and power: published times stay, nothing is lost, repairs are right."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.one = Device(Path(self.folder), Machine(EPOCH_1970_NS, "unsynced", drift_ppm=50))
        self.uncommitted = 0
        self.committed = 0
        self.published = {}
        self.answered = 0

    @rule(count=st.integers(1, 4), every_s=st.floats(0.5, 3000))
    def measure(self, count, every_s):
        self.one.measure(count, every_s)
        self.uncommitted += count

    @rule()
    def commit(self):
        self.one.spool.commit()
        self.committed += self.uncommitted
        self.uncommitted = 0

    @rule(off_by_s=st.floats(-0.2, 0.2))
    def ntp_synchronises(self, off_by_s):
        self.one.machine.synchronise(int(off_by_s * S))

    @rule(wall_ns=st.sampled_from([EPOCH_1970_NS, START_NS - 10**16, START_NS + 10**16]))
    def somebody_sets_the_clock(self, wall_ns):
        self.one.machine.set(wall_ns, "unsynced")

    @rule()
    def ntp_is_lost(self):
        self.one.machine.state = "unsynced"

    @rule(round_trip_s=st.floats(0.01, 70))
    def the_collector_answers(self, round_trip_s):
        self.one.ask_collector(round_trip_s)

    @rule(off_s=st.floats(1, 10**6), wall_ns=st.sampled_from([EPOCH_1970_NS, START_NS - 10**15, START_NS]))
    def power_fails(self, off_s, wall_ns):
        self.one.cut_power(wall_ns, off_s)
        self.uncommitted = 0

    @precondition(lambda self: self.published)
    @rule(data=st.data())
    def everything_up_to_some_record_is_stored(self, data):
        last = data.draw(st.sampled_from(sorted(self.published)))
        self.one.spool.ack([(1, last)])
        self.answered += sum(seq <= last for seq in self.published)
        self.published = {seq: record for seq, record in self.published.items() if seq > last}

    @invariant()
    def published_times_never_change_and_nothing_is_lost(self):
        now = {record.seq: record for record in self.one.records()}
        assert {seq: now[seq] for seq in self.published} == self.published
        for seq in now.keys() - self.published.keys():
            self.check(now[seq])
        self.published = now
        depth_count, waiting_count = self.one.counts
        assert len(now) + waiting_count == depth_count
        assert depth_count + self.answered == self.committed

    def check(self, record):
        """A repaired time is right to within what its reference says; one of NTP's to within a step."""
        assert record.time_ns >= EARLIEST_NS
        if record.clock == "estimated":
            return
        step_ns = S if record.clock == "synced" else 0
        doubt_ns = self.one.keeper._references[record.boot].uncertainty_at(record.uptime_ns)
        assert abs(record.time_ns - true_ns(record)) <= step_ns + doubt_ns + 1000

    def teardown(self):
        self.one.spool.close()
        shutil.rmtree(self.folder)


TestTimesMachine = TimesMachine.TestCase
TestTimesMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
