"""The running agent's data budget: counts what its probes and its publisher use, reserves, and decides.

What was used is in memory at once and in the ledger with each commit, and around speed tests. A disk that
refuses stops nothing: what was counted waits, and is written when it can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import structlog

from pantau_agent import clock
from pantau_agent.budget import policy
from pantau_agent.budget.ledger import Bytes, Ledger, Standing, counted
from pantau_agent.budget.months import UNDATED, month_of
from pantau_agent.budget.policy import Answer, Limits
from pantau_agent.errors import BudgetError
from pantau_agent.probes.base import Context, TestTraffic
from pantau_agent.schedules import local_time, second_of_day
from pantau_agent.testpoint_token import TokenKeeper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from pantau_agent.budget.policy import BudgetState, Cost
    from pantau_agent.config import AgentConfig
    from pantau_agent.probes.base import Progress

log = structlog.get_logger()

_MEGA = 1_000_000
FILE_NAME = "budget.db"

_ResultT = TypeVar("_ResultT")


class KnownTime(NamedTuple):
    """UTC in seconds since 1970, and whether somebody vouches for it."""

    utc_s: float
    trusted: bool


class Use(NamedTuple):
    """How the month stands; without a budget `month_bytes` is None."""

    used_bytes: int
    month_bytes: int | None
    state: BudgetState


class _Books(NamedTuple):
    """What the ledger said last, and what of our traffic, by purpose, is in it."""

    standing: Standing
    booked: dict[str, Bytes]


class Budget:
    """Knows the month's use without asking the disk; the methods that are coroutines write to it."""

    def __init__(
        self, path: Path, config: AgentConfig, traffic: TestTraffic, time: Callable[[], KnownTime]
    ) -> None:
        """Open the ledger; raises `BudgetError`."""
        self._traffic = traffic
        self._time = time
        self._lock = threading.Lock()  # guards the books; held while the disk works
        self._telling = threading.Lock()
        self._books = _Books(Standing(UNDATED, 0), {})  # one value, for those who read it without the lock
        self._in_test: str | None = None
        self._expected: dict[str, int] = {}
        self._disk_works = True
        self._told: BudgetState = "ok"
        self.apply(config)
        self._ledger = Ledger(path)
        self._taken = self._ledger.taken()
        self._book()

    def apply(self, config: AgentConfig) -> None:
        """Take limits and peak hours from this configuration from now on."""
        self._limits = limits_of(config)
        self._peak = config.speed.peak
        self._zone = config.zone

    def use(self) -> Use:
        """Return how the month stands now."""
        books = self._books
        used_bytes = books.standing.used_bytes + counted(self._growth(books))
        return Use(used_bytes, self._limits.month_bytes, self._state(used_bytes))

    async def flush(self) -> None:
        """Write what was used since the last time."""
        await asyncio.to_thread(self._book)

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self._book()
        self._ledger.close()

    @contextlib.asynccontextmanager
    async def run_of(self, job: str, purpose: str, cost: Cost) -> AsyncIterator[Answer]:
        """Answer whether the job may run; a heavy one's bytes are reserved until the end of the context."""
        if not cost.heavy:
            yield self._decide(cost, 0)
            return
        answer = await asyncio.to_thread(self._begin, job, purpose, cost)
        try:
            yield answer
        finally:
            if answer.withheld is None:
                await asyncio.to_thread(self._end, job, purpose)

    def taken(self, job: str) -> list[str]:
        """Return the names of the job's runs, the oldest first."""
        return [run for name, run in self._taken if name == job]

    async def take(self, job: str, run: str) -> None:
        """Remember a run durably; where the disk refuses, until the restart."""
        self._taken.append((job, run))
        await asyncio.to_thread(self._on_disk, lambda: self._ledger.take(job, run))

    def _decide(self, cost: Cost, expected_bytes: int) -> Answer:
        local = local_time(self._time().utc_s, self._zone)
        return policy.decide(
            self._limits,
            self.use().used_bytes,
            cost,
            expected_bytes,
            in_peak_hours=second_of_day(local) in self._peak,
        )

    def _begin(self, job: str, purpose: str, cost: Cost) -> Answer:
        """Decide on a heavy run, and reserve what it may cost."""
        with self._lock:
            seen_bytes = self._on_disk(lambda: self._ledger.expected_bytes(job))
            expected_bytes = cost.expected_bytes(seen_bytes)
            self._expected = {**self._expected, job: expected_bytes}
            answer = self._decide(cost, expected_bytes)
            if answer.withheld is None:
                self._write(lambda month: self._ledger.reserve(month, job, purpose, expected_bytes), {})
                self._in_test = purpose
        self._tell()
        return answer

    def _end(self, job: str, purpose: str) -> None:
        """Book what a heavy run used in place of its reservation."""
        with self._lock:
            self._in_test = None
            growth = self._growth(self._books)
            cost_bytes = growth.get(purpose, Bytes(0, 0)).both
            self._write(lambda month: self._ledger.settle(month, job, growth, cost_bytes), growth)
        self._tell()

    def _book(self) -> None:
        with self._lock:
            growth = self._growth(self._books)
            self._write(lambda month: self._ledger.book(month, growth), growth)
        self._tell()

    def _growth(self, books: _Books) -> dict[str, Bytes]:
        """Return what was used and is not booked; a test under way stands in the books as a reservation."""
        growth = {}
        for purpose, (rx_bytes, tx_bytes) in self._traffic.by_purpose().items():
            before = books.booked.get(purpose, Bytes(0, 0))
            grown = Bytes(rx_bytes - before.rx_bytes, tx_bytes - before.tx_bytes)
            if grown.both and purpose != self._in_test:
                growth[purpose] = grown
        return growth

    def _write(self, act: Callable[[str | None], Standing], growth: dict[str, Bytes]) -> None:
        """Do something to the ledger in the month of now; what it takes of the growth is booked then."""
        now = self._time()
        month = month_of(now.utc_s, self._zone) if now.trusted else None
        standing = self._on_disk(lambda: act(month))
        if standing is not None:
            booked = dict(self._books.booked)
            for purpose, grown in growth.items():
                booked[purpose] = booked.get(purpose, Bytes(0, 0)).plus(grown)
            self._books = _Books(standing, booked)

    def _on_disk(self, act: Callable[[], _ResultT]) -> _ResultT | None:
        """Return what the ledger says, None where the disk refuses; the transition is logged once."""
        try:
            result = act()
        except BudgetError as error:
            if self._disk_works:
                log.error("budget.write_failing", error=str(error))  # noqa: TRY400 - the text says it all
            self._disk_works = False
            return None
        if not self._disk_works:
            log.info("budget.write_recovered")
        self._disk_works = True
        return result

    def _state(self, used_bytes: int) -> BudgetState:
        return policy.state_of(self._limits, used_bytes, min(self._expected.values(), default=0))

    def _tell(self) -> None:
        """Log when the state of the budget changes."""
        with self._telling:  # a test and the minute's booking may end at once
            use = self.use()
            if use.state != self._told and self._in_test is None:
                tell = log.info if use.state == "ok" else log.warning
                tell(f"budget.{use.state}", used_bytes=use.used_bytes, month_bytes=use.month_bytes)
                self._told = use.state


