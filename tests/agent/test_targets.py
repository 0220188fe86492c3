"""What the configuration names is what is measured: latency methods, names and pages."""

from __future__ import annotations

from typing import Any

import pytest

from pantau_agent.config.settings import (
    AgentConfig,
    DnsConfig,
    HttpConfig,
    LatencyConfig,
    LatencyTargetConfig,
)
from pantau_agent.jobs import jobs_of
from pantau_agent.probes.dns import DnsTarget
from pantau_agent.probes.http import HttpTarget
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
    assert (found.period_s, found.blank) == (300.0, Dns(resolver="system", name="www.example.id"))


def test_each_page_is_fetched_every_five_minutes():
    page = "https://www.example.id/"
    found = job("http", http=HttpConfig(pages=(page,), max_bytes=5_000))
    assert found.target == HttpTarget(url=page, timeout_s=10.0, max_bytes=5_000)
    assert (found.period_s, found.blank) == (300.0, Http(page=page))
