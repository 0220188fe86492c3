"""Grafana's shapes of rules: what its alerting API takes, and what its provisioning files hold.

Sources: https://grafana.com/docs/grafana/latest/developers/http_api/alerting_provisioning/ and
https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/file-provisioning/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantau_dashboards.alerting.model import Group, Query, Rule

Json = dict[str, Any]

EXPRESSIONS = "__expr__"
CONDITION = "alert"
_QUERY_PREFIX = "query_"
_MAX_POINTS = 43_200
_STEP_MS = 60_000


def group_file(groups: Sequence[Group], folder: str) -> Json:
    """Return a provisioning file of rule groups in the folder of that title."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": escaped(group.name),
                "folder": escaped(folder),
                "interval": seconds(group.interval_s),
                "rules": [rule_in_file(rule) for rule in group.rules],
            }
            for group in groups
        ],
    }


def rule_in_file(rule: Rule) -> Json:
    """Return a rule as a file holds it: `$` doubled where Grafana would look for environment variables."""
    return {
        "uid": rule.uid,
        "title": escaped(rule.title),
        "condition": CONDITION,
        "data": rule_data(rule),
        "noDataState": rule.no_data,
        "execErrState": rule.on_error,
        "for": seconds(rule.wait_s),
        "annotations": dict(rule.annotations),
        "labels": {name: escaped(value) for name, value in rule.labels.items()},
        "isPaused": False,
    }


def rule_data(rule: Rule) -> list[Json]:
    """Return a rule's queries, each reduced to its last value, then what is computed, then the condition."""
    reduced = [
        _expression(query.name, "reduce", f"{_QUERY_PREFIX}{query.name}", **_LAST) for query in rule.queries
    ]
    computed = [_expression(name, "math", text) for name, text in rule.computed]
    condition = _expression(CONDITION, "math", rule.condition)
    return [*map(_query, rule.queries), *reduced, *computed, condition]


def escaped(text: str) -> str:
    """Return a text as a provisioning file holds it, where `$` begins an environment variable's name."""
    return text.replace("$", "$$")


def unescaped(text: str) -> str:
    """Return what `escaped` was given."""
    return text.replace("$$", "$")


def seconds(count: int) -> str:
    """Return a duration as Grafana writes it, so that what it gives back is the same text."""
    parts = ((count // 3600, "h"), (count % 3600 // 60, "m"), (count % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


_LAST: Json = {"reducer": "last", "settings": {"mode": "dropNN"}}


def _query(query: Query) -> Json:
    return {
        "refId": f"{_QUERY_PREFIX}{query.name}",
        "relativeTimeRange": {"from": query.range_s, "to": 0},
        "datasourceUid": query.datasource,
        "model": {
            "refId": f"{_QUERY_PREFIX}{query.name}",
            "datasource": {"type": "influxdb", "uid": query.datasource},
            "query": query.text,
            "rawQuery": True,
            "resultFormat": "time_series",
            "intervalMs": _STEP_MS,
            "maxDataPoints": _MAX_POINTS,
        },
    }


def _expression(name: str, kind: str, text: str, **more: Any) -> Json:
    return {
        "refId": name,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": EXPRESSIONS,
        "model": {
            "refId": name,
            "datasource": {"type": EXPRESSIONS, "uid": EXPRESSIONS},
            "type": kind,
            "expression": text,
            **more,
        },
    }
