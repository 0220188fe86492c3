"""Silences, alerts and the registry, as the loop tells them every five minutes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tests.collector.analysis_loop.world import (
    HOUR_NS,
    MINUTE_NS,
    START_NS,
    VILLAGES,
    Booked,
    Registered,
    placement,
)
from tests.fakes.memory_store import MemoryStore

from pantau_collector.analysis_loop.loop import Analysis
from pantau_collector.config import AnalysisConfig
from pantau_collector.registry.model import Registry
from pantau_collector.storage.base import Arrival, Batch, SeriesRow
from pantau_wire.envelope import Record
from pantau_wire.fields import Latency, Link, Speed, Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_wire.fields import Measurement

_seqs = itertools.count(1)
CONFIG = AnalysisConfig()
REGISTRY = Registry(
    [placement("desa-1", VILLAGES[0], traffic_source=True), placement("desa-2", VILLAGES[1])], "version 1"
)


class Present:
    """A store, a clock, and an analysis that steps with it minute by minute."""

    def __init__(self, surge_path: Path | None = None) -> None:
        self.config = CONFIG.model_copy(update={"surge_path": surge_path})
        self.store = MemoryStore()
        self.minute = 0
        self.healthy = True
        self.restart()

    @property
    def now_ns(self) -> int:
        return START_NS + self.minute * MINUTE_NS

    def restart(self) -> None:
        self.analysis = Analysis(
            self.store, Registered(REGISTRY), Booked(), self.config, clock=lambda: self.now_ns
        )

    def live(self, minutes: int, *measured: Measurement, device: str = "desa-1") -> None:
        """Let minutes pass, in each of which the device measures this, and step every five minutes."""
        for _ in range(minutes):
            records = [
                Record(
                    seq=next(_seqs),
                    time_ns=self.now_ns + number,
                    uptime_ns=self.now_ns - START_NS + HOUR_NS,
                    clock="synced",
                    data=data,
                )
                for number, data in enumerate(measured)
            ]
            self.store.write(Batch.of([Arrival(device, "s1", "b1", record) for record in records]))
            state = {"broker_connected": self.healthy, "store_healthy": True}
            self.store.write_series([SeriesRow("pipeline", ("collector-1",), self.now_ns, state)])
            self.minute += 1
            if self.minute % 5 == 2:
                self.analysis.step()

    def silent(self, village: int) -> float:
        """The newest silence of a village (minutes)."""
        (row,) = self.store.series("village_silence", where={"village": VILLAGES[village]}, newest=1)
        return float(row.values["silent_minutes"])

    def active(self) -> dict[str, tuple[float, float]]:
        """The newest row of each alert: whether it is active, and its value."""
        return {
            f"{row.tags[0]} {row.tags[4]}": (float(row.values["active"]), float(row.values["value"]))
            for row in self.store.series("active_alerts", newest=1)
        }


def answered(delay_ms: float = 20.0, received: int = 20) -> Latency:
    return Latency(
        target="testpoint",
        method="icmp",
        sent_count=20,
        received_count=received,
        rtd_p50_ms=delay_ms if received else None,
        failure=None if received else "unreachable",
    )


def test_silence_of_those_who_never_reported():
    """Every registered device and village has a row; of one that never reported it counts up."""
    present = Present()
    present.live(62, answered())
    rows = present.store.series("device_silence", newest=1)
    assert [(row.tags[0], row.values["silent_minutes"]) for row in rows] == [
        ("desa-1", 0.0),
        ("desa-2", 60.0),
    ]
    assert (present.silent(0), present.silent(1)) == (0.0, 60.0)


def test_our_own_outage_silences_nobody():
    """While no collector was connected no silence grows; afterwards it goes on from where it was."""
    present = Present()
    present.live(32, answered())
    present.healthy = False
    present.live(120)
    assert (present.silent(0), present.silent(1)) == (1.0, 32.0)
    present.healthy = True
    present.live(15)
    assert (present.silent(0), present.silent(1)) == (14.0, 45.0)


def test_silence_goes_on_after_a_restart():
    """A new process knows from the store when it last heard of whom."""
    present = Present()
    present.live(32, answered())
    present.live(60)
    present.restart()
    present.live(5)
    assert present.silent(0) == 64.0


def test_a_village_falls_silent_and_returns():
    """The alert begins above 60 minutes, keeps its beginning, and has one row with 0 when it ends."""
    present = Present()
    present.live(32, answered())
    present.live(75)
    name = f"{VILLAGES[0]} village_silent"
    assert present.active()[name] == (1.0, 74.0)
    since_s = [
        row.values["since_s"] for row in present.store.series("active_alerts", where={"village": VILLAGES[0]})
    ]
    assert set(since_s) == {since_s[0]}
    present.live(15, answered())
    assert present.active()[name] == (0.0, 0.0)
    count = len(present.store.series("active_alerts", where={"village": VILLAGES[0]}))
    present.live(15, answered())
    assert len(present.store.series("active_alerts", where={"village": VILLAGES[0]})) == count


def test_link_down_delay_and_loss():
    """A dead link, long delays and lost packets are told with how strong they are."""
    present = Present()
    present.live(42, answered(150.0, received=19))
    active = present.active()
    assert active[f"{VILLAGES[0]} delay"] == (1.0, 150.0)
    assert active[f"{VILLAGES[0]} loss"] == (1.0, 1 - 19 / 20)
    present.live(45, answered(received=0), Link(interface="eth0", interface_up=True, gateway_answers=True))
    active = present.active()
    assert active[f"{VILLAGES[0]} link_down"] == (1.0, 43.0)
    assert active[f"{VILLAGES[0]} delay"][0] == 0.0


def test_slow_against_the_contract():
    """Three counted tests a day whose median is below 80% of the contract; others do not count."""
    present = Present()
    wired = Link(interface="eth0", medium="wired", interface_up=True)
    test = Speed(engine="http", limited_by="none", download_goodput_bps=2e7, upload_goodput_bps=1.9e7)
    limited = Speed(engine="http", limited_by="device", download_goodput_bps=1e6)
    present.live(7, answered(), wired, limited)
    assert not any("load" in name for name in present.active())
    present.live(5, answered(), wired, test)
    assert present.active()[f"{VILLAGES[0]} download"] == (1.0, 0.4)
    assert f"{VILLAGES[0]} upload" not in present.active()
    (row,) = present.store.series("village_5m", where={"village": VILLAGES[0]}, newest=1)
    assert (row.values["counted_test_count"], row.values["contracted_download_bps"]) == (3, 5e7)


def test_the_registry_hourly():
    """Every active device with labels for Grafana, when the analysis begins and every hour."""
    present = Present()
    present.live(130, answered())
    rows = present.store.series("registry", where={"device": "desa-1"})
    assert [(row.time_ns - START_NS) // MINUTE_NS for row in rows] == [0, 60, 120]
    assert rows[0].tags[:5] == ("desa-1", VILLAGES[0], VILLAGES[0][:8], "33.10", "33")
    assert rows[0].tags[5].endswith(f"|{VILLAGES[0]}")
    assert rows[0].tags[7] == "Kabupaten Klaten|33.10"
    assert rows[0].values == {"provider": "p", "technology": "", "profile": "default", "traffic_source": True}


def test_traffic_is_judged_each_five_minutes(memory_folder: Path):
    """From measurements to rows of `surge`: without our own tests' bytes, of the declared source only."""
    present = Present(memory_folder / "surges")
    traffic = Traffic(source="router", interface="wan", rx_rate_bps=3e7, tx_rate_bps=4e6, test_rx_bytes=10**9)
    present.live(40, answered(), traffic)
    present.restart()
    present.live(22, answered(), traffic)
    present.live(5, Traffic(source="host", interface="eth0", rx_rate_bps=9e9), device="desa-2")
    rows = present.store.series("surge", where={"direction": "rx"})
    assert {row.tags[0] for row in rows} == {VILLAGES[0]}
    times = [(row.time_ns - START_NS) // MINUTE_NS for row in rows]
    assert times == list(range(0, 65, 5))
    assert rows[-1].values["rate_bps"] == 3e7
    assert rows[-1].values["utilization_ratio"] == 3e7 / 5e7
    assert (rows[-1].values["state"], rows[-1].values["learning_days_left"]) == ("learning", 14)