def limits_of(config: AgentConfig) -> Limits:
    """Return the limits that a configuration sets."""
    section = config.budget
    month_bytes = None if section.month_mb is None else round(section.month_mb * _MEGA)
    return Limits(month_bytes, section.thin_from_ratio)


def path_of(config: AgentConfig) -> Path:
    """Return where the ledger is: beside the spool."""
    return config.spool.path.with_name(FILE_NAME)


@contextlib.contextmanager
def counted_test(config: AgentConfig) -> Iterator[Callable[[Callable[[Progress], None]], Context]]:
    """Give contexts for what a person measures now, and book it where the agent's ledger may be written.

    A person's test is never withheld.
    """
    traffic = TestTraffic()
    tokens = TokenKeeper(config.spool.path)
    try:
        yield lambda on_progress: Context(
            test_traffic=traffic, on_progress=on_progress, testpoint_token=tokens.current
        )
    finally:
        path = path_of(config)
        if os.access(path, os.W_OK):
            with contextlib.suppress(BudgetError):
                Budget(path, config, traffic, _kernel_time).close()


def _kernel_time() -> KnownTime:
    """Return the clock's time, trusted where the kernel says that it is synchronised."""
    stamp = clock.now()
    return KnownTime(stamp.time_ns / 1e9, trusted=stamp.clock == "synced")
