"""What becomes of points when InfluxDB does not simply take them: nothing is lost, nothing is there twice.

The peer is a server that follows a script and answers in the manner of 1.x, 2.x and 3.x.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.collector.storage.arriving import ArrivingStore
from tests.collector.storage.building import START_NS, batch, dns
from tests.fakes import influx_script
from tests.fakes.influx_script import Answer, ScriptedInflux

from pantau_collector.config import InfluxConfig
from pantau_collector.errors import StoreRefusesError, StoreUnavailableError
from pantau_collector.storage.base import Batch, Delivery
from pantau_collector.storage.influx import sending
from pantau_collector.storage.influx.patience import Breaker, Gate
from pantau_collector.storage.influx.store import InfluxStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.storage.base import Arrival

BAD = "unable to parse 'dns,device=…': bad timestamp"


class Time:
    """A clock that stands until it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture(params=influx_script.VERSIONS)
def influx(request: pytest.FixtureRequest) -> Iterator[ScriptedInflux]:
    """A server that answers as 1.x, 2.x or 3.x does."""
    with influx_script.running(ScriptedInflux(request.param)) as server:
        yield server


@pytest.fixture(params=[InfluxStore, ArrivingStore], ids=["records", "as they came"])
def store(request: pytest.FixtureRequest, influx: ScriptedInflux, clock: Time) -> Iterator[InfluxStore]:
    """What a store gets is records, or what it made of them when they arrived: all is the same."""
    with opened(influx, clock, request.param) as store:
        yield store


@contextlib.contextmanager
def opened(
    influx: ScriptedInflux, clock: Time, kind: type[InfluxStore] = InfluxStore, **settings: object
) -> Iterator[InfluxStore]:
    config = InfluxConfig(url=influx.url, **settings)
    store = kind(config, gate=Gate(clock=clock), breaker=Breaker(clock))
    with contextlib.closing(store):
        yield store


def first(seq: int, device: str = "desa-1", **fields: object) -> Arrival:
    """A record that its device sends for the first time."""
    return msgspec.structs.replace(dns(seq, device=device, **fields), attempt=1)


def many(devices: int, each: int) -> list[Arrival]:
    return [first(seq, f"desa-{at}") for at in range(devices) for seq in range(1, each + 1)]


def broken(seq: int, device: str = "rusak-1", failure: str = "busy") -> Arrival:
    """A record that the server refuses where its fault is `bad_lines`."""
    return first(seq, device, failure=failure)


def bad_lines(line: str) -> str | None:
    return BAD if "failure=" in line else None


FIVE = [broken(1, f"rusak-{at}") for at in range(5)]


def stored_points(influx: ScriptedInflux) -> set[str]:
    return {line for line in influx.stored if line.startswith("dns")}


def test_offenders_are_found_and_their_neighbours_stored(influx: ScriptedInflux, store: InfluxStore):
    """Of many points those that the server refuses are named with its words, and all others are stored."""
    influx.fault = bad_lines
    bad = [broken(7, "rusak-1"), broken(8, "rusak-2")]
    good = many(20, 10)
    report = store.write(batch(*good[:77], bad[0], *good[77:150], bad[1], *good[150:]))
    assert [refusal.arrival for refusal in report.refused] == bad
    assert all("unable to parse" in refusal.reason for refusal in report.refused)
    assert report.new_count == 200
    assert len(stored_points(influx)) == 200
    assert len(influx.writes("dns")) <= (2 if influx.dialect == "3" else 40)


def test_deliveries_are_durable_before_their_points(influx: ScriptedInflux, store: InfluxStore):
    """A point that is found stored proves that its delivery is: they go first, in a request of their own."""
    store.write(batch(first(1), first(2)))
    kinds = [{line.partition(",")[0] for line in request.lines} for request in influx.writes()]
    assert kinds == [{"delivery"}, {"dns"}]


def test_nothing_is_sent_where_deliveries_fail(influx: ScriptedInflux, store: InfluxStore):
    """A server that refuses the record of deliveries gets no points either."""
    influx.fault = lambda line: "no room" if line.startswith("delivery") else None
    with pytest.raises(StoreRefusesError, match=r"record of deliveries: .*no room"):
        store.write(batch(first(1)))
    assert influx.writes("dns") == []


@pytest.mark.parametrize("status", [401, 403, 404, 405, 302, 200])
def test_a_server_that_says_no_to_everything(influx: ScriptedInflux, store: InfluxStore, status: int):
    """Wrong token, missing database, a proxy's login page: nothing is refused, somebody has to mend it."""
    influx.script = [Answer(status, b'{"error":"not you"}', {"Location": "/login"})]
    with pytest.raises(StoreRefusesError, match=rf"answers {status}: not you"):
        store.write(batch(first(1)))
    assert influx.stored == {}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_server_in_trouble(influx: ScriptedInflux, store: InfluxStore, status: int, clock: Time):
    """Too many requests, faults of the server: it is left alone a while, then it is tried again."""
    influx.script = [Answer(status, b"<html>busy\r\n</html>")]
    with pytest.raises(StoreUnavailableError, match=f"answers {status}: <html>busy  </html>") as caught:
        store.write(batch(first(1)))
    assert not isinstance(caught.value, StoreRefusesError)
    clock.now_s += 1.0
    assert store.write(batch(first(1))).new_count == 1


