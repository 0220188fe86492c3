"""Compares what the devices committed with what the store holds."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.devices import value_of
from tests.chaos.reading import Found, Named, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.chaos.world import World

_EXAMPLES = 20


@dataclass
class Verdict:
    """Counts of records over the whole run.

    `extra` were committed in the moment in which the device died, before it could write its ledger: they are
    in the store, once and with their own value. `wrongly_refused` are good ones among the dead letters.
    """

    store: str
    produced: int = 0
    stored: int = 0
    dropped: int = 0
    rejected: int = 0
    missing: int = 0
    duplicated: int = 0
    altered: int = 0
    wrongly_refused: int = 0
    extra: int = 0
    waiting: int = 0
    unexplained_by_audit: int = 0
    delivered_after_s: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every measurement that was committed is accounted for, once and unaltered."""
        wrong = (self.missing, self.duplicated, self.altered, self.wrongly_refused)
        return not any((*wrong, self.waiting, self.unexplained_by_audit))

    def as_json(self) -> str:
        """Return all figures."""
        return json.dumps(asdict(self), indent=2)

    def show(self, what: str, names: Iterable[object]) -> None:
        """Keep some examples of what is wrong."""
        self.examples += [f"{what}: {name}" for name in list(names)[:_EXAMPLES]]


def judge(world: World, verdict: Verdict) -> Verdict:
    """Complete the verdict from ledgers, store and dead letters."""
    good, bad = _ledger(world.ledger)
    found = read(world)
    verdict.produced = len(good) + len(bad)
    _look_at_points(verdict, found, good)
    _look_at_accounts(verdict, found)
    wrong = good & found.refused
    verdict.wrongly_refused = len(wrong)
    verdict.show("refused", wrong)
    stored = {(device, number) for device, number, _ in found.points}
    _look_for_absent(verdict, found, (good | bad) - stored - found.refused)
    return verdict


def _look_at_points(verdict: Verdict, found: Found, good: set[Named]) -> None:
    times = Counter((device, number) for device, number, _ in found.points)
    altered = [point for point in found.points if point[2] != value_of(*point[:2])]
    verdict.stored = len(found.points)
    verdict.duplicated = sum(times.values()) - len(times)
    verdict.altered = len(altered)
    verdict.extra = len(times.keys() - good)
    verdict.show("doubled", (name for name, count in times.items() if count > 1))
    verdict.show("altered", altered)


def _look_at_accounts(verdict: Verdict, found: Found) -> None:
    holes = [account for account in found.accounts if not account.complete]
    verdict.dropped = sum(account.dropped_count for account in found.accounts)
    verdict.rejected = sum(account.rejected_count for account in found.accounts)
    verdict.unexplained_by_audit = len(holes)
    verdict.show("audit", holes)


def _look_for_absent(verdict: Verdict, found: Found, absent: set[Named]) -> None:
    """Count what is neither stored nor refused by name, beyond what its device says that it dropped."""
    by_device = Counter(device for device, _ in absent)
    for account in found.accounts:
        by_device[account.device] -= account.dropped_count
    verdict.missing = sum(count for count in by_device.values() if count > 0)
    verdict.show("missing", sorted(name for name in absent if by_device[name[0]] > 0))


def _ledger(folder: Path) -> tuple[set[Named], set[Named]]:
    good: set[Named] = set()
    bad: set[Named] = set()
    for file in folder.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # cut by the kill that ended the process
                device, number, is_bad = json.loads(line)
                (bad if is_bad else good).add((device, number))
    return good, bad
