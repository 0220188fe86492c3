"""The router's counters: wraps undone, restarts noticed, ports found by name, and no byte lost to silence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_agent.config.settings import AgentConfig, RouterConfig, Secret, TrafficConfig
from pantau_agent.jobs import jobs_of
from pantau_agent.probes.base import Context
from pantau_agent.probes.failures import ProbeError
from pantau_agent.probes.traffic import RouterTarget, TrafficProbe, TrafficTarget
from pantau_agent.probes.traffic.rates import Period, SampleLostError, Snapshot
from pantau_agent.probes.traffic.router import Router, RouterCounters
from pantau_agent.probes.traffic.snmp_engine import Meter
from pantau_wire.fields import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantau_agent.probes.traffic.snmp import Value

TARGET = RouterTarget(host="192.0.2.1", interface="ether1", community="rahasia")
SAMPLE_S = 10.0
FASTEST_BYTES = int(SAMPLE_S * 125_000_000)  # what 1 Gbit/s carries in a sample

grown_64 = st.integers(0, 2**50)
grown_32 = st.integers(0, FASTEST_BYTES)
any_32 = st.integers(0, 2**32 - 1)


def counters(uptime_s: float = 100.0, rx: int = 0, tx: int = 0, **changed: Any) -> RouterCounters:
    plain = RouterCounters(2, round(uptime_s * 100) % 2**32, 0, is_64_bit=True, rx_bytes=rx, tx_bytes=tx)
    return plain._replace(**changed)


@given(st.integers(0, 2**63), st.integers(0, 2**63), grown_64, grown_64, st.floats(0, 10**8))
def test_64_bits_grow_by_what_crossed(rx: int, tx: int, more_rx: int, more_tx: int, uptime_s: float) -> None:
    """Whatever sysUpTime says, which wraps after 497 days."""
    before = counters(uptime_s, rx, tx)
    now = counters(uptime_s + SAMPLE_S, rx + more_rx, tx + more_tx)
    assert now.grown_since(before, SAMPLE_S) == (more_rx, more_tx)


@given(st.lists(st.tuples(grown_32, grown_32), min_size=1, max_size=40), any_32, any_32)
def test_32_bits_add_up_across_wraps(steps: list[tuple[int, int]], rx: int, tx: int) -> None:
    """However often they wrap: at most once in a sample, as a port with such counters can carry no more."""
    uptime_s, last, sums = 0.0, counters(0.0, rx, tx, is_64_bit=False), [0, 0]
    true_rx, true_tx = rx, tx
    for step in steps:
        uptime_s, true_rx, true_tx = uptime_s + SAMPLE_S, true_rx + step[0], true_tx + step[1]
        now = counters(uptime_s, true_rx % 2**32, true_tx % 2**32, is_64_bit=False)
        grown = now.grown_since(last, SAMPLE_S)
        assert grown is not None
        sums, last = [sums[0] + grown.rx_bytes, sums[1] + grown.tx_bytes], now
    assert sums == [true_rx - rx, true_tx - tx]


def test_32_bits_tell_nothing_over_a_time_in_which_they_may_wrap_twice() -> None:
    before, now = counters(0, is_64_bit=False), counters(60, 5, is_64_bit=False)
    assert now.grown_since(before, 60.0) is None


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(counters(110, 999, 2000), id="received went backwards"),
        pytest.param(counters(110, 2000, 999), id="sent went backwards"),
        pytest.param(counters(3, 2000, 2000), id="sysUpTime went backwards"),
        pytest.param(counters(101, 2000, 2000), id="sysUpTime advanced less than the time that passed"),
        pytest.param(counters(110, 2000, 2000, discontinuity_ticks=10_500), id="ifCounterDiscontinuityTime"),
        pytest.param(counters(110, 2000, 2000, if_index=3), id="another row of the table"),
        pytest.param(counters(110, 2000, 2000, is_64_bit=False), id="other counters"),
    ],
)
def test_counting_that_began_anew_is_no_growth(now: RouterCounters) -> None:
    assert now.grown_since(counters(100, 1000, 1000), SAMPLE_S) is None


def test_32_bits_that_were_cleared_are_no_wrap_the_port_could_not_carry_so_much() -> None:
    before = counters(100, 1000, 2_000_000_000, is_64_bit=False)
    assert counters(110, 2000, 10, is_64_bit=False).grown_since(before, SAMPLE_S) is None


@given(any_32, any_32, st.integers(6, 10**7), st.floats(0.1, 60))
def test_a_reboot_never_makes_bytes(before: int, after: int, uptime_s: int, downtime_s: float) -> None:
    """Wherever the counters stand: 32-bit ones after a reboot could pass for wrapped ones."""
    old = counters(uptime_s, before, before, is_64_bit=False)
    new = counters(0.0, after, after, is_64_bit=False)
    assert new.grown_since(old, downtime_s) is None


OF_PORT = "1.3.6.1.2.1.31.1.1.1"
NAME, DESCRIPTION, ALIAS = f"{OF_PORT}.1", "1.3.6.1.2.1.2.2.1.2", f"{OF_PORT}.18"


@dataclass
class Session:
    """A router's tables in memory, where `snmpd` has no way to be made to show them."""

    values: dict[str, Value]
    fault: ProbeError | None = None
    asked: list[str] = field(default_factory=list)
    meter: Meter = field(default_factory=lambda: Meter(lambda: 0.0))

    async def get(self, oids: Iterable[str]) -> dict[str, Value]:
        self.asked.append("get")
        if self.fault is not None:
            raise self.fault
        return {oid: self.values.get(oid) for oid in oids}

    async def column(self, column: str) -> dict[int, Value]:
        self.asked.append("column")
        return {
            int(oid.rpartition(".")[2]): value
            for oid, value in self.values.items()
            if oid.rpartition(".")[0] == column
        }


