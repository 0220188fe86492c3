"""A window, and a sender that takes from it what it offers."""

import random

from pantau_agent.publisher.window import Span, Window, WindowLimits
from pantau_wire.envelope import Ack

LIMITS = WindowLimits()


def window(limits: WindowLimits = LIMITS) -> Window:
    return Window(limits, random.Random(1))


def ack(stored=(), rejected=(), deferred=()) -> Ack:
    return Ack(spool="s", time_ns=1, stored=tuple(stored), rejected=tuple(rejected), deferred=tuple(deferred))


def send(target: Window, now: float = 0.0, size: int = 10, dropped=()):
    """Send the next envelope of at most `size` records; return its ticket, lane and span, or None."""
    found = target.next_span(now)
    if found is None:
        return None
    lane, span = found
    seqs = list(range(span.first, min(span.last, span.first + size - 1) + 1))
    return target.sent(lane, span, seqs, now, dropped), lane, Span(seqs[0], seqs[-1], span.attempt)


def drain(target: Window, now: float = 0.0, size: int = 10) -> list:
    sent = []
    while (one := send(target, now, size)) is not None:
        sent.append(one)
    return sent
