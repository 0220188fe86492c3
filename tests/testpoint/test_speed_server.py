"""The speed server speaks LibreSpeed's dialect of HTTP/1.1 over real connections."""

import json
import secrets
import zlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_testpoint.speed.endpoints import garbage_bytes

from .support import MIB, Response, connected, get, post, post_chunked, speed_server


@pytest.mark.parametrize(
    ("query", "mib"), [("", 4), ("?ckSize=1", 1), ("?ckSize=9&r=0.5", 9), ("?ckSize=0", 1)]
)
async def test_garbage_has_exactly_the_size_asked_for(query: str, mib: int) -> None:
    async with speed_server() as server, httpx.AsyncClient() as client:
        response = await client.get(f"{server.url}/garbage{query}")
    assert response.status_code == 200
    assert len(response.content) == mib * MIB


@given(st.text(max_size=8))
def test_garbage_is_always_between_1_and_1024_mib(text: str) -> None:
    assert MIB <= garbage_bytes({"ckSize": text}) <= 1024 * MIB


def test_garbage_is_clamped_and_nonsense_is_the_default() -> None:
    sizes = {text: garbage_bytes({"ckSize": text}) // MIB for text in ("0", "1025", "9" * 30, "-3", "x", "")}
    assert sizes == {"0": 1, "1025": 1024, "9" * 30: 1024, "-3": 4, "x": 4, "": 4}


async def test_garbage_cannot_be_compressed_and_differs_each_time() -> None:
    async with speed_server() as server, httpx.AsyncClient() as client:
        contents = [
            (await client.get(f"{server.url}/backend/garbage.php?ckSize=5")).content for _ in range(4)
        ]
    assert len(zlib.compress(contents[0], 9)) > 0.999 * len(contents[0])
    assert len(set(contents)) > 1


async def test_garbage_is_never_cached() -> None:
    async with speed_server() as server, httpx.AsyncClient() as client:
        response = await client.get(f"{server.url}/garbage?ckSize=1")
    assert response.headers["content-type"] == "application/octet-stream"
    assert "no-store" in response.headers["cache-control"]


async def test_head_announces_garbage_and_sends_none() -> None:
    async with speed_server() as server, connected(server.port) as client:
        await client.send(get("/garbage?ckSize=3").replace(b"GET", b"HEAD", 1))
        status, headers = await client.read_head()
        assert (status, headers["content-length"]) == (200, str(3 * MIB))
        assert (await client.ask(get("/getIP"))).status == 200


@pytest.mark.parametrize("path", ["/empty", "/backend/empty.php"])
@pytest.mark.parametrize("size", [1, 70_000, 3 * MIB + 1])
async def test_an_upload_is_counted_to_the_octet(path: str, size: int) -> None:
    async with speed_server() as server, connected(server.port) as client:
        response = await client.ask(post(secrets.token_bytes(size), path=path))
    assert response.status == 200
    assert json.loads(response.body)["received_bytes"] == size
    assert json.loads(response.body)["duration_s"] >= 0


@pytest.mark.parametrize("sizes", [[1], [65_536] * 20, [10, MIB, 3]])
async def test_a_chunked_upload_is_counted_without_its_framing(sizes: list[int]) -> None:
    async with speed_server() as server, connected(server.port) as client:
        response = await client.ask(post_chunked(*map(secrets.token_bytes, sizes)))
    assert json.loads(response.body)["received_bytes"] == sum(sizes)


async def test_an_upload_that_looks_like_requests_is_still_one_upload() -> None:
    body = post(b"inner") * 1000
    async with speed_server() as server, connected(server.port) as client:
        response = await client.ask(post(body))
    assert json.loads(response.body)["received_bytes"] == len(body)


async def test_pipelined_requests_are_answered_in_order() -> None:
    octets = post(b"a" * 100) + get("/garbage?ckSize=1") + post_chunked(b"abc") + post(b"") + get("/getIP")
    async with speed_server() as server, connected(server.port) as client:
        await client.send(octets)
        answers = [await client.read() for _ in range(5)]
    assert len(answers[1].body) == MIB
    answers.pop(1)
    assert [json.loads(answer.body).get("received_bytes") for answer in answers] == [100, 3, 0, None]


async def test_a_client_that_pipelines_without_reading_still_gets_every_answer() -> None:
    count = 20_000
    async with speed_server() as server, connected(server.port) as client:
        client.reader_stops()
        client.writer.write(get("/nothing?cors=1") * count)
        statuses = {(await client.read()).status for _ in range(count)}
    assert statuses == {404}


async def test_a_client_that_waits_for_continue_is_told_to_go_on() -> None:
    head = post(b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 5")
    async with speed_server() as server, connected(server.port) as client:
        await client.send(head)
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        response = await client.ask(b"hello")
    assert json.loads(response.body)["received_bytes"] == 5


async def test_a_client_that_did_not_wait_for_continue_is_not_told() -> None:
    async with speed_server() as server, connected(server.port) as client:
        assert (await client.ask(post(b"hello", "Expect: 100-continue"))).status == 200


async def test_a_ping_is_answered_on_a_connection_that_stays() -> None:
    async with speed_server() as server, connected(server.port) as client:
        for _ in range(3):
            response = await client.ask(get("/empty"))
            assert (response.status, response.headers["connection"]) == (200, "keep-alive")


async def test_a_client_that_wants_the_connection_closed_has_it_closed() -> None:
    async with speed_server() as server, connected(server.port) as client:
        response = await client.ask(get("/garbage?ckSize=1", "Connection: close"))
        assert (len(response.body), response.headers["connection"]) == (MIB, "close")
        assert await client.is_closed()


async def test_an_old_client_is_answered_and_the_connection_closed() -> None:
    async with speed_server() as server, connected(server.port) as client:
        assert (await client.ask(b"GET /getIP HTTP/1.0\r\n\r\n")).status == 200
        assert await client.is_closed()


async def test_get_ip_tells_the_address_of_the_client() -> None:
    async with speed_server() as server, connected(server.port, source="127.0.0.7") as client:
        response = await client.ask(get("/backend/getIP.php?isp=true"))
    assert json.loads(response.body) == {"processedString": "127.0.0.7", "rawIspInfo": ""}


async def test_cors_headers_come_when_asked_for() -> None:
    async with speed_server() as server, httpx.AsyncClient() as client:
        asked = [
            await client.get(f"{server.url}/empty?cors=true"),
            await client.post(f"{server.url}/empty?cors", content=b"x"),
            await client.get(f"{server.url}/garbage?ckSize=1&cors=true"),
            await client.get(f"{server.url}/nothing?cors=true"),
            await client.options(f"{server.url}/empty"),
        ]
        plain = await client.get(f"{server.url}/empty")
    assert [response.headers["access-control-allow-origin"] for response in asked] == ["*"] * 5
    assert "access-control-allow-origin" not in plain.headers


async def test_options_tells_the_methods() -> None:
    async with speed_server() as server, httpx.AsyncClient() as client:
        response = await client.options(f"{server.url}/empty")
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")


async def test_health_tells_how_many_tests_run() -> None:
    async with speed_server(max_tests=3) as server, httpx.AsyncClient() as client:
        health = (await client.get(f"{server.url}/healthz")).json()
    assert (health["active_tests"], health["max_tests"]) == (0, 3)


def assert_says(response: Response, status: int, code: str) -> None:
    assert response.status == status
    error = json.loads(response.body)
    assert error["error"] == code
    assert error["message"]


async def test_an_unknown_path_is_404_and_the_connection_stays() -> None:
    async with speed_server() as server, connected(server.port) as client:
        assert_says(await client.ask(get("/favicon.ico")), 404, "unknown_path")
        assert (await client.ask(get("/empty"))).status == 200


async def test_a_wrong_method_is_405_and_names_the_right_ones() -> None:
    async with speed_server() as server, connected(server.port) as client:
        response = await client.ask(get("/garbage").replace(b"GET", b"DELETE", 1))
        assert_says(response, 405, "wrong_method")
        assert response.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_refused_body_closes_the_connection() -> None:
    async with speed_server() as server, connected(server.port) as client:
        response = await client.ask(post(b"x" * 500_000, path="/garbage"))
        assert_says(response, 405, "wrong_method")
        assert await client.is_closed()


async def test_an_unknown_expectation_is_417() -> None:
    async with speed_server() as server, connected(server.port) as client:
        assert_says(await client.ask(get("/empty", "Expect: miracles")), 417, "unknown_expectation")


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"hello\r\n\r\n",
        b"GET /empty HTTP/7.3\r\n\r\n",
        b"GET /empty\r\n\r\n",
        b"POST /empty HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /empty HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /empty HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_400_and_closes_the_connection(octets: bytes) -> None:
    async with speed_server() as server, connected(server.port) as client:
        assert_says(await client.ask(octets), 400, "malformed_request")
        assert await client.is_closed()


async def test_a_header_that_is_too_large_is_431() -> None:
    async with speed_server() as server, connected(server.port) as client:
        assert_says(await client.ask(get("/empty", "X-Fill: " + "a" * 100_000)), 431, "header_too_large")
        assert await client.is_closed()


async def test_a_bad_test_id_is_400() -> None:
    async with speed_server() as server, connected(server.port) as client:
        assert_says(await client.ask(get("/garbage", "X-Pantau-Test: a b")), 400, "bad_test_id")
