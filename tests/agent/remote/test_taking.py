"""What is taken, from whom, and in which order."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.agent.remote.controls import control_of, local, refusal, take, told
from tests.agent.remote.signing_desk import (
    DEVICE,
    DEVICE_TOPIC,
    GROUP,
    GROUP_TOPIC,
    PUBLIC_KEY,
    forged,
    order,
    signed_text,
)

from pantau_agent.config.settings import (
    LatencyConfig,
    LatencyTargetConfig,
    SpeedConfig,
)
from pantau_wire import signing
from pantau_wire.remote import ConfigReport, RemoteSettings

PERIOD = {"latency": {"period_s": 30}}


def test_everything_that_can_be_said_is_applied(control):
    """Each key of the wire's settings changes the key of the same name in the agent's configuration."""
    wanted = {
        "traffic": {"period_s": 20},
        "latency": {
            "targets": [{"target": "testpoint", "host": "uji.example.id", "tcp_port": 81, "stamp_port": 862}],
            "period_s": 40,
            "packets_count": 10,
        },
        "speed": {
            "engines": ["http", "ndt7", "iperf3"],
            "url": "http://uji.example.id:8989",
            "ndt7_url": "wss://ndt.klaten.id/ndt/v7",
            "iperf3_servers": ["a.klaten.id:5201", "uji.example.id"],
            "speedtest_server_id": 7,
            "tests_per_day": 8,
            "peak_hours": "18:00-21:00",
            "peak_share_ratio": 0.25,
            "max_bytes": 5_000_000,
        },
        "dns": {"names": ["uji.example.id"], "resolvers": ["system"], "period_s": 60},
        "http": {"pages": ["https://uji.example.id/"], "period_s": 600},
        "link": {"period_s": 120},
        "device_health": {"period_s": 300},
        "budget": {"month_mb": 500},
    }
    assert _keys(wanted) == _keys_of_wire(), "this test leaves something out"
    assert take(control, order(wanted))
    found = msgspec.to_builtins(control.config, enc_hook=str)
    for section, values in wanted.items():
        for key, value in values.items():
            if key != "targets":
                assert found[section][key] in (value, tuple(value) if isinstance(value, list) else value), key
    (target,) = control.config.latency.targets
    assert (target.host, target.tcp_port, target.stamp_port, target.method) == (
        "uji.example.id",
        81,
        862,
        "auto",
    )
    assert control.report() == (ConfigReport(audience=DEVICE, version=1),)


def _keys(settings):
    return {(section, key) for section, values in settings.items() for key in values}


def _keys_of_wire():
    return {
        (section.name, key.name)
        for section in msgspec.structs.fields(RemoteSettings)
        for key in msgspec.structs.fields(section.type)
    }


def test_what_is_left_out_stays_and_the_local_configuration_with_it(tmp_path):
    """A message changes what it names; broker, spool and identity are the same objects as before."""
    config = local(tmp_path, speed=SpeedConfig(url="http://a.example.id", tests_per_day=4, period_s=60))
    control = control_of(config)
    take(control, order({"speed": {"tests_per_day": 8}}))
    assert control.config.speed == SpeedConfig(url="http://a.example.id", tests_per_day=8, period_s=None)
    assert control.config.broker is config.broker
    assert control.config.spool is config.spool


@pytest.mark.parametrize(
    "key",
    ["device", "broker", "spool", "delivery", "remote", "profile", "timezone", "language", "log_format"],
)
def test_identity_broker_and_limits_cannot_be_said(control, key):
    """Even the owner of the key cannot change them: the message is refused as a whole."""
    text = json.dumps(_instruction(settings={key: {}, **PERIOD}))
    assert refusal(control, signed_text(text)) == (
        "invalid_settings",
        f"Object contains unknown field `{key}` - at `$.settings`",
    )


def _instruction(**changes):
    return {"audience": DEVICE, "version": 1, "issued_at_ns": 1, "settings": PERIOD, **changes}


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"settings": {"latency": {"perod_s": 5}}}, "unknown field `perod_s` - at `$.settings.latency`"),
        ({"settings": {"latency": {"period_s": "60s"}}}, "Expected `float`, got `str`"),
        ({"settings": {"latency": {"period_s": None}}}, "Expected `float`, got `null`"),
        (
            {"settings": {"latency": {"targets": [{"target": "testpoint", "stamp_key_file": "/etc/x"}]}}},
            "unknown",
        ),
        ({"settings": {"traffic": {"router": {}}}}, "unknown field `router`"),
        ({"settings": {"speed": {"url": "http://uji.example.id@evil.id/"}}}, "is not a web address"),
        ({"settings": {"speed": {"url": "http://evil.id\\@uji.example.id/"}}}, "is not a web address"),
        ({"settings": {"http": {"pages": ["file:///etc/passwd"]}}}, "is not a web address"),
        ({"settings": {"http": {"pages": ["http://[evil.id/a.klaten.id"]}}}, "is not a web address"),
        ({"settings": {"http": {"pages": ["http://evil.id%2f.klaten.id/"]}}}, "is not a web address"),
        ({"settings": {"http": {"pages": ["http://evil.id:80:.klaten.id/"]}}}, "is not a web address"),
        ({"settings": {"speed": {"iperf3_servers": ["evil.id:5:y.klaten.id"]}}}, "is not a host name or"),
        (
            {"settings": {"latency": {"targets": [{"target": "internet", "host": "evil.id%.klaten.id"}]}}},
            "is not a host name or",
        ),
        ({"settings": {"dns": {"names": ["a b"]}}}, "is not a host name or an address"),
        ({"version": 0}, "Expected `int` >= 1"),
        ({"audience": "desa-1"}, "Expected `str` matching regex"),
        ({"surprise": 1}, "unknown field `surprise`"),
    ],
)
def test_wrong_settings_are_refused_though_they_are_signed(control, changes, detail):
    """An operator's mistake is told, with its place."""
    reason, said = refusal(control, signed_text(json.dumps(_instruction(**changes))))
    assert reason == "invalid_settings"
    assert detail in said


