"""For each kind of alert: rows that must fire it, where, and rows nearby that must not."""

from __future__ import annotations

from dataclasses import dataclass

from tests.dashboards.alerting.simulated import ELSEWHERE, GUMULAN, NGARAN, SATELLITE, Row, every


@dataclass(frozen=True)
class Case:
    """`firing` must fire the rule of that uid for the places in `fires` and nowhere else, `quiet` nowhere."""

    uid: str
    firing: list[Row]
    fires: set[str]
    quiet: list[Row]


def _village(village: str = NGARAN, age_minutes: float = 10, **values: float) -> Row:
    return Row("village_5m", values, village, age_minutes=age_minutes)


def _silence(minutes: float, village: str = NGARAN, age_minutes: float = 10) -> Row:
    return Row("village_silence", {"silent_minutes": minutes}, village, age_minutes=age_minutes)


def _surge(village: str = NGARAN, age_minutes: float = 10, **values: float) -> Row:
    return Row("surge", values, village, {"direction": "rx"}, age_minutes)


def _clock(device: str, offset_ms: float) -> Row:
    return Row("device_5m", {"p50_clock_offset_ms": offset_ms}, NGARAN, {"device": device})


def _pipeline(collector: str, age_minutes: float = 2, **values: float | bool) -> Row:
    return Row("pipeline", values, tags={"collector": collector}, age_minutes=age_minutes)


def _minutes(collector: str, count: int, **values: float | bool) -> list[Row]:
    return [_pipeline(collector, age, envelope_count=9, **values) for age in range(count)]


def _tests(direction: str, rates_bps: list[float], village: str = NGARAN) -> list[Row]:
    """Return counted tests of a day, one an hour, against a contract of 10 Mbit/s."""
    contract = {f"contracted_{direction}_bps": 10e6}
    return [
        _village(
            village, 60 * at + 10, counted_test_count=1, **contract, **{f"{direction}_goodput_bps": rate}
        )
        for at, rate in enumerate(rates_bps)
    ]


def _speed(direction: str) -> Case:
    return Case(
        f"pantau-{direction}-33-10",
        [*_tests(direction, [7.9e6, 6e6, 9e6]), *_tests(direction, [9e6, 9e6, 7e6], GUMULAN)],
        {NGARAN},
        [*_tests(direction, [8.1e6, 8.1e6, 1e6]), *_tests(direction, [1e6, 1e6], GUMULAN)],
    )


_SURGING = _surge(score=3.6)
_FAST = _village(rtd_p50_ms=99.0)

