"""Attacks from a device with a valid certificate, over real brokers: floods, and the corpus one by one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.collector.ingest.collecting import CONFIG, collecting
from tests.collector.ingest.device import connected
from tests.collector.ingest.envelopes import bad_record, envelope, envelope_of, record
from tests.collector.ingest.hostile import CORPUS
from tests.collector.ingest.waiting import until

from pantau_wire import codec
from pantau_wire.envelope import MAX_PAYLOAD_BYTES
from pantau_wire.fields import Speed

if TYPE_CHECKING:
    from tests.fakes.brokers import Broker

MB = 1_000_000
WAITING_MB = CONFIG.waiting_mb
FLOODING = 6
ENVELOPES_EACH = 24
RECORDS = 300
SERIES = (1.0,) * 120
GROWTH_PER_BYTE = 20  # a number of two characters becomes an object of 24 bytes, and a place of 8
A_WHILE_S = 2.0


async def test_the_corpus_one_by_one(broker: Broker, tmp_path: Path):
    """After each attack the next good envelope is stored, and every refusal stands in the dead letters."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        for number, attack in enumerate(CORPUS.values(), 10_001):
            device.publish(attack.payload, attack.content_type)
            device.publish(*envelope([number], device=device.name, spool="good"))
            await until(lambda: number in device.stored)  # noqa: B023 - it waits here
        assert collector.ingest.broker_connected
        tallies = {tally.reason: tally for tally in collector.letters.tallies()}
        reasons = {reason for attack in CORPUS.values() for reason in attack.reasons}
        for reason in reasons:
            wanted = sum(attack.reasons.count(reason) for attack in CORPUS.values())
            assert tallies[reason].kept_times + tallies[reason].rotated_times == wanted
        assert set(tallies) == reasons | {"altered"}  # many attacks give the same point other values


async def test_a_flood_of_envelopes_is_put_off(broker: Broker, tmp_path: Path):
    """Beyond its allowance a device is told `rate_limit`; another one is served meanwhile."""
    config = CONFIG.model_copy(update={"device_envelopes_per_s": 0.01, "device_burst_s": 1000.0})
    async with (
        collecting(broker.port, tmp_path, config=config) as collector,
        connected(broker) as device,
        connected(broker, "desa-2") as other,
    ):
        for seq in range(1, 61):
            device.send([seq])
        await until(lambda: len(device.deferred) == 50)
        other.send([1])
        await until(lambda: other.stored == {1})
        assert device.stored == set(range(1, 11))
        assert {(one.reason, one.retry_after_s) for one in device.deferred.values()} == {("rate_limit", 1000)}
        assert collector.metric("pantau_ingest_rate_limited_total", limit="envelopes") == 50
        assert collector.metric("pantau_ingest_deferred_total", reason="rate_limit") == 50
        assert collector.letters.count() == 0


async def test_a_flood_of_garbage_is_bounded(broker: Broker, tmp_path: Path):
    """Garbage takes from the same allowance: what exceeds it is no dead letter, and is PUBACKed."""
    config = CONFIG.model_copy(update={"device_envelopes_per_s": 0.01, "device_burst_s": 2000.0})
    async with (
        collecting(broker.port, tmp_path, config=config) as collector,
        connected(broker) as device,
        connected(broker, "desa-2") as other,
    ):
        for number in range(3000):  # more than the Receive Maximum
            device.publish(b"%d garbage" % number)
        await until(lambda: collector.metric("pantau_ingest_unanswered_total") == 2980)
        other.send([1])
        await until(lambda: other.stored == {1})
        assert collector.letters.count() == 20


async def test_a_flood_of_bad_records_is_counted(broker: Broker, tmp_path: Path):
    """More bad records than the quota holds: each is answered, and kept or counted."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        for first in range(1, 2001, 500):
            device.publish(*envelope_of(*map(bad_record, range(first, first + 500))))
        await until(lambda: set(device.rejected) == set(range(1, 2001)))
        (tally,) = collector.letters.tallies()
        assert (tally.reason, tally.kept_letters, tally.rotated_letters) == ("invalid_record", 1000, 1000)
        assert collector.metric("pantau_dead_letters_rotated_total", reason="invalid_record") == 1000
        assert collector.metric("pantau_dead_letters_bytes") > 100_000


async def test_a_flood_of_names_is_bounded(broker: Broker, tmp_path: Path):
    """Ten thousand different names of one device become 500 keys in the store; what is known goes on."""
    async with collecting(broker.port, tmp_path) as collector, connected(broker) as device:
        for first in range(1, 10_001, 1000):
            sent = (_named(seq) for seq in range(first, first + 1000))
            device.publish(*envelope_of(*sent))
        await until(lambda: len(device.stored) + len(device.rejected) == 10_000)
        assert {reason.reason.partition(":")[0] for reason in device.rejected.values()} == {"too_many_keys"}
        names = {point.values["name"] for point in collector.store.points("dns", "desa-1")}
        assert len(names) == len(device.stored) == 500


def _named(seq: int):
    return record(seq, b'{"kind":"dns","resolver":"r","name":"made-up-%d"}' % seq)


async def test_memory_is_bounded_while_nothing_can_be_written(broker: Broker, tmp_path: Path):
    """While the store hangs and clients go on sending, what waits is bounded; then all of it is stored."""
    floods = {name: _largest(name) for name in (f"desa-{number}" for number in range(FLOODING))}
    async with (
        collecting(broker.port, tmp_path) as collector,
        contextlib.AsyncExitStack() as stack,
    ):
        devices = [await stack.enter_async_context(connected(broker, name)) for name in floods]
        collector.store.free.clear()
        before_bytes = _resident_bytes()
        for device in devices:
            for payload, content_type in floods[device.name]:
                device.publish(payload, content_type)
        await until(lambda: collector.metric("pantau_ingest_held_back_total"))
        await asyncio.sleep(A_WHILE_S)  # long enough to read all of it, if somebody did
        waiting_bytes = collector.metric("pantau_ingest_waiting_bytes")
        grown_bytes = _resident_bytes() - before_bytes
        print(f"{grown_bytes / MB:.0f} MB more for {waiting_bytes / MB:.1f} MB of JSON")  # noqa: T201
        assert WAITING_MB * MB <= waiting_bytes <= WAITING_MB * MB + MAX_PAYLOAD_BYTES
        assert grown_bytes < GROWTH_PER_BYTE * WAITING_MB * MB
        collector.store.free.set()
        everything = set(range(1, ENVELOPES_EACH * RECORDS + 1))
        await until(lambda: all(device.stored == everything for device in devices), patience_s=120)
        assert collector.metric("pantau_ingest_waiting_bytes") == 0


def _largest(device: str) -> list[tuple[bytes, str]]:
    """Envelopes that inflate to nearly the limit, full of the values that take most room in memory.

    Their records are new: old ones would be put off before anything is full.
    """
    now_ns = time.time_ns()
    data = codec.encode_measurement(
        Speed(engine="http", server="s", download_series_bps=SERIES, upload_series_bps=SERIES)
    ).replace(b"1.0", b"1")
    made = []
    for first in range(1, ENVELOPES_EACH * RECORDS, RECORDS):
        payload, content_type = envelope_of(
            *(record(seq, data, now_ns + seq) for seq in range(first, first + RECORDS)), device=device
        )
        assert MAX_PAYLOAD_BYTES * 0.7 < len(codec.unpack(payload, content_type)) <= MAX_PAYLOAD_BYTES
        made.append((payload, content_type))
    return made


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
