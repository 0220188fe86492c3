"""The control points of the definition, and each of its rules by an example that can be checked by hand."""

import copy
import json
from typing import Any

import numpy as np
import pytest
from tests.collector.analysis.months import span_s

from pantau_collector.analysis import targets
from pantau_collector.analysis.sla import input_file, wilson
from pantau_collector.analysis.sla.report import report
from pantau_collector.analysis.sla.reported import Report
from pantau_collector.analysis.sla.village import day_rows

MONTH, ZONE = "2026-08", "Asia/Jakarta"
BEGIN_S, END_S = span_s(MONTH, ZONE)
DAY_S = 86_400
PROFILE = {
    "name": "default",
    "contracted_download_bps": 20_000_000,
    "contracted_upload_bps": 10_000_000,
    "coverage_min_ratio": 0.00001,
}
ROW = tuple[int, str, str, int]


def samples(pattern: str, from_s: int = BEGIN_S + DAY_S, boot: str = "a", seq: int = 1) -> list[list[Any]]:
    """Return a minute for each letter: U up, D link down, L local fault, O off site, dot without a sample."""
    names = {"U": "answered", "D": "unanswered", "L": "local_fault", "O": "off_site"}
    rows: list[list[Any]] = []
    for number, letter in enumerate(pattern):
        at_s = from_s + number * 60
        if letter in names:
            received, delay = (20, 30.0) if letter == "U" else (0, None)
            rows.append([at_s, seq, seq, boot, 10_000_000, names[letter], 20, received, delay, delay and 9.0])
            seq += 1
    return rows


def judged(*devices: list[list[Any]] | dict[str, Any], **more: Any) -> Report:
    entries = [one if isinstance(one, dict) else {"samples": one} for one in devices]
    document = {
        "month": MONTH,
        "timezone": ZONE,
        "profile": PROFILE | more.pop("profile", {}),
        "devices": [{"id": f"desa-{number}", **one} for number, one in enumerate(entries)],
        **more,
    }
    village = input_file.parse(json.dumps(document).encode())
    return report(village.month, day_rows(village), village.profiles)


@pytest.mark.parametrize(("n", "passes_from", "fails_to"), [(60, 54, 42), (120, 104, 88)])
def test_control_points_of_speed(n: int, passes_from: int, fails_to: int) -> None:
    k = np.arange(n + 1, dtype=np.float64)
    lower, upper = wilson.bounds(np.full(n + 1, float(n)), k)
    assert np.flatnonzero(lower >= 0.80)[0] == passes_from
    assert np.flatnonzero(upper < 0.80)[-1] == fails_to


@pytest.mark.parametrize(
    ("good", "verdict"),
    [(54, "pass"), (53, "inconclusive"), (43, "inconclusive"), (42, "fail")],
)
def test_control_points_through_a_whole_month(good: int, verdict: str) -> None:
    tests = [
        [BEGIN_S + number % 15 * DAY_S + 20 * 3600, 16e6 if number < good else 15_999_999, 8e6, True]
        for number in range(60)
    ]
    found = judged(speed_tests=tests)
    assert (found.metrics["download"].n, found.metrics["download"].k) == (60, good)
    assert found.metrics["download"].verdict == verdict
    assert found.metrics["upload"].verdict == "pass"


def whole_month(**changes: Any) -> Report:
    """Return the verdict on a month in which all is well but for what `changes` does to each sample."""
    rows = samples("U" * (31 * 1440), BEGIN_S)
    for number, row in enumerate(rows):
        for column, (every, value) in ((int(name[1:]), change) for name, change in changes.items()):
            if number % every == 0:
                row[column] = value
    tests = [[BEGIN_S + number % 30 * DAY_S + 20 * 3600, 2e7, 1e7, True] for number in range(60)]
    return judged(rows, speed_tests=tests, profile={"coverage_min_ratio": 0.9})


