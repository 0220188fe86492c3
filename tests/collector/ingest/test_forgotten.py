"""What was received and not written when the connection was lost is forgotten, also by what counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.ingest.collecting import CONFIG, collecting
from tests.collector.ingest.device import connected
from tests.collector.ingest.waiting import until
from tests.fakes import brokers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL_BATCHES = CONFIG.model_copy(update={"batch_records": 5, "batch_delay_s": 0.01})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[brokers.Broker]:
    with brokers.running("mosquitto", tmp_path) as started:
        yield started


@pytest.mark.parametrize("attempt", [1, 2])
async def test_nothing_is_counted_as_waiting_for_ever(
    broker: brokers.Broker, tmp_path: Path, attempt: int
) -> None:
    """The connection is lost while a batch is being written and others wait for it. A count that never came
    down would have every backlog deferred for ever, and at last nothing read from the broker.
    """
    async with collecting(broker.port, tmp_path, config=SMALL_BATCHES) as one:
        one.store.free.clear()
        async with connected(broker, "desa-1") as device:
            device.send(range(1, 7))
            await until(lambda: one.store.waiting == 1)
            for first in (7, 13, 19):
                device.send(range(first, first + 6), attempt=attempt)
                before = one.metric("pantau_ingest_waiting_bytes")
                await until(lambda: one.metric("pantau_ingest_waiting_bytes") > before)  # noqa: B023
            broker.kill()
            await until(lambda: not one.ingest.broker_connected)
            broker.start()
            one.store.free.set()
        await until(lambda: one.ingest.broker_connected)
        await until(lambda: one.metric("pantau_ingest_waiting_bytes") == 0)
        assert one.ingest._pace.waiting_records == 0
        assert not one.task.done()
