"""From what happens to a device to what its records show: numbers, boots, clocks, states."""

import dataclasses

import numpy as np
import pytest
from tests.demo import fleets

from pantau_collector.analysis.states import Evidence, Samples, device_states
from pantau_demo.fleet import watching
from pantau_demo.fleet.identity import BOOT_BEFORE_S
from pantau_demo.fleet.watching import STATES, Standing

MINUTES = 40
# What is off or wrong, in which minutes; and what those minutes are, told from the records around them.
TROUBLES = [
    ("power", range(10, 15), "power_off"),
    ("power", range(10, 11), "power_off"),
    ("agent", range(10, 15), "agent_down"),
    ("agent", range(10, 12), "up"),  # two minutes: the rules bridge them
    ("card", range(10, 15), "unknown"),
    ("line", range(10, 15), "link_down"),
    ("gateway", range(10, 15), "local_fault"),
    ("power", range(35, 40), "unknown"),  # nothing comes after it yet
]


@pytest.fixture(scope="module")
def calm():
    """One device in forty minutes without any trouble: the life and the block."""
    life = fleets.life(1)
    block = life.block(np.array([0]), fleets.MIDNIGHT, MINUTES)
    return life, troubled(block, "power", range(0))


def troubled(block, what, minutes):
    """Return the block as it is if everything is well but one thing in some minutes."""
    good, bad = np.ones((1, MINUTES), dtype=bool), np.ones((1, MINUTES), dtype=bool)
    bad[0, list(minutes)] = False
    powered = bad if what == "power" else good
    measuring = powered & (bad if what == "agent" else good)
    return dataclasses.replace(
        block,
        powered=powered,
        measuring=measuring,
        kept=measuring & (bad if what == "card" else good),
        line_up=bad if what == "line" else good,
        gateway_answers=bad if what == "gateway" else good,
        due=dict.fromkeys(block.due, measuring),
    )


@pytest.mark.parametrize(("what", "minutes", "state"), TROUBLES)
def test_a_trouble_is_seen_as_what_it_is_by_the_fleet_and_by_the_collector(calm, what, minutes, state):
    """The simulator's states and the collector's own rules over the same samples say the same word."""
    life, block = calm
    block = troubled(block, what, minutes)
    track = watching.follow(block, life.population, Standing.new(1))
    expected = np.full(MINUTES, STATES.index("up"))
    expected[list(minutes)] = STATES.index(state)
    assert watching.states(block, track)[0].tolist() == expected.tolist()
    told = device_states(samples(life, block, track), fleets.MIDNIGHT, MINUTES)
    assert told.tolist() == expected.tolist()


def test_a_power_cut_begins_a_boot_and_no_number_is_missing_or_used_twice(calm):
    """Boot and uptime begin anew, numbers go on; a stopped agent keeps its boot."""
    life, block = calm
    for what, boots in (("power", 2), ("agent", 1)):
        one = troubled(block, what, range(10, 15))
        track = watching.follow(one, life.population, Standing.new(1))
        measured = one.measuring[0]
        assert len(set(track.boot_minute[0][measured].tolist())) == boots
        ends = (track.first_seq + track.record_count)[0][measured]
        assert track.first_seq[0][measured][0] == 1
        assert track.first_seq[0][measured][1:].tolist() == ends[:-1].tolist()


def test_a_clock_without_a_battery_is_right_once_the_line_was_up_since_the_boot(calm):
    """Until then records wait, and are repaired; cut off before that, the time was never known."""
    life, block = calm
    population = dataclasses.replace(life.population, clock_battery=np.array([False]))
    one = troubled(block, "line", range(14))
    track = watching.follow(one, population, Standing.new(1))
    assert watching.clocks(one, track)[0].tolist() == ["repaired"] * 14 + ["synced"] * 26
    dark = dataclasses.replace(one, powered=one.powered.copy(), measuring=one.measuring.copy())
    for flags in (dark.powered, dark.measuring):
        flags[0, 8:10] = False
    track = watching.follow(dark, population, Standing.new(1))
    assert watching.clocks(dark, track)[0, :8].tolist() == ["estimated"] * 8


def samples(life, block, track):
    """Return the block as the collector's rules take it."""
    at = np.flatnonzero(block.kept[0])
    phase = int(life.population.phase_s[0])
    boot = track.boot_minute[0][at]
    evidence = np.where(
        ~block.gateway_answers[0][at],
        Evidence.LOCAL_FAULT,
        np.where(block.line_up[0][at], Evidence.ANSWERED, Evidence.UNANSWERED),
    )
    nothing = np.zeros(len(at))
    return Samples(
        time_s=(block.minute[at] * 60 + phase).astype(float),
        first_seq=track.first_seq[0][at],
        last_seq=(track.first_seq + track.record_count)[0][at] - 1,
        boot=boot,
        uptime_s=((block.minute[at] - boot) * 60 + phase + BOOT_BEFORE_S).astype(float),
        evidence=evidence.astype(np.uint8),
        sent=nothing.astype(int),
        received=nothing.astype(int),
        rtd_p50_ms=nothing,
        rtd_pdv_p95_ms=nothing,
    )
