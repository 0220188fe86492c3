"""The link probe inside a network namespace: a gateway that answers, and a cable that is pulled."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes import network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.network import Host

PROBE = """
import asyncio, sys
import msgspec
from pantau_agent.probes import host_limits
from pantau_agent.probes.base import Context
from pantau_agent.probes.link import LinkProbe, LinkTarget

found = asyncio.run(LinkProbe()(LinkTarget(interface="link0", ask_gateway=True), Context()))
print(msgspec.json.encode([found, host_limits.read("link0")]).decode())
"""


def look(host: Host) -> tuple[dict[str, Any], list[Any]]:
    """Return what the probe and the limits say inside the host."""
    link, limits = json.loads(host.output([sys.executable, "-c", PROBE]))
    return link, limits


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    if why := network.why_not():
        pytest.skip(why)
    with network.two_hosts() as (near, far):
        network.run("ip", "-n", near.namespace, "route", "add", "default", "via", far.address)
        yield near, far


def test_a_gateway_that_is_there_answers(hosts: tuple[Host, Host]) -> None:
    """veth's driver says 10 Gbit/s in full duplex, and has no hardware."""
    link, limits = look(hosts[0])
    assert (link["interface"], link["medium"], link["interface_up"]) == ("link0", "other", True)
    assert (link["gateway_answers"], link.get("failure")) == (True, None)
    assert len(link["network_fingerprint"]) == 32
    assert link["negotiated_bps"] == limits[0] == 10e9
    assert (limits[1], limits[3]) == (None, False)
    assert not {"wifi_signal_dbm", "wifi_rate_bps"} & set(link)


def test_a_pulled_cable_is_an_interface_that_is_down(hosts: tuple[Host, Host]) -> None:
    near, far = hosts
    network.run("ip", "-n", far.namespace, "link", "set", "link0", "down")
    link, _ = look(near)
    assert link["interface_up"] is False
    assert link["gateway_answers"] is False


def test_an_interface_that_is_switched_off_has_no_route(hosts: tuple[Host, Host]) -> None:
    near, _ = hosts
    network.run("ip", "-n", near.namespace, "link", "set", "link0", "down")
    link, limits = look(near)
    assert (link["interface"], link["interface_up"], link["failure"]) == ("link0", False, "unreachable")
    assert "gateway_answers" not in link
    assert limits[1] is None
