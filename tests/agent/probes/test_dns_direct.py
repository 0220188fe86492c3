"""The DNS probe with resolvers that it asks by their address: dnsmasq, and one that misbehaves."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import dns.message
import dns.rrset
import pytest
from dns.rdatatype import AAAA, A
from tests.agent.probes import dnsmasq
from tests.fakes.dns_server import by_family, cut_short, right, serving, silent, with_code

from pantau_agent.probes.base import Context
from pantau_agent.probes.dns import DnsTarget
from pantau_agent.probes.dns import dns as measure_dns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pantau_wire.fields import Dns

needs_dnsmasq = pytest.mark.skipif(dnsmasq.program() is None, reason="needs Debian's dnsmasq-base")
HEADERS_BYTES = 14 + 20 + 8


async def measure(resolver: str | int, name: str = "www.example.id", **settings: Any) -> Dns:
    context = settings.pop("context", None) or Context()
    named = f"127.0.0.1:{resolver}" if isinstance(resolver, int) else resolver
    return await measure_dns(DnsTarget(name=name, resolver=named, **settings), context)


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    with dnsmasq.running(tmp_path_factory.mktemp("dnsmasq"), "127.0.0.1", port):
        yield f"127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@needs_dnsmasq
@pytest.mark.parametrize(
    ("name", "count"), [("dua", 2), ("satu", 1), ("alias", 2), ("banyak", dnsmasq.MANY_COUNT)]
)
async def test_a_real_resolver_gives_the_addresses_of_both_families(
    resolver: str, name: str, count: int
) -> None:
    """The last of them by TCP: that answer does not fit into a packet."""
    found = await measure(resolver, f"{name}.{dnsmasq.DOMAIN}")
    assert (found.failure, found.failure_detail) == (None, None)
    assert (found.resolver, found.answer_count, found.response_code) == (resolver, count, "NOERROR")
    assert found.resolve_ms is not None
    assert 0 < found.resolve_ms < 5000


@needs_dnsmasq
@pytest.mark.parametrize(
    ("name", "failure", "code"),
    [
        (f"tiada.{dnsmasq.DOMAIN}", "name_resolution", "NXDOMAIN"),
        (f"teks.{dnsmasq.DOMAIN}", "name_resolution", "NOERROR"),
        ("www.example.com", "refused", "REFUSED"),
    ],
)
async def test_what_a_real_resolver_cannot_find_has_its_code_and_no_numbers(
    resolver: str, name: str, failure: str, code: str
) -> None:
    found = await measure(resolver, name)
    assert (found.failure, found.response_code) == (failure, code)
    assert (found.resolve_ms, found.answer_count) == (None, None)
    assert name in (found.failure_detail or "")


@needs_dnsmasq
@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
async def test_a_resolver_may_have_an_ipv6_address(tmp_path: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
            port = sock.getsockname()[1]
    except OSError as fault:
        pytest.skip(f"the loopback has no IPv6 here: {fault}")
    with dnsmasq.running(tmp_path, "::1", port):
        found = await measure(f"[::1]:{port}", f"dua.{dnsmasq.DOMAIN}")
    assert (found.failure, found.answer_count) == (None, 2)


@pytest.mark.parametrize(
    ("code", "failure"),
    [("SERVFAIL", "name_resolution"), ("REFUSED", "refused"), ("NOTIMP", "refused"), ("YXDOMAIN", "refused")],
)
async def test_a_code_other_than_noerror_is_a_failure(code: str, failure: str) -> None:
    async with serving(with_code(code)) as server:
        found = await measure(server.port)
    assert (found.failure, found.response_code) == (failure, code)


async def test_both_families_are_asked_at_once() -> None:
    """The second does not wait for the first's answer; each has a port of its own, against forgers."""
    async with serving(silent) as server:
        found = await measure(server.port, timeout_s=0.5)
    assert found.failure == "timeout"
    assert {question.question[0].rdtype for question in server.udp_questions} == {A, AAAA}
    assert len(set(server.udp_sources)) == 2


async def test_the_time_ends_with_the_later_answer() -> None:
    """That of a resolver which takes 50 ms for one family and 200 ms for the other, at the same time."""
    async with serving(A=0.05, AAAA=0.2) as server:
        found = await measure(server.port)
    assert found.resolve_ms is not None
    assert 199 < found.resolve_ms < 2000


async def test_one_family_without_the_other_is_success() -> None:
    async with serving(by_family(A=right, AAAA=with_code("SERVFAIL"))) as server:
        found = await measure(server.port)
    assert (found.failure, found.answer_count, found.response_code) == (None, 1, "NOERROR")


