"""A small fleet's random life: measurements arrive in time, late, twice or never, and devices move."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantau_collector.analysis.profiles import from_mapping
from pantau_collector.analysis_loop.loop import Analysis
from pantau_collector.config import AnalysisConfig
from pantau_collector.ingest.late import late_marks
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.registry.model import Placement, Registry
from pantau_collector.storage.base import Arrival, Batch
from pantau_collector.storage.series import ROLLED_UP, WINDOWS_S, rollup_name
from pantau_wire.envelope import Record
from pantau_wire.fields import Device, Dns, Http, Latency, Link, Measurement, Speed, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pantau_collector.storage.base import SeriesRow, Store

SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
START_NS = 1_795_305_600 * SECOND_NS  # 2026-11-22T00:00:00Z
HOURS = 30
VILLAGES = ("33.10.25.2007", "33.10.26.2008", "33.10.26.2009", "91.71.01.1001")
DEVICES = ("desa-1", "desa-2", "desa-3", "desa-4")
CONFIG = AnalysisConfig()
CONTRACT = {"name": "default", "contracted_download_bps": 5e7, "contracted_upload_bps": 2e7}
BOOK = ProfileBook([from_mapping(CONTRACT)], "book 1")
ROLLUPS = (
    *(rollup_name(kind, window) for kind in (*ROLLED_UP, "village", "regency") for window in WINDOWS_S),
    *("sla_day", "sla_test", "sla_month", "sla_outage", "sla_area"),
)


@dataclass
class Registered:
    """A registry that a test may change."""

    registry: Registry

    def get(self) -> Registry:
        return self.registry


@dataclass
class Booked:
    """Profiles that a test may change."""

    book: ProfileBook = BOOK

    def get(self) -> ProfileBook:
        return self.book


def placement(device: str, village: str, since_ns: int = 0, **other: object) -> Placement:
    return Placement(device, village, since_ns, provider="p", **other)  # type: ignore[arg-type]


def first_registry() -> list[Placement]:
    """Two villages with two and one device, one far east; a device each is its village's traffic source."""
    homes = zip(DEVICES, (0, 0, 1, 3), (True, False, True, True), strict=True)
    return [placement(device, VILLAGES[at], traffic_source=source) for device, at, source in homes]


@dataclass
class Life:
    """What happens: arrivals and versions of the registry, by the time at which they are known."""

    arrivals: list[tuple[int, Arrival]] = field(default_factory=list)
    registries: list[tuple[int, Registry]] = field(default_factory=list)
    end_ns: int = START_NS + HOURS * HOUR_NS

    @property
    def points(self) -> list[Arrival]:
        return [arrival for _, arrival in self.arrivals]

    @property
    def last_registry(self) -> Registry:
        return self.registries[-1][1]


def random_life(seed: int, hours: int = HOURS) -> Life:
    """The same life for the same seed."""
    random_ = random.Random(seed)
    life = Life(end_ns=START_NS + hours * HOUR_NS)
    # Somebody reports from the first instant on: every analysis begins with the same window.
    life.arrivals.append(
        (
            START_NS + SECOND_NS,
            _arrival("desa-0", "s0", "b0", 1, START_NS, 5.0, Dns(resolver="r", name="n", resolve_ms=1.0)),
        )
    )
    for device in DEVICES:
        life.arrivals += _device_life(device, random_, hours)
    life.arrivals = sorted(
        (event for event in life.arrivals if event[0] <= life.end_ns), key=lambda event: event[0]
    )
    life.registries = list(_registries(random_, hours))
    return life


def _registries(random_: random.Random, hours: int) -> Iterator[tuple[int, Registry]]:
    placements = first_registry()
    yield 0, Registry(placements, "version 0")
    for number in range(random_.randrange(4)):
        told_ns = START_NS + random_.randrange(hours * HOUR_NS)
        since_ns = random_.randrange(START_NS - HOUR_NS, START_NS + hours * HOUR_NS)
        device, village = random_.choice(DEVICES), random_.choice(VILLAGES)
        state = random_.choice(("active", "active", "retired"))
        placements = [*placements, placement(device, village, since_ns, state=state, line=number)]
        yield told_ns, Registry(placements, f"version {number + 1}")


def _device_life(device: str, random_: random.Random, hours: int) -> Iterator[tuple[int, Arrival]]:
    """Stretches of a few minutes with hours between; some never arrives, some twice, some late."""
    seqs, boot, spool = itertools.count(1), 1, "s1"
    time_ns = START_NS + random_.randrange(3 * HOUR_NS)
    booted_ns = time_ns - 7 * MINUTE_NS
    while time_ns < START_NS + (hours - 1) * HOUR_NS:
        late = random_.random() < 0.3
        for _ in range(random_.randrange(1, 16)):
            for data in _minute(random_):
                seq = next(seqs)
                at_ns = time_ns + random_.randrange(50 * SECOND_NS)
                if random_.random() < 0.02:
                    continue
                found = _arrival(device, spool, f"b{boot}", seq, at_ns, (at_ns - booted_ns) / 1e9, data)
                for _ in range(1 + (random_.random() < 0.05)):
                    delay_ns = random_.randrange(9 * MINUTE_NS)
                    if late or random_.random() < 0.03:
                        delay_ns = random_.randrange(12 * HOUR_NS)
                    yield at_ns + SECOND_NS + delay_ns, found
            time_ns += MINUTE_NS * random_.choice((1, 1, 1, 1, 2, 3))
        gap_ns = random_.choice((MINUTE_NS * random_.randrange(1, 30), random_.randrange(9 * HOUR_NS)))
        if random_.random() < 0.5:
            boot, booted_ns = boot + 1, time_ns + random_.randrange(gap_ns)
        if random_.random() < 0.05:
            spool, seqs = f"{spool}x", itertools.count(1)
        time_ns += gap_ns