def test_retry_after_is_honoured(influx: ScriptedInflux, store: InfluxStore, clock: Time):
    """A server that wants to be left alone for seven seconds is not troubled before, and devices are told."""
    influx.script = [Answer(429, b"", {"Retry-After": "7"})]
    with pytest.raises(StoreUnavailableError) as caught:
        store.write(batch(first(1)))
    assert caught.value.retry_after_s == 7
    clock.now_s = 6.5
    sent = len(influx.writes())
    with pytest.raises(StoreUnavailableError, match="answers 429") as again:
        store.write(batch(first(1)))
    assert (again.value.retry_after_s, len(influx.writes())) == (0.5, sent)
    clock.now_s = 7.0
    assert store.write(batch(first(1))).new_count == 1


def test_a_server_that_stays_in_trouble_is_tried_less_often(
    influx: ScriptedInflux, store: InfluxStore, clock: Time
):
    """From a second on, twice as long each time, never above a minute: tried for ever."""
    influx.script = [Answer(503)] * 40
    tried_at = []
    while influx.script:
        before = len(influx.writes())
        with pytest.raises(StoreUnavailableError):
            store.write(batch(first(1)))
        if len(influx.writes()) > before:
            tried_at.append(clock.now_s)
        clock.now_s += 0.25
    pauses = [after - before for before, after in itertools.pairwise(tried_at)]
    assert pauses[0] <= 1.25
    assert 30 <= pauses[-1] <= 60.25
    clock.now_s += 60
    assert store.write(batch(first(1))).new_count == 1


def test_a_request_that_is_too_large_is_cut(influx: ScriptedInflux, store: InfluxStore):
    """Where a request is too large its halves are sent, and everything is stored."""
    influx.max_body_bytes = 3000
    report = store.write(Batch.of(many(10, 20)))
    assert (report.new_count, list(report.refused)) == (200, [])
    assert len(stored_points(influx)) == 200


def test_a_point_that_is_too_large_is_refused(influx: ScriptedInflux, store: InfluxStore):
    """A single line that the server finds too large is refused by itself."""
    influx.max_body_bytes = 400
    large = first(1, failure_detail="x" * 200, name="y" * 200)
    report = store.write(Batch.of([large, first(2), first(3)]))
    assert [refusal.arrival for refusal in report.refused] == [large]
    assert (report.new_count, len(stored_points(influx))) == (2, 2)


def test_a_hanging_server(influx: ScriptedInflux, clock: Time):
    """A server that does not answer in time is unavailable, and whoever comes next does not wait for it."""
    influx.script = [Answer(hang=True)]
    with opened(influx, clock, timeout_s=1) as store:
        with pytest.raises(StoreUnavailableError, match="timed out"):
            store.write(batch(first(1)))
        with pytest.raises(StoreUnavailableError, match="timed out"):
            store.write(batch(first(1)))
        assert len(influx.writes()) == 1


def test_a_connection_cut_once(influx: ScriptedInflux, store: InfluxStore):
    """A connection that breaks in the middle of an answer is made anew: sending twice does no harm."""
    store.write(batch(first(1)))
    influx.script = [Answer(200, b"", cut=True)]
    assert store.write(Batch.of([first(2)])).new_count == 1
    assert len(stored_points(influx)) == 2


def test_a_connection_cut_again_and_again(influx: ScriptedInflux, store: InfluxStore):
    """A server that cuts every answer is unavailable."""
    influx.script = [Answer(200, b"", cut=True)] * 2
    with pytest.raises(StoreUnavailableError):
        store.write(batch(first(1)))


def test_nobody_listens(clock: Time):
    """A server that is not there is unavailable, and the message names it."""
    with influx_script.running(ScriptedInflux()) as influx:
        pass
    with opened(influx, clock) as store, pytest.raises(StoreUnavailableError, match=influx.url):
        store.write(batch(first(1)))


def test_one_device_alone_opens_no_breaker(influx: ScriptedInflux, store: InfluxStore, clock: Time):
    """A device with a few bad points loses those to the quarantine, day after day, and stops nobody."""
    influx.fault = bad_lines
    for day in range(5):
        clock.now_s = day * 86_400.0
        report = store.write(batch(*map(broken, range(1, 20)), first(20)))
        assert (len(report.refused), report.new_count) == (19, 1)