def test_a_village_passes_when_every_metric_does_and_fails_when_one_does() -> None:
    assert whole_month().verdict == "pass"
    for name, change in {
        "latency": {"c8": (19, 100.1)},
        "variation": {"c9": (19, 50.1)},
        "loss": {"c7": (4, 19)},
    }.items():
        found = whole_month(**change)
        assert found.verdict == found.metrics[name].verdict == "fail"
        assert [one.verdict for one in found.metrics.values()].count("fail") == 1


def test_a_village_is_never_judged_on_what_was_hardly_seen() -> None:
    """Every other minute is off site: what was seen is perfect, and too little."""
    found = whole_month(c5=(2, "off_site"))
    assert (found.coverage, found.A_ratio, found.verdict) == (0.5, 1.0, "insufficient_data")
    assert found.metrics["download"].verdict == "pass"
    assert found.metrics["availability"].why == found.metrics["loss"].why == "low_coverage"


def test_speed_needs_sixty_tests_on_fifteen_days() -> None:
    def tests(count: int, days: int) -> list[Any]:
        return [[BEGIN_S + number % days * DAY_S + 20 * 3600, 2e7, 1e7, True] for number in range(count)]

    assert judged(speed_tests=tests(59, 15)).metrics["download"].why == "few_tests"
    assert judged(speed_tests=tests(60, 14)).metrics["download"].why == "few_days"
    assert judged(speed_tests=tests(60, 15)).metrics["download"].why is None


def test_only_counted_tests_of_the_busy_hours_count() -> None:
    at = {"18:59": 18.99, "19:00": 19, "21:59": 21.99, "22:00": 22}
    tests = [[BEGIN_S + int(hour * 3600), 2e7, 1e7, True] for hour in at.values()]
    found = judged(speed_tests=[*tests, [BEGIN_S + 20 * 3600, 2e7, 1e7, False]])
    assert found.metrics["download"].n == 2
    assert found.uncounted_tests == 1


def test_kantor_counts_office_hours_of_working_days() -> None:
    # 1 August 2026 is a Saturday.
    tests = [[BEGIN_S + day * DAY_S + 9 * 3600, 2e7, 1e7, True] for day in range(7)]
    assert judged(speed_tests=tests, profile={"name": "kantor"}).metrics["download"].n == 5
    holiday = {"name": "kantor", "holidays": ["2026-08-03"]}
    assert judged(speed_tests=tests, profile=holiday).metrics["download"].n == 4


@pytest.mark.parametrize(
    ("pattern", "long_minutes", "short_minutes"),
    [
        ("UDDDDDU", 0, 5),  # 300 s are not more than 300 s
        ("UDDDDDDU", 6, 0),
        ("UUUDDDUDDDUUU", 7, 0),  # a flicker belongs to the outage
        ("UUUDDDUUDDUUU", 7, 0),
        ("UUUDDDUUUDDDUUU", 0, 6),  # three in a row end it
        ("UUUDDDDDDUUOUUU", 6, 0),  # what flickers after its end does not belong to it
        ("UUUDDDLLLLDDDUUU", 6, 0),  # another fault neither ends an outage nor is part of it
        ("UUUDDDLLLLDDUUU", 0, 5),
        ("DDDDDDUUU", 6, 0),
        ("UUUDDDDDD", 6, 0),
    ],
)
def test_outages(pattern: str, long_minutes: int, short_minutes: int) -> None:
    found = judged(samples(pattern))
    assert (found.restitution_minutes, found.short_outage_minutes) == (long_minutes, short_minutes)


def test_short_outages_count_once_they_exceed_sixty_minutes() -> None:
    sixty = judged(samples("UUUDDDDD" * 12 + "UUU"))
    assert (sixty.short_outage_minutes, sixty.short_outages_count, sixty.A_ratio) == (60, False, 1.0)
    more = judged(samples("UUUDDDDD" * 12 + "UUUDUUU"))
    assert (more.short_outage_minutes, more.short_outages_count) == (61, True)
    assert more.A_ratio == 42 / (42 + 61)
    assert more.restitution_minutes == 0


