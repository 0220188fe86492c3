"""Compares what the devices committed with what the store holds."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.devices import value_of

from pantau_collector.audit import audit
from pantau_collector.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.world import World

_EXAMPLES = 20


@dataclass
class Verdict:
    """Counts of records over the whole run. `extra` were committed in the moment in which the device died,
    before it could write its ledger: they are in the store, once and with their own value.
    """

    produced: int = 0
    stored: int = 0
    dropped: int = 0
    rejected: int = 0
    missing: int = 0
    duplicated: int = 0
    altered: int = 0
    extra: int = 0
    waiting: int = 0
    unexplained_by_audit: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every measurement that was committed is accounted for, once and unaltered."""
        return not (
            self.missing or self.duplicated or self.altered or self.waiting or self.unexplained_by_audit
        )

    def as_json(self) -> str:
        """Return all figures."""
        return json.dumps(asdict(self), indent=2)


def judge(world: World, waiting: int, faults: dict[str, int]) -> Verdict:
    """Return the verdict, read from ledgers and store."""
    verdict = Verdict(waiting=waiting, faults=faults)
    good, bad = _ledger(world.ledger)
    stored = _stored(world.database)
    verdict.produced = len(good) + len(bad)
    verdict.stored = sum(stored.values())
    for (device, name, value), count in stored.items():
        verdict.duplicated += count - 1
        verdict.extra += (device, name) not in good
        if value != value_of(device, name):
            verdict.altered += 1
            verdict.examples.append(f"altered: {device} {name}")
    _explain(world, verdict, good, bad, {(device, name) for device, name, _ in stored})
    return verdict


def _explain(
    world: World,
    verdict: Verdict,
    good: set[tuple[str, str]],
    bad: set[tuple[str, str]],
    stored: set[tuple[str, str]],
) -> None:
    """Count what is absent against what the collector and the devices say was rejected or dropped."""
    absent: dict[str, list[str]] = defaultdict(list)
    for device, name in sorted((good | bad) - stored):
        absent[device].append(name)
    explained: Counter[str] = Counter()
    with contextlib.closing(SqliteStore(world.database)) as store:
        for account in audit(store, [found.device for found in store.activity()]):
            verdict.dropped += account.dropped_count
            verdict.rejected += account.rejected_count
            explained[account.device] += account.dropped_count + account.rejected_count
            if not account.complete:
                verdict.unexplained_by_audit += 1
                verdict.examples.append(f"audit: {account}")
    for device, names in absent.items():
        unexplained = len(names) - explained[device]
        if unexplained > 0:
            verdict.missing += unexplained
            verdict.examples += [f"missing: {device} {name}" for name in names[:_EXAMPLES]]


def _ledger(folder: Path) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    good: set[tuple[str, str]] = set()
    bad: set[tuple[str, str]] = set()
    for file in folder.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # cut by the kill that ended the process
                device, name, is_bad = json.loads(line)
                (bad if is_bad else good).add((device, name))
    return good, bad


def _stored(database: Path) -> dict[tuple[str, str, float], int]:
    """Return how often each record stands in the store, whatever its time."""
    query = "SELECT device, name, resolve_ms, count(*) FROM dns GROUP BY device, name, resolve_ms"
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return {(device, name, value): count for device, name, value, count in db.execute(query)}
