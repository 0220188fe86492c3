"""The key file of authenticated STAMP: what is a key, and what a person reads when it is none."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantau_wire import stamp_keys

if TYPE_CHECKING:
    from pathlib import Path

HEXADECIMAL = "00112233445566778899aabbccddeeff"
KEY = bytes.fromhex(HEXADECIMAL)


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "stamp.key"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


@pytest.mark.parametrize(
    "text",
    [
        HEXADECIMAL,
        HEXADECIMAL.upper() + "\n",
        "ABEiM0RVZneImaq7zN3u/w==\n",
        f"\n# of November\n  {HEXADECIMAL} \r\n",
    ],
    ids=["hexadecimal", "capitals", "base64", "comment and blanks"],
)
def test_a_key_is_hexadecimal_or_base64(tmp_path: Path, text: str) -> None:
    assert stamp_keys.read(write(tmp_path, text)).keys == (KEY,)


def test_several_keys_keep_their_order_for_the_first_one_signs(tmp_path: Path) -> None:
    newer = bytes(range(32))
    found = stamp_keys.read(write(tmp_path, f"{newer.hex()}\n# until December\n{HEXADECIMAL}\n"))
    assert found.keys == (newer, KEY)


@given(st.binary(min_size=16, max_size=64))
def test_every_key_that_openssl_could_make_is_read(key: bytes) -> None:
    assert stamp_keys._key(key.hex(), "here") == key
    encoded = base64.b64encode(key).decode()
    assert stamp_keys._HEXADECIMAL.fullmatch(encoded) or stamp_keys._key(encoded, "here") == key


@pytest.mark.parametrize(("mode", "exposed"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)])
def test_a_file_that_everybody_can_use_is_exposed(tmp_path: Path, mode: int, exposed: bool) -> None:
    assert stamp_keys.read(write(tmp_path, HEXADECIMAL, mode)).exposed is exposed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the STAMP key file FILE holds no key; make one with: openssl rand -hex 32"),
        ("# nothing yet\n", "the STAMP key file FILE holds no key; make one with: openssl rand -hex 32"),
        (HEXADECIMAL[:-2], "FILE, line 1: a STAMP key has at least 16 octets, this one 15"),
        (f"\n{HEXADECIMAL[:-1]}", "FILE, line 2: a STAMP key is written in hexadecimal or base64"),
        ("rahasia desa", "FILE, line 1: a STAMP key is written in hexadecimal or base64"),
        ("kunci rahasia é", "FILE, line 1: a STAMP key is written in hexadecimal or base64"),
        ("c2FuZ2F0IHJhaGFzaWE=", "FILE, line 1: a STAMP key has at least 16 octets, this one 14"),
    ],
)
def test_what_is_no_key_is_told_without_telling_the_key(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ValueError, match="STAMP key") as caught:
        stamp_keys.read(file)
    assert str(caught.value) == message.replace("FILE", str(file))


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read the STAMP key file .*: No such file or directory"):
        stamp_keys.read(tmp_path / "none.key")
    binary = tmp_path / "binary.key"
    binary.write_bytes(b"\xff" + os.urandom(32))
    with pytest.raises(ValueError, match="is not text"):
        stamp_keys.read(binary)
