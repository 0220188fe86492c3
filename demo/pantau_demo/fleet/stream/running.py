"""A fleet at work: connections, the pace of its time, culprits, and a report every few seconds."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pantau_demo.errors import DemoError
from pantau_demo.fleet import misbehaviour, watching
from pantau_demo.fleet.stream.account import Account
from pantau_demo.fleet.stream.connection import Connection, Message, connect
from pantau_demo.fleet.stream.fleet import Fleet
from pantau_wire import codec, topics
from pantau_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import mqtt5

    from pantau_demo.fleet.life import Life
    from pantau_demo.fleet.misbehaviour import Culprit
    from pantau_demo.fleet.watching import Standing

MOST_CONNECTIONS = 64
_DEVICES_A_CONNECTION = 20
_RETRY_S = 2.0
_REPORT_S = 10.0
_LAST_ACKS_S = 15.0
_RARELY = 100_000
_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. `rate`: how much faster than real time, until the present is reached."""

    host: str
    port: int
    rate: float = 1.0
    duration_s: float | None = None
    expiry: bool = True
    left_minute: int | None = None
    """Where an earlier history or stream left the devices, which go on from there; None: they are new."""


class Pace:
    """The fleet's own time (seconds since 1970): from `begin_s` at `rate`, never ahead of the real one."""

    def __init__(self, begin_s: float, rate: float) -> None:
        """Begin now."""
        self._begin_s, self._rate = begin_s, rate
        self._began_s = time.monotonic()

    def now_s(self) -> float:
        """Return what time it is for the fleet."""
        return min(time.time(), self._begin_s + (time.monotonic() - self._began_s) * self._rate)

    def due_s(self, second: int) -> float:
        """Return when (monotonic) a second of the fleet's time is over."""
        ahead_s = (second + 1 - self._begin_s) / self._rate
        return max(self._began_s + max(ahead_s, 0.0), time.monotonic() - (time.time() - second - 1))


