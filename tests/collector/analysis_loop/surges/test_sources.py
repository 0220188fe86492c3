"""Whose counters count, and from when on there is a past."""

from __future__ import annotations

from pantau_collector.analysis.surge.detector import NEVER
from pantau_collector.analysis_loop.surges import sources
from pantau_collector.analysis_loop.surges.traffic import HOST, NOBODY, ROUTER, SOMEBODY


def after(*heard: tuple[str, int]) -> tuple[list[bool], int]:
    """Whether each bin is the village's traffic, and the first bin of its history."""
    known: sources.Sources = []
    own = [sources.heard(known, at, device, counter) for at, (device, counter) in enumerate(heard)]
    return own, sources.first_bin(known)


def test_who_is_the_villages_source():
    """A router goes on, a device begins anew, a silent router is a gap, and rows that say nothing fit all."""
    assert after(("a", NOBODY)) == ([False], NEVER)
    assert after(("a", HOST), ("a", NOBODY), ("a", HOST)) == ([True, False, True], 0)
    assert after(("a", HOST), ("b", HOST)) == ([True, True], 1)
    assert after(("a", ROUTER), ("b", ROUTER)) == ([True, True], 0)
    assert after(("a", ROUTER), ("a", HOST), ("a", ROUTER)) == ([True, False, True], 0)
    assert after(("a", HOST), ("a", ROUTER)) == ([True, True], 1)
    assert after(("a", ROUTER), ("b", HOST)) == ([True, True], 1)
    assert after(("a", SOMEBODY), ("a", ROUTER), ("a", SOMEBODY)) == ([True, True, True], 0)
    assert after(("a", SOMEBODY), ("b", ROUTER)) == ([True, True], 1)


def test_going_back_forgets_what_came_after():
    """And what is older than everything known moves the beginning, where it is the same source."""
    known: sources.Sources = []
    for at, counter in ((5, HOST), (9, ROUTER)):
        assert sources.heard(known, at, "a", counter)
    assert sources.first_bin(known) == 9
    sources.forget_since(known, 9)
    assert sources.first_bin(known) == 5
    assert not sources.heard_earlier(known, 2, "b", HOST)
    assert sources.heard_earlier(known, 2, "a", HOST)
    assert sources.first_bin(known) == 2
