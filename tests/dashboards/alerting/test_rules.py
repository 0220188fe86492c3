"""Each rule fires on what it is there for, and on nothing near it: evaluated on a real InfluxDB."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.dashboards.alerting.cases import CASES, Case, active
from tests.dashboards.alerting.evaluator import Evaluation, evaluate
from tests.dashboards.alerting.simulated import KLATEN, Row, lines
from tests.fakes import influxd

from pantau_collector.storage.series import ALERTS, SERIES
from pantau_dashboards.alerting import rules
from pantau_dashboards.alerting.kinds import ACTIVE_ALERTS, KINDS
from pantau_dashboards.alerting.shapes import group_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FOLDER = "Pantau"


def _by_uid(groups: Iterable[Any]) -> dict[str, dict[str, Any]]:
    content = group_file(list(groups), _FOLDER)
    return {rule["uid"]: rule for group in content["groups"] for rule in group["rules"]}


RULES = _by_uid(rules.groups([KLATEN], "en"))
PROVINCE_RULES = _by_uid(rules.province_groups([KLATEN], "en"))
NO_DATA = ("collectors", "analysis")
ASKS_FOR_TROUBLE_ONLY = ("breaker",)


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[influxd.Influxd]:
    with influxd.running(tmp_path_factory.mktemp("influxd")) as server:
        yield server


@pytest.fixture
def judge(influx: influxd.Influxd) -> Callable[[dict[str, Any], list[Row]], Evaluation]:
    """Evaluate a rule on rows, in a database that has nothing else."""

    def judged(rule: dict[str, Any], rows: list[Row]) -> Evaluation:
        now_s, database = int(time.time()), influx.new_database()
        if rows:
            influx.write(lines(rows, now_s), database)
        databases = dict.fromkeys(("pantau-raw", "pantau-rollup", "pantau-history"), database)
        return evaluate(rule, influx.url, databases, now_s)

    return judged


def _places(found: Evaluation) -> set[str]:
    """Return what fires by its narrowest tag."""
    return {
        next(labels[tag] for tag in ("device", "village", "regency", "collector") if tag in labels)
        for labels in map(dict, found.firing)
    }


@pytest.mark.parametrize("name", [name for name in CASES if name not in NO_DATA])
def test_a_rule_fires_where_it_must_and_is_quiet_where_it_must(judge, name: str):
    case = CASES[name]
    fired = judge(RULES[case.uid], case.firing)
    assert _places(fired) == case.fires
    quiet = judge(RULES[case.uid], case.quiet)
    assert not quiet.firing
    if name not in ASKS_FOR_TROUBLE_ONLY:
        assert not quiet.no_data, "the quiet rows must be rows that the rule reads"


@pytest.mark.parametrize("name", NO_DATA)
def test_what_stands_still_fires_because_there_is_nothing(judge, name: str):
    case, rule = CASES[name], RULES[CASES[name].uid]
    assert judge(rule, case.firing).no_data
    assert rule["noDataState"] == "Alerting"
    quiet = judge(rule, case.quiet)
    assert not quiet.firing
    assert not quiet.no_data


@pytest.mark.parametrize("alert", ALERTS)
def test_a_rule_of_a_province_reads_what_the_analysis_keeps(judge, alert: str):
    case: Case = active(alert)
    fired = judge(PROVINCE_RULES[case.uid], case.firing)
    assert _places(fired) == case.fires
    assert set(fired.values["value"].values()) == {61.0}
    assert not judge(PROVINCE_RULES[case.uid], case.quiet).firing


def test_every_kind_of_alert_has_its_case():
    assert {name.split(" ")[0] for name in CASES} == {kind.name for kind in KINDS}
    assert {case.uid for case in CASES.values()} == set(RULES)
    assert {kind.name for kind in ACTIVE_ALERTS} == set(ALERTS)


@pytest.mark.parametrize("rule", [*RULES.values(), *PROVINCE_RULES.values()], ids=lambda rule: rule["uid"])
def test_a_rule_asks_for_series_fields_and_tags_that_exist(rule: dict[str, Any]):
    for entry in rule["data"]:
        if entry["datasourceUid"] == "__expr__":
            continue
        query = entry["model"]["query"]
        series = SERIES[re.search(r'FROM "(\w+)"', query)[1]]
        assert entry["datasourceUid"] == f"pantau-{series.retention}"
        known = {*series.tags, *(column.name for column in series.columns), series.name}
        assert set(re.findall(r'"(\w+)"', query)) <= known
        assert query.count("SELECT") == 1
        assert "$timeFilter" in query


def test_the_value_that_a_message_shows_is_one_that_the_rule_computes():
    for kind in (*KINDS, *ACTIVE_ALERTS):
        names = {measure.name for measure in kind.measures} | {name for name, _ in kind.computed}
        assert kind.shown[0] in names
        assert "{value}" in kind.strength.label_en
        assert "{value}" in kind.strength.label_id


def test_our_outage_is_one_alarm_and_not_one_for_each_regency():
    errors = {uid for uid, rule in RULES.items() if rule["execErrState"] != "KeepLast"}
    assert errors == {"pantau-collectors"}
    silent = {uid for uid, rule in RULES.items() if rule["noDataState"] != "OK"}
    assert silent == {"pantau-collectors", "pantau-analysis"}
    assert {rule["execErrState"] for rule in PROVINCE_RULES.values()} == {"KeepLast", "Alerting"}


def test_rules_are_told_apart_by_uid_and_by_title():
    for found in (RULES, PROVINCE_RULES):
        assert len({rule["title"] for rule in found.values()}) == len(found)
        assert all(re.fullmatch(r"[a-zA-Z0-9-]{1,40}", uid) for uid in found)


def test_nothing_that_grafana_would_take_for_an_environment_variable_stands_in_a_rule():
    for rule in RULES.values():
        assert "$" not in "".join([rule["title"], *rule["labels"].values(), *rule["annotations"].values()])


def test_a_regency_with_satellites_only_has_no_rule_for_the_others():
    only = rules.groups([_with_satellites_only()], "en")
    uids = set(_by_uid(only))
    assert "pantau-delay-33-10-satelit" in uids
    assert "pantau-delay-33-10" not in uids


def _with_satellites_only():
    codes = tuple(code for code, _ in KLATEN.villages)
    return type(KLATEN)(KLATEN.code, KLATEN.name, "33", "Jawa Tengah", "WIB", KLATEN.villages, codes)
