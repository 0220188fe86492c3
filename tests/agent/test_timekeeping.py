"""What time it was: every way in which a village's clock is wrong, and what becomes of the stamps."""

from __future__ import annotations

import pytest
from tests.agent.support.machine import EPOCH_1970_NS, START_NS, Machine, S

from pantau_agent.clock import Stamp
from pantau_agent.timekeeping import BootRows, Reference, Resolved, Timekeeper
from pantau_wire.codec import EARLIEST_NS

YEAR_S = 365 * 86_400


def ask_collector(
    machine: Machine, keeper: Timekeeper, *, round_trip_s: float = 0.2, off_s: float = 0
) -> bool:
    """Let an envelope and its ack travel; the collector reads its clock when a tenth of the way is left."""
    sent_uptime_ns = machine.uptime_ns
    machine.run(round_trip_s * 0.9)
    server_ns = machine.true_ns + int(off_s * S)
    machine.run(round_trip_s * 0.1)
    return keeper.learn(server_ns, sent_uptime_ns)


def test_a_clock_in_order_keeps_its_word():
    """With NTP from the beginning every stamp has the time it was made with."""
    machine = Machine()
    keeper = Timekeeper(machine.read)
    machine.run(100)
    assert keeper.resolve(machine.read()) == (machine.true_ns, "synced")


def test_without_a_battery_and_without_time_nothing_is_dated():
    """1970 is not sent; it waits."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    keeper = Timekeeper(machine.read)
    assert keeper.resolve(machine.read()) is None
    assert keeper.now() is None
    assert not keeper.known


def test_a_step_of_years_by_ntp_dates_what_was_stamped_before():
    """From the time since boot, in the same boot; and what comes after has its own word."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    keeper = Timekeeper(machine.read)
    early, early_ns = machine.read(), machine.true_ns
    machine.run(600)
    machine.synchronise()
    keeper.observe(machine.read())
    assert keeper.resolve(early) == (early_ns, "repaired")
    assert keeper.now() == (machine.true_ns, "synced")


def test_where_ntp_is_blocked_the_collectors_ack_dates_everything():
    """Within half the round trip, however wrong the wall clock is."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    keeper = Timekeeper(machine.read)
    early, early_ns = machine.read(), machine.true_ns
    machine.run(3600)
    assert ask_collector(machine, keeper, round_trip_s=2)
    found = keeper.resolve(early)
    assert found.clock == "repaired"
    assert abs(found.time_ns - early_ns) <= 1 * S + 3600 * S // 10_000
    assert keeper.now().clock == "repaired"


def test_the_smallest_uncertainty_wins_and_ages():
    """An answer over a bad line does not spoil a good one; a day later it would be the better one."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    keeper = Timekeeper(machine.read)
    ask_collector(machine, keeper, round_trip_s=0.1)
    good = keeper.now().time_ns - machine.true_ns
    ask_collector(machine, keeper, round_trip_s=10)
    assert keeper.now().time_ns - machine.true_ns == good
    machine.run(86_400)
    ask_collector(machine, keeper, round_trip_s=10)
    assert keeper.now().time_ns - machine.true_ns != good
    assert abs(keeper.now().time_ns - machine.true_ns) <= 5 * S


