"""The DNS probe with the system's resolver: names of /etc/hosts, and a resolver that is replaced.

No name is looked up that would leave the machine.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from pantau_agent.probes.base import Context
from pantau_agent.probes.dns import DnsTarget, dns

if TYPE_CHECKING:
    from pantau_wire.fields import Dns


async def measure(name: str = "localhost", **settings: Any) -> Dns:
    return await dns(DnsTarget(name=name, **settings), Context())


def resolver_that(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answer)


async def test_a_name_of_this_machine_resolves() -> None:
    found = await measure()
    assert (found.failure, found.resolver, found.name) == (None, "system", "localhost")
    assert found.answer_count is not None
    assert found.answer_count >= 1
    assert found.resolve_ms is not None
    assert 0 < found.resolve_ms < 5000


async def test_an_address_counts_once_however_often_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
    resolver_that(
        monkeypatch,
        lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in addresses],
    )
    assert (await measure("two.example")).answer_count == 2


@pytest.mark.parametrize(
    "fault",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        UnicodeError("label too long"),
    ],
)
async def test_a_name_that_does_not_resolve_has_no_numbers(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault

    resolver_that(monkeypatch, refuse)
    found = await measure("no.example")
    assert (found.failure, found.resolve_ms, found.answer_count) == ("name_resolution", None, None)
    assert "no.example" in (found.failure_detail or "")


async def test_a_resolver_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver_that(monkeypatch, lambda *_, **__: time.sleep(0.5))
    found = await measure("slow.example", timeout_s=0.1)
    assert (found.failure, found.resolve_ms) == ("timeout", None)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"name": ""}, "name must"),
        ({"name": "a" * 201}, "name must"),
        ({"name": "a\nb"}, "name must"),
        ({"timeout_s": 0}, "timeout_s must"),
        ({"resolver": ""}, "is not a resolver"),
        ({"resolver": "dns.example.id"}, "is not a resolver"),
    ],
)
def test_what_cannot_be_asked_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DnsTarget(**{"name": "localhost", **settings})
