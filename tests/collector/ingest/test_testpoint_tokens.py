"""Tokens for testpoints in the acks: for registered devices, seldom, and again where one may be lost."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from tests.collector.ingest.collecting import collecting
from tests.collector.ingest.device import connected
from tests.collector.ingest.envelopes import envelope, plain
from tests.collector.ingest.waiting import until

from pantau_collector.config import TokenConfig
from pantau_collector.errors import ConfigError
from pantau_collector.ingest import answers
from pantau_collector.ingest.sorting import Message, Rules, sort_message
from pantau_collector.ingest.tokens import TokenDesk, open_desk
from pantau_wire import codec, signing
from pantau_wire.tokens import TokenKeys, TokenSigner

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.brokers import Broker

    from pantau_wire.envelope import Ack

NOW_S = 1_790_000_000
PEM = signing.new_private_pem()
KEYS = TokenKeys([signing.public_key_of(PEM)])


@dataclasses.dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def desk(clock: Clock, max_devices: int = 10) -> TokenDesk:
    return TokenDesk(
        TokenSigner(PEM),
        valid_s=86_400,
        renew_s=7200,
        now_s=lambda: NOW_S + clock.now,
        clock=clock,
        max_devices=max_devices,
    )


def test_a_token_is_good_for_a_day_from_now_and_for_that_device() -> None:
    token = desk(Clock()).token_for("desa-1", sent_again=False)
    assert token is not None
    assert KEYS.judge(token, NOW_S) == ("desa-1", NOW_S, NOW_S + 86_400)


def test_the_next_one_comes_when_it_is_time() -> None:
    clock = Clock()
    given = desk(clock)
    assert given.token_for("desa-1", sent_again=False)
    clock.now = 7199
    assert given.token_for("desa-1", sent_again=False) is None
    clock.now = 7200
    assert given.token_for("desa-1", sent_again=False)


def test_a_device_that_sends_again_is_given_another_but_not_with_each_ack() -> None:
    clock = Clock()
    given = desk(clock)
    assert given.token_for("desa-1", sent_again=False)
    assert given.token_for("desa-1", sent_again=True) is None
    clock.now = 30
    assert given.token_for("desa-1", sent_again=True)
    assert given.token_for("desa-1", sent_again=True) is None


def test_memory_is_bounded_and_forgets_who_was_given_one_longest_ago() -> None:
    given = desk(Clock(), max_devices=2)
    for device in ("a", "b", "c"):
        assert given.token_for(device, sent_again=False)
    assert len(given._given_at) == 2
    assert given.token_for("c", sent_again=False) is None
    assert given.token_for("a", sent_again=False)


def acks(given: TokenDesk | None, *seqs: int, registered: bool = True, **values: object) -> list[Ack]:
    payload, content_type = envelope(seqs, **values)
    message = Message("pantau/v1/desa-1/measurements", payload, content_type)
    found = sort_message(message, Rules(lambda _: registered, 300, 3600), NOW_S * 10**9)
    messages = answers.acks_of_stored([found], [], NOW_S * 10**9, given)
    return [codec.decode_ack(plain(payload), None) for _topic, payload, _type in messages]


def test_a_registered_device_has_it_with_its_first_ack_and_not_with_the_second() -> None:
    given = desk(Clock())
    tokens = [ack.testpoint_token for seq in (1, 2) for ack in acks(given, seq)]
    assert isinstance(tokens[0], str)
    assert not isinstance(tokens[1], str)


def test_a_device_that_only_asks_for_the_time_has_it_too() -> None:
    (ack,) = acks(desk(Clock()))
    assert isinstance(ack.testpoint_token, str)


def test_who_is_not_registered_gets_none() -> None:
    (ack,) = acks(desk(Clock()), 1, registered=False)
    assert ack.deferred
    assert not isinstance(ack.testpoint_token, str)


def test_a_collector_without_a_key_gives_none() -> None:
    (ack,) = acks(None, 1)
    assert not isinstance(ack.testpoint_token, str)


async def test_over_a_real_broker_the_device_hears_it(broker: Broker, tmp_path: Path) -> None:
    given = desk(Clock())
    async with collecting(broker.port, tmp_path, desk=given), connected(broker) as device:
        device.send([1])
        await until(lambda: device.stored == {1})
        device.send([2])
        await until(lambda: device.stored == {1, 2})
    tokens = [ack.testpoint_token for ack in device.acks if isinstance(ack.testpoint_token, str)]
    assert [KEYS.judge(token, NOW_S).device for token in tokens] == ["desa-1"]


async def test_a_device_keeps_getting_it_while_the_store_is_down(broker: Broker, tmp_path: Path) -> None:
    """Nothing can be stored, but its speed tests can go on."""
    async with (
        collecting(broker.port, tmp_path, desk=desk(Clock())) as running,
        connected(broker) as device,
    ):
        running.store.down = True
        device.send([1])
        await until(lambda: device.deferred)
    assert isinstance(device.acks[0].testpoint_token, str)


def test_the_desk_opens_with_the_key_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(PEM)
    opened = open_desk(TokenConfig(key_file=file))
    assert opened is not None
    assert opened.token_for("desa-1", sent_again=False)
    assert open_desk(TokenConfig()) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read .*: No such file or directory"),
        (b"\xff", "is not a key in PEM"),
        (signing.public_key_of(PEM).encode(), "not an unencrypted Ed25519 private key in PEM"),
    ],
    ids=["missing", "not text", "public key"],
)
def test_a_key_that_cannot_be_used_ends_the_start(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"testpoint\.key_file: .*{message}"):
        open_desk(TokenConfig(key_file=file))
