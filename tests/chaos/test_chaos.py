"""Minutes of power cuts, dead lines, full disks and stopped programs, and nothing is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.chaos import stores
from tests.chaos.run import file_name, run
from tests.chaos.world import mosquitto
from tests.fakes.network import why_not

MINUTES = {
    "sqlite": float(os.environ.get("PANTAU_CHAOS_MINUTES", "3")),
    "influxdb": float(os.environ.get("PANTAU_CHAOS_INFLUXDB_MINUTES", "1")),
}
SEED = 7
OUT = Path("build/bench")


@pytest.mark.system
@pytest.mark.alone
@pytest.mark.parametrize("store", stores.KINDS)
def test_what_was_committed_is_stored_once_and_unaltered_whatever_dies(tmp_path: Path, store: str) -> None:
    if mosquitto() is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    if (reason := stores.missing(store) or why_not()) is not None:
        pytest.skip(reason)
    minutes = MINUTES[store]
    verdict = run(tmp_path, minutes=minutes, seed=SEED, store=store)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / file_name(store)).write_text(verdict.as_json() + "\n")
    sys.stdout.write(verdict.as_json() + "\n")
    assert verdict.good, verdict.examples
    assert verdict.produced > 1000 * minutes
    assert verdict.rejected > 0
    assert sum(verdict.faults.values()) > 10 * minutes