def test_a_reason_that_hits_many_devices_opens_the_breaker(
    influx: ScriptedInflux, store: InfluxStore, clock: Time
):
    """What five devices suffer from is no fault of theirs: nothing is refused, everything is deferred."""
    influx.fault = bad_lines
    words = r"of 5 device\(s\), which is no fault of theirs: .*unable"
    with pytest.raises(StoreRefusesError, match=words) as caught:
        store.write(batch(*many(200, 3), *FIVE))
    assert caught.value.retry_after_s == Breaker.hold_s
    influx.fault = lambda _: None
    with pytest.raises(StoreRefusesError):
        store.write(batch(first(1)))
    clock.now_s = Breaker.hold_s
    report = store.write(batch(*many(200, 3), *FIVE))
    assert list(report.refused) == []


def test_a_reason_that_hits_one_percent_opens_the_breaker(influx: ScriptedInflux, store: InfluxStore):
    """One device whose points are refused by the dozen is more than a bad point or two."""
    influx.fault = bad_lines
    with pytest.raises(StoreRefusesError, match=r"20 point\(s\) of 1 device\(s\)"):
        store.write(batch(*many(10, 10), *map(broken, range(1, 30))))


def test_a_breaker_that_was_open_opens_sooner(influx: ScriptedInflux, store: InfluxStore, clock: Time):
    """While a fault lasts, not even the few points that a small fleet sends at a time are given away."""
    influx.fault = bad_lines
    lost = 0
    for minute in range(30):
        clock.now_s = minute * 61.0
        with contextlib.suppress(StoreRefusesError):
            lost += len(store.write(Batch.of([*map(broken, range(1, 4))])).refused)
    assert lost <= Breaker.least_points
    influx.fault = lambda _: None
    clock.now_s += 61.0
    assert store.write(batch(first(1))).new_count == 1


def test_different_reasons_are_counted_apart(influx: ScriptedInflux, store: InfluxStore):
    """What differs from point to point makes no reason of its own; different reasons do not add up."""
    influx.fault = lambda line: line.partition("failure=")[2].partition(",")[0].strip('"').partition(" ")[0]
    reasons = ["timeout", "busy", "refused", "protocol"]
    bad = [broken(at, f"rusak-{at}", reason) for at, reason in enumerate(reasons, 1)]
    assert len(store.write(batch(*many(10, 10), *bad)).refused) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "partial write: dropped 1 points outside retention policy - oldest point dns,device=a",
            "partial write: points beyond retention policy dropped=7",
        ),
        (
            'max-values-per-tag limit exceeded (3/3): measurement="dns" tag="name" value="a" dropped=1',
            'max-values-per-tag limit exceeded (9/9): measurement="dns" tag="device" value="b" dropped=2',
        ),
        ("unable to parse 'dns,name=it\\'s f=': missing", "unable to parse 'dns f=': missing field value"),
        ("invalid column type for column 'a', expected 1", "invalid column type for column 'b', expected 22"),
    ],
)
def test_reasons_that_are_the_same(one: str, other: str):
    """What InfluxDB's versions say of different points for the same reason counts as one reason."""
    assert sending.group_of(one) == sending.group_of(other) != sending.group_of("something else")


def test_a_place_twice_in_one_batch(influx: ScriptedInflux, store: InfluxStore):
    """Of first attempts for one place the first is stored, another value altered, the same one repeated."""
    one, other, same = first(1), first(2, resolve_ms=7.0), first(3, resolve_ms=1.0)
    other, same = (
        msgspec.structs.replace(late, record=msgspec.structs.replace(late.record, time_ns=one.record.time_ns))
        for late in (other, same)
    )
    others = [one for one in many(3, 2) if one.device != "desa-1"]
    report = store.write(batch(one, *others, other, same))
    assert (report.new_count, report.repeated_count, report.altered) == (5, 1, [other])
    assert len(stored_points(influx)) == 5
    assert not any("resolve_ms=7.0" in line for line in stored_points(influx))


def test_first_attempts_are_not_looked_for(influx: ScriptedInflux, store: InfluxStore):
    """Only what may be stored already costs a question."""
    store.write(batch(first(1), first(2)))
    assert [one for one in influx.requests if one.path == "/query"] == []
    store.write(batch(msgspec.structs.replace(first(3), attempt=2), first(4)))
    (question,) = [one for one in influx.requests if one.path == "/query"]
    assert "dns" in question.lines[0]


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("1.6.7~rc0", "/write"),
        ("1.7.11", "/write"),
        ("1.8.10", "/api/v2/write"),
        ("v2.0.0", "/api/v2/write"),
        ("2.7.11", "/api/v2/write"),
        ("3.4.1", "/api/v2/write"),
    ],
)
def test_the_version_is_asked_for(version: str, path: str, clock: Time):
    """The server says which version it is, and is written to in its way."""
    influx = ScriptedInflux("3" if version.startswith("3") else "1", version)
    with influx_script.running(influx), opened(influx, clock) as store:
        store.write(batch(first(1)))
        assert {one.path for one in influx.writes()} == {path}


