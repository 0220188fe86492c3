"""Runs latency probes side by side; started inside a namespace: `python measuring.py '[{…}, …]' one|all`.

Each argument is a `LatencyTarget`, with the file of the key instead of the key. Prints the measurements as a
JSON list, in the same order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pantau_agent.probes.base import Context
from pantau_agent.probes.latency import LatencyProbe, LatencyTarget
from pantau_agent.probes.stamp_key import read_key

if TYPE_CHECKING:
    from pantau_wire.fields import Latency


async def measure(targets: list[dict[str, Any]], *, at_once: bool) -> list[Latency]:
    """Measure all targets, at once where only losses count, else one after the other."""
    probe, context = LatencyProbe(), Context()
    runs = [probe(_target(**target), context) for target in targets]
    return list(await asyncio.gather(*runs)) if at_once else [await run for run in runs]


def _target(stamp_key_file: str | None = None, **settings: Any) -> LatencyTarget:
    key = None if stamp_key_file is None else read_key(Path(stamp_key_file))
    return LatencyTarget(stamp_key=key, **settings)


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # what else runs on this machine is not the line's
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    found = asyncio.run(measure(msgspec.json.decode(sys.argv[1]), at_once=sys.argv[2] == "all"))
    sys.stdout.write(msgspec.json.encode(found).decode())