def test_an_outage_across_the_month_s_border_is_judged_whole_and_each_month_counts_its_own() -> None:
    found = judged(samples("UUUDDDDDDUUU", BEGIN_S - 6 * 60))
    assert found.restitution_minutes == 3
    assert [(one.minutes, one.counted, one.long) for one in found.outages] == [(6, 3, True)]
    at_the_end = judged(samples("UUUDDDDDDUUU", END_S - 4 * 60))
    assert at_the_end.restitution_minutes == 1


def test_maintenance_neither_splits_nor_shortens_an_outage() -> None:
    begin_s = BEGIN_S + DAY_S
    window = [begin_s + 5 * 60, begin_s + 9 * 60, begin_s - 2 * DAY_S]
    found = judged(samples("UUUDDDDDDDDUUU"), maintenance=[window])
    assert found.minutes["maintenance"] == 4
    assert found.restitution_minutes == 4
    assert found.minutes["link_down"] == 4


@pytest.mark.parametrize(("announced_s", "minutes"), [(DAY_S, 60), (DAY_S - 1, 0), (None, 0)])
def test_maintenance_counts_when_announced_a_day_ahead(announced_s: int | None, minutes: int) -> None:
    from_s = BEGIN_S + 5 * DAY_S
    announced = None if announced_s is None else from_s - announced_s
    found = judged(maintenance=[[from_s, from_s + 3600, announced]])
    assert found.minutes["maintenance"] == minutes


def test_maintenance_ends_at_eight_hours_a_month_the_first_ones_count() -> None:
    windows = [
        [BEGIN_S + day * DAY_S, BEGIN_S + day * DAY_S + 3 * 3600, BEGIN_S - DAY_S] for day in (9, 2, 5)
    ]
    down = samples("UUU" + "D" * 60 + "UUU", BEGIN_S + 9 * DAY_S + 2 * 3600 - 180)  # the ninth hour
    found = judged(down, maintenance=windows)
    assert found.minutes["maintenance"] == 480
    assert found.restitution_minutes == 60


@pytest.mark.parametrize(
    ("first", "gap", "then", "state"),
    [
        ({}, 2, {}, "link_down"),  # takes the state before it
        ({}, 3, {}, "agent_down"),
        ({}, 3, {"seq": 9}, "unknown"),
        ({}, 2, {"boot": "b", "uptime_s": 0}, "power_off"),
        ({}, 9, {"boot": "b", "uptime_s": 0}, "power_off"),
        ({}, 9, {"boot": "b", "uptime_s": 9999}, "agent_down"),
        ({}, 9, {"boot": "b", "uptime_s": 0, "seq": 9}, "unknown"),
    ],
)
def test_gaps(first: dict[str, Any], gap: int, then: dict[str, Any], state: str) -> None:
    before = samples("D")[0]
    after = samples("D", BEGIN_S + DAY_S + (gap + 1) * 60, then.get("boot", "a"), then.get("seq", 2))[0]
    after[4] = then.get("uptime_s", after[4])
    found = judged([before, after])
    assert found.minutes[state] == gap + (
        2 if state == "link_down" else 0 if state != "unknown" else 44_640 - gap - 2
    )


def test_a_gap_is_power_off_until_the_boot_and_agent_down_from_it() -> None:
    before, after = samples("U")[0], samples("U", BEGIN_S + DAY_S + 600, "b", 2)[0]
    after[4] = 121.0  # began within the minute before the last two
    found = judged([before, after])
    assert (found.minutes["power_off"], found.minutes["agent_down"]) == (7, 2)


def test_before_the_first_and_after_the_last_sample_nothing_is_known() -> None:
    assert judged(samples("UU")).minutes["unknown"] == 44_640 - 2
    assert judged([]).verdict == judged().verdict == "insufficient_data"