def port(index: int, **names: str) -> dict[str, Value]:
    columns = {"name": NAME, "description": DESCRIPTION, "alias": ALIAS}
    return {
        **{f"{columns[kind]}.{index}": name for kind, name in names.items()},
        f"{OF_PORT}.6.{index}": 1000 + index,
        f"{OF_PORT}.10.{index}": 2000 + index,
        f"{OF_PORT}.19.{index}": 0,
    }


UPTIME: dict[str, Value] = {"1.3.6.1.2.1.1.3.0": 100}


async def read(*ports: dict[str, Value]) -> RouterCounters:
    found = (await router(*ports).read(Context())).counters
    assert isinstance(found, RouterCounters)
    return found


def router(*ports: dict[str, Value]) -> Router:
    asked = Router(TARGET)
    asked._session = Session({**UPTIME, **{oid: value for each in ports for oid, value in each.items()}})  # type: ignore[assignment]
    return asked


@pytest.mark.parametrize("kind", ["name", "description", "alias"])
async def test_a_port_is_found_by_each_of_its_names(kind: str) -> None:
    found = await read(port(1, name="ether2"), port(2, **{kind: "ether1"}))
    assert (found.if_index, found.rx_bytes, found.tx_bytes, found.is_64_bit) == (2, 1002, 2002, True)


async def test_the_short_name_comes_first() -> None:
    assert (await read(port(1, name="a", alias="ether1"), port(2, name="ether1", alias="b"))).if_index == 2


async def test_a_name_of_two_ports_is_none() -> None:
    with pytest.raises(ProbeError, match="ether1 names 2 ports of the router") as caught:
        await read(port(1, name="a", alias="ether1"), port(2, name="b", alias="ether1"))
    assert caught.value.failure == "unsupported"


async def test_every_name_is_offered_once_where_none_fits() -> None:
    with pytest.raises(ProbeError, match=r"no port ether1; it has: a, b, c$"):
        await read(port(1, name="a", description="a", alias=""), port(2, name="b", alias="c"))


async def test_a_port_without_byte_counters_says_so() -> None:
    with pytest.raises(ProbeError, match="no byte counters of this port"):
        await read({f"{NAME}.1": "ether1"})


async def test_a_port_that_moved_in_the_table_is_found_again() -> None:
    """As after a restart of the router with another card in it."""
    asked = router(port(1, name="ether1"), port(2, name="ether2"))
    first = (await asked.read(Context())).counters
    asked._session.values = {**UPTIME, **port(1, name="ether2"), **port(2, name="ether1")}  # type: ignore[union-attr]
    second = (await asked.read(Context())).counters
    assert (first.if_index, second.if_index) == (1, 2)  # type: ignore[attr-defined]
    assert second.grown_since(first, 0.0) is None