class Stream:
    """One run. `say` shows progress."""

    def __init__(
        self,
        life: Life,
        standing: Standing | None,
        options: Options,
        culprits: Sequence[Culprit] = (),
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Connect nowhere yet. Without a standing the devices have run for a while, and kept nothing."""
        self._life, self._standing, self._options, self._say = life, standing, options, say
        self._culprits = {one.name: one for one in culprits}
        self._account = Account()
        self._connections: list[Connection] = []
        self._fleet: Fleet | None = None

    async def run(self, stop: asyncio.Event) -> dict[str, Any]:
        """Run until told to stop or the time is up; return the account. Raises `DemoError`."""
        publishers = min(MOST_CONNECTIONS - 1, 1 + len(self._life.population) // _DEVICES_A_CONNECTION)
        listener = await self._listen()
        self._connections = [await self._connect(str(number)) for number in range(publishers)]
        self._say(
            f"{len(self._life.population):,} devices over {publishers + 1} connections"
            " (a real device has one of its own, and the broker lets it speak for itself only)"
        )
        keepers = [asyncio.create_task(self._keep(slot)) for slot in range(publishers)]
        keepers.append(asyncio.create_task(self._keep_listening(listener)))
        try:
            await self._live(stop)
            await self._last_acks()
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            for connection in (*self._connections, listener):
                connection.close()
        return self._told(publishers + 1)

    async def _live(self, stop: asyncio.Event) -> None:
        options = self._options
        ago_s = (options.rate - 1) * (options.duration_s or 3600.0 / options.rate)
        standing = self._standing or watching.running(self._life, int(time.time() - ago_s) // 60)
        begin_s = time.time() - ago_s
        second = int(begin_s) // 60 * 60 if options.left_minute is not None else int(begin_s)
        self._account = Account()
        fleet = Fleet(self._life, standing, self._connections, self._account, expiry=options.expiry)
        self._fleet = fleet
        if options.left_minute is not None and options.left_minute < second // 60:
            fleet.resume(options.left_minute, second // 60)
        pace, begun_minute, report_s = Pace(begin_s, options.rate), second // 60, _REPORT_S
        while not stop.is_set() and not self._over():
            if second < pace.now_s() - 1:
                self._second(fleet, second, pace.due_s(second), begun_minute)
                second += 1
                await asyncio.sleep(0)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _TICK_S)
            fleet.deliver()
            if self._account.elapsed_s >= report_s:
                report_s += _REPORT_S
                self._report(fleet)

    def _second(self, fleet: Fleet, second: int, due_s: float, begun_minute: int) -> None:
        fleet.second(second, due_s)
        self._misbehave(second, begun_minute)
        self._account.behind_s = max(self._account.behind_s, time.monotonic() - due_s - 1)

    def _over(self) -> bool:
        duration_s = self._options.duration_s
        return duration_s is not None and self._account.elapsed_s >= duration_s

    async def _last_acks(self) -> None:
        """Wait for what is still on its way."""
        deadline_s = time.monotonic() + _LAST_ACKS_S
        assert self._fleet is not None
        while time.monotonic() < deadline_s and self._fleet.in_flight_count:  # noqa: ASYNC110 - the end
            await asyncio.sleep(0.1)

    def _misbehave(self, second: int, begun_minute: int) -> None:
        for number, culprit in enumerate(self._culprits.values()):
            if number % 60 == second % 60:
                for sent in misbehaviour.messages(culprit, second // 60, begun_minute):
                    topic = topics.topic(sent.device, "measurements")
                    self._account.hostile_sent += 1
                    self._connections[number % len(self._connections)].publish(
                        Message(topic, sent.payload, sent.content_type, None)
                    )

    def _heard(self, packet: mqtt5.PublishPacket) -> None:
        try:
            device, _ = topics.parse(packet.topic)
            ack = codec.decode_ack(packet.payload, packet.content_type)
        except WireError as error:
            raise DemoError(f"{packet.topic}: this is no ack: {error}") from None
        if device in self._culprits:
            answers = self._account.hostile_answers
            answers["stored"] += len(ack.stored)
            answers.update(f"rejected: {one.reason.partition(':')[0]}" for one in ack.rejected)
            answers.update(f"deferred: {one.reason}" for one in ack.deferred)
        elif self._fleet is not None:
            self._fleet.acked(device, ack)

    async def _connect(self, name: str) -> Connection:
        client_id = f"fleet-{self._life.dice.seed}-{name}"
        return await connect(self._options.host, self._options.port, client_id, self._heard)

    async def _keep(self, slot: int) -> None:
        """Keep a connection alive, and make another where it is lost: what was on its way is sent again."""
        while True:
            connection = self._connections[slot]
            await self._until_lost(connection)
            self._connections[slot] = await self._again(lambda: self._connect(str(slot)))

    async def _keep_listening(self, listener: Connection) -> None:
        while True:
            await self._until_lost(listener)
            listener = await self._again(self._listen)

    async def _until_lost(self, connection: Connection) -> None:
        pings = asyncio.create_task(connection.keep_alive())
        reason = await connection.lost
        pings.cancel()
        self._say(f"  {self._account.elapsed_s:6.1f} s  a connection was lost: {reason}")

    async def _listen(self) -> Connection:
        """Connect, and hear everybody's acks."""
        listener = await self._connect("acks")
        await listener.subscribe(f"{topics.PREFIX}/+/ack")
        return listener

    async def _again(self, make: Callable[[], Awaitable[Connection]]) -> Connection:
        while True:
            with contextlib.suppress(DemoError):
                return await make()
            await asyncio.sleep(_RETRY_S)

    def _report(self, fleet: Fleet) -> None:
        account = self._account
        lag_s = account.lag_s(0.5)
        lag = "no ack yet" if lag_s is None else f"stored after {lag_s:.2f} s (median)"
        self._say(
            f"  {account.elapsed_s:6.1f} s  {account.envelopes_sent:,} envelopes"
            f" ({account.envelopes_sent / account.elapsed_s:,.0f}/s), {lag},"
            f" {fleet.waiting_records:,} records waiting"
        )

    def _told(self, connections: int) -> dict[str, Any]:
        assert self._fleet is not None
        population = self._life.population
        return {
            "devices": len(population),
            "villages": int(np.count_nonzero(population.number == 0)),
            "connections": connections,
            "seed": self._life.dice.seed,
            "rate": self._options.rate,
            **self._account.told(self._fleet.waiting_records, self._fleet.unanswered_records),
        }


def relax_garbage_collection() -> None:
    """Leave what is there alone, and look for cycles seldom: a fleet makes many records and no cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_RARELY, 50, 50)
