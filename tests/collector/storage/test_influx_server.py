"""What a real InfluxDB (1.6.7) does with points that it does not like, and when it is killed."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.collector.storage.building import START_NS, arrival, batch, dns, point_of
from tests.fakes import influxd

from pantau_collector.audit import audit
from pantau_collector.config import InfluxConfig
from pantau_collector.errors import StoreRefusesError, StoreUnavailableError
from pantau_collector.storage.base import Batch, Delivery
from pantau_collector.storage.influx.activity import ActivityReader
from pantau_collector.storage.influx.patience import Gate
from pantau_collector.storage.influx.store import InfluxStore
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.influxd import Influxd

    from pantau_collector.storage.base import Arrival

DAY_S = 86_400


@contextlib.contextmanager
def opened(server: Influxd, database: str, **settings: object) -> Iterator[InfluxStore]:
    gate = Gate(first_s=0.0)  # these tests wait for nothing
    store = InfluxStore(InfluxConfig(url=server.url, database=database, **settings), gate=gate)
    with contextlib.closing(store):
        yield store


def first(one: Arrival) -> Arrival:
    return msgspec.structs.replace(one, attempt=1)


def test_points_beyond_retention(influx: Influxd):
    """Points that the server would delete at once are refused; those in the same request are stored."""
    age_s = time.time() - START_NS / 1e9
    new = [first(arrival(Dns(resolver="r", name="n"), seq=seq, at_s=age_s - seq)) for seq in range(1, 31)]
    old = first(arrival(Dns(resolver="r", name="n"), seq=31, at_s=age_s - 400 * DAY_S))
    with opened(influx, influx.new_database("WITH DURATION 120d")) as store:
        report = store.write(Batch.of([*new[:11], old, *new[11:]]))
        assert [refusal.arrival for refusal in report.refused] == [old]
        assert "beyond retention policy" in report.refused[0].reason
        assert (report.new_count, store.stored_seqs("desa-1", "s1")) == (30, [(1, 30)])


def test_field_type_conflicts(influx: Influxd):
    """A series that somebody filled with another type refuses one device's points, and holds a fleet's."""
    database = influx.new_database()
    influx.write(f'dns,device=x resolve_ms="quick" {START_NS}', database)
    good = [first(dns(seq, resolve_ms=None)) for seq in range(1, 20)]
    with opened(influx, database) as store:
        report = store.write(batch(*good, first(dns(20))))
        assert [refusal.arrival.record.seq for refusal in report.refused] == [20]
        assert "field type conflict" in report.refused[0].reason
        assert store.stored_seqs("desa-1", "s1") == [(1, 19)]
        with pytest.raises(StoreRefusesError, match="field type conflict"):
            store.write(batch(*(first(dns(1, device=f"desa-{at}")) for at in range(5))))


def test_more_values_than_a_tag_may_have(tmp_path: Path):
    """Beyond `max-values-per-tag` one device's new keys are refused; a new device is held, never refused."""
    options = {"index": "inmem", "max_values_per_tag": 3}
    with influxd.running(tmp_path, **options) as server, opened(server, server.new_database()) as store:
        store.write(batch(*(first(dns(seq, name=f"{seq}.id")) for seq in range(1, 4))))
        report = store.write(batch(*(first(dns(seq, name=f"{seq - 2}.id")) for seq in range(4, 8))))
        assert {refusal.arrival.record.seq for refusal in report.refused} == {6, 7}
        assert "max-values-per-tag" in report.refused[0].reason
        for at in range(2, 4):
            store.write(batch(first(dns(1, device=f"desa-{at}", name="1.id"))))
        with pytest.raises(StoreRefusesError, match="max-values-per-tag"):
            store.write(batch(first(dns(1, device="desa-4", name="1.id"))))


def test_requests_that_are_too_large(tmp_path: Path):
    """A server that takes small requests only gets everything in small ones."""
    with (
        influxd.running(tmp_path, max_body_size=5000) as server,
        opened(server, server.new_database()) as store,
    ):
        arrivals = [first(dns(seq)) for seq in range(1, 101)]
        delivery = Delivery("desa-1", "s1", 1, 100, "received", START_NS)
        assert store.write(Batch.of(arrivals, [delivery])).new_count == 100
        assert store.stored_seqs("desa-1", "s1") == [(1, 100)]


def test_logins(tmp_path: Path):
    """With the right login it works; a wrong one, or none, holds everything and says so."""
    with influxd.running(tmp_path, auth=True) as server:
        server.run("CREATE USER pantau WITH PASSWORD 'rahasia' WITH ALL PRIVILEGES")
        server.login = ("pantau", "rahasia")
        database = server.new_database()
        with opened(server, database, username="pantau", password="rahasia") as store:
            assert store.write(batch(first(dns(1)))).new_count == 1
            assert store.points("dns", "desa-1") == [point_of(dns(1))]
        for login in ({"username": "pantau", "password": "salah"}, {}):
            with opened(server, database, **login) as store:
                with pytest.raises(StoreRefusesError, match="401"):
                    store.write(batch(first(dns(2))))
                with pytest.raises(StoreRefusesError, match="401"):
                    store.points("dns", "desa-1")


