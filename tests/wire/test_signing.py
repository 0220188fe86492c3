"""Keys and signatures of the remote configuration, beside OpenSSL as another implementation."""

from __future__ import annotations

import base64
import shutil
import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest
from nacl.signing import SigningKey
from tests.wire.examples import CONFIG, KEY, PUBLIC_KEY

from pantau_wire import signing
from pantau_wire.errors import KeyFormatError, SignatureError
from pantau_wire.remote import signed_bytes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def openssl() -> str:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    return program


def test_openssl_reads_the_private_key_and_finds_the_same_public_key(openssl: str) -> None:
    pem = signing.new_private_pem()
    command = [openssl, "pkey", "-pubout", "-outform", "DER"]
    done = subprocess.run(command, input=pem.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout[-32:] == base64.b64decode(signing.public_key_of(pem))


def test_a_key_that_openssl_made_signs(openssl: str) -> None:
    made = subprocess.run([openssl, "genpkey", "-algorithm", "ed25519"], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"this openssl knows no Ed25519: {made.stderr}")
    message = signing.sign("{}", made.stdout)
    signing.verify(message, signing.public_key_of(made.stdout))


def test_openssl_finds_the_signature_good(openssl: str, tmp_path: Path) -> None:
    files = {"key": KEY.encode(), "text": signed_bytes(CONFIG.signed)}
    files["signature"] = base64.b64decode(CONFIG.signature)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    words = ["pkeyutl", "-verify", "-rawin", "-inkey", "key", "-in", "text", "-sigfile", "signature"]
    done = subprocess.run([openssl, *words], cwd=tmp_path, capture_output=True, text=True)
    if "rawin" in done.stderr:
        pytest.skip("this openssl cannot verify Ed25519 from its command line")
    assert (done.returncode, done.stdout) == (0, "Signature Verified Successfully\n")


def test_every_character_is_covered() -> None:
    signing.verify(CONFIG, PUBLIC_KEY)
    for at in range(0, len(CONFIG.signed), 7):
        text = CONFIG.signed[:at] + chr(ord(CONFIG.signed[at]) ^ 1) + CONFIG.signed[at + 1 :]
        with pytest.raises(SignatureError):
            signing.verify(msgspec.structs.replace(CONFIG, signed=text), PUBLIC_KEY)


def test_a_signature_for_another_purpose_is_none_for_this() -> None:
    """The signed bytes begin with what they are for: a signature over the bare text is refused."""
    key = SigningKey(base64.b64decode("".join(KEY.splitlines()[1:-1]))[16:])
    bare = base64.b64encode(key.sign(CONFIG.signed.encode()).signature).decode()
    with pytest.raises(SignatureError):
        signing.verify(msgspec.structs.replace(CONFIG, signature=bare), PUBLIC_KEY)


@pytest.mark.parametrize(
    "pem", ["", "x", KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"), KEY.replace("MC4C", "MC4D"), KEY[:60], "é"]
)
def test_what_is_no_private_key_is_refused(pem: str) -> None:
    with pytest.raises(KeyFormatError, match="not an unencrypted Ed25519 private key"):
        signing.public_key_of(pem)


@pytest.mark.parametrize("key", ["", "abc=", PUBLIC_KEY[:-1], PUBLIC_KEY + "AAAA", "é" * 44])
def test_what_is_no_public_key_is_refused(key: str) -> None:
    with pytest.raises(KeyFormatError, match="44 characters"):
        signing.key_id(key)
