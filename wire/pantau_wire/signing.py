"""Ed25519 (RFC 8032): keys, and the remote configuration's signatures; the testpoint's are in `tokens`.

On libsodium through PyNaCl; imported by who needs it only.

Keys travel as people handle them: the public one as base64 of its 32 bytes, the private one as PEM (PKCS #8,
RFC 8410), which `openssl pkey` reads and writes too.
"""

from __future__ import annotations

import base64
import hashlib

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from pantau_wire.errors import KeyFormatError, SignatureError
from pantau_wire.remote import ConfigMessage, signed_bytes

_KEY_BYTES = 32
_PKCS8_HEAD = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410, section 7: the seed follows
_PEM_HEAD = "-----BEGIN PRIVATE KEY-----"
_PEM_TAIL = "-----END PRIVATE KEY-----"


def new_private_pem() -> str:
    """Return a new private key as PEM."""
    der = _PKCS8_HEAD + bytes(SigningKey.generate())
    return f"{_PEM_HEAD}\n{base64.b64encode(der).decode()}\n{_PEM_TAIL}\n"


def public_key_of(pem: str) -> str:
    """Return the public key in base64; raises `KeyFormatError`."""
    return base64.b64encode(bytes(signing_key(pem).verify_key)).decode()


def key_id(public_key: str) -> str:
    """Return the short name of a public key; raises `KeyFormatError` for what is none."""
    return hashlib.sha256(_public_bytes(public_key)).hexdigest()[:16]


def sign(text: str, pem: str) -> ConfigMessage:
    """Return the message that carries a text; raises `KeyFormatError`."""
    signature = signing_key(pem).sign(signed_bytes(text)).signature
    return ConfigMessage(
        key=key_id(public_key_of(pem)), signature=base64.b64encode(signature).decode(), signed=text
    )


def verify(message: ConfigMessage, public_key: str) -> None:
    """Raise `SignatureError` where the owner of the key has not signed exactly this text."""
    try:
        check_signature(
            verify_key(public_key), signed_bytes(message.signed), base64.b64decode(message.signature)
        )
    except SignatureError:
        raise SignatureError(
            f"the signature is not one of key {key_id(public_key)}; the message names key {message.key}"
        ) from None


def verify_key(public_key: str) -> VerifyKey:
    """Return the key that verifies; raises `KeyFormatError`."""
    return VerifyKey(_public_bytes(public_key))


def check_signature(key: VerifyKey, octets: bytes, signature: bytes) -> None:
    """Raise `SignatureError` where the owner of the key has not signed exactly these octets."""
    try:
        key.verify(octets, signature)
    except BadSignatureError:
        raise SignatureError("the signature is not one of this key") from None


def _public_bytes(public_key: str) -> bytes:
    key = _decoded(public_key)
    if len(key) != _KEY_BYTES:
        raise KeyFormatError("a public key is the base64 of 32 bytes: 44 characters that end in '='")
    return key


def signing_key(pem: str) -> SigningKey:
    """Return the key that signs; raises `KeyFormatError`."""
    text = pem.strip().removeprefix(_PEM_HEAD).removesuffix(_PEM_TAIL)
    der = _decoded("".join(text.split()))
    if len(der) != len(_PKCS8_HEAD) + _KEY_BYTES or not der.startswith(_PKCS8_HEAD):
        raise KeyFormatError("not an unencrypted Ed25519 private key in PEM (PKCS #8)")
    return SigningKey(der[len(_PKCS8_HEAD) :])


def _decoded(text: str) -> bytes:
    """Return what the base64 stands for, nothing where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
