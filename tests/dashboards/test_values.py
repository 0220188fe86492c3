"""What the panels show is what the simulated week holds: computed here from its rows, in plain Python."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.dashboards import grafana, simulation
from tests.dashboards.simulation import DAY_S, END_S, HOUR_S

from pantau_collector.storage.series import STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.dashboards.grafana import Json, Viewer
    from tests.dashboards.simulation import Row, Value

KLATEN = [code for code in simulation.VILLAGES if code.startswith("33.10")]
JOMBORAN = "33.10.25.2007"
Panels = dict[str, dict[str, "Json"]]


@pytest.fixture(scope="session")
def panels() -> Panels:
    return {
        name: {panel["title"]: panel for panel in grafana.panels(board)}
        for name, board in grafana.boards("en").items()
    }


@pytest.fixture(scope="session")
def ask(viewers: dict[str, Viewer], panels: Panels) -> Callable[..., list[Json]]:
    """Ask what a panel asks, by the names of board and panel."""
    return lambda board, title, ref_id="A": viewers[board].ask(panels[board][title], ref_id)


def of(week: Iterable[Row], name: str, since_s: int = 0, until_s: int = END_S, **tags: str) -> list[Row]:
    """Return the rows of a series with these tags and since <= time < until."""
    return [
        row
        for row in week
        if row.name == name and since_s <= row.time_s < until_s and tags.items() <= row.tags.items()
    ]


def rows_of(answer: list[Json]) -> list[dict[str, Value]]:
    """Return the rows of a table, tags and columns together."""
    return [
        {**series.get("tags", {}), **dict(zip(series["columns"], row, strict=True))}
        for series in answer
        for row in series["values"]
    ]


def bins(
    week: list[Row], name: str, column: str, width_s: int, since_s: int, **tags: str
) -> dict[int, list[Value]]:
    """Return the values of a column by the first second of their bin."""
    found: dict[int, list[Value]] = {}
    for row in of(week, name, since_s, **tags):
        if column in row.values:
            found.setdefault(row.time_s - row.time_s % width_s, []).append(row.values[column])
    return found


def test_the_nation_is_the_sum_of_its_regencies(ask, week):
    """The figure at the top adds the newest row of each regency, and nothing twice."""
    (series,) = ask("national", "Up")
    newest = [of(week, "regency_5m", END_S - 300, regency=code) for code in simulation.REGENCIES]
    assert series["values"][0][1] == sum(row.values["up_village_count"] for (row,) in newest)


def test_alerts_of_the_nation_are_those_that_last(ask):
    """Alerts that ended, or never began, are not counted."""
    (series,) = ask("national", "Alerts now")
    assert series["values"][0][1] == len(simulation.ACTIVE)


def test_alerts_of_a_regency_say_since_when(ask):
    """The table has the alerts that last, with the time since when in Grafana's milliseconds."""
    found = rows_of(ask("regency", "Out of bounds now"))
    assert {(row["village"], row["alert"]) for row in found} == simulation.ACTIVE
    assert {row["since"] for row in found} == {(END_S - HOUR_S) * 1000}


def test_silent_villages(ask):
    """Only villages that are silent for more than 15 minutes are in the table."""
    found = {row["village"]: row["silent_minutes"] for row in rows_of(ask("regency", "Silent villages"))}
    assert found == {"33.10.25.2008": 16.0, "33.10.01.2001": 240.0}


def test_the_heatmap_of_delays(ask, week):
    """Each cell is the median of its village's rows in its bin, and a bin without rows is empty."""
    for series in ask("regency", "Round-trip delay of the villages"):
        village = series["tags"]["village"]
        expected = bins(week, "village_5m", "rtd_p50_ms", 900, END_S - DAY_S, village=village)
        for time_s, value in series["values"]:
            if time_s not in expected:
                assert value is None
            else:
                assert value == pytest.approx(statistics.median(expected[time_s]))
        assert {series["tags"]["province"], series["tags"]["regency"]} == {"33", "33.10"}


def test_a_gap_is_a_gap(ask):
    """An hour without rows is an hour of nulls on either side of values: not zero, not what was before."""
    answer = ask("regency", "State of the villages")
    values = next(found["values"] for found in answer if found["tags"]["village"] == simulation.GAP_VILLAGE)
    inside = {value for time_s, value in values if time_s in simulation.GAP}
    around = {value for time_s, value in values if END_S - 11 * HOUR_S <= time_s < simulation.GAP.start}
    assert inside == {None}
    assert None not in around
    assert around


def test_the_timeline_shows_the_worst_state(ask, viewers, panels, week):
    """Each stretch of the timeline is the worst state in it."""
    width_s = viewers["regency"].interval_s(panels["regency"]["State of the villages"])
    for series in ask("regency", "State of the villages"):
        tags = {"village": series["tags"]["village"]}
        expected = bins(week, "village_5m", "state_index", width_s, END_S - DAY_S, **tags)
        found = {time_s: value for time_s, value in series["values"] if value is not None}
        assert found == {time_s: max(values) for time_s, values in expected.items()}
        assert set(found.values()) <= set(range(len(STATES)))


def test_loss_is_of_all_probes(ask, week):
    """Loss is lost over sent of all rows in the bin, not a mean of ratios."""
    for series in ask("regency", "Packet loss of the villages"):
        tags = {"village": series["tags"]["village"]}
        sent = bins(week, "village_5m", "sent_count", 900, END_S - DAY_S, **tags)
        received = bins(week, "village_5m", "received_count", 900, END_S - DAY_S, **tags)
        for time_s, value in series["values"]:
            if value is not None:
                total = sum(sent[time_s])
                assert value == pytest.approx((total - sum(received[time_s])) / total)


