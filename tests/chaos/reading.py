"""`python -m tests.chaos.reading --config FILE DEVICE…`: what store and dead letters hold, as JSON.

Runs beside the store, inside its namespace, and knows it as the collector does: by the configuration.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pantau_collector.audit import SpoolAccount, audit
from pantau_collector.config import load
from pantau_collector.deadletters import DeadLetters
from pantau_collector.storage.opening import open_store
from pantau_wire import codec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.chaos.world import World

    from pantau_collector.config import StoreConfig
    from pantau_collector.storage.base import Store

Named = tuple[str, int]
"""A device, and the number of one of its measurements."""


class Found(msgspec.Struct):
    """Every point with its value, each spool's account, and whose records the dead letters hold."""

    points: list[tuple[str, int, float]]
    accounts: list[SpoolAccount]
    refused: set[Named]


class _Data(msgspec.Struct):
    answer_count: int


class _Refused(msgspec.Struct):
    data: _Data


class _Envelope(msgspec.Struct):
    measurements: list[_Refused]


def read(world: World) -> Found:
    """Return what a world holds of its devices."""
    command = [sys.executable, "-m", "tests.chaos.reading", "--config", str(world.collector_config)]
    return msgspec.json.decode(world.far.output([*command, *world.device_names]), type=Found)


def _look(config: StoreConfig, devices: Sequence[str]) -> Found:
    with contextlib.closing(open_store(config)) as store:
        points = [point for device in devices for point in _points(store, device)]
        accounts = list(audit(store, devices))
    with contextlib.closing(DeadLetters(config.dead_letters_path)) as letters:
        refused = {
            (letter.device, record.data.answer_count)
            for letter in letters.list()
            for record in _records(codec.unpack(letter.payload, letter.content_type))
        }
    return Found(points, accounts, refused)


def _points(store: Store, device: str) -> Iterator[tuple[str, int, float]]:
    for point in store.points("dns", device):
        number, value = point.values["answer_count"], point.values["resolve_ms"]
        assert isinstance(number, int)
        assert isinstance(value, float)
        yield device, number, value


def _records(text: bytes) -> list[_Refused]:
    return msgspec.json.decode(text, type=_Envelope).measurements


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("devices", nargs="+")
    arguments = parser.parse_args()
    sys.stdout.write(msgspec.json.encode(_look(load(arguments.config).store, arguments.devices)).decode())
