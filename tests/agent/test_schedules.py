"""When the next run is due, by a plain period and by a day's moments, whatever the clock does."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from pantau_agent.schedules import Daily, Now, Periodic, local_time, second_of_day
from pantau_agent.strata import Strata, Window

MAKASSAR = ZoneInfo("Asia/Makassar")
MIDNIGHT_S = dt.datetime(2026, 11, 22, tzinfo=MAKASSAR).timestamp()
HOUR_S, DAY_S = 3_600.0, 86_400.0
DAILY = Daily(Strata("desa-1", "http", 6, Window.parse("19:00-22:00"), 0.5), MAKASSAR)


class Device:
    """A device whose clocks a test moves; it notes which slots it took, and when."""

    def __init__(self, utc_s=MIDNIGHT_S, daily=DAILY, seed=1):
        self.utc_s, self.monotonic_s = utc_s, 1_000.0
        self.daily, self.rng = daily, random.Random(seed)
        self.taken, self.at_s = [], []
        self.restart()

    def restart(self):
        """Begin anew, as after a power cut, with what was remembered."""
        self.beats = self.daily.beats(self.now(), self.rng, list(self.taken))

    def now(self):
        return Now(self.monotonic_s, self.utc_s)

    def sleep(self, wait_s):
        self.utc_s += wait_s
        self.monotonic_s += wait_s

    def run_for(self, seconds):
        """Follow the beats; as the scheduler does, ask for the wait, sleep so long, ask again."""
        end_s = self.monotonic_s + seconds
        while self.monotonic_s < end_s:
            now = self.now()
            wait_s = self.beats.wait_s(now)
            if wait_s == 0:
                self.taken.append(self.beats.take(now))
                self.at_s.append(self.utc_s)
            self.sleep(min(max(wait_s, 0.001), end_s - self.monotonic_s))

    def due_s(self, days=1):
        """Return the moments that the strata name for the days from the first midnight on."""
        first = dt.date(2026, 11, 22)
        return [
            MIDNIGHT_S + number * DAY_S + slot.due_s
            for number in range(days)
            for slot in self.daily.strata.slots(first + dt.timedelta(days=number))
        ]


def times_of(device):
    return [round(at_s, 1) for at_s in device.at_s]


def test_undisturbed_each_test_runs_at_its_moment():
    device = Device()
    device.run_for(3 * DAY_S)
    assert all(abs(at_s - due_s) < 0.1 for at_s, due_s in zip(device.at_s, device.due_s(3), strict=True))


def test_a_restart_in_the_middle_of_the_day_neither_repeats_nor_loses_a_test():
    """Not even one whose moment fell into the restart: it is made up for inside its slice."""
    undisturbed = Device()
    undisturbed.run_for(DAY_S)
    third_s = undisturbed.due_s()[2]
    device = Device()
    device.run_for(third_s - 10 - MIDNIGHT_S)
    device.sleep(600)
    device.restart()
    device.run_for(MIDNIGHT_S + DAY_S - device.utc_s)
    assert sorted(device.taken) == sorted(undisturbed.taken)
    late = [at_s for at_s in times_of(device) if at_s not in times_of(undisturbed)]
    assert len(late) == 1
    assert late[0] >= third_s + 590


def test_a_restart_each_minute_changes_nothing():
    undisturbed, restarted = Device(), Device()
    undisturbed.run_for(DAY_S)
    for _ in range(24 * 60):
        restarted.run_for(60)
        restarted.restart()
    assert times_of(restarted) == times_of(undisturbed)


def test_a_clock_that_is_set_back_by_an_hour_repeats_nothing():
    device = Device()
    for hour in range(48):
        device.run_for(HOUR_S)
        if hour % 5 == 0:
            device.utc_s -= HOUR_S
    assert len(set(device.taken)) == len(device.taken)


def test_a_jump_of_years_makes_no_storm_and_loses_no_day_to_come():
    """From 1970 to today at NTP's first word: a test or two more that day, and then the days' own."""
    device = Device(utc_s=0.0)
    device.run_for(6 * HOUR_S)
    before = len(device.taken)
    device.utc_s = MIDNIGHT_S + 12 * HOUR_S
    device.run_for(12 * HOUR_S)
    assert before <= 6
    assert len(device.taken) - before <= 6
    device.run_for(DAY_S)
    assert times_of(device)[-6:] == [round(due_s, 1) for due_s in device.due_s(2)[6:]]


def test_a_clock_that_was_years_ahead_blocks_nothing():
    device = Device(utc_s=MIDNIGHT_S + 64 * 365 * DAY_S)
    device.run_for(DAY_S)
    device.taken.clear()
    device.utc_s = MIDNIGHT_S
    device.run_for(DAY_S)
    assert len(device.taken) == 6


steps = st.one_of(
    st.sampled_from([-HOUR_S, HOUR_S, -DAY_S, DAY_S, -50 * 365 * DAY_S, 50 * 365 * DAY_S]),
    st.floats(-2 * DAY_S, 2 * DAY_S),
)


@settings(max_examples=40, deadline=None)
@given(
    history=st.lists(st.tuples(st.floats(0, 12 * HOUR_S), steps | st.none()), max_size=8),
    seed=st.integers(0, 9),
)
def test_no_history_of_the_clock_takes_a_slice_twice(history, seed):
    """Steps back and forth by anything, and restarts (None): at most one test of an engine in a slice."""
    device = Device(utc_s=60 * 365 * DAY_S, seed=seed)
    for run_s, step_s in history:
        device.run_for(run_s)
        if step_s is None:
            device.restart()
        else:
            device.utc_s = max(0.0, device.utc_s + step_s)
    assert len(set(device.taken)) == len(device.taken)
    device.taken.clear()
    device.utc_s = 200 * 365 * DAY_S
    device.run_for(2 * DAY_S)
    assert len(device.taken) >= 6, "and afterwards tests go on"


def test_daylight_saving_time_breaks_nothing():
    """Indonesia has none; where a laptop's zone has it, a slice runs once, if it exists that day."""
    berlin = ZoneInfo("Europe/Berlin")
    strata = Strata("desa-1", "http", 24, Window.parse("01:00-04:00"), 0.5)
    for first, gone in (
        (dt.datetime(2026, 3, 28, tzinfo=berlin), 4),
        (dt.datetime(2026, 10, 24, tzinfo=berlin), 0),
    ):
        device = Device(first.timestamp(), Daily(strata, berlin))
        device.run_for(3 * DAY_S)
        assert len(set(device.taken)) == len(device.taken)
        odd_day = str(first.date() + dt.timedelta(days=1))
        assert sum(run.startswith(odd_day) for run in device.taken) == 24 - gone