def test_loss_without_probes_is_no_loss_figure(ask):
    """A village that sent no probes has no row in the heatmap of loss, rather than a perfect one."""
    villages = {series["tags"]["village"] for series in ask("regency", "Packet loss of the villages")}
    assert villages == {code for code in KLATEN if code != simulation.UNPROBED_VILLAGE}


def test_the_table_of_villages_has_the_newest_values(ask, week):
    """Each village's row is its newest five minutes."""
    found = {row["village"]: row for row in rows_of(ask("regency", "Villages now"))}
    assert set(found) == set(KLATEN)
    for village, row in found.items():
        (newest,) = of(week, "village_5m", END_S - 300, village=village)
        for column in ("state", "rtd_p50_ms", "rx_rate_bps", "device_count"):
            assert row[column] == newest.values[column]


def test_every_registered_village_has_a_name(ask):
    """Names with spaces, commas, apostrophes and backslashes come through as they were written."""
    found = {row["village"]: row["village_label"] for row in rows_of(ask("regency", "Villages now", "B"))}
    assert found == {code: simulation.label(code) for code in KLATEN}


def test_the_band_of_the_contract(ask):
    """The band reaches from 80 percent of the contract to all of it."""
    for title, contract_bps in (("Download against the contract", 2e7), ("Upload against the contract", 1e7)):
        whole, enough = (
            {value for series in ask("village", title, ref_id) for _time, value in series["values"]}
            for ref_id in "BC"
        )
        assert whole - {None} == {contract_bps}
        assert enough - {None} == {0.8 * contract_bps}


def test_failed_tests_are_told_and_not_drawn(ask, week):
    """A failed test is a line with its reason in the table, and no point at zero in the graph."""
    since_s = END_S - 3 * DAY_S
    devices = ("klaten-jomboran-1", "klaten-jomboran-2")
    tests = [row for device in devices for row in of(week, "speed", since_s, device=device)]
    found = rows_of(ask("village", "Speed tests"))
    assert len(found) == len(tests)
    assert Counter(row["failure"] for row in found) == Counter(row.values.get("failure") for row in tests)
    answer = ask("village", "Download against the contract")
    drawn = [value for series in answer for _time, value in series["values"]]
    goodputs = [row.values["download_goodput_bps"] for row in tests if "failure" not in row.values]
    assert sorted(drawn) == pytest.approx(sorted(goodputs))
    assert 0 < len(drawn) < len(tests)


def test_minutes_by_state(ask, viewers, panels, week):
    """The bars add up the minutes of each state."""
    title = "Minutes by state"
    width_s = viewers["village"].interval_s(panels["village"][title])
    for ref_id, state in zip("ABCDEFG", STATES, strict=True):
        column = f"{state}_minute_count"
        expected = bins(week, "village_1h", column, width_s, END_S - 3 * DAY_S, village=JOMBORAN)
        (series,) = ask("village", title, ref_id)
        found = {time_s: value for time_s, value in series["values"] if value is not None}
        assert found == {time_s: sum(values) for time_s, values in expected.items()}


def test_boots_and_the_device_that_never_spoke(ask, week):
    """Boots are counted by their ids; who never reported is known by the registry and by its silence."""
    found, registered, silences = (
        {row["device"]: row for row in rows_of(ask("technician", "Registered devices", ref_id))}
        for ref_id in "ABC"
    )
    since_s = END_S - 2 * DAY_S
    for device, row in found.items():
        boots = {seen.values["boot_id"] for seen in of(week, "device", since_s, device=device)}
        assert row["boots"] == len(boots) > simulation.REBOOTS
    assert set(registered) - set(found) == {simulation.NEVER_SEEN}
    assert registered[simulation.NEVER_SEEN]["district"] == "33.10.01"
    assert silences[simulation.NEVER_SEEN]["silent_minutes"] == 240.0


def test_the_month_is_the_same_in_all_time_zones(ask):
    """The range of last month holds October of every village, whatever its zone, and no other month."""
    found = rows_of(ask("month", "Village by village"))
    assert {row["village"]: row["verdict"] for row in found} == simulation.VERDICTS
    assert len(found) == len(simulation.VERDICTS)


def test_the_verdicts_of_the_month(ask):
    """The figures at the top count the villages of each verdict."""
    for verdict, count in Counter(simulation.VERDICTS.values()).items():
        (series,) = ask("month", verdict.replace("_", " ").capitalize())
        assert series["values"][0][1] == count


def test_the_share_of_a_regency_is_of_all_its_tests(ask, week):
    """The regency's share is over all its villages' tests."""
    found = {row["regency"]: row for row in rows_of(ask("month", "Regencies"))}
    assert {code: row["villages"] for code, row in found.items()} == {"33.10": 3, "73.71": 1}
    october = [row for row in of(week, "sla_month", regency="33.10") if row.time_s == 1_790_787_600]
    assert found["33.10"]["download"] == pytest.approx(50 / 60)
    minutes = [row.values["restitution_minute_count"] for row in october]
    assert len(minutes) == 3
    assert found["33.10"]["restitution"] == sum(minutes)


def test_dead_letters_add_up(ask, viewers, panels, week):
    """Dead letters of an interval are the sum of its minutes."""
    width_s = viewers["pipeline"].interval_s(panels["pipeline"]["Dead letters"])
    expected = bins(week, "pipeline", "dead_letter_count", width_s, END_S - DAY_S)
    (series,) = ask("pipeline", "Dead letters")
    found = {time_s: value for time_s, value in series["values"] if value is not None}
    assert found == {time_s: sum(values) for time_s, values in expected.items()}
