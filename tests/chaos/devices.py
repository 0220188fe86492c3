"""Simulated devices in one process: the agent's own spools and publishers, fed with numbered measurements.

What a commit has made last is written into a ledger, on a disk that never fails: a line for each record, its
device, its number, and whether the collector must refuse it. A record's value follows from its number, so
that one that was altered on its way is noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import secrets
import sys
import uuid
from pathlib import Path

from pantau_agent import clock
from pantau_agent.config import BrokerConfig, DeliveryConfig
from pantau_agent.errors import SpoolError
from pantau_agent.publisher.messages import Identity
from pantau_agent.publisher.publisher import Publisher
from pantau_agent.spool import Spool
from pantau_agent.timekeeping import Timekeeper
from pantau_wire import codec
from pantau_wire.fields import Dns

MEASURE_S = 0.5
COMMIT_S = 1.0
BAD_EACH = 40
"""Every so many measurements one comes that the collector's decoder refuses."""
SPOOL_BYTES = 50_000_000
DELIVERY = DeliveryConfig(first_resend_s=4.0, max_resend_s=12.0, backlog_records_per_s=200.0)


def value_of(device: str, number: int) -> float:
    """Return the value that the measurement of this number must have."""
    return int.from_bytes(hashlib.sha256(f"{device} {number}".encode()).digest()[:4], "big") / 1000


class Device:
    """One device; every incarnation of it begins a new series of numbers."""

    def __init__(self, name: str, spools: Path, broker: BrokerConfig, ledger: Ledger, machine: str) -> None:
        self._name = name
        self._ledger = ledger
        self._series = secrets.randbits(40)
        self._made_count = 0
        self._uncommitted: list[tuple[int, bool]] = []
        timekeeper = Timekeeper()
        marks = {"serial": f"{name} {machine}"}
        self._spool = Spool(spools / f"{name}.db", max_bytes=SPOOL_BYTES, timekeeper=timekeeper, marks=marks)
        identity = Identity(device=name, agent_version="0.1.0")
        self._publisher = Publisher(self._spool, identity, broker, DELIVERY, timekeeper)

    async def live(self, measuring: asyncio.Event) -> None:
        """Measure while the event is not set, and deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publisher.run())
            group.create_task(self._measure(measuring))
            group.create_task(self._commit_regularly())

    def account(self) -> str:
        """Return how many records are not in the database yet, and how many are, as far as is known here."""
        state = self._spool.state()
        return f"{state.depth_count + len(self._uncommitted)} {state.stored_count}"

    async def _measure(self, over: asyncio.Event) -> None:
        while not over.is_set():
            self._made_count += 1
            number = self._series * 2**20 + self._made_count
            bad = self._made_count % BAD_EACH == 0
            value = value_of(self._name, number)
            data = codec.encode_measurement(
                Dns(resolver="chaos", name="chaos", resolve_ms=value, answer_count=number)
            )
            if bad:
                data = data.replace(b'"resolver":"chaos"', b'"resolver":""')
            self._spool.put(clock.now(), data)
            self._uncommitted.append((number, bad))
            await asyncio.sleep(MEASURE_S)

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_S)
            taken, self._uncommitted = self._uncommitted, []
            try:
                await asyncio.to_thread(self._spool.commit)
            except SpoolError:
                self._uncommitted[:0] = taken  # a full disk: it waits in memory
                continue
            self._ledger.write(self._name, taken)
            self._publisher.committed()


class Ledger:
    """What was committed, a JSON line each."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="ascii")

    def write(self, device: str, records: list[tuple[int, bool]]) -> None:
        """Add records."""
        for number, bad in records:
            self._file.write(json.dumps([device, number, bad]) + "\n")
        self._file.flush()


async def main(arguments: argparse.Namespace) -> None:
    """Live until the process is ended; the file `stop` in the ledger's folder ends the measuring."""
    ledger = Ledger(arguments.ledger / f"{arguments.devices[0]}-{uuid.uuid4().hex[:8]}.jsonl")
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for name in arguments.devices:
            device = await _open(name, arguments, ledger)
            group.create_task(device.live(over))
            group.create_task(_tell(device, arguments.ledger / f"{name}.depth"))
        group.create_task(_until_told(arguments.ledger / "stop", over))


async def _until_told(file: Path, over: asyncio.Event) -> None:
    """End the measuring when the file appears."""
    while not await asyncio.to_thread(file.exists):  # noqa: ASYNC110 - it comes from another process
        await asyncio.sleep(0.2)
    over.set()


async def _open(name: str, arguments: argparse.Namespace, ledger: Ledger) -> Device:
    broker = BrokerConfig(
        host=arguments.host,
        port=arguments.port,
        ca_file=arguments.certificates / name / "ca.pem",
        cert_file=arguments.certificates / name / f"{name}.pem",
        key_file=arguments.certificates / name / f"{name}.key",
        reconnect_spread_s=2.0,
        keepalive_s=5,
    )
    machine = arguments.machine.read_text() if arguments.machine.exists() else "0"
    while True:
        try:
            return Device(name, arguments.spools, broker, ledger, machine)
        except SpoolError as error:  # the disk is full at this moment
            sys.stderr.write(f"{name}: {error}\n")
            await asyncio.sleep(COMMIT_S)


async def _tell(device: Device, file: Path) -> None:
    """Say again and again how much waits, for the end of the test."""
    while True:
        await asyncio.to_thread(file.write_text, device.account())
        await asyncio.sleep(0.5)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Return what the process was started with."""
    parser = argparse.ArgumentParser()
    for name in ("--spools", "--ledger", "--certificates", "--machine"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("devices", nargs="+")
    return parser.parse_args(argv)


if __name__ == "__main__":
    asyncio.run(main(parse()))