CASES = {
    "village_silent": Case(
        "pantau-village-silent-33-10",
        [_silence(61), _silence(0, GUMULAN), _silence(500, ELSEWHERE)],
        {NGARAN},
        [_silence(500, age_minutes=20), _silence(5, age_minutes=10), _silence(60, GUMULAN)],
    ),
    "link_down": Case(
        "pantau-link-down-33-10",
        [_village(link_down_minute_count=5, age_minutes=20), _village(link_down_minute_count=1)],
        {NGARAN},
        [_village(link_down_minute_count=5), *every(5, 60, _village(GUMULAN, link_down_minute_count=0))],
    ),
    "delay": Case(
        "pantau-delay-33-10",
        [_village(rtd_p50_ms=101.0), _village(SATELLITE, rtd_p50_ms=600.0)],
        {NGARAN},
        [_village(rtd_p50_ms=150.0, age_minutes=20), _village(rtd_p50_ms=40.0)],
    ),
    "delay by satellite": Case(
        "pantau-delay-33-10-satelit",
        [_village(SATELLITE, rtd_p50_ms=701.0), _village(rtd_p50_ms=900.0)],
        {SATELLITE},
        [_village(SATELLITE, rtd_p50_ms=600.0)],
    ),
    "loss": Case(
        "pantau-loss-33-10",
        [_village(sent_count=300, received_count=296), _village(GUMULAN, sent_count=300, received_count=298)],
        {NGARAN},
        [
            _village(sent_count=300, received_count=290),
            *every(5, 60, _village(sent_count=300, received_count=300)),
            _village(GUMULAN, sent_count=300, received_count=0),
        ],
    ),
    "download": _speed("download"),
    "upload": _speed("upload"),
    "clock": Case(
        "pantau-clock-33-10",
        [_clock("klaten-001", -1200.0), _clock("klaten-002", 900.0)],
        {"klaten-001"},
        [_clock("klaten-001", 999.0)],
    ),
    "surge": Case(
        "pantau-surge-33-10",
        [_SURGING, _surge(GUMULAN, score=3.4)],
        {NGARAN},
        [_surge(score=9.0, age_minutes=20), _surge(score=1.0)],
    ),
    "surge_slow": Case(
        "pantau-surge-slow-33-10",
        [_surge(cusum=6.5), _surge(GUMULAN, cusum=5.0)],
        {NGARAN},
        [_surge(cusum=6.0)],
    ),
    "surge_utilization": Case(
        "pantau-surge-utilization-33-10",
        [_surge(score=3.6, utilization_ratio=0.71), _surge(GUMULAN, score=3.6, utilization_ratio=0.5)],
        {NGARAN},
        [_SURGING, _surge(GUMULAN, score=1.0, utilization_ratio=0.9)],
    ),
    "surge_delay": Case(
        "pantau-surge-delay-33-10",
        [_SURGING, _village(rtd_p50_ms=101.0), _surge(GUMULAN, score=3.6), _village(GUMULAN, rtd_p50_ms=9.0)],
        {NGARAN},
        [_SURGING, _FAST, _surge(GUMULAN, score=3.6)],
    ),
    "surge_delay by satellite": Case(
        "pantau-surge-delay-33-10-satelit",
        [_surge(SATELLITE, score=3.6), _village(SATELLITE, rtd_p50_ms=701.0)],
        {SATELLITE},
        [_surge(SATELLITE, score=3.6), _village(SATELLITE, rtd_p50_ms=650.0)],
    ),
    "surge_loss": Case(
        "pantau-surge-loss-33-10",
        [_SURGING, _village(rt_loss_ratio=0.02)],
        {NGARAN},
        [_SURGING, _village(rt_loss_ratio=0.005), _village(GUMULAN, rt_loss_ratio=0.5)],
    ),
    "regional_surge": Case(
        "pantau-regional-surge-33-10",
        [_surge(regional_score=4.0), _surge(ELSEWHERE, regional_score=9.0)],
        {"33.10"},
        [_surge(regional_score=3.0), _surge(ELSEWHERE, regional_score=9.0)],
    ),
    "pipeline_lag": Case(
        "pantau-pipeline-lag",
        [_pipeline("a", lag_p50_s=301.0), _pipeline("b", lag_p50_s=40.0)],
        {"a"},
        [_pipeline("a", 4, lag_p50_s=900.0), _pipeline("a", 1, lag_p50_s=30.0)],
    ),
    "dead_letters": Case(
        "pantau-dead-letters",
        [_pipeline("a", 50, dead_letter_count=1), _pipeline("a", dead_letter_count=0)],
        {"a"},
        [_pipeline("a", 70, dead_letter_count=5), _pipeline("a", dead_letter_count=0)],
    ),
    "breaker": Case(
        "pantau-breaker",
        [*_minutes("a", 2, breaker_open=True), *_minutes("b", 5, breaker_open=False)],
        {"a"},
        _minutes("a", 5, breaker_open=False),
    ),
    "broker": Case(
        "pantau-broker",
        _minutes("a", 4, broker_connected=False),
        {"a"},
        [*_minutes("a", 3, broker_connected=False), *_minutes("b", 5, broker_connected=True)],
    ),
    "collectors": Case("pantau-collectors", [], set(), _minutes("a", 1, breaker_open=False)),
    "analysis": Case("pantau-analysis", [], set(), [_silence(0, age_minutes=25)]),
    "certificates": Case(
        "pantau-certificates",
        [_pipeline("a", expiring_certificate_count=2), _pipeline("b", expiring_certificate_count=0)],
        {"a"},
        [_pipeline("a", 30, expiring_certificate_count=2), _pipeline("a", expiring_certificate_count=0)],
    ),
    "revocation_list": Case(
        "pantau-revocation-list",
        [_pipeline("a", revocation_list_left_s=13.9 * 86_400)],
        {"a"},
        [_pipeline("a", revocation_list_left_s=14.1 * 86_400)],
    ),
}


def active(alert: str) -> Case:
    """Return the case of a province's rule on `active_alerts`: begun in one village, ended in another."""

    def row(active: int, village: str = NGARAN, age_minutes: float = 10, kind: str = alert) -> Row:
        values = {"active": active, "value": 61.0, "since_s": 1.0}
        return Row("active_alerts", values, village, {"alert": kind}, age_minutes)

    uid = f"pantau-{alert.replace('_', '-')}-33"
    ended = [row(1, GUMULAN, 20), row(0, GUMULAN, 10)]
    return Case(uid, [row(1), *ended, row(1, ELSEWHERE)], {NGARAN}, [*ended, row(1, kind="another")])
