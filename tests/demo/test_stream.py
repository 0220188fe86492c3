"""A small fleet through real brokers and a real collector: all stored once, hostile devices refused."""

import asyncio
import contextlib
import json
import subprocess

import numpy as np
import pytest
from tests.collector.ingest import processes
from tests.collector.ingest.waiting import until
from tests.demo import fleets
from tests.fakes import brokers

from pantau_collector.storage.sqlite import SqliteStore
from pantau_demo.fleet import misbehaviour, recipe, watching
from pantau_demo.fleet.cadence import STANDARD
from pantau_demo.fleet.dice import Dice
from pantau_demo.fleet.life import Life
from pantau_demo.fleet.observations import Scene, observe
from pantau_demo.fleet.population import populate, registry_csv
from pantau_demo.fleet.stream.running import Options, Stream
from pantau_demo.fleet.watching import Standing
from pantau_wire import ranges
from pantau_wire.fields import KINDS

RATE, DURATION_S = 60.0, 8.0


@pytest.fixture(params=brokers.KINDS)
def broker(request, tmp_path):
    with brokers.running(request.param, tmp_path) as started:
        yield started


@pytest.fixture
def mosquitto(tmp_path):
    with brokers.running("mosquitto", tmp_path) as started:
        yield started


def streamed(life, broker, folder, *, culprits=(), standing=None, **options):
    """Run a collector and a stream beside it; return the account and the settings of the collector."""
    settings = processes.settings(folder / "collector", broker.port)
    known = [(one.name, one.village.code) for one in culprits if one.way != misbehaviour.UNREGISTERED]
    (settings.folder / "devices.csv").write_text(registry_csv(life.population, known, life.epoch_minute))
    expiry = broker.kind == "mosquitto"
    wanted = Options(
        brokers.HOST, broker.port, **{"rate": RATE, "duration_s": DURATION_S, "expiry": expiry} | options
    )
    with processes.running(settings.file, folder / "collector.log"):
        said = []
        stream = Stream(life, standing, wanted, culprits, said.append)
        account = asyncio.run(run_when_heard(stream, folder / "collector.log"))
    assert "connections" in said[0]
    return account, settings


async def run_when_heard(stream, log):
    """Run the stream as soon as the collector listens, until its time is up or its backlog is delivered."""
    await until(lambda: "broker.connected" in log.read_text())
    stop = asyncio.Event()
    watcher = asyncio.create_task(stop_when_delivered(stream, stop))
    account = await stream.run(stop)
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)
    return account


async def stop_when_delivered(stream, stop):
    """Stop a stream that had a backlog as soon as it has none."""
    await until(lambda: stream._options.left_minute and stream._fleet and not backlog(stream._fleet), 120)
    stop.set()


def backlog(of):
    """Return the spans that wait for a device which could send them now."""
    return [
        span for at, spool in of._spools.items() if of._online[at] for span in (*spool.waiting, *spool.again)
    ]


def fleet(count, seed=1):
    """Return the life of a fleet that began long ago, as one without a history does."""
    dice, epoch = Dice(seed), recipe.now_minute() - 60 * fleets.DAY
    return Life(dice, populate(dice, fleets.klaten(count), epoch), epoch, STANDARD)


def test_everything_is_stored_exactly_once_and_acknowledged(broker, tmp_path):
    """Eight minutes of forty villages, pressed into eight seconds: each number once, none missing."""
    life = fleet(40)
    account, settings = streamed(life, broker, tmp_path)
    with contextlib.closing(SqliteStore(settings.folder / "pantau.db")) as store:
        points = sum(sum(one.counts.values()) for one in store.activity())
        for device, spool in zip(life.population.names, life.spools, strict=True):
            stored = store.stored_seqs(device, spool)
            assert stored == ([(1, ranges.count(stored))] if stored else [])
    assert account["records_stored"] == points > 40 * 6
    assert account["records_unanswered"] == account["records_rejected"] == 0
    assert account["records_measured"] == account["records_stored"] + account["records_waiting"]
    assert account["connections"] <= 64
    assert account["lag_p50_s"] is not None


def test_days_without_a_line_are_delivered_when_it_is_back(mosquitto, tmp_path):
    """What a device measured before it could speak arrives with its own times, numbers and boots."""
    life, minutes = fleet(6, seed=8), 90
    now = recipe.now_minute()
    standing = Standing.new(len(life.population))
    account, settings = streamed(
        life, mosquitto, tmp_path, standing=standing, left_minute=now - minutes, rate=1.0, duration_s=90.0
    )
    who = np.arange(len(life.population))
    block = life.block(who, now - minutes, minutes)
    track = watching.follow(block, life.population, Standing.new(len(who)))
    expected = {
        (life.population.names[row], int(track.first_seq[row, at] + ordinal))
        for table in observe(Scene(life, block, track))
        for row, at, ordinal in zip(table.row, table.at, table.ordinal, strict=True)
    }
    with contextlib.closing(SqliteStore(settings.folder / "pantau.db")) as store:
        found = {
            (device, seq)
            for device, spool in zip(life.population.names, life.spools, strict=True)
            for first, last in store.stored_seqs(device, spool)
            for seq in range(first, last + 1)
        }
    assert expected <= found
    assert account["records_rejected"] == 0


def test_hostile_devices_end_as_dead_letters_and_cost_the_others_nothing(mosquitto, tmp_path):
    """Each way of doing wrong is answered as it should be; every good record is stored."""
    life = fleet(10, seed=2)
    culprits = misbehaviour.culprits(life.dice, fleets.klaten(10), len(misbehaviour.WAYS), life.epoch_minute)
    account, settings = streamed(life, mosquitto, tmp_path, culprits=culprits)
    listed = subprocess.run(
        [*processes.COMMAND, "--config", str(settings.file), "dead-letters", "list", "--json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    reasons = {}
    for line in listed.splitlines():
        letter = json.loads(line)
        reasons.setdefault(letter["device"].split("-", 1)[1].rsplit("-", 1)[0], set()).add(letter["reason"])
    assert reasons == {
        "garbage": {"malformed"},
        "bad-field": {"invalid_record"},
        "broken-clock": {"implausible_time"},
        "impostor": {"identity"},
        "bomb": {"too_large"},
        "liar": {"altered"},
    }
    assert account["hostile_answers"]["deferred: unregistered"] > 0
    assert account["hostile_answers"]["deferred: rate_limit"] > 0
    assert account["records_measured"] == account["records_stored"] + account["records_waiting"] > 0
    assert account["records_unanswered"] == account["records_rejected"] == 0


def test_every_kind_of_measurement_is_what_the_wire_allows():
    """A day of every kind passes the decoder's bounds."""
    life = fleet(30, seed=3)
    who = np.arange(len(life.population))
    block = life.block(who, recipe.now_minute() - 200, 200)
    tables = observe(Scene(life, block, watching.follow(block, life.population, Standing.new(len(who)))))
    assert {table.kind for table in tables if len(table.row)} == set(KINDS)
