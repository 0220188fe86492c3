"""What the configuration names is what is measured: latency methods, names and pages."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from pantau_agent.config.settings import (
    AgentConfig,
    DnsConfig,
    HttpConfig,
    LatencyConfig,
    LatencyTargetConfig,
)
from pantau_agent.errors import ConfigError
from pantau_agent.jobs import jobs_of
from pantau_agent.probes.dns import DnsTarget
from pantau_agent.probes.http import HttpTarget
from pantau_agent.probes.stamp_key import read_key
from pantau_agent.schedules import Periodic
from pantau_wire.fields import Dns, Http, Latency


def job(prefix: str, **sections: Any) -> Any:
    (found,) = [each for each in jobs_of(AgentConfig(**sections)) if each.name.startswith(prefix)]
    return found


def test_without_configuration_no_name_and_no_page_is_asked_for():
    assert not [each for each in jobs_of(AgentConfig()) if each.name.startswith(("dns", "http", "latency"))]


@pytest.mark.parametrize(
    ("method", "blank"), [("auto", "icmp"), ("icmp", "icmp"), ("tcp", "tcp"), ("stamp", "stamp")]
)
def test_a_latency_target_takes_its_ports_and_method(method, blank):
    configured = LatencyTargetConfig(
        target="testpoint", host="192.0.2.1", tcp_port=443, stamp_port=862, method=method
    )
    found = job("latency", latency=LatencyConfig(targets=(configured,)))
    assert (found.target.method, found.target.tcp_port, found.target.stamp_port) == (method, 443, 862)
    assert found.blank == Latency(target="testpoint", method=blank)


def test_each_name_is_resolved_every_five_minutes():
    found = job("dns", dns=DnsConfig(names=("www.example.id",)))
    assert found.target == DnsTarget(name="www.example.id", timeout_s=5.0)
    assert (found.schedule, found.blank) == (Periodic(300.0), Dns(resolver="system", name="www.example.id"))


def test_each_name_is_a_job_with_each_resolver():
    section = DnsConfig(names=("a.example.id", "b.example.id"), resolvers=("system", "192.0.2.53:5353"))
    found = [each for each in jobs_of(AgentConfig(dns=section)) if each.name.startswith("dns")]
    assert [(each.target.name, each.target.resolver) for each in found] == [
        ("a.example.id", "system"),
        ("a.example.id", "192.0.2.53:5353"),
        ("b.example.id", "system"),
        ("b.example.id", "192.0.2.53:5353"),
    ]
    assert len({each.name for each in found}) == 4
    assert [(each.blank.name, each.blank.resolver) for each in found] == [
        (each.target.name, each.target.resolver) for each in found
    ]


def test_each_page_is_fetched_every_five_minutes():
    page = "https://www.example.id/"
    found = job("http", http=HttpConfig(pages=(page,), max_bytes=5_000))
    assert found.target == HttpTarget(url=page, timeout_s=10.0, max_bytes=5_000)
    assert (found.schedule, found.blank) == (Periodic(300.0), Http(page=page))


def test_a_key_file_makes_stamp_authenticated_and_its_first_key_signs(tmp_path):
    key_file = tmp_path / "stamp.key"
    key_file.write_text(f"{bytes(range(16)).hex()}\n{bytes(16).hex()}\n")
    key_file.chmod(0o600)
    configured = LatencyTargetConfig(
        target="testpoint", host="192.0.2.1", stamp_port=862, stamp_key_file=key_file
    )
    found = job("latency", latency=LatencyConfig(targets=(configured,)))
    assert found.target.stamp_key == bytes(range(16))
    assert "stamp_key" not in repr(found.target)


def test_a_key_file_without_a_key_is_a_wrong_setting(tmp_path):
    configured = LatencyTargetConfig(
        target="testpoint", host="192.0.2.1", stamp_port=862, stamp_key_file=tmp_path / "none"
    )
    with pytest.raises(ConfigError, match=r"latency: cannot read the STAMP key file .*/none: No such file"):
        jobs_of(AgentConfig(latency=LatencyConfig(targets=(configured,))))


def test_a_key_file_that_everybody_can_read_is_warned_of_once(tmp_path):
    key_file = tmp_path / "stamp.key"
    key_file.write_text(bytes(range(16)).hex())
    key_file.chmod(0o644)
    with capture_logs() as logs:
        for _ in range(3):
            read_key(key_file)
    assert [(entry["event"], entry["path"]) for entry in logs] == [("stamp.key_exposed", str(key_file))]