def test_a_message_that_somebody_changed_is_refused(control):
    """The signature covers every character."""
    message = forged(order(PERIOD), '"period_s":30', '"period_s":31')
    reason, detail = refusal(control, message)
    assert reason == "signature"
    assert (
        detail
        == f"the signature is not one of key {signing.key_id(PUBLIC_KEY)}; the message names key "
        + (signing.key_id(PUBLIC_KEY))
    )
    assert told(control).refused_version is None, "nothing of an unsigned text is believed"


def test_a_message_of_another_key_is_refused(control):
    """It says which key it names, so that an operator sees what went wrong."""
    other = signing.new_private_pem()
    reason, detail = refusal(control, order(PERIOD, pem=other))
    assert reason == "signature"
    assert detail.endswith(f"names key {signing.key_id(signing.public_key_of(other))}")


@pytest.mark.parametrize(
    ("audience", "topic"),
    [
        ("device:desa-2", DEVICE_TOPIC),
        (GROUP, DEVICE_TOPIC),
        (DEVICE, GROUP_TOPIC),
        ("group:solo", GROUP_TOPIC),
    ],
)
def test_a_message_for_somebody_else_is_refused(control, audience, topic):
    """A broker cannot hand one device's or group's message to another."""
    assert take(control, order(PERIOD, audience=audience), topic)
    (report,) = control.report()
    assert (report.refused, report.refused_detail) == ("audience", f"it is meant for {audience}")
    assert control.config.latency.period_s == 60


def test_an_older_version_is_refused(control):
    """A replayed message takes nothing back; so does another one of the same version."""
    take(control, order(PERIOD, version=5))
    assert refusal(control, order({}, version=4)) == ("old_version", "version 4 came after version 5")
    assert refusal(control, order({}, version=5)) == ("old_version", "version 5 came after version 5")
    assert told(control) == ConfigReport(
        audience=DEVICE,
        version=5,
        refused="old_version",
        refused_version=5,
        refused_detail="version 5 came after version 5",
    )


def test_the_same_message_again_is_fine_and_silent(control):
    """A retained message comes with every connection."""
    message = order(PERIOD)
    assert take(control, message)
    in_force = control.config
    assert not take(control, message)
    assert control.config is in_force


def test_a_deleted_message_takes_nothing_back(control):
    """Any broker can empty a topic; going back to the local configuration is a signed message."""
    take(control, order(PERIOD))
    assert not take(control, b"")
    assert control.config.latency.period_s == 30
    assert take(control, order({}, version=2))
    assert control.config.latency.period_s == 60
    assert control.report() == (ConfigReport(audience=DEVICE, version=2),)


def test_a_refusal_is_told_once_and_forgotten_when_its_message_is_gone(control, logs):
    """One line in the log for a message that comes with every connection."""
    bad = order({"speed": {"url": "http://evil.id"}})
    assert take(control, bad)
    assert not take(control, bad)
    assert [entry["event"] for entry in logs].count("remote.refused") == 1
    assert take(control, b"")
    assert control.report() == ()


def test_the_devices_message_stands_over_its_groups(control):
    """Key by key, in whatever order they come; each has versions of its own."""
    take(control, order({"latency": {"period_s": 20, "packets_count": 10}}, version=9))
    group = {"latency": {"period_s": 40}, "link": {"period_s": 90}}
    take(control, order(group, version=2, audience=GROUP), GROUP_TOPIC)
    found = control.config
    assert (found.latency.period_s, found.latency.packets_count, found.link.period_s) == (20, 10, 90)
    assert control.report() == (
        ConfigReport(audience=GROUP, version=2),
        ConfigReport(audience=DEVICE, version=9),
    )
    assert control.version == 9


def test_a_target_keeps_the_key_file_that_it_has_here(tmp_path):
    """A message cannot name files, and does not take authentication away by that."""
    key = tmp_path / "stamp.key"
    key.write_text("ab" * 32)
    key.chmod(0o600)
    target = LatencyTargetConfig(target="testpoint", host="t.id", stamp_port=862, stamp_key_file=key)
    control = control_of(local(tmp_path, latency=LatencyConfig(targets=(target,))))
    wanted = [{"target": "testpoint", "host": "t.id", "stamp_port": 862}, {"target": "gateway"}]
    take(control, order({"latency": {"targets": wanted}}))
    assert [found.stamp_key_file for found in control.config.latency.targets] == [key, None]
