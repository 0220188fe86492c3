"""What lies behind a lost segment is known: over a line that loses packets, and over one that loses none."""

from __future__ import annotations

import json
import sys

import pytest
from tests.agent.truth import frames
from tests.fakes import impairments, network

pytestmark = pytest.mark.alone

RATE_MBIT = 10
FEW_BYTES = 5 * 1448
MOST_BYTES = 4 * 1024 * 1024
"""A receiver's usual window."""


@pytest.fixture(scope="module", autouse=True)
def _lossy_lines() -> None:
    if reason := impairments.why_no_loss():
        pytest.skip(reason)


def transfer(loss_percent: float, rate_mbit: float | None = RATE_MBIT) -> list[tuple[int, int]]:
    """Return octets read and octets behind the gap, some times a second, of a transfer of 4 MB."""
    with network.two_hosts(rate_mbit=rate_mbit) as (near, far):
        impairments.drop_arriving(near, f"tcp sport {frames.PORT}", loss_percent)
        sender = [sys.executable, "-m", "tests.agent.truth.frames", "send", far.address]
        watcher = [sys.executable, "-m", "tests.agent.truth.gaps", far.address, str(frames.PORT)]
        with far.serving(sender, frames.PORT, cwd=frames.ROOT):
            answer = near.output(watcher, cwd=frames.ROOT, timeout=120)
    return [(read, behind) for read, behind in json.loads(answer)]


def test_segments_behind_a_lost_one_are_counted_before_they_can_be_read() -> None:
    seen = transfer(loss_percent=2)
    assert max(behind for _, behind in seen) > FEW_BYTES
    assert all(0 <= behind <= MOST_BYTES for _, behind in seen)
    assert all(read + behind <= frames.TRANSFER_BYTES * 1.002 for read, behind in seen)
    read, behind = seen[-1]
    assert read == frames.TRANSFER_BYTES
    assert behind < 0.002 * read


def test_without_loss_next_to_nothing_is_behind_a_gap() -> None:
    """On a busy machine the sender may repeat a segment that was only late: those count as one more each."""
    seen = transfer(loss_percent=0, rate_mbit=None)
    assert max(behind for _, behind in seen) <= FEW_BYTES
