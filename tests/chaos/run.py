"""One run: a world begins, is shaken, heals, delivers what is left, and is judged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.chaos.faults import Shaker
from tests.chaos.program import wait_until
from tests.chaos.verdict import Verdict, judge
from tests.chaos.world import World, world

if TYPE_CHECKING:
    from pathlib import Path

_WARM_UP_S = 60.0
_DELIVER_S = 240.0


def run(path: Path, *, minutes: float, seed: int, store: str = "sqlite") -> Verdict:
    """Shake for so many minutes; return the verdict. Raises NetworkError where the machine cannot."""
    with world(path, store=store) as made:
        assert wait_until(lambda: _stored(made) > 0, _WARM_UP_S), f"nothing was stored; see {path / 'logs'}"
        shaker = Shaker(made, seed)
        shaker.shake(minutes * 60)
        (made.ledger / "stop").touch()
        ended_s = time.monotonic()
        wait_until(lambda: _waiting(made) == 0, _DELIVER_S)
        verdict = Verdict(store, waiting=_waiting(made), faults=dict(sorted(shaker.counts.items())))
        verdict.delivered_after_s = round(time.monotonic() - ended_s, 1)
        for program in made.devices():
            program.kill()
        return judge(made, verdict)


def file_name(store: str) -> str:
    """Return the name of the file in which a verdict is kept."""
    return "chaos.json" if store == "sqlite" else f"chaos-{store}.json"


def _waiting(made: World) -> int:
    """Return how many records the devices still hold, -1 while one of them does not tell."""
    found = [waiting for waiting, _ in _told(made)]
    return sum(found) if len(found) == len(made.device_names) else -1


def _stored(made: World) -> int:
    """Return how many records the devices know to be stored."""
    return sum(stored for _, stored in _told(made))


def _told(made: World) -> list[tuple[int, int]]:
    texts = [file.read_text().split() for file in made.ledger.glob("*.depth")]
    return [(int(words[0]), int(words[1])) for words in texts if words]
