"""Dead letters are bounded: the device's own oldest ones make room, and none of them vanishes uncounted."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.storage.disks import small_disk
from tests.wire.strategies import thorough

from pantau_collector.deadletters import DeadLetter, DeadLetters, Quota, Rotation
from pantau_collector.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Opener = Callable[[Quota], DeadLetters]

FEW = Quota(device_letters=3, device_bytes=1_000_000, total_bytes=100_000_000)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Open the test's file with a quota; all of them are closed at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda quota: stack.enter_context(
            contextlib.closing(DeadLetters(tmp_path / "dead-letters.db", quota))
        )


def letter(
    number: int, device: str = "desa-1", size_bytes: int = 10, reason: str = "malformed"
) -> DeadLetter:
    payload = b"%010d" % number + bytes(size_bytes - 10)
    return DeadLetter(device, number, reason, "detail", payload, None)


def arrived_at(letters: DeadLetters, device: str) -> list[int]:
    return [one.at_ns for one in letters.list(device)]


def test_the_oldest_make_room(opened: Opener):
    """Of five letters with room for three the newest stay, and `keep` says what went."""
    letters = opened(FEW)
    assert letters.keep([letter(number) for number in (1, 2, 3)]) == []
    assert letters.keep([letter(4), letter(5)]) == [Rotation("desa-1", "malformed", 2)]
    assert arrived_at(letters, "desa-1") == [3, 4, 5]


def test_bytes_are_bounded_too(opened: Opener):
    """A few large letters make room as many small ones do."""
    letters = opened(Quota(device_letters=1000, device_bytes=1_000_000, total_bytes=100_000_000))
    for number in range(1, 9):
        letters.keep([letter(number, size_bytes=250_000)])
    assert arrived_at(letters, "desa-1") == [5, 6, 7, 8]


def test_what_is_gone_is_counted_for_ever(opened: Opener):
    """Number, bytes, how often, first and last time stay, by device and reason, also for a later process."""
    letters = opened(FEW)
    letters.keep([letter(1), letter(2, reason="identity")])
    letters.keep([letter(1)])
    letters.keep([letter(number) for number in (7, 8, 9)])
    letters.close()
    malformed, identity = opened(FEW).tallies()
    assert (malformed.account, malformed.reason, malformed.first_at_ns, malformed.last_at_ns) == (
        "desa-1", "malformed", 1, 9,
    )  # fmt: skip
    assert (malformed.kept_letters, malformed.kept_bytes, malformed.kept_times) == (3, 30, 3)
    assert (malformed.rotated_letters, malformed.rotated_bytes, malformed.rotated_times) == (1, 10, 2)
    assert (identity.kept_letters, identity.rotated_letters, identity.rotated_times) == (0, 1, 1)


def test_one_devices_flood_costs_no_other_device_a_letter(opened: Opener):
    """Ten thousand letters of one device leave the three of another one alone."""
    letters = opened(FEW)
    letters.keep([letter(number, "desa-2") for number in (1, 2, 3)])
    for first in range(1, 10_000, 1000):
        letters.keep([letter(number) for number in range(first, first + 1000)])
    assert arrived_at(letters, "desa-2") == [1, 2, 3]
    assert arrived_at(letters, "desa-1") == [9998, 9999, 10_000]
    assert letters.tallies("desa-1")[0].rotated_letters == 9997


def test_impossible_topics_share_one_quota(opened: Opener):
    """Inventing topics is no way around the quota."""
    letters = opened(FEW)
    for number in range(1, 10):
        letters.keep([letter(number, f"pantau/v1/collector-{number}/measurements")])
    assert [one.at_ns for one in letters.list()] == [7, 8, 9]
    assert [tally.account for tally in letters.tallies()] == [""]


def test_all_together_are_bounded_and_those_that_hold_most_make_room(opened: Opener, tmp_path: Path):
    """A hundred devices that fill the file leave the small holder alone, and the file stops growing."""
    total_bytes = 20_000_000
    letters = opened(Quota(device_letters=1000, device_bytes=1_000_000, total_bytes=total_bytes))
    letters.keep([letter(1, "small")])
    for number in range(100, 500):
        letters.keep([letter(number, f"desa-{number % 100}", size_bytes=250_000)])
        assert letters.used_bytes() <= total_bytes
    assert (tmp_path / "dead-letters.db").stat().st_size < total_bytes + 1_000_000
    assert arrived_at(letters, "small") == [1]
    tallies = letters.tallies()
    assert sum(tally.kept_letters + tally.rotated_letters for tally in tallies) == 401
    assert sum(tally.kept_letters for tally in tallies) == letters.count() > 50


def test_the_newest_letter_is_always_there(opened: Opener):
    """What was just said to be kept is kept, however full the file is."""
    letters = opened(Quota(device_letters=1, device_bytes=1_000_000, total_bytes=2_000_000))
    for number in range(1, 50):
        letters.keep([letter(number, f"desa-{number}", size_bytes=250_000)])
        assert arrived_at(letters, f"desa-{number}") == [number]


def test_no_letter_no_room_is_made(opened: Opener, tmp_path: Path):
    """When a letter cannot be written nothing is rotated for it either: both or none."""
    letters = opened(FEW)
    letters.keep([letter(number) for number in (1, 2, 3)])
    with contextlib.closing(sqlite3.connect(tmp_path / "dead-letters.db")) as db:
        db.execute("CREATE TRIGGER no BEFORE INSERT ON rotated BEGIN SELECT RAISE(ABORT, 'sabotage'); END")
    with pytest.raises(StoreUnavailableError, match="sabotage"):
        letters.keep([letter(4)])
    assert arrived_at(letters, "desa-1") == [1, 2, 3]


def test_a_full_disk_below_the_quota_keeps_what_is_there(tmp_path: Path):
    """Where the disk is smaller than the quota, `keep` fails and rotates nothing."""
    with small_disk(tmp_path / "disk", 1_000_000) as folder:
        letters = DeadLetters(folder / "dead-letters.db", FEW)
        letters.keep([letter(1)])
        with pytest.raises(StoreUnavailableError, match="full"):
            letters.keep([letter(number, size_bytes=600_000) for number in (2, 3, 4, 5)])
        assert arrived_at(letters, "desa-1") == [1]
        letters.close()


def test_a_file_of_the_first_version_is_taken_over(opened: Opener, tmp_path: Path):
    """Letters that were kept before there were quotas count against them from now on."""
    with contextlib.closing(sqlite3.connect(tmp_path / "dead-letters.db")) as db, db:
        db.execute(
            "CREATE TABLE dead_letter (id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE,"
            " device TEXT NOT NULL, at_ns INTEGER NOT NULL, last_at_ns INTEGER NOT NULL,"
            " times INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, content_type TEXT,"
            " payload BLOB NOT NULL)"
        )
        for number, device in (
            (1, "desa-1"),
            (2, "desa-1"),
            (3, "desa-1"),
            (4, "pantau/v1/a b/measurements"),
        ):
            db.execute(
                "INSERT INTO dead_letter VALUES (?1, ?1, ?2, ?1, ?1, 1, 'malformed', '', NULL, x'0011')",
                [number, device],
            )
    letters = opened(FEW)
    assert [(tally.account, tally.kept_letters, tally.kept_bytes) for tally in letters.tallies()] == [
        ("desa-1", 3, 6),
        ("", 1, 2),
    ]
    letters.keep([letter(9)])
    assert arrived_at(letters, "desa-1") == [2, 3, 9]


def test_rotation_reads_the_index_alone(opened: Opener):
    """Looking for what exceeds a quota touches no payload: a flood would read megabytes for each letter."""
    from pantau_collector.deadletters import rotation  # noqa: PLC0415

    letters = opened(FEW)
    plan = letters._db.execute("EXPLAIN QUERY PLAN " + rotation._BEYOND, ["desa-1", 3, 10]).fetchall()
    assert any("USING COVERING INDEX by_account" in str(step) for step in plan), plan


@thorough
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12), st.integers(10, 400_000)), max_size=6),
        max_size=8,
    )
)
def test_whatever_arrives_nothing_vanishes_uncounted(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[str, int, int]]]
):
    """Arrivals are what is kept and what is counted; the quota holds; small holders lose nothing."""
    path = tmp_path_factory.mktemp("letters") / "dead-letters.db"
    quota = Quota(device_letters=4, device_bytes=1_000_000, total_bytes=100_000_000)
    with contextlib.closing(DeadLetters(path, quota)) as letters:
        for batch in batches:
            letters.keep([letter(number, device, size) for device, number, size in batch])
        arrivals = [(device, number, size) for batch in batches for device, number, size in batch]
        for device in "abc":
            mine = [found for found in arrivals if found[0] == device]
            tallies = letters.tallies(device)
            assert sum(tally.kept_times + tally.rotated_times for tally in tallies) == len(mine)
            kept = list(letters.list(device))
            assert len(kept) <= 4
            assert sum(len(one.payload) for one in kept) <= 1_000_000
            if len(set(mine)) <= 2:
                assert len(kept) == len(set(mine))
