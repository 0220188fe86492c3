"""What can go wrong: each fault has a beginning, a length and an end. One table; a seed decides the rest."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos.world import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """`begin` and `end` get the world and the name of what was chosen; it lasts at most `longest_s`."""

    name: str
    begin: Callable[[World, str], None]
    end: Callable[[World, str], None]
    victims: Callable[[World], list[str]]
    longest_s: float
    weight: int = 2


def _kill(world: World, victim: str) -> None:
    world.programs[victim].kill()


def _start(world: World, victim: str) -> None:
    world.programs[victim].start()


def _stop(world: World, victim: str) -> None:
    world.programs[victim].send(signal.SIGSTOP)


def _continue(world: World, victim: str) -> None:
    world.programs[victim].send(signal.SIGCONT)


def _move(world: World, victim: str) -> None:
    """Its cards will find themselves in other machines when it starts again."""
    _kill(world, victim)
    world.move(victim)


def _end_politely(world: World, victim: str) -> None:
    program = world.programs[victim]
    program.send(signal.SIGTERM)
    assert program.process is not None
    program.process.wait(timeout=30)


def _kill_and_forget(world: World, victim: str) -> None:
    _kill(world, victim)
    world.broker_memory.unlink(missing_ok=True)


def _cut(world: World, _: str) -> None:
    world.cut()


def _mend(world: World, _: str) -> None:
    world.mend()


def _fill(world: World, disk: str) -> None:
    world.fill(disk)


def _clear(world: World, disk: str) -> None:
    world.clear(disk)


def _devices(world: World) -> list[str]:
    return [program.name for program in world.devices()]


def _collectors(_: World) -> list[str]:
    return list(COLLECTORS)


def _broker(_: World) -> list[str]:
    return ["broker"]


def _influxd(world: World) -> list[str]:
    return [name for name in world.programs if name == "influxd"]


FAULTS = (
    Fault("device killed", _kill, _start, _devices, 4.0, weight=4),
    Fault("card moved to another machine", _move, _start, _devices, 4.0),
    Fault("device stopped", _stop, _continue, _devices, 10.0),
    Fault("collector killed", _kill, _start, _collectors, 6.0, weight=4),
    Fault("collector stopped", _stop, _continue, _collectors, 25.0),
    Fault("broker killed", _kill, _start, _broker, 5.0),
    Fault("broker killed and its memory lost", _kill_and_forget, _start, _broker, 5.0),
    Fault("broker restarted", _end_politely, _start, _broker, 3.0),
    Fault("broker stopped", _stop, _continue, _broker, 12.0),
    Fault("line cut", _cut, _mend, lambda _: ["line"], 12.0),
    Fault("store killed", _kill, _start, _influxd, 6.0, weight=4),
    Fault("store stopped", _stop, _continue, _influxd, 15.0),
    Fault("store's disk full", _fill, _clear, lambda _: ["store"], 8.0),
    Fault("spools' disk full", _fill, _clear, lambda _: ["spools"], 8.0),
)


class Shaker:
    """Begins faults at random and ends them; several at once, but never two on the same victim."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._rng = random.Random(seed)
        self._faults = [fault for fault in FAULTS if fault.victims(world)]
        self._running: list[tuple[float, Fault, str]] = []
        self.counts: Counter[str] = Counter()

    def shake(self, seconds: float) -> None:
        """Let faults happen for so long, and end with a healed world."""
        until_s = time.monotonic() + seconds
        next_s = time.monotonic()
        while (now_s := time.monotonic()) < until_s:
            self._end_due(now_s)
            if now_s >= next_s:
                self._begin(now_s)
                next_s = now_s + self._rng.uniform(0.5, 4.0)
            time.sleep(0.1)
        self._end_due(float("inf"))
        self._world.heal()

    def _begin(self, now_s: float) -> None:
        (fault,) = self._rng.choices(self._faults, [fault.weight for fault in self._faults])
        victim = self._rng.choice(fault.victims(self._world))
        length_s = self._rng.uniform(0.2, fault.longest_s)
        if victim in (running[2] for running in self._running):
            return
        fault.begin(self._world, victim)
        self.counts[fault.name] += 1
        self._running.append((now_s + length_s, fault, victim))

    def _end_due(self, now_s: float) -> None:
        for entry in [found for found in self._running if found[0] <= now_s]:
            self._running.remove(entry)
            with contextlib.suppress(ProcessLookupError):
                entry[1].end(self._world, entry[2])
