"""In which direction packets were lost: every story of a session, and what can be known of it."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.probes.stamp_loss import LostEachWay, lost_each_way

Fate = Literal["answered", "lost_there", "lost_back", "doubled_there"]
FATES: list[Fate] = ["answered", "lost_there", "lost_back", "doubled_there"]


def replies_of(fates: list[Fate]) -> set[tuple[int, int]]:
    """Return the pairs of numbers that a stateful reflector's replies show the sender."""
    replies: set[tuple[int, int]] = set()
    counted = 0
    for sender, fate in enumerate(fates, start=1):
        for _ in range({"lost_there": 0, "doubled_there": 2}.get(fate, 1)):
            if fate != "lost_back":
                replies.add((sender, counted))
            counted += 1
    return replies


@given(st.lists(st.sampled_from(FATES), min_size=1, max_size=40))
def test_losses_up_to_the_last_answer_are_told_apart(fates: list[Fate]) -> None:
    replies = replies_of(fates)
    found = lost_each_way(len(fates), replies)
    told = fates[: max((sender for sender, _ in replies), default=0)]
    true = LostEachWay(told.count("lost_there"), told.count("lost_back"))
    copied = all(sender == number for sender, number in replies)
    assert found == (true if not copied or len(told) == len(fates) == len(replies) else LostEachWay())


@given(st.sets(st.integers(1, 40)))
def test_a_stateless_reflector_tells_no_direction(answered: set[int]) -> None:
    found = lost_each_way(41, {(number, number) for number in answered})
    assert found == LostEachWay(None, None)


@given(st.integers(1, 40))
def test_where_nothing_was_lost_nothing_was_lost_either_way(count: int) -> None:
    assert lost_each_way(count, {(number, number) for number in range(1, count + 1)}) == (0, 0)


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param(set(), id="nobody answered"),
        pytest.param({(1, 0), (2, 1), (4, 0), (5, 1)}, id="the reflector began anew"),
        pytest.param({(1, 700), (3, 701)}, id="the reflector was counting already"),
    ],
)
def test_what_numbers_cannot_tell_is_not_told(replies: set[tuple[int, int]]) -> None:
    assert lost_each_way(6, replies) == LostEachWay(None, None)


def test_the_order_of_arrival_does_not_matter() -> None:
    """Packets 2 and 3 overtook each other on the way there; packet 4 was lost there, the reply to 5 back."""
    assert lost_each_way(6, {(1, 0), (3, 1), (2, 2), (6, 4)}) == LostEachWay(1, 1)