def test_a_server_that_does_not_say_its_version(clock: Time):
    """What answers and is no InfluxDB is refused; a configured version is taken at its word."""
    influx = ScriptedInflux("1", "")
    with influx_script.running(influx):
        with (
            opened(influx, clock) as store,
            pytest.raises(StoreRefusesError, match=r"set store\.influxdb\.server"),
        ):
            store.write(batch(first(1)))
        with opened(influx, clock, server="1.6") as store:
            assert store.write(batch(first(1))).new_count == 1


def test_a_server_that_was_upgraded(clock: Time):
    """After a refusal the version is asked for anew: it may be another server by now."""
    influx = ScriptedInflux("1", "1.6.7")
    with influx_script.running(influx), opened(influx, clock) as store:
        store.write(batch(first(1)))
        influx.version = "1.8.10"
        influx.script = [Answer(404)]
        with pytest.raises(StoreRefusesError):
            store.write(batch(first(2)))
        clock.now_s = 60.0
        store.write(batch(first(2)))
        assert influx.writes()[-1].path == "/api/v2/write"


@pytest.mark.parametrize(
    ("settings", "authorization"),
    [
        ({"token": "abc=="}, "Token abc=="),
        ({"username": "pantau", "password": "rahasia"}, "Basic cGFudGF1OnJhaGFzaWE="),
        ({}, None),
    ],
)
def test_logins(settings: dict[str, str], authorization: str | None, clock: Time):
    """A token, or name and password, go with each request, and the bucket is named in full."""
    influx = ScriptedInflux("2")
    names = {"database": "ukur", "retention_policy": "raw", "org": "desa kita"}
    with influx_script.running(influx), opened(influx, clock, **names, **settings) as store:
        store.write(batch(first(1)))
        assert {one.headers.get("authorization") for one in influx.requests} == {authorization}
        assert influx.writes()[0].parameters == {"precision": "ns", "bucket": "ukur/raw", "org": "desa kita"}


def test_bodies_are_compressed_on_the_way(influx: ScriptedInflux, store: InfluxStore):
    """To another machine requests travel compressed, and arrive the same."""
    store._client._compress = True
    store.write(batch(*many(3, 3)))
    assert {one.headers["content-encoding"] for one in influx.writes()} == {"gzip"}
    assert len(stored_points(influx)) == 9


def test_large_batches_go_in_several_requests(
    influx: ScriptedInflux, store: InfluxStore, monkeypatch: pytest.MonkeyPatch
):
    """No request is larger than every version takes."""
    monkeypatch.setattr("pantau_collector.storage.influx.sending.MAX_REQUEST_BYTES", 1000)
    monkeypatch.setattr("pantau_collector.storage.influx.sending.MAX_REQUEST_LINES", 7)
    store.write(batch(*many(100, 1), *(first(1, f"rusak-{at}", failure_detail="x" * 200) for at in range(9))))
    assert len(stored_points(influx)) == 109
    assert all(sum(map(len, one.lines)) <= 1000 for one in influx.writes("dns"))
    assert all(len(one.lines) <= 7 for one in influx.writes())
    assert len(influx.writes("dns")) >= 109 / 7
    assert set(influx.stored.values()) == {1}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b'{"results":[{"statement_id":0,"error":"database not found: pantau"}]}\n', StoreRefusesError),
        (200, b'{"error":"timeout"}\n', StoreRefusesError),
        (200, b'{"results":[{"statement_id":0,"series":[{"na', StoreUnavailableError),
        (200, b"<html>Welcome</html>", StoreUnavailableError),
        (401, b'{"error":"authorization failed"}', StoreRefusesError),
        (204, b"", StoreRefusesError),
        (400, b'{"error":"error parsing query"}', StoreRefusesError),
        (503, b"", StoreUnavailableError),
    ],
)
def test_questions_that_are_not_answered(
    influx: ScriptedInflux, store: InfluxStore, status: int, body: bytes, error: type[StoreUnavailableError]
):
    """A question without a whole answer fails; it never looks like an answer of nothing."""
    influx.answer_to_questions = Answer(status, body)
    with pytest.raises(error):
        store.points("dns", "desa-1")


def test_a_repeated_dropped_range_is_told_once(influx: ScriptedInflux, store: InfluxStore):
    """Ranges without points are written as they come."""
    entry = Delivery("desa-1", "s1", 5, 9, "dropped", START_NS, "spool_full")
    store.write(Batch(deliveries=[entry]))
    store.write(Batch(deliveries=[entry]))
    assert len(influx.stored) == 1
