"""A small `broker_memory`: a broker without a collector stays small, and what comes later comes once."""

from __future__ import annotations

import shutil

import pytest
from benchmarks import broker_memory

DEVICES = 30


@pytest.mark.system
@pytest.mark.alone
@pytest.mark.parametrize("absence", ["never there", "stopped"])
def test_an_absent_collector_costs_the_broker_little_and_nothing_stale_comes_after_it(
    absence: broker_memory.Absence,
) -> None:
    """The absence lasts longer than the stopped collector's session; the bound is the broker's queue."""
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    row = broker_memory.measure(absence, devices_count=DEVICES, absent_s=10, faster=60, keepalive_s=5)
    assert row["stored_count"] == row["records_count"]
    assert row["stale_from_broker_count"] == 0
    assert row["refused_count"] > 0
    assert row["sent_while_absent_count"] >= row["refused_count"]
    assert row["broker_peak_mb"] < row["broker_idle_mb"] + 64
