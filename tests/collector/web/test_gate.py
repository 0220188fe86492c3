"""The gate: names, sizes, rates and headers, for every route and every kind of answer."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.collector.web import served
from tests.collector.web.served import log_in
from tests.fakes.certificates import Authority

from pantau_collector import addresses
from pantau_collector.config import WebConfig
from pantau_collector.errors import ConfigError
from pantau_collector.web import connections, limits
from pantau_collector.web.limits import Attempts, Buckets
from pantau_collector.web.tls import ServerCertificate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import httpx
    from tests.collector.web.world import World

EXPOSED = {"host": "192.0.2.1", "allowed_hosts": ("portal.example.id", "127.0.0.1")}
PROXIED = {"behind_proxy": True, "allowed_hosts": ("portal.example.id",)}
ALL_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def certificate(folder: Path, name: str = "portal") -> tuple[Authority, dict[str, Path], ServerCertificate]:
    authority = Authority(folder)
    files = authority.issue(name, host="127.0.0.1")
    settings = {"cert_file": files.cert, "key_file": files.key}
    return authority, settings, ServerCertificate(files.cert, files.key)


async def exchange(url: str, request: bytes) -> bytes:
    """Send bytes as they are, and return everything that comes back."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def until_refused(ask: Callable[[], Awaitable[httpx.Response]]) -> tuple[int, httpx.Response]:
    """Ask until the answer is 429; return how many were answered before, and the refusal."""
    for count in range(100):
        answer = await ask()
        if answer.status_code == 429:
            return count, answer
        assert answer.status_code == 200
    raise AssertionError("nobody is slowed down")


