"""Slots, time limits and clients that vanish, over real connections."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from pantau_testpoint.speed.limits import Limits

from .support import MIB, RawClient, Running, connected, eventually, get, post, speed_server

ENDLESS = get("/garbage?ckSize=1024")
HALF_UPLOAD = post(b"x" * 1000).replace(b"Length: 1000", b"Length: 100000000")


def as_test(octets: bytes, name: str) -> bytes:
    return octets.replace(b"\r\nHost:", f"\r\nX-Pantau-Test: {name}\r\nHost:".encode(), 1)


@contextlib.asynccontextmanager
async def downloading(
    server: Running, *, name: str | None = None, source: str = "127.0.0.1"
) -> AsyncIterator[RawClient]:
    """Hold a download that is never read to its end."""
    async with connected(server.port, source=source) as client:
        await client.send(ENDLESS if name is None else as_test(ENDLESS, name))
        assert (await client.read_head())[0] == 200
        yield client


async def test_a_full_testpoint_says_when_to_come_back_and_takes_the_next_when_free() -> None:
    async with speed_server(max_tests=1) as server, connected(server.port) as waiting:
        async with downloading(server, name="first"):
            response = await waiting.ask(as_test(get("/garbage?ckSize=1"), "second"))
            assert response.status == 503
            assert int(response.headers["retry-after"]) > 0
            assert json.loads(response.body)["error"] == "too_many_tests"
        await eventually(lambda: server.numbers["active_tests"] == 0)
        assert (await waiting.ask(as_test(get("/garbage?ckSize=1"), "second"))).status == 200


async def test_a_refused_upload_is_not_asked_for_its_body() -> None:
    upload = post(b"", "Expect: 100-continue", "X-Pantau-Test: second")
    async with (
        speed_server(max_tests=1) as server,
        downloading(server, name="first"),
        connected(server.port) as client,
    ):
        response = await client.ask(upload.replace(b"Content-Length: 0", b"Content-Length: 5"))
        assert response.status == 503
        assert await client.is_closed()


async def test_a_refused_upload_is_answered_though_its_body_is_already_coming() -> None:
    async with (
        speed_server(max_tests=1) as server,
        downloading(server, name="first"),
        connected(server.port) as client,
    ):
        client.writer.write(as_test(post(b"x" * 5_000_000), "second"))
        assert (await client.read()).status == 503


async def test_parallel_streams_in_both_directions_are_one_test() -> None:
    async with (
        speed_server(max_tests=1) as server,
        downloading(server),
        downloading(server),
        downloading(server),
        connected(server.port) as up,
    ):
        response = await up.ask(post(b"x" * 1000))
        assert response.status == 200
        assert (server.numbers["active_tests"], server.numbers["active_streams"]) == (1, 3)


async def test_pings_need_no_slot() -> None:
    async with (
        speed_server(max_tests=1) as server,
        downloading(server, name="first"),
        connected(server.port) as client,
    ):
        for request in (get("/empty"), get("/getIP"), get("/healthz"), post(b"")):
            assert (await client.ask(as_test(request, "second"))).status == 200


async def test_clients_behind_one_address_are_told_apart_by_the_header() -> None:
    async with speed_server() as server, downloading(server, name="a"), downloading(server, name="b"):
        assert server.numbers["active_tests"] == 2


async def test_clients_without_the_header_are_told_apart_by_address() -> None:
    async with speed_server() as server, downloading(server), downloading(server, source="127.0.0.9"):
        assert server.numbers["active_tests"] == 2


async def test_one_test_has_a_bounded_number_of_streams() -> None:
    async with (
        speed_server(max_streams=2) as server,
        downloading(server),
        downloading(server),
        connected(server.port) as client,
    ):
        response = await client.ask(ENDLESS)
        assert response.status == 429
        assert int(response.headers["retry-after"]) > 0


async def test_a_slot_is_held_until_the_client_has_what_was_sent() -> None:
    async with speed_server() as server, connected(server.port) as client:
        client.reader_stops()
        await client.send(get("/garbage?ckSize=2"))
        await asyncio.sleep(0.5)
        assert server.numbers["active_streams"] == 1
        assert len((await client.read()).body) == 2 * MIB
        await eventually(lambda: server.numbers["active_tests"] == 0)


async def test_a_client_that_vanishes_in_a_download_frees_its_slot() -> None:
    async with speed_server() as server:
        async with downloading(server) as client:
            await client.reader.readexactly(1_000_000)
            assert server.numbers["active_tests"] == 1
        await eventually(lambda: server.numbers["active_tests"] == 0)


async def test_a_client_that_vanishes_in_an_upload_frees_its_slot() -> None:
    async with speed_server() as server:
        async with connected(server.port) as client:
            await client.send(HALF_UPLOAD)
            await eventually(lambda: server.numbers["active_tests"] == 1)
        await eventually(lambda: server.numbers["active_tests"] == 0)


async def test_a_client_that_ends_its_side_in_an_upload_frees_its_slot() -> None:
    async with speed_server() as server, connected(server.port) as client:
        await client.send(HALF_UPLOAD)
        await eventually(lambda: server.numbers["active_tests"] == 1)
        client.writer.write_eof()
        assert await client.is_closed()
        await eventually(lambda: server.numbers["active_tests"] == 0)


async def test_a_client_that_ends_its_side_after_asking_still_gets_its_download() -> None:
    async with speed_server() as server, connected(server.port) as client:
        await client.send(get("/garbage?ckSize=8"))
        client.writer.write_eof()
        assert len((await client.read()).body) == 8 * 1024 * 1024


async def test_a_client_that_stops_reading_loses_its_slot() -> None:
    limits = Limits(stall_s=0.2, sweep_s=0.02)
    async with speed_server(limits=limits) as server, downloading(server):
        await eventually(lambda: server.numbers["active_tests"] == 0)


async def test_a_client_that_stops_sending_is_told_and_loses_its_slot() -> None:
    limits = Limits(stall_s=0.2, sweep_s=0.02)
    async with speed_server(limits=limits) as server, connected(server.port) as client:
        assert (await client.ask(HALF_UPLOAD)).status == 408
        await eventually(lambda: server.numbers["active_tests"] == 0)


async def test_a_trickle_does_not_hold_a_slot_for_ever() -> None:
    limits = Limits(transfer_s=0.3, sweep_s=0.02)
    async with speed_server(limits=limits) as server, connected(server.port) as client:
        await client.send(HALF_UPLOAD)
        answer = asyncio.create_task(client.read())
        while not answer.done():
            client.writer.write(b"x")
            await asyncio.sleep(0.02)
        assert answer.result().status == 408


@pytest.mark.parametrize("octets", [b"G", b"GET /empty HTTP/1.1\r\nHost: x\r\n"])
async def test_a_slow_header_is_408(octets: bytes) -> None:
    limits = Limits(head_s=0.2, sweep_s=0.02)
    async with speed_server(limits=limits) as server, connected(server.port) as client:
        response = await client.ask(octets)
        assert response.status == 408
        assert json.loads(response.body)["error"] == "timeout"
        assert await client.is_closed()


async def test_a_header_that_trickles_in_is_too_slow_as_well() -> None:
    limits = Limits(head_s=0.3, sweep_s=0.02)
    async with speed_server(limits=limits) as server, connected(server.port) as client:
        await client.send(b"GET /empty HTTP/1.1\r\nX-Slow: ")
        answer = asyncio.create_task(client.read())
        while not answer.done():
            client.writer.write(b"a")
            await asyncio.sleep(0.02)
        assert answer.result().status == 408


async def test_a_connection_that_asks_nothing_is_closed() -> None:
    limits = Limits(idle_s=0.2, sweep_s=0.02)
    async with (
        speed_server(limits=limits) as server,
        connected(server.port) as silent,
        connected(server.port) as asked,
    ):
        assert (await asked.ask(get("/empty"))).status == 200
        assert await silent.is_closed()
        assert await asked.is_closed()


async def test_a_refused_client_that_never_stops_is_cut_off() -> None:
    limits = Limits(linger_s=0.2, sweep_s=0.02)
    async with speed_server(limits=limits) as server, connected(server.port) as client:
        await client.send(b"nonsense\r\n\r\n")
        assert (await client.read()).status == 400
        with contextlib.suppress(ConnectionError):
            while not client.writer.is_closing():
                await client.send(b"x" * 10_000)
                await asyncio.sleep(0.01)


async def test_connections_beyond_the_limit_are_refused_politely() -> None:
    limits = Limits(max_connections=2, sweep_s=0.02)
    async with (
        speed_server(limits=limits) as server,
        connected(server.port) as one,
        connected(server.port),
        connected(server.port) as three,
    ):
        assert (await one.ask(get("/empty"))).status == 200
        assert (await three.read()).status == 503


async def test_the_server_stops_in_the_middle_of_transfers() -> None:
    async with contextlib.AsyncExitStack() as clients:
        async with speed_server() as server:
            for _ in range(3):
                await clients.enter_async_context(downloading(server))
            uploading = await clients.enter_async_context(connected(server.port))
            await uploading.send(HALF_UPLOAD)
            await eventually(lambda: server.numbers["active_streams"] == 4)
        assert server.numbers["active_streams"] == 0
