"""Three minutes of power cuts, dead lines, full disks and stopped programs, and nothing is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.chaos.run import run
from tests.chaos.world import mosquitto
from tests.fakes.network import why_not

MINUTES = float(os.environ.get("PANTAU_CHAOS_MINUTES", "3"))
SEED = 7
OUT = Path("build/bench/chaos.json")


@pytest.mark.system
@pytest.mark.alone
def test_what_was_committed_is_stored_once_and_unaltered_whatever_dies(tmp_path: Path) -> None:
    if mosquitto() is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    verdict = run(tmp_path, minutes=MINUTES, seed=SEED)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(verdict.as_json() + "\n")
    sys.stdout.write(verdict.as_json() + "\n")
    assert verdict.good, verdict.examples
    assert verdict.produced > 1000 * MINUTES
    assert verdict.rejected > 0
    assert sum(verdict.faults.values()) > 10 * MINUTES