async def test_every_answer_carries_every_security_header(world: World, monkeypatch: pytest.MonkeyPatch):
    """Pages, data, files, redirects and each kind of error: all have the same headers, and name no server."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    seen = set()
    guarded = served.with_people(world)
    async with served.running(guarded) as url, served.browser(url) as client:
        requests = [
            *(
                ("GET", path)
                for path in ("/", "/login", "/api/v1/devices", "/healthz", "/metrics", "/nonsense")
            ),
            ("POST", "/login"),
        ]
        answers = [await client.request(method, path) for method, path in requests]
        await log_in(client, served.ADMIN)
        paths = ["/", "/access", "/devices/klaten-1", "/devices/none", "/?page=x", "/api/v1/devices?limit=0"]
        paths += ["/static/style.css", "/static/none", "/api/v1/openapi.json", "/devices/klaten-1/", "/login"]
        answers += [await client.get(path) for path in paths]
        answers += [await client.post("/"), await client.delete("/api/v1/access/tokens/x")]
        answers.append(await client.get("/", headers={"host": "evil.example"}))
        answers.append(await client.post("/login", content=b"x" * 20_000))
        world.store.down = True
        answers.append(await client.get("/devices/klaten-1"))
        monkeypatch.setattr(world.store, "activity", broken)
        with capture_logs():
            answers.append(await client.get("/devices/klaten-1"))
        for answer in answers:
            seen.add(answer.status_code)
            found = {name: answer.headers.get(name) for name in ALL_HEADERS}
            assert (str(answer.url), found) == (str(answer.url), ALL_HEADERS)
            assert "server" not in answer.headers
            assert "strict-transport-security" not in answer.headers
    assert seen == {200, 303, 307, 401, 403, 404, 405, 413, 415, 421, 422, 500, 503}


async def test_by_tls_there_is_hsts_and_the_cookies_are_secure(world: World, tmp_path: Path):
    """Reachable from elsewhere, the portal speaks TLS, wants a login and binds cookies to its own name."""
    authority, settings, kept = certificate(tmp_path)
    guarded = served.with_people(world, **EXPOSED, **settings)
    async with (
        served.running(guarded, certificate=kept) as url,
        served.browser(url, authority.file) as client,
    ):
        first = await client.get("/")
        assert (first.status_code, first.headers["location"]) == (303, "/login?next=/")
        assert first.headers["strict-transport-security"] == "max-age=31536000"
        answer = await log_in(client)
        assert answer.status_code == 303
        session, form = answer.headers.get_list("set-cookie")
        assert session.startswith("__Host-pantau-session=")
        assert form.startswith("__Host-pantau-form=")
        language = (await client.get("/?lang=en")).headers["set-cookie"]
        assert all("Secure" in cookie for cookie in (session, form, language))


async def test_plain_http_gets_nothing_from_a_tls_portal(world: World, tmp_path: Path):
    """Who forgets the TLS learns nothing, and the server goes on."""
    authority, settings, kept = certificate(tmp_path)
    exposed = world.with_web(**EXPOSED, **settings)
    async with served.running(exposed, certificate=kept) as url:
        assert await exchange(url.replace("https", "http"), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        async with served.browser(url, authority.file) as client:
            assert (await client.get("/healthz")).status_code == 200


async def test_a_renewed_certificate_is_taken_without_a_restart(world: World, tmp_path: Path):
    """New connections get the new certificate; a broken file changes nothing, and is logged once."""
    authority, settings, kept = certificate(tmp_path)
    async with served.running(world.with_web(**EXPOSED, **settings), certificate=kept) as url:

        async def serial() -> int:
            context = served.trusting(authority.file)
            port = int(url.rpartition(":")[2])
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            found = int(writer.get_extra_info("peercert")["serialNumber"], 16)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return found

        before = await serial()
        authority.issue("portal", host="127.0.0.1")  # the same files anew
        with capture_logs() as logs:
            kept.look()
            kept.look()
            after = await serial()
            settings["cert_file"].write_text("broken")
            kept.look()
            kept.look()
            assert await serial() == after
        assert before != after
        assert [log["event"] for log in logs] == [
            "portal.certificate_renewed",
            "portal.certificate_not_usable",
        ]


@pytest.mark.parametrize("wrong", ["cert", "key"])
def test_a_certificate_that_cannot_be_used_is_refused_at_start(tmp_path: Path, wrong: str):
    """Without its certificate the portal does not start, least of all in the clear."""
    files = Authority(tmp_path).issue("portal")
    getattr(files, wrong).write_text("broken")
    with pytest.raises(ConfigError, match=f"web: cannot use {files.cert} with {files.key}: "):
        ServerCertificate(files.cert, files.key)
    files.cert.unlink()
    with pytest.raises(ConfigError, match="No such file or directory"):
        ServerCertificate(files.cert, files.key)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8080", 200),
        ("portal.example.id", 421),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:8080", 421),
        ("evil.example/127.0.0.1", 421),
        ("localhost:80/static/?", 421),
        ("localhost@evil.example", 421),
        ("", 421),
    ],
)
async def test_only_our_own_names_are_answered(world: World, host: str, status: int):
    """A foreign page whose name was pointed at us (DNS rebinding) reads nothing, on loopback too."""
    async with served.running(world) as url:
        request = f"GET /api/v1/devices HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        answer = await exchange(url, request)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert (b"klaten-1" in answer) == (status == 200)


async def test_a_crafted_host_does_not_lead_around_the_login(world: World):
    """The path that is judged is the one that is served, whatever the URL that a Host header builds."""
    guarded = served.with_people(world)
    async with served.running(guarded) as url:
        for host in ("localhost/static/?", "localhost:80/static/?", "localhost#", "localhost/login?"):
            answer = await exchange(
                url, f"GET /api/v1/devices HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            assert b" 421 " in answer.splitlines()[0]
        for path in (
            "//api/v1/devices",
            "/static/../api/v1/devices",
            "/static/%2e%2e/api/v1/devices",
            "/API/v1/devices",
        ):
            answer = await exchange(
                url, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            assert b"klaten-1" not in answer


async def test_a_refused_name_is_logged_once(world: World):
    """The operator learns which name to allow, and a scanner fills no disk."""
    async with served.running(world) as url, served.browser(url) as client:
        with capture_logs() as logs:
            for _ in range(3):
                page = await client.get("/", headers={"host": "pantau.desa.example"})
    assert page.status_code == 421
    assert "Portal tidak dikenal dengan nama ini" in page.text
    assert [(log["event"], log["host"]) for log in logs] == [("portal.host_refused", "pantau.desa.example")]


async def test_allowed_names_are_answered(world: World):
    """A name in `allowed_hosts` is ours."""
    named = world.with_web(allowed_hosts=("portal.example.id",))
    async with served.running(named) as url, served.browser(url) as client:
        answer = await client.get("/", headers={"host": "Portal.example.id:443"})
    assert answer.status_code == 200


async def test_too_many_requests_wait(world: World):
    """Above the rate the answer is 429 with the time to wait; the next address has its own bucket."""
    slow = world.with_web(requests_per_minute=10)
    async with served.running(slow) as url, served.browser(url) as client:
        count, refused = await until_refused(lambda: client.get("/api/v1/devices"))
        assert 10 <= count < 20
        assert 1 <= int(refused.headers["retry-after"]) <= 6
        assert refused.json()["detail"] == "too many requests"
        page = await client.get("/")
        assert (page.status_code, "Terlalu banyak permintaan" in page.text) == (429, True)


async def test_behind_a_proxy_each_visitor_has_an_address(world: World):
    """What the proxy tells counts for the rate, and monitoring needs a token; cookies are Secure."""
    proxied = served.with_people(world, **PROXIED, requests_per_minute=10)
    async with served.running(proxied) as url, served.browser(url) as client:

        async def ask(address: str, path: str = "/login") -> httpx.Response:
            headers = {"x-forwarded-for": address, "x-forwarded-proto": "https", "host": "portal.example.id"}
            return await client.get(path, headers=headers)

        count, _ = await until_refused(lambda: ask("198.51.100.7"))
        assert 10 <= count < 20
        assert (await ask("198.51.100.8")).status_code == 200
        assert (await ask("198.51.100.8", "/metrics")).status_code == 401
        assert (await client.get("/metrics")).status_code == 401
        answer = await ask("198.51.100.9")
        assert "Secure" in answer.headers["set-cookie"]
        assert "strict-transport-security" in answer.headers


async def test_without_a_proxy_nobody_chooses_an_address(world: World):
    """X-Forwarded-For is believed only where a proxy was configured."""
    slow = world.with_web(requests_per_minute=10)
    async with served.running(slow) as url, served.browser(url) as client:
        numbers = itertools.count(1)

        async def ask() -> httpx.Response:
            return await client.get("/healthz", headers={"x-forwarded-for": f"198.51.100.{next(numbers)}"})

        count, _ = await until_refused(ask)
        assert 10 <= count < 20


async def test_large_requests_are_refused(world: World):
    """Bodies above 16 KiB, declared or not, and endless heads are answered with an error."""

    async def endless() -> object:
        for _ in range(100):
            yield b"x=1&" * 1000

    form = {"content-type": "application/x-www-form-urlencoded"}
    guarded = served.with_people(world)
    async with served.running(guarded) as url, served.browser(url) as client:
        assert (await client.post("/login", content=b"x" * 16_385, headers=form)).status_code == 413
        assert (await client.post("/login", content=endless(), headers=form)).status_code == 413
        assert (await client.post("/login", content=b"a=%ff%fe", headers=form)).status_code == 422
        assert (
            await client.post("/login", content=b"&".join([b"a=1"] * 50), headers=form)
        ).status_code == 422
        lying = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"
        assert b" 413 " in (await exchange(url, lying)).splitlines()[0]
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 100_000
        with contextlib.suppress(ConnectionError):
            assert b" 400 " in (await exchange(url, head)).splitlines()[0]
        assert (await client.get("/healthz")).status_code == 200


async def test_a_head_that_never_ends_is_hung_up_on(world: World, monkeypatch: pytest.MonkeyPatch):
    """Connections that send nothing, or a header a minute, do not pile up; working ones are left alone."""
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.2)
    async with served.running(world) as url, served.browser(url) as client:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        assert (await client.get("/healthz")).status_code == 200


async def test_connections_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch):
    """One connection too many is closed at once: the ingest keeps its files."""
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 3)
    async with served.running(world) as url:
        port = int(url.rpartition(":")[2])
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 30) == b""
        opened[0][1].write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await opened[0][0].read()).startswith(b"HTTP/1.1 200 ")
        for _, one in [*opened, (reader, writer)]:
            one.close()


def test_a_bucket_fills_again_with_time():
    """Capacity at once, then the rate; the wait that is told is the one that helps."""
    now = 0.0
    buckets = Buckets(3, 0.5, clock_s=lambda: now)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]
    now = 1.9
    assert buckets.take("a") == pytest.approx(0.1)
    now = 2.0
    assert buckets.take("a") == 0
    now = 1000.0
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]
    assert buckets.take("b") == 0


def test_buckets_keep_their_memory_bounded():
    """However many addresses ask, only so many are remembered, the latest ones."""
    buckets = Buckets(1, 0.001)
    for index in range(limits.MAX_KEYS + 50):
        buckets.take(index)
    assert len(buckets) == limits.MAX_KEYS
    assert buckets.take(limits.MAX_KEYS + 49) > 0
    assert buckets.take(0) == 0


def test_guesses_are_counted_by_account_and_by_address():
    """One address at one account, one address at many accounts, many addresses at one account."""
    now = 0.0

    def attempts() -> Attempts:
        return Attempts(lambda: now)

    one = attempts()
    assert [bool(one.take("a", "siti")) for _ in range(6)] == [False] * 5 + [True]
    many_accounts = attempts()
    assert [bool(many_accounts.take("a", str(index))) for index in range(21)] == [False] * 20 + [True]
    many_addresses = attempts()
    assert [bool(many_addresses.take(str(index), "siti")) for index in range(51)] == [False] * 50 + [True]
    one.succeeded("a", "siti")
    assert one.take("a", "siti") == 0


@pytest.mark.parametrize(
    ("host", "loopback", "everywhere", "subscriber"),
    [
        ("127.0.0.1", True, False, "127.0.0.1"),
        ("127.9.9.9", True, False, "127.9.9.9"),
        ("localhost", True, False, "localhost"),
        ("::1", True, False, "::/64"),
        ("::ffff:127.0.0.1", True, False, "127.0.0.1"),
        ("0.0.0.0", False, True, "0.0.0.0"),
        ("::", False, True, "::/64"),
        ("", False, True, ""),
        ("localhost.example.id", False, False, "localhost.example.id"),
        ("10.0.0.1", False, False, "10.0.0.1"),
        ("2001:db8:1:2:3::4", False, False, "2001:db8:1:2::/64"),
    ],
)
def test_what_an_address_means(host: str, *, loopback: bool, everywhere: bool, subscriber: str):
    """Loopback is what only this machine reaches; a name is not, whatever it resolves to."""
    assert addresses.is_loopback(host) == loopback
    assert addresses.is_everywhere(host) == everywhere
    assert addresses.subscriber(host) == subscriber


def test_the_defaults_are_closed_to_others():
    """Without configuration the portal listens on loopback and trusts no proxy."""
    web = WebConfig()
    assert (web.host, web.exposed, web.encrypted, web.behind_proxy) == ("127.0.0.1", False, False, False)
    assert json.loads(web.model_dump_json())["allowed_hosts"] == []
