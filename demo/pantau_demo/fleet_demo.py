"""`pantau-demo --fleet AREA`: a regency's villages with sixty days of history and a live stream, in a portal.

This machine is not measured: its loopback would stand among villages' lines. The history is imported before
the collector starts; the fleet's process then goes on where it ends.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

from pantau_demo import stack as parts
from pantau_demo.errors import DemoError
from pantau_demo.fleet import recipe as recipes
from pantau_demo.fleet.history import making, profiles
from pantau_demo.fleet.history.writing import Plan
from pantau_demo.fleet.population import registry_csv
from pantau_demo.fleet.recipe import Recipe
from pantau_demo.fleet.surges import parse
from pantau_demo.programs import program
from pantau_demo.stack import Stack
from pantau_demo.supervisor import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pantau_demo.shows import Ticks
    from pantau_demo.supervisor import Supervisor

HISTORY_DAYS = 60
_FINE_DAYS = 2
_DAY = 1440
_MOST_VILLAGES = 3000
_LEFT = "fleet.json"
# Older measurements are not there, so nothing older may be summed up from them.
_MORE = """
[analysis]
recompute_days = 1

[sla]
profiles = "{state}/profiles.toml"
"""


class FleetShow:
    """An area's villages: their past imported, their present streamed."""

    parts = "the past of a fleet, broker, collector, fleet"
    speaker = "fleet"

    def __init__(
        self, area: str, seed: int, surges: Sequence[str], broker_kind: str, say: Callable[[str], None]
    ) -> None:
        """Start nothing yet; `say` tells how the history comes on, and may raise to end it."""
        self._area, self._seed, self._surges = area, seed, surges
        self._broker_kind, self._say = broker_kind, say
        self._told_bytes = 0

    def start(self, supervisor: Supervisor, state: Path, portal_port: int) -> Stack:
        """Fill a store with the past, start broker, collector and fleet; raises `DemoError`."""
        began_s = time.monotonic()
        stack = Stack(state, self._area, portal_port)
        broker_port = parts.start_broker(supervisor, state, self._broker_kind)
        parts.configure_collector(stack, broker_port, _MORE.format(state=state))
        if not (state / _LEFT).exists():
            self._fill(stack)
            self._say(f"  the history is in the store after {time.monotonic() - began_s:.0f} s")
        parts.start_collector(supervisor, stack)
        command = [program("pantau-demo"), "fleet", "--resume", str(state / _LEFT)]
        command += ["--account", str(_account(stack)), "--broker", f"{parts.PORTAL_HOST}:{broker_port}"]
        command += ["--no-message-expiry"] if self._broker_kind == "embedded" else []
        log = state / "fleet.log"
        self._told_bytes = log.stat().st_size if log.exists() else 0
        supervisor.start(Part("fleet", command, log))
        return stack

    def ticker(self, started: Stack, say: Callable[[str], None]) -> Ticks:
        """Return what passes on the fleet's own words."""
        return _Reader(started, say, self._told_bytes)

    def gather(self, started: Stack) -> dict[str, Any]:
        """Return the fleet's own account, which it writes as it ends; raises `DemoError` where it did not."""
        try:
            found: dict[str, Any] = json.loads(_account(started).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            log = started.state / "fleet.log"
            raise DemoError(f"the fleet gave no account; see {log}: {error}") from None
        return found

    def complaints(self, account: dict[str, Any]) -> list[str]:
        """Return what was sent and is not stored."""
        found = []
        if account["records_unanswered"]:
            found.append(f"{account['records_unanswered']} records were sent and not acknowledged")
        if account["records_rejected"]:
            found.append(f"{account['records_rejected']} records were refused")
        if not account["records_stored"]:
            found.append("nothing was stored")
        return found

    def summary(self, account: dict[str, Any]) -> str:
        """Return the account in one line."""
        waiting = f"{account['records_waiting']:,} wait on devices whose line or power is out"
        return (
            f"{account['records_measured']:,} measurements, {account['records_stored']:,} stored; {waiting}."
        )

    def _fill(self, stack: Stack) -> None:
        """Import sixty days of everybody's life, and have the analysis go on where they end."""
        found = recipes.villages(self._area)
        if len(found) > _MOST_VILLAGES:
            raise DemoError(f"{self._area} has {len(found):,} villages: take at most {_MOST_VILLAGES:,}")
        until = recipes.now_minute()
        recipe = Recipe(
            area=self._area,
            devices=None,
            seed=self._seed,
            cadence="metered",
            epoch_minute=recipes.midnight_before(until, found[0].utc_offset_minutes, HISTORY_DAYS),
            surges=tuple(parse(text, until) for text in self._surges),
        )
        life = recipes.live(recipe, found)
        counts = f"{len(found):,} villages, {len(life.population):,} virtual devices"
        self._say(f"{counts}, {HISTORY_DAYS} days of history …")
        (stack.state / "devices.csv").write_text(registry_csv(life.population), encoding="utf-8")
        (stack.state / "profiles.toml").write_text(profiles.toml(), encoding="utf-8")
        options = ["--config", str(stack.collector_config)]
        plan = Plan(until - _FINE_DAYS * _DAY, until - _DAY, until)
        importing = making.Import(options, ["--fresh"], keep=False)
        standing = making.make(life, plan, stack.state / "history", self._say, importing)
        _adopt(options)
        recipes.leave(stack.state / _LEFT, recipe, until, standing)


class _Reader:
    """Passes on what the fleet's process says."""

    def __init__(self, stack: Stack, say: Callable[[str], None], told_bytes: int) -> None:
        """Begin behind what an earlier run has said."""
        self._log, self._say, self._place = stack.state / "fleet.log", say, told_bytes
        self._began_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the parts were started."""
        return time.monotonic() - self._began_s

    def tick(self) -> None:
        """Say the lines that are new and whole."""
        with self._log.open("rb") as log:
            log.seek(self._place)
            new = log.read()
        whole, ended, _ = new.rpartition(b"\n")
        self._place += len(whole) + len(ended)
        for line in whole.decode(errors="replace").splitlines():
            self._say(line)


def _adopt(options: Sequence[str]) -> None:
    command = [program("pantau-collector"), *options, "analyse", "--adopt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoError(f"the analysis does not take the history over: {done.stderr.strip()}")


def _account(stack: Stack) -> Path:
    return stack.state / "fleet-account.json"
