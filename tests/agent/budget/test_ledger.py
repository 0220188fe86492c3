"""The file of what was used: increments of several processes, and what a power cut leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.budget import ledger
from pantau_agent.budget.ledger import Bytes, Ledger
from pantau_agent.errors import BudgetError

MONTH, NEXT = "2026-11", "2026-12"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "budget.db"


@contextlib.contextmanager
def opened(path):
    with contextlib.closing(Ledger(path)) as book:
        yield book


def used(path):
    account, _ = ledger.read(path)
    return {month: {name: tuple(entry) for name, entry in found.items()} for month, found in account.items()}


def test_increments_add_up_over_restarts(path):
    for _ in range(3):
        with opened(path) as book:
            book.book(MONTH, {"speed": Bytes(100, 20), "latency": Bytes(1, 2)})
    assert used(path) == {MONTH: {"speed": (300, 60), "latency": (3, 6)}}


def test_what_stays_in_the_village_is_kept_but_not_counted(path):
    with opened(path) as book:
        standing = book.book(MONTH, {"local": Bytes(500, 500), "dns": Bytes(3, 4)})
    assert standing == (MONTH, 7)
    assert ledger.counted(ledger.read(path)[0][MONTH]) == 7


def test_an_untrusted_clock_books_to_the_newest_month_known(path):
    with opened(path) as book:
        book.book(MONTH, {"dns": Bytes(1, 0)})
        assert book.book(None, {"dns": Bytes(10, 0)}) == (MONTH, 11)


def test_a_month_never_goes_back(path):
    """A clock that NTP sets from December to November again: the bytes stay in December."""
    with opened(path) as book:
        book.book(NEXT, {"dns": Bytes(1, 0)})
        assert book.book(MONTH, {"dns": Bytes(10, 0)}) == (NEXT, 11)
    assert used(path) == {NEXT: {"dns": (11, 0)}}


def test_what_was_used_before_any_month_was_known_counts_in_the_first(path):
    with opened(path) as book:
        assert book.book(None, {"speed": Bytes(5, 5)}) == ("", 10)
        assert book.book(MONTH, {"speed": Bytes(1, 0)}) == (MONTH, 11)
    assert used(path) == {MONTH: {"speed": (6, 5)}}


def test_a_new_month_begins_at_nothing(path):
    with opened(path) as book:
        book.book(MONTH, {"speed": Bytes(10**9, 0)})
        assert book.book(NEXT, {}) == (NEXT, 0)
        assert book.book(NEXT, {"speed": Bytes(1, 0)}) == (NEXT, 1)


def test_a_reservation_counts_until_it_is_settled(path):
    with opened(path) as book:
        assert book.reserve(MONTH, "speed", "speed", 1_000) == (MONTH, 1_000)
        assert book.settle(MONTH, "speed", {"speed": Bytes(600, 100)}, 700) == (MONTH, 700)
    assert used(path) == {MONTH: {"speed": (600, 100)}}


def test_what_a_test_costs_rises_at_once_and_falls_slowly(path):
    """One that failed after a few bytes must not make the next look cheap."""
    with opened(path) as book:
        assert book.expected_bytes("speed") is None
        costs = []
        for cost in (40, 100, 0, 0, 60):
            book.settle(MONTH, "speed", {}, cost)
            costs.append(book.expected_bytes("speed"))
    assert costs == [40, 100, 50, 25, 60]


RESERVE = """
import sys, time
from pathlib import Path
from pantau_agent.budget.ledger import Ledger
Ledger(Path(sys.argv[1])).reserve("2026-11", "speed", "speed", 1001)
print("reserved", flush=True)
time.sleep(600)
"""


def test_a_power_cut_in_the_middle_of_a_test_gives_no_bytes_away(path):
    """The process that reserved is killed; while it lives, another one leaves its reservation alone."""
    process = subprocess.Popen([sys.executable, "-c", RESERVE, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "reserved\n"
        with opened(path) as book:
            assert book.book(MONTH, {}) == (MONTH, 1_001)
        assert ledger.read(path)[1] == 1_001
        process.send_signal(signal.SIGKILL)
        process.wait()
        with opened(path) as book:
            assert book.book(MONTH, {}) == (MONTH, 1_001)
        assert ledger.read(path)[1] == 0
        assert used(path) == {MONTH: {"speed": (500, 501)}}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_reservation_of_an_earlier_boot_is_used_up(path, monkeypatch):
    """Process ids begin anew with each boot, so that one may be alive again and be another."""
    with opened(path) as book:
        book.reserve(MONTH, "speed", "speed", 10)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE reserved SET boot = 'the boot before', pid = ?", (os.getppid(),))
    with opened(path):
        assert used(path) == {MONTH: {"speed": (5, 5)}}


ADD = """
import sys
from pathlib import Path
from pantau_agent.budget.ledger import Bytes, Ledger
book = Ledger(Path(sys.argv[1]))
for _ in range(100):
    book.book("2026-11", {"speed": Bytes(1, 2)})
    book.take("speed", f"{sys.argv[2]}/{_}")
"""


def test_two_processes_lose_nothing_of_each_other(path):
    """Both make the file, both add at the same time."""
    processes = [subprocess.Popen([sys.executable, "-c", ADD, str(path), name]) for name in "ab"]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert used(path) == {MONTH: {"speed": (200, 400)}}
    with opened(path) as book:
        assert len(book.taken()) == 200


def test_runs_are_remembered_in_their_order_and_not_for_ever(path):
    with opened(path) as book:
        for number in range(600):
            book.take("speed", f"run {number}")
        book.take("speed", "run 599")
        book.take("speed-ndt7", "run 1")
    with opened(path) as book:
        runs = [run for job, run in book.taken() if job == "speed"]
        assert runs == [f"run {number}" for number in range(600 - len(runs), 600)]
        assert len(runs) >= 400
        assert ("speed-ndt7", "run 1") in book.taken()


def test_a_damaged_file_is_put_aside(path, logs):
    path.write_bytes(b"no database" * 1000)
    with opened(path) as book:
        assert book.book(MONTH, {"dns": Bytes(1, 1)}) == (MONTH, 2)
    assert [entry["event"] for entry in logs] == ["budget.damaged"]
    assert len(list(path.parent.glob("budget.db.damaged-*"))) == 1


def test_what_cannot_be_opened_or_read_says_so(path):
    with pytest.raises(BudgetError, match=r"nothing was counted yet: there is no /.*budget.db;"):
        ledger.read(path)
    with pytest.raises(BudgetError, match=r"cannot open /proc/nothing/budget.db"):
        Ledger(type(path)("/proc/nothing/budget.db"))
    path.mkdir()
    with pytest.raises(BudgetError, match="cannot open"):
        Ledger(path)


booking = st.tuples(
    st.sampled_from([None, "2026-10", MONTH, NEXT]), st.sampled_from(["speed", "dns"]), st.integers(0, 10**9)
)


@given(bookings=st.lists(booking, max_size=12))
def test_no_order_of_clocks_loses_a_byte_or_goes_back(tmp_path_factory, bookings):
    """Whatever months the clock names, or does not: all bytes are there, and the month only rises."""
    path = tmp_path_factory.mktemp("ledger") / "budget.db"
    months = []
    with opened(path) as book:
        for month, purpose, count in bookings:
            months.append(book.book(month, {purpose: Bytes(count, 1)}).month)
    assert months == sorted(months)
    total = sum(entry[0] for found in used(path).values() for entry in found.values())
    assert total == sum(count for _, _, count in bookings)
