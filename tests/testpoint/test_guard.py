"""A testpoint with a token key file: strangers are told so and take nothing; one device gets some tests."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.strategies import thorough

from pantau_testpoint.errors import ConfigurationError, TokenRefusedError, TooManyTestsOfDeviceError
from pantau_testpoint.speed.admission import Admission
from pantau_testpoint.speed.guard import Guard, open_guard
from pantau_testpoint.speed.request import Request
from pantau_wire import signing
from pantau_wire.tokens import Claims, TokenKeys, TokenSigner

from .support import connected, get, post, speed_server
from .test_testpoint_cli import FREE_PORTS, failing, running

NOW_S = 1_790_000_000
DAY_S = 86_400
PEM = signing.new_private_pem()
SIGNER = TokenSigner(PEM)


def token(device: str = "desa-1", *, begin_s: int = NOW_S, life_s: int = DAY_S) -> str:
    return SIGNER.token(Claims(device, begin_s, begin_s + life_s))


def bearer(text: str) -> str:
    return f"Authorization: Bearer {text}"


@contextlib.asynccontextmanager
async def guarded(max_tests: int = 8, now_s: Callable[[], float] = lambda: NOW_S) -> AsyncIterator[object]:
    guard = Guard(TokenKeys([signing.public_key_of(PEM)]), now_s)
    async with speed_server(max_tests=max_tests, max_tests_per_device=2, guard=guard) as server:
        yield server


REFUSED = {
    "missing": [],
    "malformed": [bearer("nonsense")],
    "expired": [bearer(token(begin_s=NOW_S - 2 * DAY_S))],
    "not_yet_valid": [bearer(token(begin_s=NOW_S + DAY_S))],
    "unknown_key": [bearer(TokenSigner(signing.new_private_pem()).token(Claims("desa-1", NOW_S, NOW_S + 9)))],
    "forged": [bearer(token()[:-8] + "AAAAAAAA")],
}


@pytest.mark.parametrize("request_of", [get, post], ids=["download", "upload"])
@pytest.mark.parametrize("fault", REFUSED)
async def test_who_brings_no_good_token_is_told_why_and_takes_no_slot(fault: str, request_of: object) -> None:
    asking = get("/garbage", *REFUSED[fault]) if request_of is get else post(b"x" * 5000, *REFUSED[fault])
    async with guarded(max_tests=1) as server, connected(server.port) as client:
        response = await client.ask(asking)
        assert response.status == 401
        assert response.headers["www-authenticate"] == f'Pantau error="{fault}"'
        assert json.loads(response.body)["error"] == f"token_{fault}"
        assert server.numbers["active_tests"] == server.numbers["refused_count"] == 0


async def test_a_refused_upload_is_not_asked_for_its_body() -> None:
    upload = post(b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 5")
    async with guarded() as server, connected(server.port) as client:
        assert (await client.ask(upload)).status == 401
        assert await client.is_closed()


async def test_a_device_with_its_token_tests_in_both_directions() -> None:
    async with guarded() as server, connected(server.port) as client:
        for request in (get("/garbage?ckSize=1", bearer(token())), post(b"x" * 9, bearer(token()))):
            assert (await client.ask(request)).status == 200


async def test_pings_want_the_token_too_but_health_is_for_everybody() -> None:
    async with guarded() as server, connected(server.port) as client:
        statuses = [(await client.ask(get(path))).status for path in ("/empty", "/getIP", "/healthz")]
        assert statuses == [401, 200, 200]
        assert (await client.ask(get("/empty", bearer(token())))).status == 200


async def test_the_scheme_is_read_whatever_its_case() -> None:
    async with guarded() as server, connected(server.port) as client:
        assert (await client.ask(get("/empty", f"authorization: bEARER  {token()}"))).status == 200
        assert (await client.ask(get("/empty", f"Authorization: Basic {token()}"))).status == 401


async def test_strangers_at_every_door_keep_no_device_out() -> None:
    """Fifty strangers ask all the time; the one slot there is goes to the device."""
    async with guarded(max_tests=1) as server, contextlib.AsyncExitStack() as stack:
        strangers = [await stack.enter_async_context(connected(server.port)) for _ in range(50)]
        for _ in range(4):
            answers = await asyncio.gather(*(stranger.ask(get("/garbage")) for stranger in strangers))
            assert {answer.status for answer in answers} == {401}
        device = await stack.enter_async_context(connected(server.port))
        assert (await device.ask(get("/garbage?ckSize=1", bearer(token())))).status == 200


async def test_one_device_may_run_two_tests_and_leaves_room_for_another() -> None:
    async with guarded() as server, contextlib.AsyncExitStack() as stack:

        async def begin(device: str, test: str) -> int:
            client = await stack.enter_async_context(connected(server.port))
            request = get("/garbage?ckSize=1024", bearer(token(device)), f"X-Pantau-Test: {test}")
            await client.send(request)
            status, headers = await client.read_head()
            assert status == 200 or int(headers["retry-after"]) > 0
            return status

        assert [await begin("desa-1", test) for test in ("a", "b", "c")] == [200, 200, 429]
        assert await begin("desa-2", "a") == 200
        assert server.numbers["active_tests"] == 3


def test_a_slot_of_one_device_cannot_be_joined_by_another_under_the_same_test_id() -> None:
    slots = Admission(max_tests=8, max_tests_per_device=1, max_streams=1, log=structlog.get_logger())
    slots.admit("id:a", "desa-1")
    slots.admit("id:a", "desa-2")
    with pytest.raises(TooManyTestsOfDeviceError):
        slots.admit("id:b", "desa-1")


async def test_a_token_ends_for_a_test_that_goes_on() -> None:
    now_s = NOW_S
    async with guarded(now_s=lambda: now_s) as server, connected(server.port) as client:
        assert (await client.ask(get("/empty", bearer(token())))).status == 200
        now_s = NOW_S + 2 * DAY_S
        assert (await client.ask(get("/empty", bearer(token())))).status == 401


@thorough
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda octets: b"Bearer " + octets))
def test_whatever_the_header_holds_is_refused_with_a_word_of_ours(octets: bytes) -> None:
    guard = Guard(TokenKeys([signing.public_key_of(PEM)]), lambda: NOW_S)
    with pytest.raises(TokenRefusedError) as caught:
        guard.device_of(Request("GET", "/empty", {}, {b"authorization": octets}))
    assert caught.value.code in {"token_missing", "token_malformed", "token_unknown_key"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the token key file .*: No such file or directory"),
        (b"", "holds no key; pantau-collector testpoint-key makes one"),
        (b"\xff", "is not text"),
        (PEM.encode(), "line 1: a public key is the base64 of 32 bytes"),
    ],
)
def test_a_key_file_that_cannot_be_used_ends_the_start(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        open_guard(file)
    ended = failing(*FREE_PORTS, "--token-key-file", str(file))
    assert (ended.returncode, "token key file" in ended.stderr) == (2, True)


def test_as_a_process_it_takes_either_key_of_the_file_by_the_machine_s_clock(tmp_path: Path) -> None:
    pems = [signing.new_private_pem(), signing.new_private_pem()]
    file = tmp_path / "keys"
    file.write_text("# the old one, then the new one\n" + "\n".join(map(signing.public_key_of, pems)))
    with running(*FREE_PORTS, TOKEN_KEY_FILE=str(file)) as (_, ready):
        url = f"http://127.0.0.1:{ready['http_port']}"
        assert httpx.get(f"{url}/empty").status_code == 401
        for pem in pems:
            good = TokenSigner(pem).token(Claims("desa-1", 0, 10**11))
            assert httpx.get(f"{url}/empty", headers={"Authorization": f"Bearer {good}"}).status_code == 200
        old = TokenSigner(pems[0]).token(Claims("desa-1", NOW_S - DAY_S, NOW_S - DAY_S // 2))
        assert httpx.get(f"{url}/empty", headers={"Authorization": f"Bearer {old}"}).status_code == 401
        health = httpx.get(f"{url}/healthz").json()
    assert health["refused_tokens"] == {"missing": 1, "expired": 1}
