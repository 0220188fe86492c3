"""Where the month's bytes went: what the ledger says, as figures for programs and for people."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Literal

import msgspec

from pantau_agent import clock
from pantau_agent.budget import ledger
from pantau_agent.budget.months import UNDATED, month_before, month_of, reached_on
from pantau_agent.budget.policy import state_of
from pantau_agent.probes.base import LOCAL
from pantau_agent.schedules import local_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantau_agent.budget.ledger import Bytes
    from pantau_agent.budget.policy import Limits


class Purpose(msgspec.Struct, frozen=True):
    """What one purpose used in a month, each way."""

    purpose: str
    rx_bytes: int
    tx_bytes: int

    @property
    def both_bytes(self) -> int:
        """Both directions together."""
        return self.rx_bytes + self.tx_bytes


class Month(msgspec.Struct, frozen=True):
    """One month: its purposes, the greatest first, and what of them counts for the budget."""

    month: str
    used_bytes: int
    local_bytes: int
    purposes: tuple[Purpose, ...]


class Report(msgspec.Struct, frozen=True):
    """How the budget stands; without a limit what belongs to it is None. Dates are expectations."""

    current: Month
    previous: Month
    reserved_bytes: int
    state: Literal["ok", "thinned", "spent"]
    budget_bytes: int | None
    left_bytes: int | None
    thins_from_bytes: int | None
    thins_on: dt.date | None
    spent_on: dt.date | None


def report(path: Path, limits: Limits, zone: dt.tzinfo | None) -> Report:
    """Read the ledger; raises `BudgetError` where there is none."""
    account, reserved_bytes = ledger.read(path)
    trusted = clock.clock_state() == "synced"
    named = month_of(time.time(), zone) if trusted else UNDATED
    month = max([named, *account])
    current = _month(month, account.get(month, {}))
    used_bytes = current.used_bytes + reserved_bytes
    local = local_time(time.time(), zone) if month == month_of(time.time(), zone) else None
    return Report(
        current=current,
        previous=_month(month_before(month), account.get(month_before(month), {})),
        reserved_bytes=reserved_bytes,
        state=state_of(limits, used_bytes),
        budget_bytes=limits.month_bytes,
        left_bytes=None if limits.month_bytes is None else max(limits.month_bytes - used_bytes, 0),
        thins_from_bytes=limits.thin_from_bytes,
        thins_on=_reached_on(limits.thin_from_bytes, used_bytes, local),
        spent_on=_reached_on(limits.month_bytes, used_bytes, local),
    )


def _month(month: str, used: Mapping[str, Bytes]) -> Month:
    purposes = [Purpose(name, *entry) for name, entry in used.items() if name != LOCAL]
    purposes.sort(key=lambda entry: (-entry.both_bytes, entry.purpose))
    local = used.get(LOCAL)
    return Month(month, ledger.counted(used), local.both if local else 0, tuple(purposes))


def _reached_on(limit_bytes: int | None, used_bytes: int, local: dt.datetime | None) -> dt.date | None:
    """Return when a limit that is not reached yet will be, None where nobody can tell."""
    if limit_bytes is None or local is None or used_bytes >= limit_bytes:
        return None
    return reached_on(limit_bytes, used_bytes, local)
