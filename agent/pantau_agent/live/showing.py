"""Runs jobs one after the other for a person who watches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from pantau_agent.live.cards import print_card
from pantau_agent.live.screens import screen_for
from pantau_agent.live.words import Words
from pantau_agent.probes.base import Context
from pantau_agent.scheduler import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantau_agent.probes.base import Progress
    from pantau_agent.scheduler import Job
    from pantau_wire.fields import AnyMeasurement


async def run_live(
    jobs: Sequence[Job],
    translate: Callable[[str], str],
    *,
    as_json: bool = False,
    console: Console | None = None,
    context_factory: Callable[[Callable[[Progress], None]], Context] | None = None,
) -> list[AnyMeasurement]:
    """Run the jobs one after the other, show them, and return their measurements in the same order.

    With `as_json` one JSON object is printed at the end and nothing else. `context_factory` makes a job's
    context around the given progress callback; by default a fresh one.
    """
    console = console or Console()
    words = Words(translate)
    make_context = context_factory or (lambda on_progress: Context(on_progress=on_progress))
    measurements = []
    with screen_for(console, words, as_json=as_json) as screen:
        for job in jobs:
            screen.begin(words.job(job.name, job.target))
            _, measurement = await measure(job, make_context(screen.show))
            screen.end(failed=measurement.failure is not None)
            measurements.append(measurement)
    if as_json:
        _print_json(measurements)
    for measurement in [] if as_json else measurements:
        print_card(console, words, measurement)
    return measurements


def _print_json(measurements: Sequence[AnyMeasurement]) -> None:
    octets = msgspec.json.format(msgspec.json.encode({"measurements": measurements}), indent=2)
    sys.stdout.write(octets.decode() + "\n")
