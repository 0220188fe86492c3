"""In which direction STAMP packets were lost, from the numbers of a stateful reflector.

A stateful Session-Reflector counts its own replies from 0 (RFC 8762, section 4.3.1), so a gap in its numbers
is a reply lost on the way back, and a sender's number without a reflector's is a packet lost on the way
there. A stateless one copies the sender's number, and its every loss would look like one of the way back.
The sender therefore begins with 1, as if packet 0 had been lost on the first hop: only a copy then equals the
sender's number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

FIRST_NUMBER = 1


class LostEachWay(NamedTuple):
    """Packets known to be lost on the way there and back; None where nobody can tell."""

    forward: int | None = None
    backward: int | None = None


def lost_each_way(sent_count: int, replies: Collection[tuple[int, int]]) -> LostEachWay:
    """Tell the losses among packets `FIRST_NUMBER` and following apart.

    `replies` are distinct pairs of the sender's and the reflector's number, late ones included: they were
    not lost. Packets after the last one that was answered are in neither count: nothing tells where they
    went. So the two together may be less than the packets without an answer in time.
    """
    answered = {sender for sender, _ in replies}
    if sent_count and len(answered) == sent_count:
        return LostEachWay(0, 0)
    numbers = {reflector for _, reflector in replies}
    copied = all(sender == reflector for sender, reflector in replies)  # also where there are none
    began_anew = len(numbers) < len(replies)  # a restart, or a NAT that gave us another port
    if copied or began_anew:
        return LostEachWay()
    repeated_on_the_way = len(replies) - len(answered)
    replied_count = max(numbers) + 1
    arrived_count = replied_count - repeated_on_the_way
    forward = max(answered) - FIRST_NUMBER + 1 - arrived_count
    return LostEachWay(forward, replied_count - len(numbers)) if forward >= 0 else LostEachWay()
