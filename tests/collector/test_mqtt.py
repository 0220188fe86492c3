"""The MQTT client against a peer that can do what no broker does on demand."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import mqtt5
import pytest
from tests.collector.ingest.waiting import until
from tests.fakes.brokers import HOST, free_port

from pantau_collector import mqtt
from pantau_collector.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

WELCOME = mqtt5.ConnAckPacket().write()
PATIENCE_S = 20


@contextlib.asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[mqtt.ConnectOptions]:
    """Let a peer wait for the client; each of its connections is closed in the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await peer(reader, writer)
        writer.transport.abort()

    async with await asyncio.start_server(accept, HOST, 0) as server:
        yield mqtt.ConnectOptions(HOST, server.sockets[0].getsockname()[1], "collector-1")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def saying(*pieces: bytes, then_close: bool = False) -> Peer:
    """A peer that waits for CONNECT, says the pieces one after the other, and then listens, or leaves."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.001)
        while not then_close and await reader.read(1000):
            pass

    return peer


def ignore(_: mqtt5.PublishPacket) -> None:
    pass


async def lost(connection: mqtt.MqttConnection) -> str:
    return await asyncio.wait_for(connection.lost, PATIENCE_S)


async def test_nobody_listens():
    """Where no broker listens the error says where it was sought."""
    port = free_port()
    with pytest.raises(BrokerError, match=f"cannot reach the broker at {HOST}:{port}"):
        await mqtt.connect(mqtt.ConnectOptions(HOST, port, "collector-1"), ignore)


async def test_a_broker_that_refuses():
    """A broker that refuses the collector is quoted."""
    answer = mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.NOT_AUTHORIZED).write()
    async with serving(saying(answer)) as options:
        with pytest.raises(BrokerError, match="the broker refuses the collector: NOT_AUTHORIZED"):
            await mqtt.connect(options, ignore)


async def test_a_broker_that_refuses_the_subscription():
    """A broker that grants no subscription is quoted, with the subscription."""
    answer = mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED]).write()
    async with serving(saying(WELCOME, answer)) as options:
        connection = await mqtt.connect(options, ignore)
        with pytest.raises(BrokerError, match="SHARED_SUBSCRIPTIONS_NOT_SUPPORTED"):
            # The answer may have come before the question: then it is the peer's silence that is reported.
            await _subscribe_until_refused(connection, answer)
        connection.close()


async def _subscribe_until_refused(connection: mqtt.MqttConnection, answer: bytes) -> None:
    asking = asyncio.ensure_future(connection.subscribe("$share/a/b"))
    await asyncio.sleep(0)
    connection.data_received(answer)
    await asking


async def test_a_broker_that_leaves_before_it_answers():
    """A connection that ends during the handshake is an error at once, not after a timeout."""
    async with serving(saying(then_close=True)) as options:
        with pytest.raises(BrokerError, match=r"closed|reset"):
            await asyncio.wait_for(mqtt.connect(options, ignore), PATIENCE_S / 2)


async def test_asking_on_a_lost_connection():
    """Whoever asks something of a connection that is gone is told so at once."""
    async with serving(saying(WELCOME, then_close=True)) as options:
        connection = await mqtt.connect(options, ignore)
        await lost(connection)
        with pytest.raises(BrokerError):
            await asyncio.wait_for(connection.subscribe("a"), PATIENCE_S / 2)


async def test_garbage_ends_the_connection():
    """A peer that does not speak MQTT 5 is left, and the reason names it."""
    async with serving(saying(WELCOME, b"\x00\x00HTTP/1.1 400 Bad Request")) as options:
        connection = await mqtt.connect(options, ignore)
        assert (await lost(connection)).startswith("the broker sent what is not MQTT 5")


async def test_a_disconnect_is_quoted():
    """A broker that ends the connection with a reason is quoted."""
    code = mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
    async with serving(saying(WELCOME, mqtt5.DisconnectPacket(reason_code=code).write())) as options:
        connection = await mqtt.connect(options, ignore)
        assert await lost(connection) == "the broker ended the connection: SESSION_TAKEN_OVER"


async def test_packets_come_in_any_pieces():
    """Packets are put together from single bytes, and taken apart when they come at once."""
    packets = [
        mqtt5.PublishPacket(
            f"t/{number}", b"x" * number, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number
        ).write()
        for number in range(1, 200, 30)
    ]
    stream = WELCOME + b"".join(packets)
    got: list[tuple[str, int]] = []
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        got.clear()
        async with serving(saying(*pieces)) as options:
            connection = await mqtt.connect(
                options, lambda packet: got.append((packet.topic, len(packet.payload)))
            )
            await until(lambda: len(got) == len(packets))
            connection.close()
        assert got == [(f"t/{number}", number) for number in range(1, 200, 30)]


async def test_who_is_held_back_waits():
    """While held back nothing is taken, not even what came in one piece; then all of it, in order."""
    packets = [mqtt5.PublishPacket(f"t/{number}", b"x").write() for number in range(100)]
    got: list[str] = []

    def take(packet: mqtt5.PublishPacket) -> None:
        got.append(packet.topic)
        if len(got) % 10 == 0:
            connection.hold_back()

    async with serving(saying(WELCOME, b"".join(packets[:50]), b"".join(packets[50:]))) as options:
        connection = await mqtt.connect(options, take)
        for count in range(10, 101, 10):
            await until(lambda: len(got) == count)  # noqa: B023 - it waits here
            await asyncio.sleep(0.02)
            assert len(got) == count
            connection.go_on()
        assert got == [f"t/{number}" for number in range(100)]
        connection.close()


async def test_a_held_back_connection_outlives_its_pings():
    """Answers to pings that could not be read while held back are no reason to give up the connection."""
    pings: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(mqtt5.ConnAckPacket(server_keep_alive=1).write())
        while data := await reader.read(1000):
            pings.append(data)
            writer.write(mqtt5.PingRespPacket().write())

    async with serving(peer) as options:
        connection = await mqtt.connect(options, ignore)
        connection.hold_back()
        pinging = asyncio.create_task(connection.keep_alive())
        await until(lambda: len(pings) >= 3)
        connection.go_on()
        await until(lambda: len(pings) >= 6)
        assert not connection.lost.done()
        pinging.cancel()
        connection.close()


async def test_a_lost_connection_is_not_gone_on_with():
    """Packets that were read before the connection was lost are not taken later: nobody could ack them."""
    packets = [mqtt5.PublishPacket("t", b"x").write() for _ in range(10)]
    got: list[str] = []

    def take(packet: mqtt5.PublishPacket) -> None:
        got.append(packet.topic)
        connection.hold_back()

    async with serving(saying(WELCOME, b"".join(packets))) as options:
        connection = await mqtt.connect(options, take)
        await until(lambda: got)
        connection.connection_lost(None)
        connection.go_on()
        assert got == ["t"]


async def test_the_brokers_keep_alive_counts():
    """A broker that asks for pings more often than we would send them gets them."""
    answer = mqtt5.ConnAckPacket(server_keep_alive=1).write()
    async with serving(saying(answer)) as options:
        connection = await mqtt.connect(options, ignore)
        pinging = asyncio.create_task(connection.keep_alive())
        assert await lost(connection) == "the broker does not answer"  # for it answers no ping either
        await pinging


async def test_answered_pings_keep_the_connection():
    """As long as pings are answered the connection stays."""
    seen: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(mqtt5.ConnAckPacket(server_keep_alive=1).write())
        while data := await reader.read(1000):
            seen.append(data)
            writer.write(mqtt5.PingRespPacket().write())

    async with serving(peer) as options:
        connection = await mqtt.connect(options, ignore)
        pinging = asyncio.create_task(connection.keep_alive())
        await until(lambda: len(seen) >= 3)
        assert not connection.lost.done()
        pinging.cancel()
        connection.close()


async def test_a_cancelled_connect_leaves_nothing_open():
    """Whoever gives up during the handshake leaves no open connection behind."""
    ended = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        ended.set()

    async with serving(peer) as options:
        connecting = asyncio.create_task(mqtt.connect(options, ignore))
        await asyncio.sleep(0.1)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await asyncio.wait_for(ended.wait(), PATIENCE_S)
