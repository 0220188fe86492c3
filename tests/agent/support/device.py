"""A spool and a publisher put together, as the running agent does, for tests in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING

from pantau_agent.clock import Stamp
from pantau_agent.config import BrokerConfig, DeliveryConfig
from pantau_agent.publisher.messages import Identity
from pantau_agent.publisher.publisher import Publisher
from pantau_agent.spool import Spool
from pantau_agent.timekeeping import Timekeeper
from pantau_wire import codec
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from pantau_agent.publisher.meter import Meter

PATIENCE_S = 30.0
RESEND_S = 0.4
BOOT = "boot-a"


async def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Wait until it holds; a generous limit, so that a slow machine does not fail the test."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s for {what}"
        await asyncio.sleep(0.01)


def delivery(**changes: float) -> DeliveryConfig:
    """Impatient settings: a re-send after 0.4 to 0.8 s, a backlog as fast as it can go."""
    settings = {"first_resend_s": RESEND_S, "max_resend_s": 2 * RESEND_S, "backlog_records_per_s": 1e6}
    return DeliveryConfig(**{**settings, **changes})


def clock_in_order(boot: str = BOOT) -> Stamp:
    """What a device reads whose clock NTP keeps right."""
    return Stamp(time_ns=time.time_ns(), uptime_ns=time.monotonic_ns(), boot=boot, clock="synced")


class Device:
    """A device that measures when it is told to; its clock is in order unless another timekeeper is given."""

    def __init__(
        self,
        spool: Spool,
        name: str,
        port: int,
        *,
        timekeeper: Timekeeper | None = None,
        meter: Meter | None = None,
        **settings: float,
    ) -> None:
        self.spool = spool
        self.publisher = Publisher(
            spool,
            Identity(name, "0.1.0"),
            BrokerConfig(port=port, reconnect_spread_s=0),
            delivery(**settings),
            timekeeper or Timekeeper(clock_in_order),
            rng=random.Random(7),
            meter=meter,
        )

    def measure(self, count: int, name: str = "example.id", boot: str = BOOT) -> None:
        """Put and commit measurements that differ from each other."""
        self.put(count, name, boot)
        self.spool.commit()
        self.publisher.committed()

    def put(self, count: int, name: str = "example.id", boot: str = BOOT) -> None:
        for number in range(count):
            measurement = Dns(resolver="192.0.2.1", name=name, resolve_ms=number / 7)
            self.spool.put(clock_in_order(boot), codec.encode_measurement(measurement))

    @property
    def depth(self) -> int:
        return self.spool.state().depth_count


@contextlib.asynccontextmanager
async def running(device: Device, *, connected: bool = True) -> AsyncIterator[Device]:
    """Run the publisher until the end of the block, connected at first; its own error fails the test."""
    task = asyncio.create_task(device.publisher.run())
    try:
        if connected:
            await until(lambda: device.publisher.connected or task.done())
        yield device
        if task.done():
            task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def open_spool(folder: Path, *, timekeeper: Timekeeper | None = None, max_bytes: int = 10**8) -> Spool:
    return Spool(folder / "spool.db", max_bytes=max_bytes, timekeeper=timekeeper)