async def test_the_port_is_looked_up_once() -> None:
    asked = router(port(1, name="ether1"))
    for _ in range(3):
        await asked.read(Context())
    assert asked._session.asked == ["column", "get", "get", "get"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("failure", "goes_on"),
    [("timeout", True), ("refused", True), ("unreachable", True), ("name_resolution", True),
     ("permission", False), ("unsupported", False), ("protocol", False)],
)  # fmt: skip
async def test_silence_may_end_and_refusal_does_not(failure: Any, goes_on: bool) -> None:
    asked = router(port(1, name="ether1"))
    await asked.read(Context())
    asked._session.fault = ProbeError(failure, "why")  # type: ignore[union-attr]
    with pytest.raises(ProbeError) as caught:
        await asked.read(Context())
    assert isinstance(caught.value, SampleLostError) is goes_on


@dataclass
class Source:
    """Counters that grow by 1000 bytes a second, each reading answered or lost."""

    answers: list[bool]
    now_s: float = 0.0
    name: Any = "router"
    interface: str = "ether1"

    async def read(self, _context: Context) -> Snapshot:
        if not self.answers.pop(0):
            raise SampleLostError("timeout", "no answer")
        return Snapshot(self.now_s, counters(self.now_s, int(self.now_s * 1000), 0), 0, 0)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def watched(source: Source, probe: TrafficProbe) -> Traffic:
    probe._source = lambda _: (source, TARGET)  # type: ignore[method-assign,assignment,return-value]
    return await probe(TrafficTarget(router=TARGET), Context())


@given(st.lists(st.booleans(), min_size=7, max_size=7).filter(any))
def test_lost_answers_lose_no_bytes(answers: list[bool]) -> None:
    """The sum is what the counters grew by from the first answer to the last."""
    answered_s = [10.0 * number for number, answered in enumerate(answers) if answered]

    async def run() -> Traffic:
        source = Source(list(answers))
        return await watched(source, TrafficProbe(clock=lambda: source.now_s, sleep=source.sleep))

    found = asyncio.run(run())
    span_s = answered_s[-1] - answered_s[0]
    if span_s:
        assert (found.failure, found.duration_s, found.rx_bytes) == (None, span_s, span_s * 1000)
        assert found.sample_count == len(answered_s) - 1
    else:
        assert (found.failure, found.failure_detail, found.rx_bytes) == ("timeout", "no answer", None)


async def test_a_period_begins_where_the_last_answer_was() -> None:
    source = Source([True] * 5 + [False] * 3 + [True] * 5)
    probe = TrafficProbe(clock=lambda: source.now_s, sleep=source.sleep)
    first, second = await watched(source, probe), await watched(source, probe)
    assert (first.rx_bytes, first.duration_s) == (40_000, 40)
    assert (first.rx_bytes or 0) + (second.rx_bytes or 0) == source.now_s * 1000


def test_silence_from_the_start_is_the_failure_of_the_period() -> None:
    period = Period(lost=SampleLostError("refused", "nobody listens there"))
    found = period.result(Source([]))
    assert (found.failure, found.failure_detail) == ("refused", "nobody listens there")


def test_the_configuration_names_the_router() -> None:
    section = RouterConfig(
        host="192.0.2.1", interface="ether1", version="3", username="pantau",
        auth_protocol="sha256", auth_password=Secret("satu"),
        privacy_protocol="aes128", privacy_password=Secret("dua"),
    )  # fmt: skip
    jobs = jobs_of(AgentConfig(traffic=TrafficConfig(router=section)))
    (job,) = [each for each in jobs if each.name == "traffic"]
    assert job.target.router == RouterTarget(
        host="192.0.2.1", interface="ether1", version="3", username="pantau",
        auth_protocol="sha256", auth_password="satu", privacy_protocol="aes128", privacy_password="dua",
    )  # fmt: skip
    assert job.blank == Traffic(source="router", interface="ether1")
    assert "satu" not in repr(job.target)
    assert "dua" not in repr(job.target)
