"""Runs the speed probe once in this process; prints the result and what each direction cost, as JSON.

`python -m tests.agent.truth.inside URL '{"download_s": 5}'` is what the truth test starts inside a namespace.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import get_args

import msgspec

from pantau_agent.probes.base import Context, Phase, Progress
from pantau_agent.probes.speed import SpeedTarget, speed

ENDS = {"download": "upload", "upload": "end"}


def cpu_s() -> float:
    """Return the user and system time of this process and of the children that it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Meter:
    """Notes clock and CPU time when a phase of the test is first heard of."""

    def __init__(self) -> None:
        self.marks: dict[str, tuple[float, float]] = {}

    def __call__(self, progress: Progress) -> None:
        self.mark(progress.phase)

    def mark(self, phase: str) -> None:
        """Note that a phase begins, once."""
        self.marks.setdefault(phase, (time.monotonic(), cpu_s()))

    def between(self, field: int) -> dict[str, float]:
        """Return what passed in each direction: field 0 seconds, field 1 CPU seconds."""
        return {
            way: self.marks[end][field] - self.marks[way][field]
            for way, end in ENDS.items()
            if way in self.marks and end in self.marks
        }


async def run(url: str, settings: str) -> None:
    """Measure and print."""
    meter = Meter()
    target = SpeedTarget(url=url, **json.loads(settings))
    meter.mark("called")
    found = await speed(target, Context(on_progress=meter, begins=lambda: meter.mark("begun")))
    meter.mark("end")
    answer = {
        "speed": msgspec.to_builtins(found),
        "elapsed_s": meter.between(0),
        "cpu_s": meter.between(1),
        "phases": [phase for phase in meter.marks if phase in get_args(Phase)],
        "begun_after_s": meter.marks["begun"][0] - meter.marks["called"][0]
        if "begun" in meter.marks
        else None,
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
