"""What changes around a village: its source, its neighbours, the loop's memory; and who is told."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from structlog.testing import capture_logs
from tests.collector.analysis_loop.surges.fleet import (
    BIN_NS,
    DAY,
    FIRST_BIN,
    Fleet,
    registry,
    row,
    village,
    written,
)

from pantau_collector.registry.model import Placement
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VILLAGES = 3
KNOWN = 15 * DAY
NOW = FIRST_BIN + KNOWN
USUAL_BPS = 8e6


@pytest.fixture
def fleet(memory_folder: Path) -> Iterator[Fleet]:
    """Villages that all receive 8 Mbit/s, give or take a tenth, and are known for 15 days."""
    rng = np.random.default_rng(3)
    noise = np.exp(0.1 * rng.standard_normal((KNOWN, VILLAGES)))
    store = SqliteStore(memory_folder / "pantau.db")
    written(
        store,
        (
            row(number, FIRST_BIN + at, USUAL_BPS * noise[at, number])
            for at in range(KNOWN)
            for number in range(VILLAGES)
        ),
    )
    made = Fleet(store, memory_folder / "surges", registry(VILLAGES))
    made.step(NOW)
    yield made
    store.close()


def live(fleet: Fleet, bins: int, factor: float = 1.0, **other: float | bool) -> None:
    """Let bins pass in which the first village receives so many times its usual."""
    for _ in range(bins):
        at = fleet.end_bin
        fleet.arrive(
            [row(0, at, factor * USUAL_BPS, **other), *(row(n, at, USUAL_BPS) for n in range(1, VILLAGES))]
        )
        fleet.step(at + 1)


def newest(fleet: Fleet, number: int = 0) -> Mapping[str, object]:
    return fleet.found(fleet.end_bin - 1)[village(number), "rx", fleet.end_bin - 1]


def told(fleet: Fleet) -> list[str]:
    """What was told of received traffic: severity and whose."""
    return [f"{one.severity} {one.key.split()[1]}" for one in fleet.notices if " rx " in one.key]


def test_a_surge_is_told_when_it_begins_is_felt_and_ends(fleet: Fleet):
    """Once each, across a restart; people are called only when it is felt; the log has transitions only."""
    with capture_logs() as logs:
        live(fleet, 4, 4.0, contracted_download_bps=1e9)
        assert told(fleet) == [f"info {village(0)}"]
        fleet.restart()
        live(fleet, 3, 4.0, contracted_download_bps=1e9)
        assert told(fleet) == [f"info {village(0)}"]
        live(fleet, 2, 4.0, rtd_p50_ms=900.0, sent_count=300, received_count=300)
        assert told(fleet)[1:] == [f"page {village(0)}"]
        live(fleet, 11)
        assert len(told(fleet)) == 2
        live(fleet, 4)
        assert told(fleet)[2:] == [f"ended {village(0)}"]
        assert next(one.urgent for one in fleet.notices if one.severity == "ended")
    events = [log["event"] for log in logs if log.get("direction") == "rx"]
    assert events == ["surge.begun", "surge.felt", "surge.ended"]
    begun, paged = (one for one in fleet.notices if " rx " in one.key and one.severity != "ended")
    assert begun.texts["en"].title == f"Surge in {PLACE}: receives 3.9 times the usual"
    assert "at this hour" in begun.texts["en"].body
    assert "fewer than ten villages" in begun.texts["en"].body
    assert "is not known: neither delay nor loss" in begun.texts["en"].body
    assert "Pengguna merasakannya" in paged.texts["id"].body
    assert "waktu tunda 900\N{NO-BREAK SPACE}ms, melebihi 100\N{NO-BREAK SPACE}ms" in paged.texts["id"].body


PLACE = "Kajoran, Klaten Selatan, Kabupaten Klaten"


def test_what_a_backlog_shows_is_told_to_nobody(fleet: Fleet):
    """A surge of last night is written, and calls no one this morning."""
    at = fleet.end_bin
    fleet.arrive(
        row(n, at + ago, USUAL_BPS * (5 if n == 0 else 1)) for n in range(VILLAGES) for ago in range(30)
    )
    fleet.step(at + 60, settled_bin=at + 30)
    assert newest_state(fleet, at + 29) == "surge"
    assert fleet.notices == []
    fleet.arrive(row(n, at + ago, USUAL_BPS) for n in range(VILLAGES) for ago in range(30, 60))
    fleet.step(at + 60)
    assert fleet.notices == []


def newest_state(fleet: Fleet, at: int) -> object:
    return fleet.found(at)[village(0), "rx", at]["state"]


def test_another_device_with_the_router_has_the_same_past(fleet: Fleet):
    """A router counts the line, whoever asks it; what a device counts of itself has a past of its own."""
    replaced = fleet.end_bin
    fleet.registry = registry(
        VILLAGES,
        [
            Placement("desa-0", village(0), replaced * BIN_NS, state="retired"),
            Placement("new-0", village(0), replaced * BIN_NS, traffic_source=True),
        ],
    )
    live(fleet, 5, 4.0)
    assert newest(fleet)["state"] == "surge"
    live(fleet, 3, 4.0, router_traffic=False)
    assert newest(fleet)["state"] != "learning"
    assert "rate_bps" not in newest(fleet)
    moved = fleet.end_bin
    fleet.registry = registry(
        VILLAGES,
        [
            Placement("desa-0", village(0), replaced * BIN_NS, state="retired"),
            Placement("new-0", village(0), replaced * BIN_NS, traffic_source=True),
            Placement("new-0", village(0), moved * BIN_NS),
            Placement("laptop-0", village(0), moved * BIN_NS, traffic_source=True),
        ],
    )
    live(fleet, 3, 0.5, router_traffic=False)
    assert newest(fleet)["state"] == "learning"
    assert newest(fleet)["learning_days_left"] == 14
    assert newest(fleet)["rate_bps"] == USUAL_BPS / 2
    assert newest(fleet, 1)["state"] == "normal"


def test_a_new_village_learns_beside_the_others(fleet: Fleet):
    """Its neighbours keep what they know."""
    live(fleet, 2)
    fleet.registry = registry(VILLAGES + 1)
    for _ in range(3):
        at = fleet.end_bin
        fleet.arrive(row(number, at, USUAL_BPS * (4 if number == 0 else 1)) for number in range(VILLAGES + 1))
        fleet.step(at + 1)
    assert newest(fleet, VILLAGES)["state"] == "learning"
    assert newest(fleet)["state"] == "surge"


def test_a_lost_memory_is_made_again_from_the_store(fleet: Fleet):
    """The rows go on where they ended, with the same scores but for what the day's level adds."""
    live(fleet, 3)
    before = dict(newest(fleet))
    shutil.rmtree(fleet.folder)
    fleet.restart()
    live(fleet, 1)
    after = newest(fleet)
    assert after["state"] == "normal"
    assert after["baseline_bps"] == pytest.approx(before["baseline_bps"], rel=0.05)
    live(fleet, 4, 4.0)
    assert newest(fleet)["state"] == "surge"