def test_without_a_zone_the_machines_clock_counts():
    now_s = 1_795_000_000.0
    local = local_time(now_s, None)
    assert local.timestamp() == now_s
    assert local.utcoffset() == dt.datetime.fromtimestamp(now_s).astimezone().utcoffset()
    assert second_of_day(local_time(MIDNIGHT_S + 7.5, MAKASSAR)) == 7.5


@given(
    period_s=st.floats(0.01, 86_400),
    spread=st.floats(0, 1),
    lengths=st.lists(st.floats(0, 5), min_size=1, max_size=20),
    seed=st.integers(0, 9),
)
def test_a_period_is_a_grid_that_never_hurries(period_s, spread, lengths, seed):
    """After a run of any length the next begins at once or at the next beat of the grid, never in a burst."""
    now_s = 50.0
    beats = Periodic(period_s, spread).beats(Now(now_s, 0), random.Random(seed), ())
    first_s = beats.wait_s(Now(now_s, 0))
    assert 0 <= first_s <= period_s * spread
    begun = []
    for length in lengths:
        while (wait_s := beats.wait_s(Now(now_s, 0))) > 0:
            now_s += wait_s + 1e-9 * now_s  # a sleep never ends early
        beats.take(Now(now_s, 0))
        begun.append((now_s - 50.0 - first_s) / period_s)
        now_s += length * period_s
    beats_used = [int(at + 1e-6) for at in begun]
    assert all(later > earlier for earlier, later in itertools.pairwise(beats_used))
