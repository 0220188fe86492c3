"""One run: a world begins, is shaken, heals, delivers what is left, and is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.faults import Shaker
from tests.chaos.verdict import Verdict, judge
from tests.chaos.world import World, wait_until, world

if TYPE_CHECKING:
    from pathlib import Path

_WARM_UP_S = 60.0
_DELIVER_S = 240.0


def run(path: Path, *, minutes: float, seed: int) -> Verdict:
    """Shake for so many minutes; return the verdict. Raises NetworkError where the machine cannot."""
    with world(path) as made:
        assert wait_until(made.database.exists, _WARM_UP_S), f"nothing was stored; see {path / 'logs'}"
        shaker = Shaker(made, seed)
        shaker.shake(minutes * 60)
        (made.ledger / "stop").touch()
        wait_until(lambda: _waiting(made) == 0, _DELIVER_S)
        waiting = _waiting(made)
        for program in made.devices():
            program.kill()
        return judge(made, waiting, dict(sorted(shaker.counts.items())))


def _waiting(made: World) -> int:
    """Return how many records the devices still hold."""
    found = [file.read_text() for file in made.ledger.glob("*.depth")]
    return sum(int(text) for text in found if text) if all(found) else -1
