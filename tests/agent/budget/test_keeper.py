"""The running agent's budget: what probes use, what is reserved and withheld, over restarts and bad disks."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3

import msgspec
import pytest

from pantau_agent.budget import ledger
from pantau_agent.budget.keeper import Budget, KnownTime, counted_test
from pantau_agent.budget.policy import Cost
from pantau_agent.config.settings import AgentConfig, BudgetConfig, SpoolConfig
from pantau_agent.errors import BudgetError
from pantau_agent.probes.base import TestTraffic

JAKARTA = dt.timezone(dt.timedelta(hours=7))
NOON = dt.datetime(2026, 11, 22, 12, tzinfo=JAKARTA)
EVENING = dt.datetime(2026, 11, 22, 20, tzinfo=JAKARTA)
SPEED = Cost(heavy=True, first_bytes=100_000)


class Village:
    """An agent's budget with a clock that the test sets and traffic that it makes: 1 MB a month."""

    def __init__(self, folder, month_mb=1.0):
        self.path = folder / "budget.db"
        self.config = AgentConfig(
            device="desa-1", timezone="Asia/Jakarta", budget=BudgetConfig(month_mb=month_mb)
        )
        self.now = KnownTime(EVENING.timestamp(), trusted=True)
        self.restart()

    def restart(self):
        self.traffic = TestTraffic()
        self.budget = Budget(self.path, self.config, self.traffic, lambda: self.now)

    def at(self, moment, *, trusted=True):
        self.now = KnownTime(moment.timestamp(), trusted)

    def use(self, purpose, count):
        self.traffic.purposed(purpose).add("eth0", rx_bytes=count - count // 3, tx_bytes=count // 3)

    async def test(self, cost=SPEED, used=0, job="speed"):
        """Run a test that uses so many bytes, if it may run; return the answer."""
        async with self.budget.run_of(job, "speed", cost) as answer:
            if answer.withheld is None:
                self.use("speed", used)
        return answer


@pytest.fixture
def village(tmp_path):
    made = Village(tmp_path)
    yield made
    with contextlib.suppress(BudgetError):
        made.budget.close()


def test_every_purpose_counts_at_once_but_the_local_network(village):
    village.use("latency", 1_000)
    village.use("publishing", 200)
    village.use("local", 50_000)
    assert village.budget.use() == (1_200, 1_000_000, "ok")


async def test_what_was_used_is_kept_over_a_restart(village):
    village.use("dns", 300)
    await village.budget.flush()
    village.use("dns", 30)
    village.budget.close()
    village.restart()
    village.use("dns", 3)
    assert village.budget.use().used_bytes == 333
    assert ledger.read(village.path)[0]["2026-11"]["dns"].both == 330


async def test_a_test_is_reserved_while_it_runs_and_counts_what_it_used_afterwards(village):
    async with village.budget.run_of("speed", "speed", SPEED) as answer:
        assert (answer.withheld, answer.max_bytes) == (None, 909_090)
        village.use("speed", 30_000)
        village.use("latency", 7)
        assert ledger.read(village.path)[1] == 100_000
        await village.budget.flush()
        assert village.budget.use().used_bytes == 100_007, "the test's own bytes are in the reservation"
    assert village.budget.use().used_bytes == 30_007
    assert ledger.read(village.path)[1] == 0


async def test_a_test_that_fails_costs_what_it_used(village):
    with contextlib.suppress(OSError):
        async with village.budget.run_of("speed", "speed", SPEED):
            village.use("speed", 12_345)
            raise OSError
    assert village.budget.use().used_bytes == 12_345


async def test_from_the_ratio_on_only_peak_hour_tests_run(village, logs):
    village.use("http", 800_000)
    village.at(NOON)
    assert (await village.test()).withheld == (
        "only peak-hour tests run, to save data: 1 of 1 MB of this month are used"
    )
    village.at(EVENING)
    assert (await village.test(used=1_000)).max_bytes == 181_818
    assert village.budget.use().state == "thinned"
    assert [entry["event"] for entry in logs] == ["budget.thinned"]


async def test_when_less_is_left_than_a_test_costs_none_runs_and_pages_still_do(village, logs):
    assert (await village.test(used=200_000)).withheld is None
    village.use("http", 650_000)
    assert "has not enough left" in (await village.test()).withheld
    assert village.budget.use().state == "spent"
    async with village.budget.run_of("http", "http", Cost(heavy=False)) as answer:
        assert answer.max_bytes == 136_363
    village.use("http", 150_000)
    async with village.budget.run_of("http", "http", Cost(heavy=False)) as answer:
        assert "has not enough left" in answer.withheld
    assert [entry["event"] for entry in logs] == ["budget.spent"]


async def test_a_new_month_brings_everything_back(village, logs):
    village.use("speed", 2_000_000)
    await village.budget.flush()
    assert (await village.test()).withheld
    village.at(dt.datetime(2026, 12, 1, 0, 5, tzinfo=JAKARTA))
    await village.budget.flush()
    assert village.budget.use() == (0, 1_000_000, "ok")
    assert (await village.test()).withheld is None or village.budget.use().state == "ok"
    assert [entry["event"] for entry in logs] == ["budget.spent", "budget.ok"]


async def test_a_clock_of_1970_opens_no_new_month(village):
    village.use("speed", 900)
    await village.budget.flush()
    village.at(dt.datetime(1970, 1, 1, tzinfo=JAKARTA), trusted=False)
    village.use("speed", 90)
    await village.budget.flush()
    village.at(dt.datetime(2031, 1, 1, tzinfo=JAKARTA), trusted=False)
    await village.budget.flush()
    assert village.budget.use().used_bytes == 990


async def test_limits_from_afar_count_at_once(village):
    village.use("speed", 500_000)
    village.budget.apply(msgspec.structs.replace(village.config, budget=BudgetConfig(month_mb=0.4)))
    assert village.budget.use() == (500_000, 400_000, "spent")
    village.budget.apply(msgspec.structs.replace(village.config, budget=BudgetConfig()))
    assert village.budget.use() == (500_000, None, "ok")


async def test_the_expectation_is_what_tests_cost_so_far(village):
    await village.test(used=400_000)
    await village.test(used=1_000)
    village.restart()
    async with village.budget.run_of("speed", "speed", SPEED):
        assert ledger.read(village.path)[1] == 200_500


async def test_runs_that_were_taken_are_remembered(village):
    await village.budget.take("speed", "2026-11-22/peak/0")
    await village.budget.take("speed-ndt7", "2026-11-22/peak/1")
    village.budget.close()
    village.restart()
    assert village.budget.taken("speed") == ["2026-11-22/peak/0"]


async def test_a_disk_that_refuses_stops_nothing_and_loses_nothing(village, logs):
    """Another program holds the file: tests run, bytes wait in memory, and are written when it lets go."""
    with contextlib.closing(sqlite3.connect(village.path, timeout=0)) as other:
        village.budget._ledger._db.execute("PRAGMA busy_timeout = 1")
        other.execute("BEGIN EXCLUSIVE")
        village.use("dns", 10)
        await village.budget.flush()
        assert (await village.test(used=5_000)).withheld is None
        await village.budget.take("speed", "2026-11-22/peak/0")
        assert village.budget.use().used_bytes == 5_010
        other.rollback()
    await village.budget.flush()
    assert village.budget.use().used_bytes == 5_010
    assert ledger.counted(ledger.read(village.path)[0]["2026-11"]) == 5_010
    assert [entry["event"] for entry in logs] == ["budget.write_failing", "budget.write_recovered"]


def test_a_persons_test_is_booked_where_there_is_a_ledger(village, tmp_path):
    """`pantau-agent test` counts beside the running agent; without a ledger it makes none."""
    config = msgspec.structs.replace(village.config, spool=SpoolConfig(path=tmp_path / "spool.db"))
    with counted_test(config) as context_factory:
        context_factory(print).test_traffic.purposed("speed").add("eth0", rx_bytes=4_000, tx_bytes=40)
    assert ledger.read(village.path)[0]["2026-11"]["speed"] == (4_000, 40)
    elsewhere = msgspec.structs.replace(config, spool=SpoolConfig(path=tmp_path / "nothing" / "spool.db"))
    with counted_test(elsewhere) as context_factory:
        context_factory(print).test_traffic.add("eth0", rx_bytes=1)
    assert not (tmp_path / "nothing").exists()
