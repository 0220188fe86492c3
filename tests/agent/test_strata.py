"""The moments of a day's tests: the same on every machine, spread over their strata, one in each slice."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.strata import DAY_S, Strata, Window

DAY = dt.date(2026, 11, 22)
EVENING = Window.parse("19:00-22:00")

seconds = st.integers(0, 24 * 60 - 1).map(lambda minute: minute * 60)
windows = st.tuples(seconds, seconds).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: Window(*pair))
days = st.dates(dt.date(2025, 1, 1), dt.date(2060, 12, 31))


def strata(device="desa-1", engine="http", tests=6, peak=EVENING, share=0.5):
    return Strata(device, engine, tests, peak, share)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("19:00-22:00", [(68_400, 79_200)], [(0, 68_400), (79_200, 86_400)]),
        ("22:00-02:30", [(0, 9_000), (79_200, 86_400)], [(9_000, 79_200)]),
        ("00:00-06:00", [(0, 21_600)], [(21_600, 86_400)]),
        ("18:00-00:00", [(64_800, 86_400)], [(0, 64_800)]),
    ],
)
def test_a_window_may_cross_midnight(text, inside, outside):
    window = Window.parse(text)
    assert (window.inside(), window.outside()) == (inside, outside)
    assert all(first in window and end - 1 in window for first, end in inside)
    assert not any(first in window or end - 1 in window for first, end in outside)


@pytest.mark.parametrize(
    "text",
    [
        "19-22",
        "19:00-19:00",
        "24:00-01:00",
        "19:60-20:00",
        "7:00-9:00",
        "19:00-22:00\n",
        "\u0660\u0667:00-09:00",
    ],
)
def test_what_is_no_window_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a window|no clock shows|has no length"):
        Window.parse(text)


@given(device=st.text(max_size=20), tests=st.integers(1, 96), share=st.floats(0, 1), peak=windows, day=days)
def test_every_test_has_a_slice_of_its_own_and_lies_in_it(device, tests, share, peak, day):
    """The slices cover each stratum once, without a gap; the share of peak tests is right to within one."""
    slots = strata(device, tests=tests, peak=peak, share=share).slots(day)
    assert len({slot.key for slot in slots}) == len(slots) == tests
    assert [slot.due_s for slot in slots] == sorted(slot.due_s for slot in slots)
    assert all(any(first <= slot.due_s < end for first, end in slot.pieces) for slot in slots)
    in_peak = [slot for slot in slots if slot.due_s in peak]
    assert abs(len(in_peak) - tests * share) < 1
    for group, pieces in ((in_peak, peak.inside()), ([s for s in slots if s not in in_peak], peak.outside())):
        if group:
            covered = sorted(piece for slot in group for piece in slot.pieces)
            assert sum(end - first for first, end in covered) == pytest.approx(sum(e - f for f, e in pieces))
            assert all(end <= first + 1e-6 for (_, end), (first, _) in itertools.pairwise(covered))
            lengths = [sum(end - first for first, end in slot.pieces) for slot in group]
            assert max(lengths) == pytest.approx(min(lengths))


def test_the_moments_are_a_function_of_device_engine_and_date():
    """Another process, whatever the seed of its hashes, finds the same ones."""
    code = """
import datetime
from pantau_agent.strata import Strata, Window
day = datetime.date(2026, 11, 22)
print([slot.due_s for slot in Strata("desa-1", "http", 6, Window.parse("19:00-22:00"), 0.5).slots(day)])
"""
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert printed == {str([slot.due_s for slot in strata().slots(DAY)])}


@pytest.mark.parametrize("other", [strata("desa-2"), strata(engine="ndt7")], ids=["device", "engine"])
def test_another_device_engine_or_day_has_other_moments(other):
    mine = {slot.due_s for slot in strata().slots(DAY)}
    assert mine.isdisjoint(slot.due_s for slot in other.slots(DAY))
    assert mine.isdisjoint(slot.due_s for slot in strata().slots(DAY + dt.timedelta(days=1)))


def test_half_a_test_a_day_is_one_on_half_of_the_days():
    """One test a day, half of them in the peak hours: over a year about 182 are."""
    one = strata(tests=1)
    days_in_peak = sum(
        one.slots(DAY + dt.timedelta(days=number))[0].due_s in EVENING for number in range(365)
    )
    assert 150 < days_in_peak < 215


def test_84000_devices_do_not_move_together(record_property):
    """Inside a stratum no minute holds more than twice the stratum's mean, whatever their names."""
    minutes = Counter(
        int(slot.due_s // 60)
        for number in range(84_000)
        for slot in strata(f"klaten-desa-{number}").slots(DAY)
    )
    for name, pieces in (("peak", EVENING.inside()), ("off-peak", EVENING.outside())):
        span = [minute for first, end in pieces for minute in range(int(first) // 60, int(end) // 60)]
        counts = [minutes[minute] for minute in span]
        mean = sum(counts) / len(counts)
        most = f"most {max(counts)} ({max(counts) / mean:.2f} x the mean of {mean:.0f})"
        figure = f"{name}: tests in a minute, {len(counts)} minutes: {most}"
        print(figure)  # noqa: T201 - the figure that benchmarks/README.md shows
        record_property(name, figure)
        assert sum(counts) == 84_000 * 3
        assert max(counts) < 2 * mean


@given(second=st.floats(0, DAY_S - 1), seed=st.integers(0, 100), peak=windows)
def test_a_moment_that_is_made_up_for_lies_in_the_rest_of_its_slice(second, seed, peak):
    for slot in strata(peak=peak).slots(DAY):
        moment = slot.moment_after(second, random.Random(seed))
        if moment is None:
            assert max(end for _, end in slot.pieces) <= second
        else:
            assert moment >= second
            assert any(first <= moment <= end for first, end in slot.pieces)