def test_a_database_that_is_not_there(influx: Influxd):
    """A missing database holds everything, and is written to as soon as somebody makes it."""
    name = influx.new_database()
    influx.run(f"DROP DATABASE {name}")
    with opened(influx, name) as store:
        with pytest.raises(StoreRefusesError, match="404: database not found"):
            store.write(batch(first(dns(1))))
        influx.run(f"CREATE DATABASE {name}")
        assert store.write(batch(first(dns(1)))).new_count == 1


def test_a_retention_policy_of_its_own(influx: Influxd):
    """Points go to the configured retention policy, and are read from there."""
    name = influx.new_database()
    influx.run(f"CREATE RETENTION POLICY raw ON {name} DURATION INF REPLICATION 1")
    with opened(influx, name, retention_policy="raw") as store:
        store.write(batch(dns(1)))
        assert store.write(batch(dns(1))).repeated_count == 1
        assert store.points("dns", "desa-1") == [point_of(dns(1))]
    with opened(influx, name) as store:
        assert store.points("dns", "desa-1") == []


def test_what_was_written_survives_a_kill(tmp_path: Path):
    """What `write` returned for is there after a SIGKILL; meanwhile the server is unavailable."""
    with influxd.running(tmp_path) as server, opened(server, server.new_database()) as store:
        for seq in range(1, 6):
            store.write(batch(first(dns(seq))))
            server.kill()
            with pytest.raises(StoreUnavailableError):
                store.write(batch(first(dns(seq + 1))))
            server.start()
            assert store.stored_seqs("desa-1", "s1") == [(1, seq)]
            assert [entry.last_seq for entry in store.deliveries("desa-1")] == list(range(1, seq + 1))


def test_later_attempts_overwrite_nothing(influx: Influxd):
    """A record that came before with other values is reported from its second attempt on, and stays."""
    with opened(influx, influx.new_database()) as store:
        store.write(batch(first(dns(1))))
        changed = msgspec.structs.replace(dns(1, resolve_ms=99.0), attempt=2)
        report = store.write(batch(changed))
        assert (list(report.altered), report.new_count) == ([changed], 0)
        assert store.points("dns", "desa-1") == [point_of(dns(1))]


def test_a_repeated_record_leaves_one_delivery(influx: Influxd):
    """A record that is sent again adds nothing to the record of deliveries, whatever the time it comes."""
    name = influx.new_database()
    with opened(influx, name) as store:
        store.write(Batch.of([first(dns(1))], [Delivery("desa-1", "s1", 1, 1, "received", START_NS)]))
        again = msgspec.structs.replace(dns(1), attempt=2)
        store.write(Batch.of([again], [Delivery("desa-1", "s1", 1, 1, "received", START_NS + DAY_S * 10**9)]))
    assert '"values":[["1970-01-01T00:00:00Z",1]]' in influx.run(
        'SELECT count("first_seq") FROM "delivery"', name
    )


def test_many_devices_are_looked_for_at_once(influx: Influxd):
    """After an outage thousands of records come again at once: all are found, whatever their times."""
    arrivals = [
        dns(seq, device=f"desa-{at}", resolve_ms=float(at))
        for at in range(250)
        for seq in range(1, 3601, 450)
    ]
    with opened(influx, influx.new_database()) as store:
        assert store.write(batch(*arrivals)).new_count == len(arrivals)
        assert store.write(batch(*arrivals)).repeated_count == len(arrivals)


def test_slow_counts_are_kept_for_a_while(influx: Influxd):
    """Where counting takes two seconds it is done each forty; when a device was last heard of is fresh."""
    moments = iter([0.0, 2.0, 39.0, 40.0, 40.5])
    with opened(influx, influx.new_database()) as store:
        reader = ActivityReader(store._client, lambda: next(moments))
        store.write(batch(dns(1)))
        assert dict(reader.read(None)[0].counts) == {"dns": 1}
        store.write(batch(dns(2)))
        (kept,) = reader.read(None)
        assert (dict(kept.counts), kept.last_time_ns) == ({"dns": 1}, START_NS + 2 * 10**9)
        assert dict(reader.read("desa-1")[0].counts) == {"dns": 2}
        assert dict(reader.read(None)[0].counts) == {"dns": 2}


def test_the_audit_proves_it(influx: Influxd):
    """From InfluxDB alone the audit tells that nothing is missing, and names what is."""
    with opened(influx, influx.new_database()) as store:
        store.write(batch(*map(dns, range(1, 8))))
        store.write(Batch(deliveries=[Delivery("desa-1", "s1", 8, 9, "dropped", START_NS, "spool_full")]))
        (complete,) = audit(store, ["desa-1"])
        assert (complete.complete, complete.received_count, complete.dropped_count) == (True, 7, 2)
        store.write(Batch(deliveries=[Delivery("desa-1", "s1", 11, 12, "received", START_NS)]))
        (holes,) = audit(store, ["desa-1"])
        assert (holes.missing, holes.lost) == (((10, 10),), ((11, 12),))
