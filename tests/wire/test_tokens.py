"""The testpoints' tokens: who may pass, and what hostile ones do."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.wire.examples import ACK, KEY, PUBLIC_KEY
from tests.wire.strategies import thorough

from pantau_wire import codec, signing
from pantau_wire.envelope import Token
from pantau_wire.errors import InvalidEnvelopeError, KeyFormatError, TokenError
from pantau_wire.tokens import CLOCK_TOLERANCE_S, Claims, TokenKeys, TokenSigner, read_public_keys

BEGIN_S, END_S = 1_790_000_000, 1_790_086_400
CLAIMS = Claims("desa-3310252007-1", BEGIN_S, END_S)
TOKEN = TokenSigner(KEY).token(CLAIMS)
KEYS = TokenKeys([PUBLIC_KEY])
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

devices = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
instants = st.integers(0, 10**12 - 1)


def fault_of(token: str, now_s: float = BEGIN_S, keys: TokenKeys = KEYS) -> str:
    with pytest.raises(TokenError) as caught:
        keys.judge(token, now_s)
    return caught.value.fault


@thorough
@given(device=devices, begin_s=instants, life_s=st.integers(0, 604_800))
def test_what_is_signed_is_what_is_read(device: str, begin_s: int, life_s: int) -> None:
    assume(begin_s + life_s < 10**12)
    claims = Claims(device, begin_s, begin_s + life_s)
    token = TokenSigner(KEY).token(claims)
    assert KEYS.judge(token, begin_s) == claims
    assert msgspec.convert(token, Token) == token


@pytest.mark.parametrize(
    ("now_s", "fault"),
    [
        (BEGIN_S - CLOCK_TOLERANCE_S - 1, "not_yet_valid"),
        (BEGIN_S - CLOCK_TOLERANCE_S, None),
        (END_S + CLOCK_TOLERANCE_S, None),
        (END_S + CLOCK_TOLERANCE_S + 1, "expired"),
        (0, "not_yet_valid"),
    ],
)
def test_a_token_is_good_between_its_instants_and_five_minutes_around_them(
    now_s: float, fault: str | None
) -> None:
    if fault is None:
        assert KEYS.judge(TOKEN, now_s) == CLAIMS
    else:
        assert fault_of(TOKEN, now_s) == fault


def test_a_token_that_was_once_good_is_judged_by_the_clock_each_time() -> None:
    keys = TokenKeys([PUBLIC_KEY])
    assert keys.judge(TOKEN, BEGIN_S) == CLAIMS
    assert fault_of(TOKEN, END_S + 86_400, keys) == "expired"


@thorough
@given(at=st.integers(0, len(TOKEN) - 1), char=st.characters())
@example(at=len(TOKEN) - 1, char=ALPHABET[ALPHABET.index(TOKEN[-1]) ^ 1])
@example(at=len(TOKEN) - 1, char="\n")
def test_a_token_that_was_changed_anywhere_is_refused(at: int, char: str) -> None:
    """The last character too, whose spare bits a careless decoder does not look at."""
    assume(char != TOKEN[at])
    assert fault_of(TOKEN[:at] + char + TOKEN[at + 1 :]) in {"malformed", "unknown_key", "forged"}


@thorough
@given(st.text(max_size=600) | st.binary(max_size=600).map(lambda octets: octets.decode("latin-1")))
def test_whatever_stands_there_is_refused_and_nothing_else_happens(text: str) -> None:
    assert fault_of(text) == "malformed"


@thorough
@given(st.lists(st.from_regex(r"[0-9a-zA-Z._-]{0,90}", fullmatch=True), min_size=1, max_size=8).map(".".join))
@example("1.21fe31dfa154a261.1790000000.1790086400.desa-1." + "A" * 86)
@example("1.21fe31dfa154a261.1790000000.1790086400." + "a" * 65 + "." + "A" * 86)
@example("1.21fe31dfa154a261." + "9" * 400 + ".1790086400.desa-1." + "A" * 86)
@example("1.21fe31dfa154a261.١٧٩.1790086400.desa-1." + "A" * 86)
def test_what_looks_like_a_token_is_refused(text: str) -> None:
    assert fault_of(text) in {"malformed", "unknown_key", "forged"}


def test_a_token_may_not_be_given_to_another_device() -> None:
    assert fault_of(TOKEN.replace("desa-3310252007-1", "desa-3310252007-2")) == "forged"


def test_a_stranger_s_key_is_unknown_and_cannot_borrow_the_name_of_ours() -> None:
    stranger = TokenSigner(signing.new_private_pem()).token(CLAIMS)
    assert fault_of(stranger) == "unknown_key"
    version, _name, *rest = stranger.split(".")
    assert fault_of(".".join([version, signing.key_id(PUBLIC_KEY), *rest])) == "forged"


def test_a_signature_of_the_same_key_for_another_purpose_is_no_token() -> None:
    text = TOKEN.rpartition(".")[0]
    config = signing.sign(text, KEY)
    signature = base64.urlsafe_b64encode(base64.b64decode(config.signature)).decode().rstrip("=")
    assert fault_of(f"{text}.{signature}") == "forged"


def test_a_key_is_replaced_by_believing_the_old_and_the_new_one() -> None:
    pem = signing.new_private_pem()
    new, both = TokenSigner(pem).token(CLAIMS), TokenKeys([PUBLIC_KEY, signing.public_key_of(pem)])
    assert both.judge(TOKEN, BEGIN_S) == both.judge(new, BEGIN_S) == CLAIMS
    assert fault_of(TOKEN, keys=TokenKeys([signing.public_key_of(pem)])) == "unknown_key"


def test_refused_tokens_push_no_good_ones_out_of_memory() -> None:
    keys = TokenKeys([PUBLIC_KEY])
    keys.judge(TOKEN, BEGIN_S)
    for number in range(3000):
        fault_of(f"{number}{TOKEN}", keys=keys)
    assert keys._signed.cache_info().currsize == 1


def test_the_file_of_keys_may_be_commented() -> None:
    assert read_public_keys(f"# Klaten, 2026\n\n {PUBLIC_KEY} \n") == (PUBLIC_KEY,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it holds no key"),
        ("# none\n", "it holds no key"),
        (f"{PUBLIC_KEY}\nnonsense\n", "line 2: a public key is the base64 of 32 bytes"),
        (KEY, "line 1: a public key is the base64 of 32 bytes"),
    ],
)
def test_a_file_without_usable_keys_is_refused(text: str, message: str) -> None:
    with pytest.raises(KeyFormatError, match=message):
        read_public_keys(text)


def test_the_example_of_the_specification_is_a_token() -> None:
    assert isinstance(ACK.testpoint_token, str)
    assert KEYS.judge(ACK.testpoint_token, BEGIN_S).device == "desa-3310252007-1"


def test_an_ack_without_a_token_is_not_a_byte_longer_than_before() -> None:
    without = msgspec.structs.replace(ACK, testpoint_token=msgspec.UNSET)
    assert b"token" not in msgspec.json.encode(without)
    assert codec.decode_ack(msgspec.json.encode(without), None) == without


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", "a\n", "é", "a" * 401])
def test_an_ack_cannot_carry_what_could_not_stand_in_a_header(token: str) -> None:
    text = msgspec.json.encode(msgspec.structs.replace(ACK, testpoint_token=token))
    with pytest.raises(InvalidEnvelopeError):
        codec.decode_ack(text, None)
