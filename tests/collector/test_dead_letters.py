"""What is refused stays: counted when it comes again, and on the disk when `keep` returns."""

from __future__ import annotations

import dataclasses
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.collector.storage.disks import small_disk

from pantau_collector.deadletters import DeadLetter, DeadLetters
from pantau_collector.errors import CollectorError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LETTER = DeadLetter("desa-1", 1000, "malformed", "what is this?", b"\x00\xff garbage", "text/plain")


@pytest.fixture
def letters(tmp_path: Path) -> Iterator[DeadLetters]:
    kept = DeadLetters(tmp_path / "dead-letters.db")
    yield kept
    kept.close()


def test_letters_come_back_as_they_came(letters: DeadLetters, tmp_path: Path):
    """A letter is read back byte for byte, by another process too."""
    bare = DeadLetter("desa-2", 2000, "too_large", "it's \N{HOUSE BUILDING}", b"", None)
    letters.keep([LETTER, bare])
    other = DeadLetters(tmp_path / "dead-letters.db")
    assert [dataclasses.astuple(letter)[:6] for letter in other.list()] == [
        dataclasses.astuple(LETTER),
        dataclasses.astuple(bare),
    ]
    other.close()
    assert [letter.device for letter in letters.list("desa-2")] == ["desa-2"]
    assert (letters.numbers(), letters.count()) == ([1, 2], 2)


def test_the_same_payload_is_counted(letters: DeadLetters):
    """A payload that a device sends again is kept once, with how often and when last it came."""
    for at_ns in (1000, 2000, 3000):
        letters.keep([dataclasses.replace(LETTER, at_ns=at_ns)])
    (letter,) = letters.list()
    assert (letter.times, letter.at_ns, letter.last_at_ns) == (3, 1000, 3000)


def test_another_devices_payload_is_another_letter(letters: DeadLetters):
    """The same bytes from two devices are two letters."""
    letters.keep([LETTER, dataclasses.replace(LETTER, device="desa-2")])
    assert [letter.times for letter in letters.list()] == [1, 1]


def test_numbers_are_not_used_twice(letters: DeadLetters):
    """The number of a letter that was discarded is not given to another one."""
    letters.keep([LETTER])
    letters.discard(1)
    letters.keep([LETTER])
    assert letters.numbers() == [2]


def test_unknown_numbers_are_refused(letters: DeadLetters):
    """Who asks for a letter that is not there is told where to look."""
    for ask in (letters.get, letters.discard):
        with pytest.raises(
            CollectorError, match="there is no dead letter 7; see: pantau-collector dead-letters list"
        ):
            ask(7)


def test_letters_are_kept_together_or_not(letters: DeadLetters, tmp_path: Path):
    """When one of several letters cannot be written, none is."""
    db = sqlite3.connect(tmp_path / "dead-letters.db")
    db.execute(
        "CREATE TRIGGER no BEFORE INSERT ON dead_letter WHEN new.device = 'desa-2'"
        " BEGIN SELECT RAISE(ABORT, 'sabotage'); END"
    )
    db.close()
    with pytest.raises(StoreUnavailableError, match="sabotage"):
        letters.keep([LETTER, dataclasses.replace(LETTER, device="desa-2")])
    assert letters.count() == 0


def test_a_full_disk_keeps_nothing_by_halves(tmp_path: Path):
    """On a full disk `keep` fails, and what it kept before stays."""
    with small_disk(tmp_path / "disk", 500_000) as folder:
        letters = DeadLetters(folder / "dead-letters.db")
        letters.keep([LETTER])
        with pytest.raises(StoreUnavailableError, match="full"):
            letters.keep([dataclasses.replace(LETTER, payload=b"\0" * 600_000)])
        assert letters.count() == 1
        letters.close()


def test_threads_share_the_letters(letters: DeadLetters):
    """Many threads may keep letters at once, and every one is counted."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: letters.keep([LETTER]), range(80)))
    (letter,) = letters.list()
    assert letter.times == 80


def test_many_open_a_new_file_at_once(tmp_path: Path):
    """Collector and command line may make the file at the same time, and keep letters in it."""
    for attempt in range(5):
        path = tmp_path / f"{attempt}.db"
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda _: DeadLetters(path), range(8)))  # noqa: B023 - the pool ends here
            list(pool.map(lambda kept: kept.keep([LETTER]), opened))
        assert [letter.times for letter in opened[0].list()] == [8]
        for kept in opened:
            kept.close()


def test_kept_means_on_the_disk(letters: DeadLetters):
    """What `keep` returned for survives a power cut: the disk is waited for, its directory too."""
    assert letters._db.execute("PRAGMA synchronous").fetchone() == (3,)
