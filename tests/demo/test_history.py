"""A fleet's history in a store: what the analysis itself would have made of it, row by row."""

import contextlib
import math

import pytest
from tests.demo import fleets

from pantau_collector.analysis_loop.places import Places
from pantau_collector.analysis_loop.recomputing import Recomputing
from pantau_collector.analysis_loop.windows import MINUTE_NS, Span
from pantau_collector.config import ContractConfig
from pantau_collector.registry import reader
from pantau_collector.storage.series import rollup_name

DAYS = 2
VILLAGES = 7
TARGETS = [(level, window) for level in ("village", "regency") for window in ("5m", "1h", "1d")]


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Two days of some villages, all of it raw beside its rollups: life, folder and store."""
    folder = tmp_path_factory.mktemp("history")
    life = fleets.life(VILLAGES, seed=13, days=DAYS)
    begin = life.epoch_minute
    fleets.written(life, folder, until_minute=fleets.MIDNIGHT, raw_from_minute=begin, fine_from_minute=begin)
    with contextlib.closing(fleets.imported(folder)) as store:
        yield life, folder, store


@pytest.fixture(scope="module")
def recomputed(history):
    """Every rollup as it was imported, and as the analysis makes it from the raw measurements."""
    life, folder, store = history
    found = {name: rows(store, name) for name in (rollup_name(*target) for target in TARGETS)}
    places = Places(reader.read(folder / "devices.csv"), contracts(life))
    span = Span(life.epoch_minute * MINUTE_NS, fleets.MIDNIGHT * MINUTE_NS)
    work = Recomputing(store, places, span.until_ns, 0)
    for window in ("5m", "1h", "1d"):
        work.regency("33.10", span, window)
    return {name: (before, rows(store, name)) for name, before in found.items()}


@pytest.mark.parametrize("name", [rollup_name(*target) for target in TARGETS])
def test_rollups_are_those_that_the_analysis_makes_of_the_same_measurements(recomputed, name):
    """Each row, each field: the simulator's own arithmetic and the collector's agree."""
    before, after = recomputed[name]
    assert before.keys() == after.keys()
    assert before
    for place, values in after.items():
        assert before[place].keys() == values.keys(), place
        for field, value in values.items():
            told = before[place][field]
            close = (
                told == value
                if isinstance(value, str)
                else math.isclose(told, value, rel_tol=1e-9, abs_tol=1e-9)
            )
            assert close, (name, place, field, told, value)


def rows(store, name):
    return {(row.tags, row.time_ns): row.values for row in store.series(name)}


def contracts(life):
    """Return what the collector is configured with."""
    return {
        one.profile: ContractConfig(download_bps=one.download_bps, upload_bps=one.upload_bps)
        for one in life.population.technologies
    }
