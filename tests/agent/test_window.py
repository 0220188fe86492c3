"""The window: what is sent when, what waits, and that nothing is forgotten."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.agent.support.windows import LIMITS, ack, drain, window

from pantau_agent.publisher.window import Span, Window, WindowLimits
from pantau_wire import ranges
from pantau_wire.envelope import Deferred, Dropped, Rejected


def test_what_is_committed_is_sent_once_and_then_waits_for_its_answer():
    """A record on its way is not sent again before its time."""
    target = window()
    target.committed(5)
    assert [span[:2] for _, _, span in drain(target)] == [(1, 5)]
    assert drain(target, now=LIMITS.first_resend_s - 1) == []


def test_at_most_eight_envelopes_are_unanswered_and_six_of_them_backlog():
    """A deferred or unanswered backlog leaves room for what is measured now."""
    target = window()
    target.resume((1, 1000))
    assert len(drain(target)) == 6
    target.committed(1005)
    sent = drain(target, size=2)
    assert [lane for _, lane, _ in sent] == ["live", "live"]


def test_live_data_goes_before_backlog():
    """The operator sees now before yesterday."""
    target = window()
    target.resume((1, 100))
    target.committed(103)
    assert [lane for _, lane, _ in drain(target)][:2] == ["live", "backlog"]


def test_backlog_goes_out_oldest_first():
    """A gap closes from its beginning."""
    target = window()
    target.resume((1, 100))
    assert [span.first for _, _, span in drain(target)] == [1, 11, 21, 31, 41, 51]


def test_what_an_earlier_run_left_is_marked_as_repeated():
    """It may have been sent before; the collector then checks that the values are equal."""
    target = window()
    target.resume((1, 10))
    ((_, _, span),) = drain(target)
    assert span.attempt == 2


def test_an_unanswered_envelope_is_sent_again_later_and_later():
    """The first re-send comes after 30 s or more, further ones with growing full jitter."""
    target = window()
    target.committed(1)
    now, waits = 0.0, []
    for attempt in range(1, 8):
        ((_, _, span),) = drain(target, now)
        assert span.attempt == attempt
        due = target.wake_at(0.0)
        waits.append(due - now)
        assert target.expire(due - 0.01) == []
        assert len(target.expire(due)) == 1
        now = due
    assert min(waits) >= LIMITS.first_resend_s
    assert max(waits) <= LIMITS.max_resend_s
    assert max(waits) > 2 * LIMITS.first_resend_s


def test_a_stored_envelope_makes_room_and_is_never_sent_again():
    """`stored` is final."""
    target = window()
    target.committed(10)
    drain(target)
    target.answered(ack(stored=[(1, 10)]), 1.0)
    assert target.in_flight_count == 0
    target.connection_lost()
    assert drain(target, now=1e6) == []
    assert target.wake_at(0.0) is None


def test_a_partial_answer_leaves_the_rest_outstanding():
    """Only what was named is done; what was not is sent again."""
    target = window()
    target.committed(10)
    drain(target)
    target.answered(ack(stored=[(1, 4)], rejected=[Rejected(seq=7, reason="bad")]), 1.0)
    target.connection_lost()
    assert [span[:2] for _, _, span in drain(target)] == [(5, 6), (8, 10)]


def test_deferred_records_come_back_after_the_time_that_was_asked():
    """The agent keeps everything and comes back later, with jitter."""
    target = window()
    target.committed(10)
    drain(target)
    target.answered(
        ack(deferred=[Deferred(first_seq=1, last_seq=10, retry_after_s=60, reason="unregistered")]), 0.0
    )
    assert target.in_flight_count == 0
    assert drain(target, now=59.9) == []
    ((_, lane, span),) = drain(target, now=90.1)
    assert (lane, span[:2]) == ("backlog", (1, 10))


def test_a_deferred_backlog_never_blocks_live_data():
    """However much waits for a registration, what is measured now is sent now."""
    target = window()
    target.resume((1, 10_000))
    for now in range(200):
        for _, lane, span in drain(target, float(now)):
            if lane == "backlog":
                entry = Deferred(
                    first_seq=span.first, last_seq=span.last, retry_after_s=5, reason="unregistered"
                )
                target.answered(ack(deferred=[entry]), float(now))
        target.committed(10_001 + now)
        sent = drain(target, float(now))
        live = [span for _, lane, span in sent if lane == "live"]
        assert live, "live data had to wait"
        target.answered(ack(stored=[(span.first, span.last) for span in live]), float(now))


def test_many_small_deferrals_become_one_envelope_again():
    """Neighbours that are ready are joined, so that a registration is not followed by a storm."""
    target = window()
    for seq in range(1, 51):
        target.committed(seq)
        drain(target)
        entry = Deferred(first_seq=seq, last_seq=seq, retry_after_s=1, reason="unregistered")
        target.answered(ack(deferred=[entry]), 0.0)
    sent = drain(target, now=100.0, size=100)
    assert [span[:2] for _, _, span in sent] == [(1, 50)]


def test_a_lost_connection_gives_everything_back_as_backlog():
    """Nothing is assumed to have arrived."""
    target = window()
    target.committed(25)
    drain(target)
    target.connection_lost()
    target.committed(30)
    sent = drain(target)
    assert sent[0][1] == "live"
    covered = ranges.merge((span.first, span.last) for _, _, span in sent)
    assert covered == [(1, 30)]


def test_dropped_ranges_are_confirmed_with_the_envelope_that_carried_them():
    """The spool may forget a dropped range only when the collector has stored the word of it."""
    target = window()
    target.committed(3)
    entry = Dropped(first_seq=1, last_seq=1, reason="spool_full")
    lane, span = target.next_span(0.0)
    target.sent(lane, span, [2, 3], 0.0, [entry])
    assert target.answered(ack(stored=[(2, 3)]), 1.0) == [entry]


def test_a_span_of_which_the_spool_has_nothing_left_is_done():
    """An old ack may have emptied it meanwhile."""
    target = window()
    target.resume((1, 10))
    lane, span = target.next_span(0.0)
    target.gone(lane, span)
    assert drain(target) == []


def test_a_full_window_does_not_ask_to_be_woken_for_the_backlog():
    """Otherwise the publisher would spin while it waits for answers."""
    target = window()
    target.resume((1, 1000))
    drain(target)
    assert target.wake_at(0.0) >= LIMITS.first_resend_s


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(1, 30)),
        st.tuples(st.just("send"), st.integers(1, 20)),
        st.tuples(st.just("store"), st.integers(0, 7)),
        st.tuples(st.just("defer"), st.integers(0, 7)),
        st.tuples(st.just("lose"), st.just(0)),
        st.tuples(st.just("refuse"), st.integers(0, 7)),
        st.tuples(st.just("wait"), st.integers(1, 500)),
    ),
    max_size=60,
)


def answer(target: Window, step: str, number: int, flown: tuple[int, Span], now: float) -> list[ranges.Range]:
    """Store, defer or refuse an envelope; return what is stored."""
    ticket, span = flown
    if step == "refuse":
        target.refused(ticket, now)
    elif step == "defer":
        entry = Deferred(first_seq=span.first, last_seq=span.last, retry_after_s=number, reason="rate_limit")
        target.answered(ack(deferred=[entry]), now)
    else:
        target.answered(ack(stored=[(span.first, span.last)]), now)
        return [(span.first, span.last)]
    return []


@given(steps=STEPS)
@settings(max_examples=200, deadline=None)
def test_nothing_is_ever_forgotten(steps):
    """After any history, everything committed is either stored or is sent again in the end."""
    target = window()
    now, last = 0.0, 0
    stored: list[ranges.Range] = []
    flying: list[tuple[int, Span]] = []
    for step, number in steps:
        if step == "commit":
            last += number
            target.committed(last)
        elif step == "send":
            flying += [(ticket, span) for ticket, _, span in drain(target, now, number)]
        elif step == "lose":
            target.connected(last)
            flying.clear()
        elif step == "wait":
            now += number
            target.expire(now)
        elif flying:
            stored += answer(target, step, number, flying.pop(number % len(flying)), now)
        assert target.in_flight_count <= LIMITS.envelopes
    for _ in range(200):
        now += 10_000
        target.expire(now)
        for _, _, span in drain(target, now, 50):
            stored.append((span.first, span.last))
            target.answered(ack(stored=[(span.first, span.last)]), now)
    assert ranges.merge(stored) == ([(1, last)] if last else [])
    assert target.oldest_unanswered() is None


def test_limits_are_what_the_contract_says():
    """Eight envelopes, two of them reserved, thirty seconds."""
    assert (LIMITS.envelopes, LIMITS.reserved_live) == (8, 2)
    assert pytest.approx(30.0) == LIMITS.first_resend_s


def test_of_very_much_at_once_only_the_newest_is_live():
    """Thousands that got their time in one commit are a backlog with its rate; the present goes first."""
    target = window(WindowLimits(live_records=20))
    target.connected(0)
    target.committed(100)
    assert [(lane, (span.first, span.last)) for _, lane, span in drain(target, size=50)] == [
        ("live", (81, 100)),
        ("backlog", (1, 50)),
        ("backlog", (51, 80)),
    ]


def test_what_nobody_takes_grows_old():
    """Where the broker refuses for hours, what was live then does not hold up what is measured now."""
    target = window(WindowLimits(live_records=20))
    target.connected(0)
    for last_seq in range(10, 101, 10):
        target.committed(last_seq)
    assert target.next_span(0.0) == ("live", Span(81, 100, 1))
    assert target.oldest_unanswered() == 1