def test_an_answer_over_a_minute_is_no_reference():
    """It says too little; the next one is waited for."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    keeper = Timekeeper(machine.read)
    assert not ask_collector(machine, keeper, round_trip_s=61)
    assert not keeper.known


def test_a_step_back_of_an_hour_is_seen_in_what_was_not_sent_yet():
    """A server that was an hour ahead is corrected: what it stamped is repaired, the rest is right."""
    machine = Machine()
    machine.synchronise(3600 * S)
    machine.error_ns = 0
    keeper = Timekeeper(machine.read)
    machine.run(10)
    wrong, true_ns = machine.read(), machine.true_ns
    keeper.observe(wrong)
    machine.run(30)
    machine.synchronise()
    keeper.observe(machine.read())
    assert keeper.resolve(wrong) == (true_ns, "repaired")
    assert keeper.now() == (machine.true_ns, "synced")


def test_ntps_ordinary_work_leaves_stamps_alone():
    """A correction of less than a second is none that anybody has to repair."""
    machine = Machine()
    keeper = Timekeeper(machine.read)
    before = machine.read()
    machine.run(1000)
    machine.synchronise(-S // 2)
    keeper.observe(machine.read())
    assert keeper.resolve(before) == (before.time_ns, "synced")


def test_a_stamp_that_comes_late_does_not_undo_what_was_learnt_after_it():
    """A speed test is stamped when it begins and handed over when it ends; the clock was set between."""
    machine = Machine(START_NS + 3600 * S)
    keeper = Timekeeper(machine.read)
    late, true_ns = machine.read(), machine.true_ns
    machine.run(60)
    machine.synchronise()
    keeper.observe(machine.read())
    keeper.observe(late)
    assert keeper.resolve(late) == (true_ns, "repaired")


def test_a_kernel_that_contradicts_the_collector_is_not_believed(logs):
    """A wrong NTP server in the village's router; it is logged once, and once when it is right again."""
    machine = Machine(START_NS - YEAR_S * S // 2)
    keeper = Timekeeper(machine.read)
    early, early_ns = machine.read(), machine.true_ns
    assert ask_collector(machine, keeper)
    for _ in range(3):
        machine.run(60)
        keeper.observe(machine.read())
        found = keeper.now()
        assert (found.clock, abs(found.time_ns - machine.true_ns) <= S) == ("repaired", True)
    assert abs(keeper.resolve(early).time_ns - early_ns) <= S
    machine.synchronise()
    keeper.observe(machine.read())
    assert keeper.now() == (machine.true_ns, "synced")
    told = [entry["event"] for entry in logs if entry["event"].startswith("clock.kernel")]
    assert told == ["clock.kernel_not_believed", "clock.kernel_believed_again"]


def test_a_collector_that_is_off_by_less_than_that_does_not_overrule_ntp():
    """Four minutes may be the collector's own fault."""
    machine = Machine()
    keeper = Timekeeper(machine.read)
    assert not ask_collector(machine, keeper, off_s=240)
    assert keeper.now() == (machine.true_ns, "synced")


def test_when_ntp_was_lost_for_long_the_collectors_word_is_better():
    """After hours without NTP the crystal's drift counts more than the way to the collector."""
    machine = Machine(drift_ppm=80)
    keeper = Timekeeper(machine.read)
    machine.state = "unsynced"
    machine.run(20 * 3600)
    assert abs(keeper.now().time_ns - machine.true_ns) > 5 * S
    ask_collector(machine, keeper)
    assert abs(keeper.now().time_ns - machine.true_ns) < S


@pytest.mark.parametrize("server_ns", [0, EARLIEST_NS - 1])
def test_a_collector_from_before_2025_is_not_believed(server_ns):
    """Its clock has no battery either."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    keeper = Timekeeper(machine.read)
    assert not keeper.learn(server_ns, machine.uptime_ns)


def test_an_answer_to_what_this_run_did_not_send_says_nothing():
    """Sent before the agent began, or in another boot, or not yet: the bounds would be wrong."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    machine.run(100)
    keeper = Timekeeper(machine.read)
    machine.run(100)
    for sent_s in (50, 201):
        assert not keeper.learn(machine.true_ns, sent_s * S)
    assert keeper.learn(machine.true_ns, 150 * S)


@pytest.mark.parametrize(("off_s", "expected"), [(1.9, "unknown"), (-1.9, "unknown"), (2.5, "repaired")])
def test_a_kernel_that_tells_nothing_keeps_its_clock_where_it_agrees(off_s, expected):
    """Windows and macOS: `unknown` stays `unknown` near the collector's time, and is repaired elsewhere."""
    machine = Machine(START_NS + int(off_s * S), "unknown")
    keeper = Timekeeper(machine.read)
    assert keeper.now() is None
    ask_collector(machine, keeper, round_trip_s=0.01)
    assert keeper.now().clock == expected
    assert abs(keeper.now().time_ns - machine.true_ns) <= 2 * S


def test_no_stamp_lies_before_2025_whatever_the_kernel_says():
    """Synchronised to a server that came up in 1970."""
    machine = Machine(EPOCH_1970_NS, "synced")
    keeper = Timekeeper(machine.read)
    assert keeper.now() is None


def test_no_time_is_believed_before_one_that_was_known_in_an_earlier_boot(logs):
    """Time goes forward; a kernel that says otherwise waits for the collector."""
    machine = Machine(START_NS - YEAR_S * S)
    keeper = Timekeeper(machine.read)
    keeper.recall([("boot-0", Reference(START_NS - 60 * S, 5, 0, "ntp"))])
    machine.run(60)
    keeper.observe(machine.read())
    assert not keeper.known
    assert ask_collector(machine, keeper)
    assert abs(keeper.now().time_ns - machine.true_ns) <= S
    assert [entry["event"] for entry in logs].count("clock.kernel_not_believed") == 1


def test_a_reference_survives_a_restart_of_the_agent_in_the_same_boot():
    """Nobody has to be asked again."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    keeper = Timekeeper(machine.read)
    ask_collector(machine, keeper)
    machine.run(100)
    again = Timekeeper(machine.read)
    again.recall(keeper.references())
    assert again.now() == keeper.now()


def estimates(keeper: Timekeeper, *boots: tuple[str, int, int]) -> dict[str, Resolved]:
    """Estimate boots, each with its last row; return when each of these rows was."""
    keeper.estimate([BootRows(*rows) for rows in boots])
    return {boot: keeper.resolve(Stamp(wall, uptime, boot, "unsynced")) for boot, wall, uptime in boots}


def test_a_boot_without_time_ends_where_the_next_one_began():
    """The instant is a guess; order and distances within it are right."""
    machine = Machine()
    machine.run(500)
    keeper = Timekeeper(machine.read)
    found = estimates(keeper, ("lost", EPOCH_1970_NS, 3600 * S))
    assert found == {"lost": (START_NS, "estimated")}
    assert keeper.resolve(Stamp(0, 3000 * S, "lost", "unsynced")) == (START_NS - 600 * S, "estimated")


def test_a_clock_that_may_have_been_right_is_kept():
    """Between the last known time and the beginning of this boot: fake-hwclock was near the truth."""
    keeper = Timekeeper(Machine().read)
    keeper.recall([("before", Reference(START_NS - 9000 * S, 5, 0, "ntp"))])
    kept = START_NS - 4000 * S
    assert estimates(keeper, ("lost", kept, 3600 * S)) == {"lost": (kept, "estimated")}


def test_several_boots_without_time_keep_their_order():
    """One after the other, before this one, and after what was known before them all."""
    keeper = Timekeeper(Machine().read)
    keeper.recall([("before", Reference(START_NS - 9000 * S, 5, 0, "collector"))])
    hour, kept = 3600 * S, START_NS - 1000 * S
    found = estimates(
        keeper, ("first", EPOCH_1970_NS, hour), ("second", kept, hour), ("third", EPOCH_1970_NS, 60 * S)
    )
    assert found["third"] == (START_NS, "estimated")
    assert found["second"] == (kept, "estimated")
    assert found["first"] == (kept - hour, "estimated")


def test_a_known_time_from_the_future_does_not_bound_the_guess():
    """Once a wrong 2036 was believed; the collector has corrected that since."""
    machine = Machine(EPOCH_1970_NS, "unsynced")
    keeper = Timekeeper(machine.read)
    keeper.recall([("mad", Reference(START_NS + 10 * YEAR_S * S, 5, 0, "ntp"))])
    ask_collector(machine, keeper)
    (found,) = estimates(keeper, ("lost", EPOCH_1970_NS, 60 * S)).values()
    assert abs(found.time_ns - START_NS) <= S
