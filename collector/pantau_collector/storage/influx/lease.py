"""Who does a piece of work alone, on a server that cannot compare and set.

Whoever wants the work writes a claim, waits until everybody who was about to claim has done so, and reads
what is there: the oldest live claim has it, and whoever lost withdraws. All times are the server's own, so
the clocks of collectors do not matter; a claim lives for `valid_s` after it was last renewed.

What it can promise: one holder at a time, unless a collector stands still for longer than `SETTLE_S` between
its look and its claim, or for longer than `valid_s` between two renewals. Then two may overlap until the next
renewal, at which the younger one loses.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantau_collector.storage.influx import lines, questions
from pantau_collector.storage.influx.sending import send_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantau_collector.storage.influx.client import Client

SETTLE_S = 1.0
_MEASUREMENT = "lease"


@dataclass(frozen=True, slots=True, order=True)
class _Claim:
    since_ns: int
    holder: str


class Leases:
    """Claims in one database; thread-safe."""

    def __init__(self, client: Client, settle: Callable[[float], None] = time.sleep) -> None:
        """Claim nothing yet."""
        self._client = client
        self._settle = settle

    def acquire(self, name: str, holder: str, valid_s: float) -> bool:
        """Take or renew a lease; see `Store.acquire_lease`. Taking it waits for `SETTLE_S`."""
        claims = self._live(name, valid_s)
        if not claims:
            self._write(name, holder, "released=false")
            self._settle(min(SETTLE_S, valid_s / 4))
            claims = self._live(name, valid_s)
        mine = next((claim for claim in claims if claim.holder == holder), None)
        if mine is None:
            return False
        if claims[0] is not mine:
            self._write(name, holder, "released=true")
            return False
        self._write(name, holder, f"released=false,since_ns={mine.since_ns}i")
        return True

    def _live(self, name: str, valid_s: float) -> list[_Claim]:
        """Return what was claimed or renewed within the time, and not withdrawn since, oldest first."""
        question = (
            f'SELECT "since_ns", "released" FROM "{_MEASUREMENT}" WHERE "name" = {_text(name)}'  # noqa: S608
            f' AND time > now() - {int(valid_s * 1e9)}ns GROUP BY "holder" ORDER BY time DESC LIMIT 1'
        )
        claims = [
            _Claim(time_ns if since_ns is None else since_ns, lines.text_of_tag(table.tags["holder"]))
            for _, table in self._client.ask(question)
            for time_ns, since_ns, released in table.values
            if not released
        ]
        return sorted(claims)

    def _write(self, name: str, holder: str, fields: str) -> None:
        """Write a claim without a time: the server gives it its own."""
        line = f"{_MEASUREMENT},holder={lines.tag(holder)},name={lines.tag(name)} {fields}"
        send_whole(self._client, [line], "a lease")


def _text(name: str) -> str:
    return questions.text(lines.tag_value(name))
