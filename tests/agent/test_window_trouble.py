"""The window when nobody listens, answers come late or wrong, or never."""

from tests.agent.support.windows import LIMITS, ack, drain, window

from pantau_agent.publisher.window import Span
from pantau_wire import ranges
from pantau_wire.envelope import Deferred, Rejected


def test_envelopes_that_nobody_ever_answers_do_not_hold_up_the_backlog():
    """A collector may be unable to read some of them at all; those are tried again after the others."""
    target = window()
    target.resume((1, 200))
    now, stored = 0.0, []
    for _ in range(60):
        for _, _, span in drain(target, now):
            if span.first > 60:
                stored.append((span.first, span.last))
                target.answered(ack(stored=[(span.first, span.last)]), now)
        now += LIMITS.max_resend_s
        target.expire(now)
    assert ranges.merge(stored) == [(61, 200)]
    assert target.oldest_unanswered() == 1


def test_when_nobody_listens_the_message_is_kept_and_tried_later():
    """PUBACK 0x10: the broker found no subscriber."""
    target = window()
    target.committed(3)
    ((ticket, _, _),) = drain(target)
    target.refused(ticket, 0.0)
    assert target.in_flight_count == 0
    assert drain(target, now=LIMITS.first_resend_s - 1) == []
    assert [span for _, _, span in drain(target, now=1e4)] == [Span(1, 3, attempt=2)]


def test_a_refusal_pauses_everything_and_then_one_envelope_finds_out():
    """A backlog of thousands must not be sent to nobody, and neither must the present."""
    target = window()
    target.resume((1, 1000))
    for ticket, _, _ in drain(target):
        target.refused(ticket, 0.0)
    target.committed(1001)
    wake_at = target.wake_at(0.0)
    assert wake_at >= LIMITS.first_resend_s
    assert drain(target, now=wake_at - 0.01) == []
    ((scout, lane, _),) = drain(target, now=wake_at)
    assert lane == "live"
    target.taken()
    assert len(drain(target, now=wake_at)) == 6
    assert target.expire(wake_at + 1) == []
    assert scout


def test_pauses_grow_while_nobody_listens_and_end_with_an_ack():
    """An agent whose collector is away for days asks less and less often, and is back at once."""
    target = window()
    target.committed(1)
    now, pauses = 0.0, []
    for _ in range(8):
        ((ticket, _, _),) = drain(target, now)
        target.refused(ticket, now)
        pauses.append(target.wake_at(0.0) - now)
        now += pauses[-1]
    assert min(pauses) >= LIMITS.first_resend_s
    assert 2 * LIMITS.first_resend_s < max(pauses) <= LIMITS.max_resend_s
    target.answered(ack(), now - 1)
    assert len(drain(target, now - 0.5)) == 1


def test_what_was_committed_without_a_connection_is_backlog():
    """Six hours without a line must not pass for live data: they would not be held to the backlog's rate."""
    target = window()
    target.connected(0)
    target.connection_lost()
    target.connected(3600)
    target.committed(3601)
    sent = drain(target, size=100)
    assert [(lane, span[:2]) for _, lane, span in sent][:2] == [("live", (3601, 3601)), ("backlog", (1, 100))]
    assert {span.attempt for _, _, span in sent} == {1}


def test_a_collector_that_defers_by_zero_seconds_does_not_make_a_loop():
    """A wrong answer must not turn a fleet into a flood."""
    target = window()
    target.committed(1)
    drain(target)
    entry = Deferred(first_seq=1, last_seq=1, retry_after_s=0, reason="rate_limit")
    target.answered(ack(deferred=[entry]), 0.0)
    assert drain(target, now=0.9) == []
    assert len(drain(target, now=1.6)) == 1


def test_an_answer_that_comes_after_the_envelope_was_given_up_still_counts():
    """The late ack is as good as the first: the records are not sent again."""
    target = window()
    target.committed(10)
    drain(target)
    target.expire(1e4)
    target.answered(ack(stored=[(1, 10)]), 1e4)
    assert drain(target, now=1e5) == []
    assert target.oldest_unanswered() is None


def test_an_ack_of_numbers_that_were_never_sent_confuses_nothing():
    """Garbage, or another device's answer gone astray."""
    target = window()
    target.committed(3)
    target.answered(ack(stored=[(100, 2**62)], rejected=[Rejected(seq=2**40, reason="x")]), 0.0)
    assert [span[:2] for _, _, span in drain(target)] == [(1, 3)]


def test_the_number_of_attempts_stays_within_what_an_envelope_can_say():
    """The contract ends at a million."""
    target = window()
    target._waiting.append(Span(1, 1, attempt=1_000_000))
    drain(target)
    target.connection_lost()
    ((_, _, span),) = drain(target)
    assert span.attempt == 1_000_000
