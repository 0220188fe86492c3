"""The HTTP probe against servers on the loopback that are slow, broken, large, or speak TLS."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.fakes.pages import serving

from pantau_agent.probes.base import Context
from pantau_agent.probes.http import HttpTarget, http

if TYPE_CHECKING:
    from pathlib import Path

    from pantau_wire.fields import Http

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\n"


class Certificate(NamedTuple):
    server: ssl.SSLContext
    file: str


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A self-signed one for localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing: apt-get install openssl")
    folder: Path = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return Certificate(context, str(cert))


async def fetch(port: int, path: str = "/", context: Context | None = None, **settings: Any) -> Http:
    url = settings.pop("url", f"http://127.0.0.1:{port}{path}")
    return await http(HttpTarget(url=url, **settings), context or Context())


async def answered(*answer: bytes | float, **settings: Any) -> Http:
    async with serving(answer) as pages:
        return await fetch(pages.port, **settings)


async def test_a_page_has_all_its_phases() -> None:
    async with serving([PAGE]) as pages:
        found = await fetch(pages.port, url=f"http://localhost:{pages.port}/desa?kode=33.10#atas")
    assert (found.failure, found.status_code, found.body_bytes) == (None, 200, 5)
    assert found.page == f"http://localhost:{pages.port}/desa?kode=33.10#atas"
    phases = [found.dns_ms, found.connect_ms, found.first_byte_ms]
    assert all(phase is not None and phase >= 0 for phase in phases)
    assert found.total_ms is not None
    assert found.total_ms >= sum(phase for phase in phases if phase is not None)
    assert found.tls_ms is None
    assert pages.requests[0].startswith(b"GET /desa?kode=33.10 HTTP/1.1\r\nHost: localhost:")


async def test_an_address_needs_no_name_resolution() -> None:
    assert (await answered(PAGE)).dns_ms is None


async def test_own_bytes_are_booked() -> None:
    context = Context()
    await answered(TO_THE_END, b"x" * 10_000, context=context)
    rx_bytes, tx_bytes = context.test_traffic.totals("lo")
    assert 10_000 < rx_bytes < 12_000
    assert 0 < tx_bytes < 2_000


async def test_tls_is_a_phase(certificate: Certificate) -> None:
    async with serving([PAGE], certificate.server) as pages:
        url = f"https://localhost:{pages.port}/"
        found = await fetch(pages.port, url=url, ca_file=certificate.file)
    assert (found.failure, found.status_code, found.body_bytes) == (None, 200, 5)
    assert found.tls_ms


async def test_a_certificate_that_nobody_vouches_for_is_a_protocol_failure(certificate: Certificate) -> None:
    async with serving([PAGE], certificate.server) as pages:
        found = await fetch(pages.port, url=f"https://localhost:{pages.port}/")
    assert (found.failure, found.tls_ms, found.status_code) == ("protocol", None, None)
    assert "certificate verify failed" in (found.failure_detail or "")
    assert found.connect_ms is not None
    assert not pages.requests


async def test_a_certificate_for_another_name_is_a_protocol_failure(certificate: Certificate) -> None:
    async with serving([PAGE], certificate.server) as pages:
        found = await fetch(pages.port, url=f"https://127.0.0.1:{pages.port}/", ca_file=certificate.file)
    assert found.failure == "protocol"


async def test_a_server_that_does_not_speak_tls_is_a_protocol_failure() -> None:
    async with serving([b"HTTP/1.1 400 Bad Request\r\n\r\n"], unasked=True) as pages:
        found = await fetch(pages.port, url=f"https://localhost:{pages.port}/")
    assert (found.failure, found.tls_ms) == ("protocol", None)


async def test_a_slow_server_shows_in_the_first_byte() -> None:
    found = await answered(0.2, PAGE)
    assert found.first_byte_ms is not None
    assert found.first_byte_ms >= 195
    assert found.connect_ms is not None
    assert found.connect_ms < 195


async def test_a_slow_body_shows_in_the_total_only() -> None:
    found = await answered(PAGE[:-5], 0.2, PAGE[-5:])
    assert found.total_ms is not None
    assert found.first_byte_ms is not None
    assert found.total_ms - found.first_byte_ms >= 195


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        pytest.param([PAGE], 5, id="a length"),
        pytest.param([TO_THE_END, b"hello ", b"world"], 11, id="to the end of the connection"),
        pytest.param([CHUNKED, b"5;x=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"], 11, id="chunks"),
        pytest.param([b"HTTP/1.1 204 No Content\r\n\r\n"], 0, id="no body"),
        pytest.param([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", PAGE], 5, id="an interim response"),
        pytest.param([bytes([octet]) for octet in PAGE], 5, id="octet by octet"),
    ],
)
async def test_every_form_of_body_is_counted(answer: list[bytes], size: int) -> None:
    found = await answered(*answer)
    assert (found.failure, found.body_bytes) == (None, size)


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with serving([PAGE]) as other:
        head = f"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 0\r\n\r\n"
        found = await answered(head.encode())
    assert (found.failure, found.status_code, found.body_bytes) == (None, 301, 0)
    assert not other.requests


async def test_an_error_of_the_server_is_a_refusal_with_its_phases() -> None:
    found = await answered(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nlate")
    assert (found.failure, found.failure_detail) == ("refused", "503 Service Unavailable")
    assert (found.status_code, found.body_bytes) == (503, 4)
    assert found.total_ms is not None


@pytest.mark.parametrize(
    "head", [TO_THE_END, b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n", CHUNKED + b"7a1200\r\n"]
)
async def test_a_big_body_is_cut(head: bytes) -> None:
    async with serving([head, *[b"x" * 100_000] * 80]) as pages:
        found = await fetch(pages.port, max_bytes=50_000)
    assert (found.failure, found.body_bytes) == (None, 50_000)
    assert pages.sent_bytes < 8_000_000


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"], id="closed mid-body"),
        pytest.param([CHUNKED, b"5\r\nhel"], id="closed mid-chunk"),
        pytest.param([CHUNKED, b"5\r\nhello\r\n"], id="closed before the last chunk"),
        pytest.param([CHUNKED, b"x\r\n"], id="no size of a chunk"),
        pytest.param([CHUNKED, b"2\r\nhello\r\n0\r\n\r\n"], id="a chunk of another size"),
        pytest.param([CHUNKED, b"1" * 100_000], id="an endless size of a chunk"),
        pytest.param([b""], id="closed at once"),
        pytest.param([b"HTTP/1.1 200"], id="closed mid-head"),
        pytest.param([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], id="another protocol"),
        pytest.param([b"\x00\xff\x1b[31m" * 100 + b"\r\n\r\n"], id="garbage"),
        pytest.param([b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"], id="no header"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"], id="no length"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"], id="a negative length"),
        pytest.param([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000], id="an endless head"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n" * 50], id="nothing but interim responses"),
    ],
)
async def test_what_is_no_http_is_a_protocol_failure(answer: list[bytes]) -> None:
    found = await answered(*answer)
    assert (found.failure, found.total_ms, found.body_bytes) == ("protocol", None, None)
    assert found.failure_detail
    assert found.failure_detail.isprintable()


async def test_a_server_that_never_answers_is_a_timeout() -> None:
    found = await answered(30.0, timeout_s=0.3)
    assert (found.failure, found.first_byte_ms, found.total_ms) == ("timeout", None, None)
    assert found.connect_ms is not None


async def test_a_body_that_never_ends_is_a_timeout_with_its_status() -> None:
    found = await answered(TO_THE_END, b"hello", 30.0, timeout_s=0.3)
    assert (found.failure, found.status_code, found.body_bytes) == ("timeout", 200, None)
    assert found.first_byte_ms is not None


async def test_a_closed_port_refuses(unused_tcp_port: int) -> None:
    found = await fetch(unused_tcp_port)
    assert (found.failure, found.connect_ms) == ("refused", None)


async def test_a_full_backlog_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(address)
        found = await fetch(address[1], timeout_s=0.4)
        for filler in fillers:
            filler.close()
    assert found.failure == "unreachable"


async def test_a_name_that_does_not_resolve_is_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = await fetch(1, url="http://no.example/")
    assert (found.failure, found.dns_ms, found.connect_ms) == ("name_resolution", None, None)


async def test_the_next_address_is_tried_where_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name has an address of IPv6 too, where nobody listens."""
    stream = socket.SOCK_STREAM
    both = [
        (socket.AF_INET6, stream, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, stream, 6, "", ("127.0.0.1", 0)),
    ]
    async with serving([PAGE]) as pages:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        found = await fetch(pages.port, url=f"http://two.example:{pages.port}/")
    assert (found.failure, found.status_code) == (None, 200)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "http:///path"},
        {"url": "http://user:secret@127.0.0.1/"},
        {"url": "http://127.0.0.1:0/"},
        {"url": "http://127.0.0.1:65536/"},
        {"url": "http://127.0.0.1:port/"},
        {"url": "http://127.0.0.1/a b"},
        {"url": "http://127.0.0.1/\r\nX: y"},
        {"url": "http://127.0.0.1/désa"},
        {"url": "http://127.0.0.1/" + "x" * 200},
        {"url": "http://[::1/"},
        {"timeout_s": 0},
        {"max_bytes": 0},
    ],
)
def test_what_cannot_be_fetched_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"url|must|[Pp]ort|IPv6"):
        HttpTarget(**{"url": "http://127.0.0.1/", **settings})