async def test_a_resolver_that_drops_one_family_is_as_slow_as_people_find_it() -> None:
    async with serving(by_family(A=right, AAAA=silent)) as server:
        found = await measure(server.port, timeout_s=0.3)
    assert (found.failure, found.resolve_ms) == ("timeout", None)


async def test_a_closed_port_refuses_at_once(unused_tcp_port: int) -> None:
    found = await measure(unused_tcp_port, timeout_s=60.0)
    assert found.failure == "refused"


async def test_an_answer_cut_short_is_asked_for_by_tcp() -> None:
    async with serving(cut_short) as server:
        found = await measure(server.port)
    assert (found.failure, found.answer_count) == (None, 2)
    assert (len(server.udp_questions), len(server.tcp_questions)) == (2, 2)


async def test_tcp_that_ends_without_an_answer_is_no_protocol() -> None:
    async with serving(cut_short, silent) as server:
        found = await measure(server.port)
    assert found.failure == "protocol"


async def test_a_resolver_that_does_not_know_edns_is_asked_without() -> None:
    def old(question: dns.message.Message) -> bytes:
        return right(question) if question.edns < 0 else with_code("FORMERR")(question)

    async with serving(old) as server:
        found = await measure(server.port)
    assert (found.failure, found.answer_count) == (None, 2)
    assert [question.edns for question in server.udp_questions] == [0, 0, -1, -1]


def other_id(question: dns.message.Message) -> bytes:
    octets = bytearray(right(question))
    octets[0] ^= 0xFF
    return bytes(octets)


def question_back(question: dns.message.Message) -> bytes:
    return question.to_wire()


def other_question(question: dns.message.Message) -> bytes:
    asked = dns.message.make_query("lain.example.id", question.question[0].rdtype, id=question.id)
    return right(asked)


def endless_alias(question: dns.message.Message) -> bytes:
    answer = dns.message.make_response(question)
    name = question.question[0].name
    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", name.to_text()))
    return answer.to_wire()


@pytest.mark.parametrize(
    "deed",
    [
        lambda _: b"\0",
        lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda question: right(question)[:-3],
        lambda question: right(question) + b"extra",
        other_id,
        question_back,
        other_question,
        endless_alias,
    ],
    ids=["octet", "http", "cut", "longer", "id", "echo", "question", "alias"],
)
async def test_what_is_no_answer_is_a_typed_failure(deed: Any) -> None:
    async with serving(deed) as server:
        found = await measure(server.port)
    assert (found.failure, found.resolve_ms, found.answer_count) == ("protocol", None, None)
    assert found.failure_detail


async def test_damaged_answers_never_raise() -> None:
    """400 answers with some octets changed each: an address, or a typed failure."""
    rng = random.Random(7)

    def damaged(question: dns.message.Message) -> bytes:
        octets = bytearray(right(question))
        for _ in range(rng.randint(1, 6)):
            octets[rng.randrange(2, len(octets))] = rng.randrange(256)
        return bytes(octets)

    async with serving(damaged, damaged) as server:
        failures = {(await measure(server.port, timeout_s=30.0)).failure for _ in range(200)}
    assert failures <= {None, "protocol", "name_resolution", "refused"}
    assert "protocol" in failures


async def test_what_was_asked_and_answered_is_booked_as_own_traffic() -> None:
    context = Context()
    async with serving() as server:
        await measure(server.port, context=context)
    rx_bytes, tx_bytes = context.test_traffic.totals("lo")
    assert (rx_bytes, tx_bytes) == (
        server.sent_bytes + 2 * HEADERS_BYTES,
        server.received_bytes + 2 * HEADERS_BYTES,
    )


async def test_a_name_that_cannot_be_one_is_not_asked_for() -> None:
    async with serving() as server:
        found = await measure(server.port, f"{'a' * 64}.example.id")
    assert (found.failure, server.udp_questions) == ("name_resolution", [])


def test_what_an_answer_takes_is_loaded_before_it_is_timed() -> None:
    """Loading it took 12 ms of the first figure."""
    code = "import sys, pantau_agent.probes.dns.direct; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needed = {"IN.A", "IN.AAAA", "ANY.CNAME", "ANY.OPT"}
    assert {f"dns.rdtypes.{name}" for name in needed} | {"dns._asyncio_backend"} <= set(ran.stdout.split())


def test_the_library_is_loaded_only_where_a_server_is_named() -> None:
    """It takes 5 MiB."""
    code = (
        "import sys, asyncio; from pantau_agent.probes.base import Context\n"
        "from pantau_agent.probes.dns import DnsTarget, dns\n"
        "asyncio.run(dns(DnsTarget(name='localhost'), Context())); assert 'dns' not in sys.modules\n"
        "asked = DnsTarget(name='a', resolver='127.0.0.1:1')\n"
        "asyncio.run(dns(asked, Context())); assert 'dns' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
