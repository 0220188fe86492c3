"""The fast judgement says what the slow one says, of thousands of random months."""

import datetime as dt
import json
import os
from typing import Any

import msgspec
import pytest
from tests.collector.analysis import months, sla_reference

from pantau_collector.analysis.days import DayRow
from pantau_collector.analysis.sla import input_file
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.sla.village import day_rows

CHUNKS = 16
MONTHS = int(os.environ.get("PANTAU_TEST_SLA_MONTHS", "2000"))


def fast(document: dict[str, Any]) -> dict[str, Any]:
    """Return the report, made from day rows as a store would give them back."""
    village = input_file.parse(json.dumps(document).encode())
    stored = msgspec.msgpack.encode(day_rows(village))
    rows = msgspec.msgpack.decode(stored, type=list[DayRow])
    return msgspec.to_builtins(report(village.month, rows, village.profiles))


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    """Return the fast report in the reference's form."""
    metrics = {
        name: {key: metric[key] for key in ("n", "k", "share", "lower", "upper", "verdict")}
        | ({"days": metric["days"]} if name in {"download", "upload"} else {})
        for name, metric in found["metrics"].items()
    }
    outages = [
        [minute_of(one["from"]), minute_of(one["to"]), one["minutes"], one["long"]]
        for one in found["outages"]
    ]
    kept = ("minutes", "coverage", "restitution_minutes", "short_outage_minutes", "short_outages_count")
    same = {key: found[key] for key in (*kept, "uncounted_tests", "verdict")}
    return same | {"metrics": metrics, "outages": outages}


def minute_of(instant: str) -> int:
    return int(dt.datetime.fromisoformat(instant).timestamp()) // 60


def rounded(value: Any) -> Any:
    """Return a value in which Wilson's bounds, found in two ways, are equal."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 9) if isinstance(value, float) else value


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_fast_and_slow_agree(chunk: int) -> None:
    for seed in range(chunk, MONTHS, CHUNKS):
        document = months.document(seed)
        expected, found = sla_reference.judge(document), comparable(fast(document))
        assert rounded(found) == rounded(expected), f"seed {seed}"


def test_the_random_months_hold_what_they_are_for() -> None:
    """Otherwise agreement proves little: every verdict of every metric and every state comes out."""
    found = [sla_reference.judge(months.document(seed)) for seed in range(120)]
    for name in ("availability", "download", "upload"):
        seen = {one["metrics"][name]["verdict"] for one in found}
        assert seen == {"pass", "fail", "inconclusive", "insufficient_data"}, name
    for name in ("latency", "variation", "loss"):
        seen = {one["metrics"][name]["verdict"] for one in found}
        assert seen == {"pass", "fail", "insufficient_data"}, name
    for state in (*sla_reference.ORDER, "maintenance"):
        assert any(one["minutes"][state] for one in found), state
    assert any(one["short_outages_count"] for one in found)
    assert any(one["restitution_minutes"] for one in found)