def test_a_torn_memory_is_made_again(fleet: Fleet):
    """A note that is cut off is as good as none."""
    (note,) = fleet.folder.glob("*.json")
    note.write_bytes(note.read_bytes()[:100])
    fleet.restart()
    live(fleet, 5, 4.0)
    assert newest(fleet)["state"] == "surge"


def test_after_a_power_cut_only_what_is_on_the_disk_counts(fleet: Fleet):
    """On another boot the loop goes back to where everything was written out, and ends in the same rows."""
    live(fleet, 5, 4.0)
    known = fleet.found(NOW)
    (note,) = fleet.folder.glob("*.json")
    text = note.read_text()
    boot = text[text.index('"boot":"') + 8 :].split('"')[0]
    note.write_text(text.replace(boot, "another-boot"))
    fleet.restart()
    fleet.step(fleet.end_bin)
    assert fleet.found(NOW) == known
    live(fleet, 1, 4.0)
    assert newest(fleet)["state"] == "surge"


def test_what_is_older_than_a_week_goes_into_the_history_only(fleet: Fleet):
    """Rows that were written so long ago stay; what is usual from now on knows of it."""
    hour = fleet.end_bin - 10 * DAY
    old = fleet.found()
    fleet.arrive(row(0, at, 40 * USUAL_BPS) for day in range(8, 15) for at in around(fleet.end_bin, day))
    fleet.step(fleet.end_bin)
    live(fleet, 1)
    assert {place: old[place] for place in old if place[2] < hour} == {
        place: values for place, values in fleet.found().items() if place[2] < hour
    }
    assert newest(fleet)["baseline_bps"] > newest(fleet, 1)["baseline_bps"]  # type: ignore[operator]


def around(bin_index: int, day: int) -> range:
    return range(bin_index - day * DAY - 2, bin_index - day * DAY + 3)


def test_a_folder_that_cannot_be_used_stops_nothing_else(fleet: Fleet, memory_folder: Path):
    """It is told once, and when it can be used again."""
    (memory_folder / "file").write_text("")
    fleet.folder = memory_folder / "file" / "below"
    fleet.restart()
    with capture_logs() as logs:
        live(fleet, 2)
        (memory_folder / "file").unlink()
        live(fleet, 1)
    events = [log["event"] for log in logs if log["event"].startswith("surge.state")]
    assert events == ["surge.state_unusable", "surge.state_usable"]
