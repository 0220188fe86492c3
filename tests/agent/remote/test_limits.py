"""What no message can make a device do, whoever signed it."""

from __future__ import annotations

import msgspec
import pytest
from tests.agent.remote.controls import REMOTE, control_of, local, refusal, take
from tests.agent.remote.signing_desk import (
    DEVICE,
    order,
)

from pantau_agent.config.settings import (
    BudgetConfig,
    DnsConfig,
    HttpConfig,
    LatencyConfig,
    LatencyTargetConfig,
    SpeedConfig,
)
from pantau_wire.remote import ConfigReport


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        ({"speed": {"url": "http://evil.id/"}}, "speed.url: evil.id"),
        ({"speed": {"engines": ["ndt7"], "ndt7_url": "ws://evil.id/"}}, "speed.ndt7_url: evil.id"),
        ({"speed": {"iperf3_servers": ["uji.example.id", "evil.id:5201"]}}, "speed.iperf3_servers: evil.id"),
        ({"speed": {"engines": ["speedtest"]}}, "speed.engines: www.speedtest.net"),
        (
            {"latency": {"targets": [{"target": "internet", "host": "192.0.2.9"}]}},
            "latency.targets: 192.0.2.9",
        ),
        ({"dns": {"names": ["evil.id"]}}, "dns.names: evil.id"),
        ({"dns": {"names": ["uji.example.id"], "resolvers": ["192.0.2.9"]}}, "dns.resolvers: 192.0.2.9"),
        ({"http": {"pages": ["https://evil.id/uji.example.id"]}}, "http.pages: evil.id"),
        ({"http": {"pages": ["https://klaten.id/"]}}, "http.pages: klaten.id"),
        ({"http": {"pages": ["https://evilklaten.id/"]}}, "http.pages: evilklaten.id"),
        ({"http": {"pages": ["https://uji.example.id.evil.id/"]}}, "http.pages: uji.example.id.evil.id"),
        ({"http": {"pages": ["https://[2001:db8::9]/"]}}, "http.pages: 2001:db8::9"),
        ({"speed": {"iperf3_servers": ["[2001:db8::9]:5201"]}}, "speed.iperf3_servers: 2001:db8::9"),
    ],
)
def test_a_target_outside_the_allowlist_is_refused(control, settings, detail):
    """Wherever a message names it."""
    assert refusal(control, order(settings)) == ("host", f"{detail} is not in this device's allowed_hosts")


def test_targets_of_the_local_configuration_and_below_an_allowed_domain_are_allowed(tmp_path):
    """Spelling does not matter: capitals, a port, a dot at the end, the forms of an IPv6 address."""
    config = local(
        tmp_path,
        latency=LatencyConfig(targets=(LatencyTargetConfig(target="internet", host="2001:db8::1"),)),
        dns=DnsConfig(names=("layanan.example.id",), resolvers=("192.0.2.53:5353",)),
        http=HttpConfig(pages=("https://layanan.example.id/",)),
        speed=SpeedConfig(engines=("http", "speedtest")),
    )
    control = control_of(config)
    message = order(
        {
            "latency": {
                "targets": [
                    {"target": "internet", "host": "2001:DB8:0::1"},
                    {"target": "testpoint", "host": "a.b.KLATEN.id."},
                    {"target": "gateway"},
                ]
            },
            "dns": {"resolvers": ["192.0.2.53", "system"]},
            "http": {"pages": ["http://LAYANAN.example.id:8080/x?y=1"]},
            "speed": {"engines": ["speedtest"]},
        }
    )
    take(control, message)
    assert control.report() == (ConfigReport(audience=DEVICE, version=1),)


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        (
            {"speed": {"tests_per_day": 25}},
            "speed tests a day, all engines: 25; this device allows 24",
        ),
        (
            {
                "speed": {
                    "tests_per_day": 13,
                    "engines": ["http", "iperf3"],
                    "iperf3_servers": ["x.klaten.id"],
                }
            },
            "speed tests a day, all engines: 26; this device allows 24",
        ),
        ({"latency": {"period_s": 9}}, "latency.period_s: 9; this device allows 10 or more"),
        ({"device_health": {"period_s": 1}}, "device_health.period_s: 1; this device allows 10 or more"),
        ({"budget": {"month_mb": 3000}}, "budget.month_mb: 3000; this device allows 2000"),
        (
            {"latency": {"targets": [{"target": "gateway"}] * 3, "packets_count": 600}},
            "latency packets a minute, all targets: 1800; this device allows 240",
        ),
        (
            {"dns": {"names": ["a.klaten.id"] * 20, "period_s": 10}},
            "DNS queries a minute: 120; this device allows 60",
        ),
        (
            {"http": {"pages": ["http://a.klaten.id/"] * 20, "period_s": 10}},
            "pages a minute: 120; this device allows 6",
        ),
    ],
)
def test_more_than_the_local_limits_is_refused(tmp_path, settings, detail):
    """Whoever has the key cannot make a device do more than its owner allowed."""
    control = control_of(local(tmp_path, budget=BudgetConfig(month_mb=2000)))
    assert refusal(control, order(settings)) == ("limit", detail)


def test_a_limit_on_the_month_wins_over_the_local_budget(tmp_path):
    """Lower or higher: the technician set it for this purpose. Without either any budget is a saving."""
    limited = msgspec.structs.replace(REMOTE, max_month_mb=500)
    control = control_of(local(tmp_path, budget=BudgetConfig(month_mb=2000), remote=limited))
    assert refusal(control, order({"budget": {"month_mb": 501}}))[0] == "limit"
    take(control, order({"budget": {"month_mb": 500}}, version=2))
    assert control.config.budget.month_mb == 500


def test_what_the_local_configuration_does_already_is_never_refused(tmp_path):
    """A laboratory's device with a period of a second takes a message about something else."""
    config = local(
        tmp_path,
        latency=LatencyConfig(
            targets=(LatencyTargetConfig(target="internet", host="192.0.2.1"),), period_s=1, packets_count=10
        ),
    )
    control = control_of(config)
    take(control, order({"http": {"pages": ["http://uji.example.id/"]}}))
    assert control.report() == (ConfigReport(audience=DEVICE, version=1),)


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        ({"speed": {"engines": ["ndt7"]}}, "speed: engine ndt7 needs ndt7_url"),
        (
            {"latency": {"targets": [{"target": "gateway", "method": "stamp"}]}},
            "latency: method stamp needs stamp_port",
        ),
        ({"latency": {"targets": [{"target": "internet"}]}}, "latency: "),
        ({"speed": {"peak_hours": "25:00-99:99"}}, "speed: "),
    ],
)
def test_settings_that_do_not_go_together_are_refused(control, settings, detail):
    """What the configuration file could not say, a message cannot either."""
    reason, said = refusal(control, order(settings))
    assert reason == "contradiction"
    assert said.startswith(detail)


def test_what_could_be_read_as_two_hosts_is_none(tmp_path):
    """Letters and colons of an IPv6 address that is none, with an allowed domain at the end."""
    control = control_of(local(tmp_path, remote=msgspec.structs.replace(REMOTE, allowed_hosts=("*.b.ad",))))
    assert refusal(control, order({"speed": {"iperf3_servers": ["fee.de:1:2.b.ad"]}})) == (
        "host",
        "speed.iperf3_servers: fee.de:1:2.b.ad is not in this device's allowed_hosts",
    )