def _arrival(  # noqa: PLR0917
    device: str, spool: str, boot: str, seq: int, at_ns: int, uptime_s: float, data: Measurement
) -> Arrival:
    record = Record(seq=seq, time_ns=at_ns, uptime_ns=int(uptime_s * 1e9), clock="synced", data=data)
    return Arrival(device, spool, boot, record)


def _minute(random_: random.Random) -> Iterator[Measurement]:
    """What a device measures in a minute; sometimes nothing of a kind, sometimes a failure."""
    up = random_.random() < 0.8
    value = random_.uniform
    if random_.random() < 0.95:
        for target in random_.sample(("gateway", "testpoint", "internet"), random_.randrange(1, 4)):
            answered = 20 * (up or (target == "gateway" and random_.random() < 0.6)) - random_.randrange(2)
            yield Latency(
                target=target,
                method="icmp",
                sent_count=20,
                received_count=max(0, answered),
                rtd_p50_ms=value(1, 200) if answered > 0 else None,
                rtd_p95_ms=value(100, 300) if answered > 0 else None,
                rtd_pdv_p95_ms=value(0, 80) if answered > 0 else None,
                failure=None if answered > 0 else "unreachable",
            )
    if random_.random() < 0.8:
        yield Link(
            interface="eth0",
            medium=random_.choice(("wired", "wired", "wifi")),
            interface_up=random_.random() < 0.95,
            gateway_answers=random_.choice((True, True, None, False)),
        )
    if random_.random() < 0.8:
        for source in random_.choice((("host",), ("router",), ("host", "router"))):
            yield Traffic(
                source=source,
                interface=random_.choice(("eth0", "eth1")),
                rx_bytes=random_.randrange(10**9),
                tx_bytes=random_.randrange(10**6),
                rx_rate_bps=value(0, 1e8),
                tx_rate_bps=value(0, 1e6),
                rx_peak_bps=value(1e8, 2e8),
            )
    if random_.random() < 0.3:
        yield Speed(
            engine=random_.choice(("http", "http", "ndt7")),
            limited_by=random_.choice(("none", "none", "device", None)),
            download_goodput_bps=random_.choice((value(1e6, 6e7), None)),
            upload_goodput_bps=value(1e6, 3e7),
            idle_rtd_p50_ms=value(5, 50),
            loaded_rtd_down_p50_ms=random_.choice((value(50, 400), None)),
            failure=random_.choice((None, None, None, "timeout")),
        )
    if random_.random() < 0.5:
        yield Device(cpu_ratio=value(0, 1), clock_offset_ms=value(-5, 5), uptime_s=value(1, 1e5))
    if random_.random() < 0.2:
        yield Http(page="https://p.id/", total_ms=value(50, 900))


class Living:
    """An analysis that lives through a life step by step, on a clock of its own."""

    def __init__(self, store: Store, life: Life) -> None:
        self.store, self.life = store, life
        self.now_ns = START_NS
        self._waiting = list(life.arrivals)
        self.registered = Registered(life.registries[0][1])
        self.breathe: Callable[[], None] = lambda: None
        self.analysis: Analysis | None = None

    def until(self, time_ns: int) -> None:
        """Let everything arrive that arrives by then, and do what is due."""
        self.arrive(time_ns)
        if self.analysis is None:
            self.analysis = Analysis(
                self.store,
                self.registered,
                Booked(),
                CONFIG,
                breathe=self._breathe,
                clock=lambda: self.now_ns,
            )
        self.analysis.step()

    def _breathe(self) -> None:
        self.breathe()

    def arrive(self, time_ns: int) -> None:
        """Let everything arrive that arrives by then."""
        self.now_ns = time_ns
        arrived = list(itertools.takewhile(lambda event: event[0] <= time_ns, self._waiting))
        del self._waiting[: len(arrived)]
        for number in range(0, len(arrived), 50):
            some = arrived[number : number + 50]
            self.store.write(Batch.of([arrival for _, arrival in some]))
        for at_ns, arrival in arrived:
            self.store.write_series(late_marks(Batch.of([arrival]).parcels, at_ns))
        self.registered.registry = [one for at_ns, one in self.life.registries if at_ns <= time_ns][-1]


def rollups(store: Store, life: Life) -> dict[tuple[str, tuple[str, ...], int], SeriesRow]:
    """Every settled rollup in a store, by its place."""
    settled_ns = (life.end_ns - 11 * MINUTE_NS) // (5 * MINUTE_NS) * 5 * MINUTE_NS
    rows = (row for name in ROLLUPS for row in store.series(name, until_ns=settled_ns))
    return {(row.series, row.tags, row.time_ns): row for row in rows}


def from_scratch(store: Store, life: Life) -> dict[tuple[str, tuple[str, ...], int], SeriesRow]:
    """What an analysis makes of it that sees everything at once, with the last registry."""
    living = Living(store, Life(life.arrivals, [(0, life.last_registry)], life.end_ns))
    store.write(Batch.of(life.points))
    living._waiting.clear()
    living.until(life.end_ns)
    return rollups(store, life)
