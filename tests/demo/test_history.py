"""A fleet's history in a store: what the analysis itself would have made of it, row by row."""

import contextlib
import math
from dataclasses import dataclass

import pytest
from tests.demo import fleets

from pantau_collector.analysis_loop.adopting import adopt
from pantau_collector.analysis_loop.loop import Analysis
from pantau_collector.analysis_loop.places import Places
from pantau_collector.analysis_loop.recomputing import Recomputing
from pantau_collector.analysis_loop.windows import MINUTE_NS, Span
from pantau_collector.config import AnalysisConfig
from pantau_collector.errors import AnalysisError
from pantau_collector.months import profile_file
from pantau_collector.months.profile_book import ProfileBook
from pantau_collector.registry import reader
from pantau_collector.registry.model import Registry
from pantau_collector.storage.series import rollup_name
from pantau_collector.storage.sqlite import SqliteStore
from pantau_demo.fleet.history import profiles

DAYS = 2
VILLAGES = 7
ROLLUPS = [rollup_name(level, window) for level in ("village", "regency") for window in ("5m", "1h", "1d")]
LEFT_TO_THE_PROFILE = {"day_rules", "latency_k", "variation_k"} | {
    f"{way}_{what}" for way in ("download", "upload") for what in ("n", "k", "sum_bps")
}
"""Of a day's row: the collector counts it again by the profile that it has."""


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
    found = {name: rows(store, name) for name in (*ROLLUPS, "sla_day", "sla_test")}
    places = Places(
        reader.read(folder / "devices.csv"), profile_file.parse(profiles.toml().encode(), "profiles.toml")
    )
    span = Span(life.epoch_minute * MINUTE_NS, fleets.MIDNIGHT * MINUTE_NS)
    work = Recomputing(store, places, span.until_ns, 0)
    for window in ("5m", "1h", "1d"):
        work.regency("33.10", span, window)
    return {name: (before, rows(store, name)) for name, before in found.items()}


@pytest.mark.parametrize("name", [*ROLLUPS, "sla_day", "sla_test"])
def test_rollups_are_those_that_the_analysis_makes_of_the_same_measurements(recomputed, name):
    """Each row, each field: the simulator's own arithmetic and the collector's agree."""
    before, after = recomputed[name]
    assert before.keys() == after.keys()
    assert before
    for place, values in after.items():
        expected = values.keys() - (LEFT_TO_THE_PROFILE if name == "sla_day" else set())
        assert before[place].keys() - {"day_rules"} == expected - {"day_rules"}, place
        for field in expected:
            value = values[field]
            told = before[place][field]
            close = (
                told == value
                if isinstance(value, str)
                else math.isclose(told, value, rel_tol=1e-9, abs_tol=1e-9)
            )
            assert close, (name, place, field, told, value)


def rows(store, name):
    return {(row.tags, row.time_ns): row.values for row in store.series(name)}


def test_an_analysis_goes_on_where_a_history_ends(recomputed, history):
    """Adopted, the history's rows stay as they are; days are judged, new windows follow; no second time."""
    _, folder, store = history
    registry, book = reader.read(folder / "devices.csv"), profile_file.parse(profiles.toml().encode(), "")
    until_ns = fleets.MIDNIGHT * MINUTE_NS
    assert adopt(store, registry, book) == until_ns
    before = {name: rows(store, name) for name in (*ROLLUPS, "sla_day")}
    now_ns = until_ns + 20 * MINUTE_NS
    Analysis(store, Held(registry), Held(book), AnalysisConfig(), clock=lambda: now_ns).step()
    for name, known in before.items():
        after = rows(store, name)
        assert {place: values for place, values in after.items() if place[1] < until_ns} == known
    assert max(time_ns for _, time_ns in rows(store, "village_5m")) > until_ns
    judged = {tags[0] for tags, _ in rows(store, "sla_month")}
    assert judged == {tags[0] for tags, _ in before["village_1d"]}
    with pytest.raises(AnalysisError, match="has begun in this store already"):
        adopt(store, registry, book)


def test_nothing_is_adopted_where_nothing_was_imported(tmp_path):
    """The answer says what to do first."""
    with (
        contextlib.closing(SqliteStore(tmp_path / "empty.db")) as store,
        pytest.raises(AnalysisError) as caught,
    ):
        adopt(store, Registry(), ProfileBook())
    assert "import the rollups first" in str(caught.value)


@dataclass
class Held:
    """What does not change."""

    held: object

    def get(self):
        return self.held
