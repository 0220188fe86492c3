"""What the store can prove: every number explained, or the holes by name."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_collector.audit import account, audit
from pantau_collector.cli import main
from pantau_collector.storage.base import Arrival, Batch, Delivery
from pantau_collector.storage.sqlite import SqliteStore
from pantau_wire import ranges
from pantau_wire.envelope import Record
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from pathlib import Path

DEVICE, SPOOL = "desa-1", "b7e1c2d4"
NOW_NS = 1_795_000_000_000_000_000


def delivery(first: int, last: int, state: str = "received", at_ns: int = NOW_NS) -> Delivery:
    return Delivery(DEVICE, SPOOL, first, last, state, at_ns)


def arrival(seq: int) -> Arrival:
    data = Dns(resolver="system", name="example.id", resolve_ms=1.0)
    stamp = {"time_ns": NOW_NS + seq, "uptime_ns": seq, "clock": "synced"}
    return Arrival(DEVICE, SPOOL, "boot-1", Record(seq=seq, data=data, **stamp))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that the command will read."""
    path = tmp_path / "pantau.db"
    monkeypatch.setenv("PANTAU_COLLECTOR_STORE__PATH", str(path))
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    return path


def fill(path: Path, seqs: range, deliveries: list[Delivery]) -> None:
    with contextlib.closing(SqliteStore(path)) as store:
        store.write(Batch.of([arrival(seq) for seq in seqs], deliveries))


def test_a_complete_store_says_so(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(database, range(1, 8), [delivery(1, 7), delivery(8, 8, "rejected"), delivery(9, 12, "dropped")])
    assert main(["audit"]) == 0
    assert capsys.readouterr().out == (
        "desa-1, spool b7e1c2d4, 1 to 12: received 7, rejected 1, dropped 4\n"
        "complete: every measurement is stored, or counted as rejected or dropped\n"
    )


def test_a_hole_is_named(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(database, range(1, 4), [delivery(1, 3), delivery(7, 9, "dropped")])
    assert main(["audit", "--lang", "id"]) == 1
    assert "HILANG, tanpa penjelasan: 4-6" in capsys.readouterr().out


def test_what_was_received_must_be_in_the_store(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(database, range(1, 3), [delivery(1, 4)])
    assert main(["audit", "--json"]) == 1
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["complete"] is False
    assert outcome["spools"][0]["lost"] == [[3, 4]]


def test_what_came_again_with_other_values_was_refused_and_is_not_lost(database: Path) -> None:
    fill(database, range(1, 3), [delivery(1, 3), delivery(3, 3, "rejected")])
    assert main(["audit"]) == 0


def test_since_leaves_old_holes_alone(database: Path) -> None:
    hour_ns = 3_600_000_000_000
    late = delivery(9, 9, at_ns=NOW_NS + hour_ns)
    fill(database, range(1, 10), [delivery(1, 3), delivery(6, 8), late])
    assert main(["audit"]) == 1
    since = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime((NOW_NS + hour_ns) // 10**9))
    assert main(["audit", "--since", since]) == 0


def test_a_bad_instant_is_told(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--since", "yesterday"]) == 2
    assert "yesterday is no instant: write it as" in capsys.readouterr().err


def test_an_unknown_device_delivered_nothing(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(database, range(1, 2), [delivery(1, 1)])
    assert main(["audit", "--device", "desa-9"]) == 0
    assert capsys.readouterr().out == "nothing was delivered\n"


def test_each_spool_of_a_device_has_an_account_of_its_own(tmp_path: Path) -> None:
    other = Delivery(DEVICE, "other", 1, 2, "dropped", NOW_NS)
    with contextlib.closing(SqliteStore(tmp_path / "pantau.db")) as store:
        store.write(Batch.of([arrival(1)], [delivery(1, 1), other]))
        found = {entry.spool: entry.complete for entry in audit(store, [DEVICE])}
    assert found == {SPOOL: True, "other": True}


STATES = st.lists(st.sampled_from(["received", "rejected", "dropped", "missing", "lost"]), min_size=1)


@given(STATES.filter(lambda states: states[-1] != "missing"))
def test_every_number_is_counted_once_or_named(states: list[str]) -> None:
    deliveries = [
        delivery(seq, seq, "received" if state == "lost" else state)
        for seq, state in enumerate(states, start=1)
        if state != "missing"
    ]
    stored = ranges.from_numbers(seq for seq, state in enumerate(states, 1) if state == "received")
    found = account(deliveries, stored)
    assert found.received_count == states.count("received") + states.count("lost")
    assert (found.rejected_count, found.dropped_count) == (
        states.count("rejected"),
        states.count("dropped"),
    )
    assert ranges.count(found.missing) == states.count("missing")
    assert ranges.count(found.lost) == states.count("lost")
    assert found.complete == (not {"missing", "lost"} & set(states))
