"""What the data budget allows, and when its limits are reached."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.budget.months import UNDATED, month_before, month_of, reached_on
from pantau_agent.budget.policy import HEADERS_RATIO, Cost, Limits, decide, state_of

LIMITS = Limits(1_000, 0.8)
TEST, PAGE = Cost(heavy=True, first_bytes=100), Cost(heavy=False)


@pytest.mark.parametrize(
    ("used", "peak", "off_peak", "page"),
    [
        (0, 1_000, 1_000, 1_000),
        (780, 220, 220, 220),
        (800, 200, None, 200),
        (901, None, None, 99),
        (1_000, None, None, None),
        (5_000, None, None, None),
    ],
)
def test_what_may_run_at_which_use(used, peak, off_peak, page):
    """Of 1,000 bytes, thinned from 800 on, with tests of 100: what is left on the line, or None."""

    def left(cost, expected, *, in_peak_hours):
        payload = decide(LIMITS, used, cost, expected, in_peak_hours=in_peak_hours).max_bytes
        return payload and pytest.approx(payload * HEADERS_RATIO, abs=2)

    assert left(TEST, 100, in_peak_hours=True) == peak
    assert left(TEST, 100, in_peak_hours=False) == off_peak
    assert left(PAGE, 0, in_peak_hours=False) == page


def test_what_is_withheld_says_why():
    limits = Limits(1_000_000_000, 0.8)
    spent = decide(limits, 950_000_000, TEST, 60_000_000, in_peak_hours=True)
    thinned = decide(limits, 810_000_000, TEST, 60_000_000, in_peak_hours=False)
    used = "of 1000 MB of this month are used"
    assert spent.withheld == f"the data budget has not enough left: 950 {used}"
    assert thinned.withheld == f"only peak-hour tests run, to save data: 810 {used}"


@given(used=st.integers(0, 10**15), peak=st.booleans())
def test_without_a_limit_nothing_is_withheld(used, peak):
    answer = decide(Limits(), used, TEST, 100, in_peak_hours=peak)
    assert (answer.withheld, answer.max_bytes, state_of(Limits(), used)) == (None, None, "ok")


@given(
    month=st.integers(1, 10**12),
    thin=st.floats(0.01, 1),
    used=st.integers(0, 10**12),
    expected=st.integers(0, 10**12),
    peak=st.booleans(),
)
def test_a_run_that_may_begin_never_costs_more_than_is_left(month, thin, used, expected, peak):
    limits = Limits(month, thin)
    answer = decide(limits, used, TEST, expected, in_peak_hours=peak)
    if answer.withheld is None:
        assert used + expected <= month
        assert used + answer.max_bytes * HEADERS_RATIO <= month * (1 + 1e-9)
        assert state_of(limits, used, expected) == "ok" or peak


@pytest.mark.parametrize(
    ("most", "seen", "expected"),
    [(None, None, 100), (None, 70, 70), (50, None, 50), (50, 70, 50), (50, 20, 20)],
)
def test_what_a_test_may_cost(most, seen, expected):
    """The guess at first, then what was seen; never more than a bound."""
    assert Cost(heavy=True, first_bytes=100, most_bytes=most).expected_bytes(seen) == expected


def test_months_are_those_of_the_villages_clock():
    """At 23:30 UTC on the last of October it is November in Jayapura already."""
    late = dt.datetime(2026, 10, 31, 23, 30, tzinfo=dt.UTC)
    assert month_of(late.timestamp(), dt.UTC) == "2026-10"
    assert month_of(late.timestamp(), dt.timezone(dt.timedelta(hours=9))) == "2026-11"
    assert [month_before(month) for month in ("2026-11", "2027-01", UNDATED)] == [
        "2026-10",
        "2026-12",
        UNDATED,
    ]


@pytest.mark.parametrize(
    ("day", "limit", "expected"),
    [(11, 1_500, 16), (11, 1_999, 20), (11, 4_000, None), (1, 1_500, None)],
)
def test_a_limit_is_reached_at_the_pace_so_far(day, limit, expected):
    """1,000 bytes in ten days: 1,500 on the sixteenth; not this month, or too early to tell: None."""
    found = reached_on(limit, 1_000, dt.datetime(2026, 11, day, tzinfo=dt.UTC))
    assert found == (dt.date(2026, 11, expected) if expected else None)