def test_the_village_s_minute_is_the_best_of_its_devices() -> None:
    found = judged(samples("UDLOD"), samples("DLOLD"))
    assert {state: found.minutes[state] for state in ("up", "link_down", "local_fault", "off_site")} == {
        "up": 1,
        "link_down": 2,
        "local_fault": 2,
        "off_site": 0,
    }


def test_a_device_counts_where_it_stands() -> None:
    moved_s = BEGIN_S + DAY_S + 120
    device = {"samples": samples("UUUUU"), "placed": [[moved_s, None]]}
    found = judged(device)
    assert found.minutes["up"] == 3
    assert found.metrics["loss"].n == 60


def test_a_silent_target_proves_nothing() -> None:
    begin_s = BEGIN_S + DAY_S
    found = judged(samples("UDDDDDDU"), target_faults=[[begin_s + 60, begin_s + 60 * 7]])
    assert (found.minutes["link_down"], found.minutes["unknown"]) == (0, 44_640 - 2)


def test_the_best_answer_of_a_minute_counts_and_all_probes() -> None:
    slow = copy.deepcopy(samples("UU"))
    slow[0][8], slow[1][8], slow[0][7] = 900.0, 900.0, 10
    found = judged(samples("U"), slow)
    assert (found.metrics["latency"].n, found.metrics["latency"].k) == (2, 1)
    assert (found.metrics["loss"].n, found.metrics["loss"].k) == (60, 10)


def test_limits_are_at_most_and_at_least() -> None:
    exact, over = samples("U"), samples("U")
    exact[0][8:10], over[0][8:10] = [100.0, 50.0], [100.0001, 50.0001]
    for rows, verdict in ((exact, "pass"), (over, "fail")):
        found = judged(rows)
        assert {found.metrics["latency"].verdict, found.metrics["variation"].verdict} == {verdict}
    one_of_hundred = samples("UUUUU")
    one_of_hundred[0][7] = 19
    assert judged(one_of_hundred).metrics["loss"].verdict == "pass"
    one_of_hundred[1][7] = 19
    assert judged(one_of_hundred).metrics["loss"].verdict == "fail"


def test_a_changed_profile_judges_each_day_by_its_own_and_the_month_by_the_first() -> None:
    later = PROFILE | {"since": "2026-08-03", "latency_max_ms": 20, "availability_target_ratio": 0.1}
    rows = samples("U", BEGIN_S + DAY_S) + samples("U", BEGIN_S + 3 * DAY_S, seq=2)
    village = {"month": MONTH, "timezone": ZONE, "devices": [{"id": "desa-1", "samples": rows}]}
    read = input_file.parse(json.dumps(village | {"profile": [later, PROFILE]}).encode())
    found = report(read.month, day_rows(read), read.profiles)
    assert (found.metrics["latency"].n, found.metrics["latency"].k) == (2, 1)
    assert found.metrics["availability"].target == 0.95
    assert [str(profile.since) for profile in found.profiles] == ["2000-01-01", "2026-08-03"]


def test_a_target_is_at_fault_when_several_providers_hear_nothing_and_nobody_anything() -> None:
    asked = np.array([[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]], dtype=bool)
    answered = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=bool)
    assert targets.at_fault(asked, answered).tolist() == [False, True, True, False]


def test_minutes_are_judged_by_the_targets_that_were_well() -> None:
    asked = np.array([[1, 1, 1, 1], [1, 1, 0, 1]], dtype=bool)
    answered = np.array([[0, 0, 0, 1], [1, 0, 0, 0]], dtype=bool)
    faulty = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], dtype=bool)
    names = [targets.Evidence(code).name for code in targets.evidence(asked, answered, faulty)]
    assert names == ["ANSWERED", "UNANSWERED", "UNJUDGED", "ANSWERED"]
